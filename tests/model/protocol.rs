//! The steps of the protocol, each as atomic as the statement or the call that it stands for.

use stateright::{Model, Property};

use super::guards::{
    Bounds, GETS_THERE, Guards, IN_ORDER, NOBODYS_IS_FREE, NONE_FORGOTTEN, NOT_ROBBED, ONCE,
};
use super::state::{Hold, Lane, Replica, Row, State, Status, Work};

const REPLICAS: usize = 2;
const LEASE_TICKS: u8 = 1;
const RETRY_TICKS: u8 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Tick,
    /// The provider delivers an event to a replica, which stores it.
    Store {
        event: usize,
        replica: usize,
    },
    /// The replica hands its worker what it has stored: one of several, as requests are side by side.
    Offer {
        replica: usize,
        row: usize,
    },
    Take {
        replica: usize,
        lane: usize,
    },
    /// The worker reads what is due in its lane.
    Read {
        replica: usize,
    },
    /// The worker goes on with what was handed to it, and does not read.
    TakeHanded {
        replica: usize,
    },
    /// What is at this place in its hand is committed, or refused.
    Commit {
        replica: usize,
        place: usize,
    },
    /// The attempt fails, and the next one is due later.
    Fail {
        replica: usize,
    },
    /// The decision is that the next event has to wait for its parent.
    MissParent {
        replica: usize,
    },
    /// It is put aside.
    PutAside {
        replica: usize,
    },
    /// The attempt fails for good.
    Park {
        replica: usize,
    },
    /// Nothing is due in the lane, and it is given back.
    GiveBack {
        replica: usize,
    },
    /// A sign of life is sent.
    SendRenewal {
        replica: usize,
    },
    /// It reaches the database.
    Renew {
        replica: usize,
    },
    /// The process dies: what it had in memory is gone.
    Crash {
        replica: usize,
    },
}

pub(super) struct Protocol {
    pub(super) guards: Guards,
    pub(super) bounds: Bounds,
}

impl Protocol {
    fn lane_of(&self, state: &State, row: usize) -> usize {
        self.bounds.lane_of[state.inbox[row].event]
    }

    /// What is due in a lane, in the provider's order.
    fn due_in(&self, state: &State, lane: usize) -> Vec<usize> {
        let rows = 0..state.inbox.len();
        let mut due: Vec<usize> = rows
            .filter(|row| self.lane_of(state, *row) == lane && state.inbox[*row].is_due(state.now))
            .collect();
        Self::put_in_order(state, &mut due);
        due
    }

    fn store(&self, state: &mut State, event: usize, replica: usize) -> Option<()> {
        let is_stored = state.inbox.iter().any(|row| row.event == event);
        if is_stored && self.guards.unique {
            return None;
        }
        state.replicas[replica].stored.push(state.inbox.len());
        state.inbox.push(Row {
            event,
            status: Status::Open,
        });
        Some(())
    }

    fn take(&self, state: &mut State, replica: usize, lane: usize) {
        let in_line = self.due_in(state, lane);
        let row = &mut state.lanes[lane];
        row.fence += u8::from(self.guards.growth);
        row.leased_until = state.now + LEASE_TICKS;
        row.in_line = in_line;
        let hold = Hold {
            lane,
            fence: row.fence,
            until: row.leased_until,
        };
        state.replicas[replica].work = Some(Work {
            hold,
            is_caught_up: false,
            todo: Vec::new(),
            misses_parent: false,
            handed: Vec::new(),
            seen: Vec::new(),
        });
    }

    /// A worker without a lane is only woken: it looks into the inbox.
    fn offer(state: &mut State, replica: usize, row: usize) {
        let replica = &mut state.replicas[replica];
        replica.stored.retain(|stored| *stored != row);
        if let Some(work) = &mut replica.work {
            work.handed.push(row);
        }
    }

