//! Where a user's events are: what changed their sales, and what was not applied and concerns them.

use std::collections::BTreeSet;

use billing_domain::kernel::audit::EntityKind;
use billing_domain::kernel::change_set::EVENT_CAUSE;
use billing_domain::kernel::id::{InboxEventId, UserId};
use billing_domain::kernel::text::ProviderRef;
use billing_domain::provider_events::stored_event::EventStatus;
use sea_orm::{DbBackend, Statement, Value};
use uuid::Uuid;

use super::{KeyRange, Place, Scope};

/// Ids in one statement at most, each a bound value.
const IDS_MAX: usize = 5_000;

/// Events of one owner that are looked at, the newest; nobody has more in years.
const OWN_EVENTS_MAX: i64 = 20_000;

/// Finds what caused the changes of a user's sales and subscriptions.
pub(in crate::readers::event_log) fn causes(backend: DbBackend, owner: UserId) -> Statement {
    let (intent, subscription) = (EntityKind::Intent.name(), EntityKind::Subscription.name());
    let caused = format!("cause LIKE '{EVENT_CAUSE}%'");
    let sql = format!(
        "SELECT cause FROM audit_entries
         WHERE entity_kind = '{intent}' AND {caused}
           AND entity_id IN (SELECT id FROM checkout_intents WHERE user_id = $1)
         UNION
         SELECT cause FROM audit_entries
         WHERE entity_kind = '{subscription}' AND {caused}
           AND entity_id IN (SELECT id FROM subscriptions WHERE intent_id IN
                                 (SELECT id FROM checkout_intents WHERE user_id = $1))
         ORDER BY cause DESC LIMIT $2"
    );
    let values: [Value; 2] = [owner.uuid().into(), OWN_EVENTS_MAX.into()];
    Statement::from_sql_and_values(backend, sql, values)
}

/// How the provider names a user, what they buy, and on which pages. Their companies are not theirs
/// alone.
pub(in crate::readers::event_log) fn names(backend: DbBackend, owner: UserId) -> Statement {
    let own = "SELECT id FROM checkout_intents WHERE user_id = $1";
    let of_intents = ["customer_ref", "session_ref", "subscription_ref"].map(|column| {
        format!(
            "SELECT {column} AS name FROM checkout_intents
             WHERE user_id = $1 AND {column} IS NOT NULL"
        )
    });
    let sql = format!(
        "SELECT name FROM (
             {}
             UNION
             SELECT provider_id AS name FROM subscriptions WHERE intent_id IN ({own})
             UNION
             SELECT provider_id AS name FROM customers
             WHERE owner_kind = 'user' AND owner_id = $1 AND provider_id IS NOT NULL
         ) AS names ORDER BY name LIMIT $2",
        of_intents.join(" UNION ")
    );
    let names_max = i64::try_from(IDS_MAX).unwrap_or(i64::MAX);
    let values: [Value; 2] = [owner.uuid().into(), names_max.into()];
    Statement::from_sql_and_values(backend, sql, values)
}

/// The events that concern these and were not applied: what an applied one changed is known better.
pub(in crate::readers::event_log) fn of_subjects(
    subjects: &[ProviderRef],
    statuses: &[EventStatus],
) -> Vec<Scope> {
    let (mut open, mut resting) = (Vec::new(), Vec::new());
    for status in EventStatus::ALL {
        if !statuses.is_empty() && !statuses.contains(&status) {
            continue;
        }
        match status {
            EventStatus::Received | EventStatus::Processing => open.push(status),
            EventStatus::Failed
            | EventStatus::Skipped
            | EventStatus::Parked
            | EventStatus::Deferred
            | EventStatus::Discarded => resting.push(status),
            EventStatus::Processed => {}
        }
    }
    let places = [(Place::Open, open), (Place::Subject, resting)];
    let wanted = places.into_iter().filter(|(_, statuses)| {
        // Without a name there is nobody.
        !statuses.is_empty() && !subjects.is_empty()
    });
    wanted
        .map(|(place, statuses)| Scope {
            place,
            statuses,
            kind: None,
            ids: None,
            subjects: Some(subjects.to_vec()),
            keys: KeyRange::default(),
        })
        .collect()
}

/// The events that causes name.
pub(in crate::readers::event_log) fn of_causes(
    causes: &BTreeSet<String>,
    statuses: &[EventStatus],
) -> Vec<Scope> {
    let ids: Vec<Uuid> = causes
        .iter()
        .filter_map(|cause| cause.strip_prefix(EVENT_CAUSE))
        .filter_map(|id| InboxEventId::parse(id).ok())
        .map(|id| id.uuid())
        .collect();
    let scope = |ids: &[Uuid]| Scope {
        place: Place::Table,
        statuses: statuses.to_vec(),
        kind: None,
        ids: Some(ids.to_vec()),
        subjects: None,
        keys: KeyRange::default(),
    };
    ids.chunks(IDS_MAX).map(scope).collect()
}
