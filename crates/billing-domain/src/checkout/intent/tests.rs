//! A checkout intent under every command, and under any sequence of them.

use proptest::prelude::*;
use time::Duration;

use super::*;
use crate::kernel::transition::Transition;
use crate::testing::fixtures::{World, intent_request, links, provider_ref};

fn pay(word: &str) -> IntentCommand {
    IntentCommand::MarkPaid {
        links: links(word, Some("sub")),
    }
}

fn message() -> String {
    "it did not work".to_owned()
}

#[test]
fn a_031_created_paid_fulfilled_is_the_happy_path() {
    let world = World::new(1);
    let (intent, _) = world.intent(world.user.id, "acme");
    let done = world.after(&intent, vec![pay("acme"), IntentCommand::MarkFulfilled]);
    assert_eq!(done.state().name(), "fulfilled");
    assert_eq!(done.state().paid_at(), Some(world.now()));
}

#[test]
fn a_033_a_refusal_names_state_and_command() {
    let world = World::new(1);
    let (intent, _) = world.intent(world.user.id, "acme");
    let refused = intent.apply(IntentCommand::MarkFulfilled, world.now());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "a checkout intent that is created cannot mark_fulfilled"
    );
}

#[test]
fn a_034_the_sets_of_states_are_those_of_the_specification() {
    let world = World::new(1);
    let intents = world.intents_in_every_state(world.user.id, "acme");
    let named = |is_in: fn(&IntentState) -> bool| -> Vec<&'static str> {
        let states = intents.iter().map(CheckoutIntent::state);
        states
            .filter(|state| is_in(state))
            .map(IntentState::name)
            .collect()
    };
    let errored = [
        "errored_backoffice",
        "errored_fulfillment_stalled",
        "errored_provisioning",
    ];
    assert_eq!(named(IntentState::is_errored), errored);
    assert_eq!(
        named(IntentState::is_fulfillable),
        [&["paid"][..], &errored].concat()
    );
    let mut non_expired = vec!["created", "paid", "fulfilled"];
    non_expired.extend(errored);
    assert_eq!(named(IntentState::holds_reservation), non_expired, "A-045");
}

#[test]
fn a_035_the_same_payment_again_is_a_repetition_and_another_an_error() {
    let world = World::new(1);
    let (intent, _) = world.intent(world.user.id, "acme");
    let paid = world.after(&intent, vec![pay("acme")]);
    assert_eq!(
        paid.apply(pay("acme"), world.now()),
        Ok(Transition::AlreadyApplied)
    );
    assert!(matches!(
        paid.apply(pay("other"), world.now()),
        Err(IntentRefusal::LinkedElsewhere { .. })
    ));
}

#[test]
fn a_036_an_error_keeps_its_message_until_it_is_repaired() {
    let world = World::new(1);
    let (intent, _) = world.intent(world.user.id, "acme");
    let failed = IntentCommand::MarkProvisioningError { message: message() };
    let errored = world.after(&intent, vec![pay("acme"), failed]);
    assert_eq!(errored.parts().last_provisioning_error, Some(message()));
    let repaired = world.after(&errored, vec![IntentCommand::MarkFulfilled]);
    assert_eq!(repaired.parts().last_provisioning_error, None);
}

#[test]
fn a_037_a_fulfilled_intent_cannot_be_pushed_back() {
    let world = World::new(1);
    let fulfilled = world
        .intents_in_every_state(world.user.id, "acme")
        .swap_remove(2);
    for command in [
        IntentCommand::MarkBackofficeError { message: message() },
        IntentCommand::MarkStalled { message: message() },
        IntentCommand::MarkProvisioningError { message: message() },
        IntentCommand::Expire,
    ] {
        assert!(fulfilled.apply(command, world.now()).is_err());
    }
}

#[test]
fn a_038_a_payment_after_the_expiry_is_never_refused() {
    let world = World::new(1);
    let (intent, _) = world.intent(world.user.id, "acme");
    let expired = world.after(&intent, vec![IntentCommand::Expire]);
    let paid = world.after(&expired, vec![pay("acme")]);
    assert_eq!(paid.state().name(), "paid");
    assert_eq!(paid.parts().reservation, intent.parts().reservation);
    let lost = IntentCommand::MarkPaidWithoutReservation {
        links: links("acme", Some("sub")),
    };
    let lost = world.after(&expired, vec![lost]);
    assert_eq!(lost.state().name(), "errored_backoffice");
    assert_eq!(lost.parts().reservation, None);
    let told = lost.parts().last_provisioning_error.as_deref();
    assert!(told.is_some_and(|told| told.contains("acme")), "{told:?}");
}