    fn read(&self, state: &mut State, replica: usize) -> Option<()> {
        let mut work = state.replicas[replica].work.take()?;
        let due = self.due_in(state, work.hold.lane);
        if work.is_caught_up {
            self.take_in_hand(state, &mut work);
        }
        work.todo.extend(&due);
        Self::put_in_order(state, &mut work.todo);
        let lane = &mut state.lanes[work.hold.lane];
        if lane.fence == work.hold.fence {
            lane.in_line.clone_from(&due);
        }
        work.seen = due;
        work.is_caught_up = true;
        state.replicas[replica].work = Some(work);
        Some(())
    }

    fn take_handed(&self, state: &mut State, replica: usize) -> Option<()> {
        let mut work = state.replicas[replica].work.take()?;
        self.take_in_hand(state, &mut work);
        Self::put_in_order(state, &mut work.todo);
        state.replicas[replica].work = Some(work);
        Some(())
    }

    /// What was handed over, of its lane and not read: the inbox has the others.
    fn take_in_hand(&self, state: &State, work: &mut Work) {
        let handed = std::mem::take(&mut work.handed).into_iter();
        let fresh = handed.filter(|row| {
            let is_seen = self.guards.seen && work.seen.contains(row);
            self.lane_of(state, *row) == work.hold.lane && !is_seen
        });
        work.todo.extend(fresh);
    }

    /// The provider's order, each row once.
    fn put_in_order(state: &State, rows: &mut Vec<usize>) {
        rows.sort_unstable_by_key(|row| (state.inbox[*row].event, *row));
        rows.dedup();
    }

    fn commit(&self, state: &mut State, replica: usize, place: usize) -> Option<()> {
        let work = state.replicas[replica].work.as_mut()?;
        let hold = work.hold;
        if self.guards.fence && state.lanes[hold.lane].fence != hold.fence {
            // It drops everything and looks for another lane.
            state.replicas[replica].work = None;
            state.is_robbed |= hold.until > state.now;
            return Some(());
        }
        let id = work.todo.remove(place);
        let Row { event, status } = state.inbox[id];
        if status == Status::Applied && self.guards.mark {
            return Some(());
        }
        let lane = &mut state.lanes[hold.lane];
        let (inbox, now) = (&state.inbox, state.now);
        state.is_out_of_order |= (lane.in_line.iter())
            .any(|older| inbox[*older].event < event && inbox[*older].is_due(now));
        lane.in_line.retain(|row| *row != id);
        state.inbox[id].status = Status::Applied;
        state.effects[event] += 1;
        if self.guards.waking {
            self.wake_children_of(state, event);
        }
        Some(())
    }

    /// Ends an attempt that had no effect. What is applied stays so.
    fn settle(&self, state: &mut State, replica: usize, status: Status) -> Option<()> {
        let work = state.replicas[replica].work.as_mut()?;
        let id = work.todo.remove(0);
        let lane = &mut state.lanes[work.hold.lane];
        let is_refused = self.guards.fence && lane.fence != work.hold.fence;
        if !is_refused && state.inbox[id].status != Status::Applied {
            lane.in_line.retain(|row| *row != id);
            state.inbox[id].status = status;
        }
        Some(())
    }

    /// Puts the next event aside, and looks once more, in one transaction.
    fn put_aside(&self, state: &mut State, replica: usize) -> Option<()> {
        state.replicas[replica].work.as_mut()?.misses_parent = false;
        self.settle(state, replica, Status::Waiting)?;
        if let Some((_, parent)) = self.bounds.parent_of
            && self.guards.second_look
            && state.effects[parent] > 0
        {
            self.wake_children_of(state, parent);
        }
        Some(())
    }

    fn wake_children_of(&self, state: &mut State, event: usize) {
        for row in &mut state.inbox {
            let waits = row.status == Status::Waiting;
            if waits && self.bounds.parent_of == Some((row.event, event)) {
                row.status = Status::Open;
            }
        }
    }

    fn lacks_its_parent(&self, state: &State, row: usize) -> bool {
        (self.bounds.parent_of).is_some_and(|(child, parent)| {
            state.inbox[row].event == child && state.effects[parent] == 0
        })
    }

