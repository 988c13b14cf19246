//! The world of the benchmark: sales that are over, each with the mirror of its subscription.

use billing_domain::access::project::Project;
use billing_domain::access::user::User;
use billing_domain::checkout::intent::{
    CheckoutIntent, IntentCommand, IntentRequest, ProviderLinks, Quantity, Terms,
};
use billing_domain::kernel::change_set::{Cause, ChangeSet};
use billing_domain::kernel::event::DomainEvent;
use billing_domain::kernel::ports::{BillingWriter, Clock, new_id};
use billing_domain::kernel::text::{ExternalUserId, ProviderRef, Title};
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::subscriptions::subscription::{
    Subscription, SubscriptionFacts, SubscriptionStatus,
};
use billing_seaorm::SeaOrmStore;
use time::Duration;

use super::load::EPOCH;
use crate::cli::Failure;
use crate::clock::{RandomIds, SystemClock};

const SETS_TOGETHER: u32 = 200;

fn wrong(error: impl std::error::Error) -> Failure {
    Failure::failed("the benchmark's world cannot be made", &error)
}

/// Stores so many sales.
///
/// # Errors
/// [`Failure`].
pub async fn seed(store: &SeaOrmStore, subscriptions: u32) -> Result<(), Failure> {
    let ids = RandomIds;
    let changes = || ChangeSet::caused_by(Cause::Job("bench"), SystemClock.now());
    let title = Title::parse("Bench").map_err(wrong)?;
    let (project, created) = Project::new(new_id(&ids), title);
    let external = ExternalUserId::parse("bench").map_err(wrong)?;
    let (user, registered) = User::new(new_id(&ids), project.id, external, None);
    let user_id = user.id;
    let set = changes()
        .insert_project(project, created)
        .insert_user(user, registered);
    store.commit(set).await.map_err(wrong)?;
    let mut number = 0;
    while number < subscriptions {
        let until = number.saturating_add(SETS_TOGETHER).min(subscriptions);
        let mut sets = Vec::new();
        for sale in number..until {
            let (intent, subscription, told) = sale_of(user_id, sale)?;
            sets.push(
                changes()
                    .insert_intent(intent.0, intent.1)
                    .insert_subscription(subscription, told),
            );
        }
        for outcome in store.commit_many(sets).await {
            outcome.map_err(wrong)?;
        }
        number = until;
    }
    Ok(())
}

type Made = ((CheckoutIntent, DomainEvent), Subscription, DomainEvent);

fn sale_of(user: billing_domain::kernel::id::UserId, number: u32) -> Result<Made, Failure> {
    let reference =
        |kind: &str| ProviderRef::parse(&format!("{kind}_bench_{number:06}")).map_err(wrong);
    let (ids, now) = (RandomIds, SystemClock.now());
    let quantity = Quantity::parse(10).map_err(wrong)?;
    let request = IntentRequest {
        quantity,
        reservation: None,
        country: None,
        terms: Terms::default(),
    };
    let expires_at = now.plus(Duration::days(1));
    let (intent, created) = CheckoutIntent::new(new_id(&ids), user, request, expires_at, now);
    let links = ProviderLinks {
        customer: Some(reference("cus")?),
        session: None,
        subscription: Some(reference("sub")?),
    };
    let mut sale = intent;
    for command in [
        IntentCommand::MarkPaid { links },
        IntentCommand::MarkFulfilled,
    ] {
        let transition = sale.apply(command, now).map_err(wrong)?;
        sale = transition.outcome(&sale).clone();
    }
    let start = Timestamp::from_unix_seconds(EPOCH).map_err(wrong)?;
    let facts = SubscriptionFacts {
        provider_id: reference("sub")?,
        customer: reference("cus")?,
        status: SubscriptionStatus::Active,
        quantity: 9,
        price: None,
        period_start: Some(start),
        period_end: Some(start.plus(Duration::days(30))),
        trial_end: None,
        cancel_at: None,
        canceled_at: None,
        ended_at: None,
        has_pending_update: false,
    };
    let (mirror, told) = Subscription::new(new_id(&ids), Some(sale.id()), facts, start, now);
    Ok(((sale, created), mirror, told))
}
