//! The protocol by which stored events are applied, written as a small model and checked in every
//! interleaving of its steps, and once more without each of its guards.
//!
//! What is modelled. Two replicas with a worker each, and the database between them; a step is one
//! statement or transaction, or one call in memory.
//! - A delivery is stored, and then handed over in memory: two steps, so that a worker reads between
//!   them, and a delivery that comes again meets the other replica. Requests are side by side, so
//!   they may be handed over in another order.
//! - A worker takes a lane, a row with a fence that grows and a lease; reads what is due; applies one
//!   event after the other; goes on with what was handed over, or reads again; gives the lane back
//!   when nothing is due. It may be slow at any step, and time may pass at any step.
//! - A renewal is sent, and reaches the database later: after a return, a take-over, another taking.
//! - An attempt is applied, fails and is due again later, is parked, or is put aside for a parent
//!   that another owner's event makes known; to decide that and to write it down are two steps.
//! - A crash empties a replica's memory: what is in hand, handed over, or on its way there.
//!
//! What is not. Every commit is one event's: batches, waves, savepoints and conflicts of versions are
//! left out, and so are the limits of a reading and of the queue in memory. A worker holds one lane at
//! a time. A commit decides and writes in one step. A database answers always, and its clock is
//! everybody's. A parked event is not replayed, nothing is discarded or deferred, an event that ends
//! its worker again and again is not told from one that was unlucky, and nobody looks hourly after
//! what waits. What no reading and no hand-over brings is left out as well: the scan for events that
//! were never delivered. The bounds are in `BUSY`, `LONG` and `WITH_PARENT`; beyond them nothing was tried.
//! The code is `crates/billing-domain/src/provider_events/drain_inbox.rs`, `handoff.rs` beside it and
//! `crates/billing-seaorm/src/inbox/lanes.rs`.
//!
//! The guards. Each is taken away alone, and the check has to find a way to break the property that
//! the guard is there for. One of them is covered by another: that a worker knows what it has read
//! when it is handed over saves attempts, which the mark would refuse. It makes the race that the
//! mark is for rarer and does not end it.

mod guards;
mod protocol;
mod state;

use guards::{
    ALL, Bounds, GETS_THERE, Guards, IN_ORDER, NOBODYS_IS_FREE, NONE_FORGOTTEN, NOT_ROBBED, ONCE,
};
use protocol::{Protocol, Step};
use stateright::{Checker, HasDiscoveries, Model};

/// Two events of one owner, and a bit of everything.
const BUSY: Bounds = Bounds {
    lane_of: &[0, 0],
    parent_of: None,
    ticks: 2,
    crashes: 1,
    failures: 1,
    renewals: 1,
};

/// Time for two leases to run out one after the other: workers are slow, and none dies.
const LONG: Bounds = Bounds {
    ticks: 3,
    crashes: 0,
    renewals: 0,
    ..BUSY
};

/// Two owners in two lanes; the second one's event waits for the first one's.
const WITH_PARENT: Bounds = Bounds {
    lane_of: &[0, 1],
    parent_of: Some((1, 0)),
    renewals: 0,
    ..BUSY
};

/// As far as the checker has to look for what most guards prevent.
const CALM: Bounds = Bounds {
    crashes: 0,
    failures: 0,
    renewals: 0,
    ..BUSY
};

const WITH_A_FAILURE: Bounds = Bounds {
    failures: 1,
    ..CALM
};

/// Looks at every state within the bounds.
fn assert_that_nothing_goes_wrong(guards: Guards, bounds: Bounds) {
    let protocol = Protocol { guards, bounds };
    let checker = protocol.checker().threads(2).spawn_dfs().join();
    checker.assert_properties();
    let states = checker.unique_state_count();
    assert!(states > 20_000, "{states}");
}

/// Without the guard the checker finds a way to break the property. Gives the shortest.
fn way_to_break(property: &'static str, guards: Guards, bounds: Bounds) -> Vec<Step> {
    assert_ne!(property, GETS_THERE);
    let checker = Protocol { guards, bounds }
        .checker()
        .finish_when(HasDiscoveries::AllOf([property].into()))
        .spawn_bfs()
        .join();
    checker.assert_any_discovery(property).into_actions()
}

#[test]
fn in_every_interleaving_events_are_applied_once_in_order_and_none_is_forgotten() {
    assert_that_nothing_goes_wrong(ALL, BUSY);
}

#[test]
fn when_leases_run_out_one_after_the_other_nothing_goes_wrong() {
    assert_that_nothing_goes_wrong(ALL, LONG);
}

