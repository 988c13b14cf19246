//! What operators may do with a stored event, as text.

use super::{cell, render};
use crate::kernel::text::Reason;
use crate::provider_events::ports::Envelope;
use crate::provider_events::stored_event::{EventState, EventStatus, StoredEvent};
use crate::testing::fixtures::{World, provider_ref};

pub(super) fn stored_event_table() -> String {
    let world = World::new(1);
    let at = world.now();
    let text = || "why".to_owned();
    let states = EventStatus::ALL.map(|status| {
        let state = match status {
            EventStatus::Received => EventState::Received,
            EventStatus::Processing => EventState::Processing { leased_until: at },
            EventStatus::Failed => EventState::Failed {
                at,
                error: text(),
                next_attempt_at: at,
            },
            EventStatus::Skipped => EventState::Skipped { at, reason: text() },
            EventStatus::Parked => EventState::Parked { at, reason: text() },
            EventStatus::Deferred => EventState::Deferred { at },
            EventStatus::Processed => EventState::Processed { at },
            EventStatus::Discarded => EventState::Discarded { at, reason: text() },
        };
        StoredEvent {
            id: world.id(),
            envelope: Envelope {
                provider_event_id: provider_ref("evt_1"),
                event_type: "invoice.paid".to_owned(),
                api_version: None,
                is_live: false,
                account: None,
                subject: None,
                created_at: at,
            },
            correlation_id: None,
            received_at: at,
            attempts: 1,
            state,
        }
    });
    let names = EventStatus::ALL.map(|status| status.name());
    let name = |event: &StoredEvent| event.state.status().name();
    let reason = |text| Reason::parse(text).expect("a short reason");
    let row = |label, reason: Option<Reason>| {
        let cells = states.iter().map(|event| {
            let outcome = match &reason {
                Some(reason) => event.discard(reason, at),
                None => event.replay(),
            };
            cell(name(event), &outcome, name)
        });
        (label, cells.collect::<Vec<_>>())
    };
    let rows = [
        row("replay", None),
        row("discard", Some(reason("why"))),
        row("discard (for another reason)", Some(reason("because"))),
    ];
    render(&names, &rows)
}
