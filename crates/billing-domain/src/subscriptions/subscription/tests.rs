//! A mirror under any order and any repetition of what the provider says.

use proptest::prelude::*;
use time::Duration;

use super::*;
use crate::testing::fixtures::{World, provider_ref};

fn facts(status: SubscriptionStatus, quantity: u32) -> SubscriptionFacts {
    SubscriptionFacts {
        provider_id: provider_ref("sub_1"),
        customer: provider_ref("cus_1"),
        status,
        quantity,
        price: None,
        period_start: None,
        period_end: None,
        trial_end: None,
        cancel_at: None,
        canceled_at: None,
        ended_at: None,
        has_pending_update: false,
    }
}

/// What is known after observations in an order; the second is also the quantity.
fn known_after(world: &World, told: &[(u32, SubscriptionStatus)]) -> Option<Subscription> {
    let mut mirror: Option<Subscription> = None;
    for (second, status) in told {
        let at = world.now().plus(Duration::seconds(i64::from(*second)));
        let facts = facts(*status, *second);
        mirror = Some(match mirror {
            None => Subscription::new(world.id(), None, facts, at, at).0,
            Some(known) => known.observe(facts, at).outcome(&known).clone(),
        });
    }
    mirror
}

#[test]
fn an_older_observation_changes_nothing() {
    let world = World::new(1);
    let told = [
        (9, SubscriptionStatus::PastDue),
        (5, SubscriptionStatus::Active),
    ];
    let known = known_after(&world, &told).unwrap().facts;
    assert_eq!(known.status, SubscriptionStatus::PastDue);
}

#[test]
fn a_terminal_status_is_final() {
    let world = World::new(1);
    let told = [
        (5, SubscriptionStatus::Canceled),
        (9, SubscriptionStatus::Active),
    ];
    let known = known_after(&world, &told).unwrap().facts;
    assert_eq!(known.status, SubscriptionStatus::Canceled);
}

#[test]
fn a_167_units_that_were_paid_for_are_remembered_however_late_they_are_told() {
    let world = World::new(1);
    let at = world.now();
    let active = |quantity| facts(SubscriptionStatus::Active, quantity);
    let (mirror, _) = Subscription::new(world.id(), None, active(15), at, at);
    let older = at.minus(Duration::seconds(1));
    let mirror = mirror.observe(active(20), older).outcome(&mirror).clone();
    assert_eq!((mirror.facts.quantity, mirror.quantity_max), (15, 20));
    let pending = SubscriptionFacts {
        has_pending_update: true,
        ..active(99)
    };
    assert_eq!(
        mirror.observe(pending, older),
        Transition::AlreadyApplied,
        "what waits for its payment is not paid"
    );
    let both = mirror.observe_both(&active(30), active(15), at);
    let mirror = both.outcome(&mirror).clone();
    assert_eq!((mirror.facts.quantity, mirror.quantity_max), (15, 30));
    assert!(
        !mirror
            .observe_both(&active(30), active(15), at)
            .is_applied()
    );
}

proptest! {
    #[test]
    fn any_order_and_repetition_of_observations_ends_in_the_same_facts(
        statuses in prop::collection::vec(0_usize..8, 1..8),
        picks in prop::collection::vec(0_usize..8, 0..8),
        seed in any::<u64>(),
    ) {
        let world = World::new(1);
        let in_order: Vec<(u32, SubscriptionStatus)> = (0..)
            .zip(statuses.iter().map(|status| SubscriptionStatus::ALL[*status]))
            .collect();
        let mut shuffled = in_order.clone();
        shuffled.extend(picks.iter().map(|pick| in_order[pick % in_order.len()]));
        let count = shuffled.len();
        let mut state = seed;
        for last in (1..count).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bound = u64::try_from(last).unwrap() + 1;
            shuffled.swap(last, usize::try_from((state >> 33) % bound).unwrap());
        }
        let shuffled = known_after(&world, &shuffled).unwrap();
        let in_order = known_after(&world, &in_order).unwrap();
        prop_assert_eq!(shuffled.facts, in_order.facts);
        prop_assert_eq!(shuffled.quantity_max, in_order.quantity_max);
        prop_assert_eq!(shuffled.observed_at, in_order.observed_at);
    }
}