    fn give_back(&self, state: &mut State, replica: usize) -> Option<()> {
        let hold = state.replicas[replica].work.take()?.hold;
        let lane = &mut state.lanes[hold.lane];
        if lane.fence == hold.fence || !self.guards.return_by_fence {
            lane.leased_until = 0;
            lane.in_line.clear();
        }
        Some(())
    }

    fn renew(&self, state: &mut State, replica: usize) -> Option<()> {
        let renewal = state.replicas[replica].renewal.take()?;
        let lane = &mut state.lanes[renewal.lane];
        let is_given_back = lane.leased_until == 0 && self.guards.no_late_renewal;
        if lane.fence != renewal.fence || is_given_back {
            return Some(());
        }
        lane.leased_until = renewal.until;
        if let Some(work) = &mut state.replicas[replica].work
            && (work.hold.lane, work.hold.fence) == (renewal.lane, renewal.fence)
        {
            work.hold.until = renewal.until;
        }
        Some(())
    }

    /// What a worker may do with what it holds.
    fn steps_of_worker(&self, state: &State, replica: usize, work: &Work, steps: &mut Vec<Step>) {
        let handed = &work.handed;
        let lane = work.hold.lane;
        if work.misses_parent {
            steps.push(Step::PutAside { replica });
        } else if let Some(next) = work.todo.first()
            && self.lacks_its_parent(state, *next)
        {
            steps.push(Step::MissParent { replica });
        } else if !work.todo.is_empty() {
            let places = if self.guards.order {
                1
            } else {
                work.todo.len()
            };
            steps.extend((0..places).map(|place| Step::Commit { replica, place }));
            if state.failures < self.bounds.failures {
                steps.extend([Step::Fail { replica }, Step::Park { replica }]);
            }
        } else if !work.is_caught_up || !handed.is_empty() || !self.due_in(state, lane).is_empty() {
            steps.push(Step::Read { replica });
            let may_skip_reading = work.is_caught_up || !self.guards.catching_up;
            let mut of_lane = handed.iter().map(|row| self.lane_of(state, *row) == lane);
            if may_skip_reading && !handed.is_empty() && of_lane.all(|is_of_lane| is_of_lane) {
                steps.push(Step::TakeHanded { replica });
            }
        } else {
            steps.push(Step::GiveBack { replica });
        }
        if state.renewals < self.bounds.renewals && state.replicas[replica].renewal.is_none() {
            steps.push(Step::SendRenewal { replica });
        }
    }

    /// Where nothing can happen any more but deliveries, signs of life and crashes, nothing is left
    /// to do: unless the bound on time is in the way.
    fn nothing_is_forgotten(&self, state: &State) -> bool {
        let is_done = |row: &Row| match row.status {
            Status::Applied | Status::Parked => true,
            Status::Waiting => {
                let parent = (self.bounds.parent_of).map(|(_, parent)| parent);
                parent.is_some_and(|parent| state.effects[parent] == 0)
            }
            Status::Failed { due_at } => due_at > state.now,
            Status::Open => false,
        };
        let is_nothing_left = state.inbox.iter().all(|row| {
            let lane = &state.lanes[self.bounds.lane_of[row.event]];
            is_done(row) || (lane.leased_until > state.now && self.guards.expiry)
        });
        if is_nothing_left || state.now < self.bounds.ticks {
            return true;
        }
        let mut steps = Vec::new();
        self.actions(state, &mut steps);
        steps.iter().any(|step| {
            !matches!(
                step,
                Step::Store { .. } | Step::SendRenewal { .. } | Step::Crash { .. }
            )
        })
    }

