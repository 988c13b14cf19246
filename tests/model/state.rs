//! What the database and the replicas know, and what the checker notes down beside them.

/// A lane's row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Lane {
    pub(super) fence: u8,
    /// The tick at which its lease ends; zero when it was given back.
    pub(super) leased_until: u8,
    /// Noted down, not stored: the rows that were due when it was taken or last read.
    pub(super) in_line: Vec<usize>,
}

/// What has become of a stored event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Status {
    Open,
    /// An attempt failed, and the next one is due at this tick.
    Failed {
        due_at: u8,
    },
    /// It was put aside until its parent is applied.
    Waiting,
    /// Nobody tries again: an operator looks at it.
    Parked,
    /// It carries the mark.
    Applied,
}

/// A row of the inbox; its place in it is our id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Row {
    /// The provider's id. A smaller one is older.
    pub(super) event: usize,
    pub(super) status: Status,
}

impl Row {
    pub(super) fn is_due(&self, now: u8) -> bool {
        match self.status {
            Status::Open => true,
            Status::Failed { due_at } => due_at <= now,
            Status::Waiting | Status::Parked | Status::Applied => false,
        }
    }
}

/// A worker's right to a lane, as the worker knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Hold {
    pub(super) lane: usize,
    pub(super) fence: u8,
    pub(super) until: u8,
}

/// What a worker is at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Work {
    pub(super) hold: Hold,
    /// Whether it has read the lane since it took it.
    pub(super) is_caught_up: bool,
    /// The rows that it applies, the next one first.
    pub(super) todo: Vec<usize>,
    /// Whether the first of them was decided to wait for its parent, and is not put aside yet.
    pub(super) misses_parent: bool,
    /// What was handed over meanwhile.
    pub(super) handed: Vec<usize>,
    /// What the last reading found: it may be handed over as well.
    pub(super) seen: Vec<usize>,
}

/// A process, with one worker. All of it is memory: a crash empties it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Replica {
    pub(super) work: Option<Work>,
    /// Rows that this replica has stored and not yet handed over.
    pub(super) stored: Vec<usize>,
    /// A renewal on its way to the database.
    pub(super) renewal: Option<Hold>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct State {
    pub(super) now: u8,
    pub(super) crashes: u8,
    pub(super) failures: u8,
    pub(super) renewals: u8,
    pub(super) lanes: Vec<Lane>,
    pub(super) inbox: Vec<Row>,
    pub(super) replicas: Vec<Replica>,
    /// How often each event took effect.
    pub(super) effects: Vec<u8>,
    /// Whether one took effect before an older one that was in line before it.
    pub(super) is_out_of_order: bool,
    /// Whether a worker was refused although its lease still ran.
    pub(super) is_robbed: bool,
}
