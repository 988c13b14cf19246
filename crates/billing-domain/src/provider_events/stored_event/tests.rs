//! What operators may decide about an event, in each of its states.

use super::*;
use crate::testing::fixtures::{World, provider_ref};

fn event_in(world: &World, state: EventState) -> StoredEvent {
    StoredEvent {
        id: world.id(),
        envelope: Envelope {
            provider_event_id: provider_ref("evt_1"),
            event_type: "invoice.paid".to_owned(),
            api_version: None,
            is_live: false,
            account: None,
            subject: None,
            created_at: world.now(),
        },
        correlation_id: None,
        received_at: world.now(),
        attempts: 5,
        state,
    }
}

#[test]
fn every_status_has_a_name_of_its_own() {
    for status in EventStatus::ALL {
        assert_eq!(EventStatus::parse(status.name()), Some(status));
    }
    assert_eq!(EventStatus::parse("lost"), None);
}

#[test]
fn a_replayed_event_is_as_if_it_had_just_come() {
    let world = World::new(1);
    let parked = event_in(
        &world,
        EventState::Parked {
            at: world.now(),
            reason: "malformed".to_owned(),
        },
    );
    let transition = parked.replay().unwrap();
    let next = transition.outcome(&parked);
    assert_eq!(next.state, EventState::Received);
    assert_eq!(next.attempts, 0, "its pauses begin anew");
    assert_eq!(next.envelope, parked.envelope);
}

#[test]
fn an_applied_event_is_neither_replayed_nor_discarded() {
    let world = World::new(1);
    let at = world.now();
    let applied = event_in(&world, EventState::Processed { at });
    let reason = Reason::parse("not ours").unwrap();
    assert_eq!(applied.replay(), Err(EventApplied { at }));
    assert_eq!(applied.discard(&reason, at), Err(EventApplied { at }));
}

#[test]
fn a_second_discard_for_the_same_reason_is_a_repetition() {
    let world = World::new(1);
    let received = event_in(&world, EventState::Received);
    let reason = Reason::parse("not ours").unwrap();
    let first = received.discard(&reason, world.now()).unwrap();
    let discarded = first.outcome(&received);
    let again = discarded.discard(&reason, world.now()).unwrap();
    assert!(!again.is_applied());
    let better = Reason::parse("of the old shop").unwrap();
    let corrected = discarded.discard(&better, world.now()).unwrap();
    assert_eq!(
        corrected.outcome(discarded).state.reason(),
        Some("of the old shop")
    );
}