    fn is_kept_for_somebody(state: &State, number: usize, lane: &Lane) -> bool {
        let mut holds = (state.replicas.iter())
            .filter_map(|replica| replica.work.as_ref())
            .map(|work| work.hold);
        lane.leased_until <= state.now
            || holds.any(|hold| (hold.lane, hold.fence) == (number, lane.fence))
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let lanes = self.bounds.lane_of.iter().max().map_or(0, |last| last + 1);
        vec![State {
            now: 1,
            crashes: 0,
            failures: 0,
            renewals: 0,
            lanes: vec![Lane::default(); lanes],
            inbox: Vec::new(),
            replicas: vec![Replica::default(); REPLICAS],
            effects: vec![0; self.bounds.lane_of.len()],
            is_out_of_order: false,
            is_robbed: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.now < self.bounds.ticks {
            steps.push(Step::Tick);
        }
        // One delivery comes again.
        let may_be_delivered = state.inbox.len() <= self.bounds.lane_of.len();
        for (number, replica) in state.replicas.iter().enumerate() {
            if may_be_delivered {
                let events = 0..self.bounds.lane_of.len();
                steps.extend(events.map(|event| Step::Store {
                    event,
                    replica: number,
                }));
            }
            steps.extend(replica.stored.iter().map(|row| Step::Offer {
                replica: number,
                row: *row,
            }));
            match &replica.work {
                None => steps.extend((0..state.lanes.len()).filter_map(|lane| {
                    let leased_until = state.lanes[lane].leased_until;
                    let is_free = match leased_until {
                        0 => true,
                        until if until <= state.now => self.guards.expiry,
                        _ => !self.guards.lease,
                    };
                    let has_work = !self.due_in(state, lane).is_empty();
                    (is_free && has_work).then_some(Step::Take {
                        replica: number,
                        lane,
                    })
                })),
                Some(work) => self.steps_of_worker(state, number, work, steps),
            }
            if replica.renewal.is_some() {
                steps.push(Step::Renew { replica: number });
            }
            if state.crashes < self.bounds.crashes && *replica != Replica::default() {
                steps.push(Step::Crash { replica: number });
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Tick => state.now += 1,
            Step::Store { event, replica } => self.store(&mut state, event, replica)?,
            Step::Offer { replica, row } => Self::offer(&mut state, replica, row),
            Step::Take { replica, lane } => self.take(&mut state, replica, lane),
            Step::Read { replica } => self.read(&mut state, replica)?,
            Step::TakeHanded { replica } => self.take_handed(&mut state, replica)?,
            Step::Commit { replica, place } => self.commit(&mut state, replica, place)?,
            Step::Fail { replica } => {
                let due_at = state.now + RETRY_TICKS;
                state.failures += 1;
                self.settle(&mut state, replica, Status::Failed { due_at })?;
            }
            Step::MissParent { replica } => {
                state.replicas[replica].work.as_mut()?.misses_parent = true;
            }
            Step::PutAside { replica } => self.put_aside(&mut state, replica)?,
            Step::Park { replica } => {
                state.failures += 1;
                self.settle(&mut state, replica, Status::Parked)?;
            }
            Step::GiveBack { replica } => self.give_back(&mut state, replica)?,
            Step::SendRenewal { replica } => {
                let until = state.now + LEASE_TICKS;
                let replica = &mut state.replicas[replica];
                let hold = replica.work.as_ref()?.hold;
                replica.renewal = Some(Hold { until, ..hold });
                state.renewals += 1;
            }
            Step::Renew { replica } => self.renew(&mut state, replica)?,
            Step::Crash { replica } => {
                state.replicas[replica] = Replica::default();
                state.crashes += 1;
            }
        }
        // Which replica is which makes no difference, and half of the states are the same as others.
        state.replicas.sort_unstable();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE, |_, state: &State| {
                state.effects.iter().all(|times| *times <= 1)
            }),
            Property::always(IN_ORDER, |_, state: &State| !state.is_out_of_order),
            Property::always(NONE_FORGOTTEN, Self::nothing_is_forgotten),
            Property::always(NOT_ROBBED, |_, state: &State| !state.is_robbed),
            Property::always(NOBODYS_IS_FREE, |_, state: &State| {
                let mut lanes = state.lanes.iter().enumerate();
                state.crashes > 0
                    || lanes.all(|(number, lane)| Self::is_kept_for_somebody(state, number, lane))
            }),
            Property::sometimes(GETS_THERE, |model: &Self, state: &State| {
                let bounds = model.bounds;
                (state.crashes, state.failures, state.renewals)
                    == (bounds.crashes, bounds.failures, bounds.renewals)
                    && state.effects.iter().all(|times| *times == 1)
            }),
        ]
    }
}