#[test]
fn a_049_what_is_renewed_keeps_what_was_not_said_again() {
    let world = World::new(1);
    let (intent, _) = world.intent(world.user.id, "acme");
    let expired = world.after(&intent, vec![IntentCommand::Expire]);
    let request = IntentRequest {
        quantity: Quantity::parse(7).unwrap(),
        reservation: None,
        country: None,
        terms: Terms([("b".to_owned(), "1".to_owned())].into()),
    };
    let expires_at = world.now().plus(Duration::days(2));
    let renewed = world.after(
        &expired,
        vec![IntentCommand::Renew {
            request,
            expires_at,
        }],
    );
    let (parts, before) = (renewed.parts(), intent.parts());
    assert_eq!(renewed.state(), &IntentState::Created);
    assert_eq!((parts.quantity.count(), parts.expires_at), (7, expires_at));
    assert_eq!(
        (&parts.reservation, &parts.country),
        (&before.reservation, &before.country)
    );
    assert_eq!(parts.terms.0.len(), 2, "A-023: merged");
}

#[test]
fn a_053_a_reservation_ends_at_its_time_and_only_before_the_payment() {
    let world = World::new(1);
    let ends_at = |intent: &CheckoutIntent| intent.parts().expires_at;
    for intent in world.intents_in_every_state(world.user.id, "acme") {
        let is_created = intent.state() == &IntentState::Created;
        assert_eq!(intent.is_expired_at(ends_at(&intent)), is_created);
        let before = ends_at(&intent).minus(Duration::microseconds(1));
        assert!(!intent.is_expired_at(before));
    }
}

#[test]
fn a_048_a_reservation_lasts_a_day() {
    assert_eq!(RESERVATION_DEFAULT, Duration::hours(24));
}

/// Any command, with one of two sales' ids.
fn command_of(world: &World, kind: u8, is_other: bool) -> IntentCommand {
    let word = if is_other { "other" } else { "acme" };
    match kind {
        0 => IntentCommand::Renew {
            request: intent_request(word),
            expires_at: world.now().plus(Duration::hours(1)),
        },
        1 => IntentCommand::Amend {
            country: None,
            terms: Terms([(word.to_owned(), "1".to_owned())].into()),
        },
        2 => IntentCommand::RequestCheckout {
            request: world.checkout_request(),
        },
        3 => IntentCommand::OpenCheckout {
            session: world.opened_session(&format!("cs_{word}")),
            customer: provider_ref(&format!("cus_{word}")),
        },
        4 => IntentCommand::RefuseCheckout { reason: message() },
        5 => IntentCommand::CloseCheckout {
            session: provider_ref(&format!("cs_{word}")),
        },
        6 => IntentCommand::LinkProvider {
            links: links(word, Some("sub")),
        },
        7 => pay(word),
        8 => IntentCommand::MarkPaidWithoutReservation {
            links: links(word, Some("sub")),
        },
        9 => IntentCommand::LinkTenant {
            tenant_id: TenantId::from_uuid(world.project.id.uuid()),
        },
        10 => IntentCommand::MarkFulfilled,
        11 => IntentCommand::MarkBackofficeError { message: message() },
        12 => IntentCommand::MarkStalled { message: message() },
        13 => IntentCommand::MarkProvisioningError { message: message() },
        _ => IntentCommand::Expire,
    }
}

/// Whether what was linked before a command is linked after it.
fn keeps(known: Option<&ProviderRef>, after: Option<&ProviderRef>) -> bool {
    known.is_none() || known == after
}

proptest! {
    #[test]
    fn a_032_no_sequence_is_paid_without_a_payment_and_nothing_paid_is_lost(
        steps in prop::collection::vec((0_u8..15, any::<bool>()), 0..40),
    ) {
        let world = World::new(1);
        let (mut intent, _) = world.intent(world.user.id, "acme");
        let mut was_paid = false;
        for (kind, is_other) in steps {
            let command = command_of(&world, kind, is_other);
            was_paid |= command.name().starts_with("mark_paid");
            world.clock.advance(Duration::seconds(1));
            let Ok(transition) = intent.apply(command, world.now()) else {
                continue;
            };
            let next = transition.outcome(&intent).clone();
            prop_assert_eq!(transition.is_applied(), next != intent, "a change changes something");
            let paid_at = next.state().paid_at();
            prop_assert!(was_paid || paid_at.is_none(), "A-031: paid by a payment only");
            if let Some(known) = intent.state().paid_at() {
                prop_assert_eq!(paid_at, Some(known), "what is paid stays paid, since then");
                let (before, after) = (&intent.parts().links, &next.parts().links);
                prop_assert!(keeps(before.customer.as_ref(), after.customer.as_ref()), "A-035");
                prop_assert!(keeps(before.session.as_ref(), after.session.as_ref()), "A-035");
                prop_assert!(
                    keeps(before.subscription.as_ref(), after.subscription.as_ref()), "A-035"
                );
            }
            if intent.state().name() == "fulfilled" {
                prop_assert_eq!(next.state(), intent.state(), "A-037: fulfilled is final");
            }
            let is_expired = matches!(next.state(), IntentState::Expired { .. });
            prop_assert_eq!(next.state().holds_reservation(), !is_expired, "A-045");
            prop_assert!(
                !next.state().is_errored() || next.parts().last_provisioning_error.is_some(),
                "A-036: an error says what went wrong"
            );
            prop_assert!(next.checkout().attempt() >= intent.checkout().attempt());
            intent = next;
        }
    }
}