#[test]
fn an_event_that_waits_for_another_owners_is_applied_after_it() {
    assert_that_nothing_goes_wrong(ALL, WITH_PARENT);
}

#[test]
fn if_a_providers_id_could_be_stored_twice_an_event_would_take_effect_twice() {
    let guards = Guards {
        unique: false,
        ..ALL
    };
    way_to_break(ONCE, guards, CALM);
}

#[test]
fn without_the_guard_on_the_mark_an_event_that_is_read_and_handed_over_takes_effect_twice() {
    let guards = Guards { mark: false, ..ALL };
    let way = way_to_break(ONCE, guards, CALM);
    let was_handed_over = way.iter().any(|step| matches!(step, Step::Offer { .. }));
    let takings = way.iter().filter(|step| matches!(step, Step::Take { .. }));
    assert!(was_handed_over && takings.count() == 1, "{way:?}");
}

#[test]
fn that_a_worker_knows_what_it_has_read_is_covered_by_the_mark() {
    let guards = Guards { seen: false, ..ALL };
    assert_that_nothing_goes_wrong(guards, WITH_A_FAILURE);
    let without_mark = Guards { mark: false, ..ALL };
    let without_both = Guards {
        seen: false,
        ..without_mark
    };
    let way = way_to_break(ONCE, without_both, CALM);
    let way_without_mark = way_to_break(ONCE, without_mark, CALM);
    assert!(way.len() < way_without_mark.len(), "{way_without_mark:?}");
}

#[test]
fn without_the_fence_in_a_commit_a_slow_worker_passes_what_was_in_line() {
    let guards = Guards {
        fence: false,
        ..ALL
    };
    way_to_break(IN_ORDER, guards, CALM);
}

#[test]
fn if_the_fence_did_not_grow_a_slow_worker_would_pass_what_was_in_line() {
    let guards = Guards {
        growth: false,
        ..ALL
    };
    way_to_break(IN_ORDER, guards, CALM);
}

#[test]
fn if_a_lease_did_not_keep_others_away_a_worker_would_be_refused_within_it() {
    let guards = Guards {
        lease: false,
        ..ALL
    };
    way_to_break(NOT_ROBBED, guards, CALM);
}

#[test]
fn without_expiry_a_crash_leaves_events_behind() {
    let guards = Guards {
        expiry: false,
        ..ALL
    };
    let with_a_crash = Bounds { crashes: 1, ..CALM };
    way_to_break(NONE_FORGOTTEN, guards, with_a_crash);
}

#[test]
fn if_a_lane_were_not_read_first_what_is_handed_over_would_pass_what_was_in_line() {
    let guards = Guards {
        catching_up: false,
        ..ALL
    };
    way_to_break(IN_ORDER, guards, CALM);
}

#[test]
fn without_order_within_a_lane_a_newer_event_passes_an_older_one() {
    let guards = Guards {
        order: false,
        ..ALL
    };
    way_to_break(IN_ORDER, guards, CALM);
}

#[test]
fn if_a_slow_worker_could_give_back_anothers_lane_that_one_would_be_refused_within_its_lease() {
    let guards = Guards {
        return_by_fence: false,
        ..ALL
    };
    way_to_break(NOT_ROBBED, guards, CALM);
}

#[test]
fn a_renewal_that_comes_after_the_return_would_keep_the_lane_for_nobody() {
    let guards = Guards {
        no_late_renewal: false,
        ..ALL
    };
    let with_a_renewal = Bounds {
        renewals: 1,
        ..CALM
    };
    let way = way_to_break(NOBODYS_IS_FREE, guards, with_a_renewal);
    assert!(matches!(way.last(), Some(Step::Renew { .. })), "{way:?}");
}

#[test]
fn if_the_parents_commit_woke_nobody_what_waits_would_be_forgotten() {
    let guards = Guards {
        waking: false,
        ..ALL
    };
    let calm = Bounds {
        crashes: 0,
        failures: 0,
        ..WITH_PARENT
    };
    way_to_break(NONE_FORGOTTEN, guards, calm);
}

#[test]
fn without_the_second_look_an_event_put_aside_while_its_parent_is_applied_is_forgotten() {
    let guards = Guards {
        second_look: false,
        ..ALL
    };
    let calm = Bounds {
        crashes: 0,
        failures: 0,
        ..WITH_PARENT
    };
    way_to_break(NONE_FORGOTTEN, guards, calm);
}
