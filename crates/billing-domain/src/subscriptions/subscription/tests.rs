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
fn known_after(world: &World, told: &[(u32, SubscriptionStatus)]) -> Option<SubscriptionFacts> {
    let mut mirror: Option<Subscription> = None;
    for (second, status) in told {
        let at = world.now().plus(Duration::seconds(i64::from(*second)));
        let facts = facts(*status, *second);
        mirror = Some(match mirror {
            None => Subscription::new(world.id(), None, facts, at, at).0,
            Some(known) => known.observe(facts, at).outcome(&known).clone(),
        });
    }
    mirror.map(|mirror| mirror.facts)
}

#[test]
fn an_older_observation_changes_nothing() {
    let world = World::new(1);
    let told = [
        (9, SubscriptionStatus::PastDue),
        (5, SubscriptionStatus::Active),
    ];
    let known = known_after(&world, &told).unwrap();
    assert_eq!(known.status, SubscriptionStatus::PastDue);
}

#[test]
fn a_terminal_status_is_final() {
    let world = World::new(1);
    let told = [
        (5, SubscriptionStatus::Canceled),
        (9, SubscriptionStatus::Active),
    ];
    let known = known_after(&world, &told).unwrap();
    assert_eq!(known.status, SubscriptionStatus::Canceled);
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
        prop_assert_eq!(known_after(&world, &shuffled), known_after(&world, &in_order));
    }
}
