//! The protocol by which stored events are applied, written as a small model and checked in every
//! interleaving: two replicas, a crash at every step, leases that run out, a slow worker that wakes
//! after its lease, deliveries that come twice and at any moment, hand-off in memory.
//!
//! The protocol. Every event belongs to a lane, by whom it concerns. A worker takes a lane for a
//! while: a row with a fence, which grows by one each time the lane is taken. It reads what is not
//! applied in the lane, in order, and applies one event after the other; each commit carries two
//! guards, which the database checks in the same transaction: the lane still has the worker's fence,
//! and the event is not marked yet. What its own replica receives meanwhile is handed to it in memory,
//! unless there is no room, which is as if another replica had received it. With nothing in hand it
//! reads again, and gives the lane back when nothing is due. A lease that is prolonged is one that has
//! not run out yet, so it needs no step of its own.
//! The code is `crates/billing-domain/src/provider_events/drain_inbox.rs`.
//!
//! Each guard is also taken away, one at a time, and the check has to find what goes wrong then.

use stateright::{Checker, Model, Property};

const WORKERS: usize = 2;
/// Events 0 and 1 concern the same owner, event 2 another one.
const EVENTS: usize = 3;
const LANES: usize = 2;
const LANE_OF: [usize; EVENTS] = [0, 0, 1];
const LEASE_TICKS: u8 = 1;
/// Bounds that keep the model finite: time, crashes and deliveries in all.
const TICKS_MAX: u8 = 3;
const CRASHES_MAX: u8 = 2;
const DELIVERIES_MAX: u8 = 4;

/// Which guards the database checks.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each guard is there or taken away"
)]
struct Guards {
    /// An event that is marked is not applied again.
    mark: bool,
    /// A commit needs the fence that its lane has now.
    fence: bool,
    /// A delivery whose event is stored stores nothing.
    unique: bool,
    /// A lane whose lease has run out can be taken by another worker.
    expiry: bool,
}

const ALL: Guards = Guards {
    mark: true,
    fence: true,
    unique: true,
    expiry: true,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Lane {
    fence: u8,
    /// The tick at which its lease ends.
    leased_until: u8,
}

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Row {
    event: usize,
    is_marked: bool,
}

/// What a worker is at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Work {
    /// It looks for a lane.
    Idle,
    /// It has taken a lane and has yet to read what is in it.
    Taken { lane: usize, fence: u8 },
    /// It applies these events, the next one first.
    Applying {
        lane: usize,
        fence: u8,
        todo: Vec<usize>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    now: u8,
    crashes: u8,
    deliveries: u8,
    lanes: Vec<Lane>,
    inbox: Vec<Row>,
    workers: Vec<Work>,
    /// What took effect, in order.
    effects: Vec<usize>,
    /// Whether an event took effect that was not the next one of whoever had the lane.
    is_out_of_order: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Tick,
    /// The provider delivers an event to a replica.
    Deliver {
        event: usize,
        to: usize,
    },
    Take {
        worker: usize,
        lane: usize,
    },
    Read {
        worker: usize,
    },
    /// The next event of its list is committed, or refused by a guard.
    Commit {
        worker: usize,
    },
    /// Nothing is due in the lane, and it is given back.
    Release {
        worker: usize,
    },
    /// The process dies: what it had in memory is gone.
    Crash {
        worker: usize,
    },
}

struct Protocol {
    guards: Guards,
}

impl Protocol {
    /// What is not applied in a lane, in the order that is decided for it.
    fn open_in(state: &State, lane: usize) -> Vec<usize> {
        let mut open: Vec<usize> = state
            .inbox
            .iter()
            .filter(|row| !row.is_marked && LANE_OF[row.event] == lane)
            .map(|row| row.event)
            .collect();
        open.sort_unstable();
        open
    }

    fn deliver(&self, state: &mut State, event: usize, to: usize) {
        state.deliveries += 1;
        let is_stored = state.inbox.iter().any(|row| row.event == event);
        if is_stored && self.guards.unique {
            return;
        }
        state.inbox.push(Row {
            event,
            is_marked: false,
        });
        // Handed over in memory: behind what the worker has.
        if let Work::Applying { lane, todo, .. } = &mut state.workers[to]
            && *lane == LANE_OF[event]
        {
            todo.push(event);
        }
    }

    fn commit(&self, state: &mut State, worker: usize) -> Option<()> {
        let Work::Applying { lane, fence, todo } = state.workers[worker].clone() else {
            return None;
        };
        let (event, rest) = todo.split_first()?;
        if self.guards.fence && state.lanes[lane].fence != fence {
            // The lane was taken from it: it drops everything and looks for another one.
            state.workers[worker] = Work::Idle;
            return Some(());
        }
        let is_in_order = Self::is_next_of_holder(state, lane, *event);
        let row = state.inbox.iter_mut().find(|row| row.event == *event);
        let row = row.filter(|row| !row.is_marked || !self.guards.mark);
        if let Some(row) = row {
            row.is_marked = true;
            state.is_out_of_order |= !is_in_order;
            state.effects.push(*event);
        }
        state.workers[worker] = Work::Applying {
            lane,
            fence,
            todo: rest.to_vec(),
        };
        Some(())
    }

    /// The order of a lane is decided by the list of whoever has its fence: whether an event is the
    /// next one there that is not applied.
    fn is_next_of_holder(state: &State, lane: usize, event: usize) -> bool {
        let is_marked =
            |event: &usize| (state.inbox.iter()).any(|row| row.event == *event && row.is_marked);
        state.workers.iter().all(|work| match work {
            Work::Applying {
                lane: held,
                fence,
                todo,
            } if *held == lane && *fence == state.lanes[lane].fence => todo
                .iter()
                .find(|next| !is_marked(next))
                .is_none_or(|next| *next == event),
            _ => true,
        })
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: 1,
            crashes: 0,
            deliveries: 0,
            lanes: vec![Lane::default(); LANES],
            inbox: Vec::new(),
            workers: vec![Work::Idle; WORKERS],
            effects: Vec::new(),
            is_out_of_order: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.now < TICKS_MAX {
            steps.push(Step::Tick);
        }
        for worker in 0..WORKERS {
            if state.deliveries < DELIVERIES_MAX {
                steps.extend((0..EVENTS).map(|event| Step::Deliver { event, to: worker }));
            }
            match &state.workers[worker] {
                Work::Idle => steps.extend((0..LANES).filter_map(|lane| {
                    let is_free = state.lanes[lane].leased_until == 0
                        || (self.guards.expiry && state.lanes[lane].leased_until <= state.now);
                    let has_work = !Self::open_in(state, lane).is_empty();
                    (is_free && has_work).then_some(Step::Take { worker, lane })
                })),
                Work::Taken { .. } => steps.push(Step::Read { worker }),
                // It reads again, and what it finds decides.
                Work::Applying { lane, todo, .. } if todo.is_empty() => {
                    steps.push(if Self::open_in(state, *lane).is_empty() {
                        Step::Release { worker }
                    } else {
                        Step::Read { worker }
                    });
                }
                Work::Applying { .. } => steps.push(Step::Commit { worker }),
            }
            if state.crashes < CRASHES_MAX && state.workers[worker] != Work::Idle {
                steps.push(Step::Crash { worker });
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Tick => state.now += 1,
            Step::Deliver { event, to } => self.deliver(&mut state, event, to),
            Step::Take { worker, lane } => {
                let row = &mut state.lanes[lane];
                row.fence += 1;
                row.leased_until = state.now + LEASE_TICKS;
                state.workers[worker] = Work::Taken {
                    lane,
                    fence: row.fence,
                };
            }
            Step::Read { worker } => {
                let (Work::Taken { lane, fence } | Work::Applying { lane, fence, .. }) =
                    state.workers[worker]
                else {
                    return None;
                };
                let todo = Self::open_in(&state, lane);
                state.workers[worker] = Work::Applying { lane, fence, todo };
            }
            Step::Commit { worker } => self.commit(&mut state, worker)?,
            Step::Release { worker } => {
                let Work::Applying { lane, fence, .. } = state.workers[worker] else {
                    return None;
                };
                if state.lanes[lane].fence == fence {
                    state.lanes[lane].leased_until = 0;
                }
                state.workers[worker] = Work::Idle;
            }
            Step::Crash { worker } => {
                state.crashes += 1;
                state.workers[worker] = Work::Idle;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no event takes effect twice", |_, state: &State| {
                (0..EVENTS)
                    .all(|event| state.effects.iter().filter(|done| **done == event).count() <= 1)
            }),
            Property::always(
                "no owner's events take effect out of order",
                |_, state: &State| !state.is_out_of_order,
            ),
            Property::always("only what is stored takes effect", |_, state: &State| {
                (state.effects.iter()).all(|done| state.inbox.iter().any(|row| row.event == *done))
            }),
            // Where nothing but deliveries can happen any more, nothing is left to do: unless time
            // itself has run out for a lease that a crash left behind.
            Property::always("no event is forgotten", |model: &Self, state: &State| {
                let mut steps = Vec::new();
                model.actions(state, &mut steps);
                let is_at_rest = steps
                    .iter()
                    .all(|step| matches!(step, Step::Deliver { .. } | Step::Crash { .. }));
                let waits_for_time = (0..LANES).any(|lane| {
                    state.lanes[lane].leased_until > state.now
                        && !Self::open_in(state, lane).is_empty()
                });
                !is_at_rest
                    || (waits_for_time && model.guards.expiry)
                    || state.inbox.iter().all(|row| row.is_marked)
            }),
            Property::sometimes(
                "everything is applied after two crashes",
                |_, state: &State| state.crashes == CRASHES_MAX && state.effects.len() == EVENTS,
            ),
        ]
    }
}

/// What the check finds wrong, by the names of the properties.
fn violations(guards: Guards) -> Vec<&'static str> {
    let checker = Protocol { guards }.checker().threads(2).spawn_dfs().join();
    assert!(
        checker.unique_state_count() > 10_000,
        "{}",
        checker.unique_state_count()
    );
    let mut found: Vec<&'static str> = checker
        .discoveries()
        .into_keys()
        .filter(|name| *name != "everything is applied after two crashes")
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn in_every_interleaving_events_are_applied_once_in_order_and_none_is_forgotten() {
    assert_eq!(violations(ALL), Vec::<&str>::new());
    let checker = Protocol { guards: ALL }.checker().spawn_bfs().join();
    let reached = checker.discovery("everything is applied after two crashes");
    assert!(reached.is_some(), "the model gets somewhere");
}

#[test]
fn without_the_guard_on_the_mark_an_event_is_applied_twice() {
    let found = violations(Guards {
        mark: false,
        fence: false,
        ..ALL
    });
    assert!(found.contains(&"no event takes effect twice"), "{found:?}");
}

#[test]
fn without_the_fence_an_owners_events_are_applied_out_of_order() {
    let found = violations(Guards {
        fence: false,
        ..ALL
    });
    assert!(
        found.contains(&"no owner's events take effect out of order"),
        "{found:?}"
    );
}

#[test]
fn without_expiry_a_crash_leaves_events_behind() {
    let found = violations(Guards {
        expiry: false,
        ..ALL
    });
    assert!(found.contains(&"no event is forgotten"), "{found:?}");
}
