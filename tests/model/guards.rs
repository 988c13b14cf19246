//! The guards of the protocol, each of which can be taken away, and what they protect.

/// What the checker tries: whose the events are, and bounds that keep the states finite.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The lane of each event.
    pub(super) lane_of: &'static [usize],
    /// An event, and the one that has to be applied before it.
    pub(super) parent_of: Option<(usize, usize)>,
    pub(super) ticks: u8,
    pub(super) crashes: u8,
    /// Attempts that fail, in all.
    pub(super) failures: u8,
    /// Renewals that are sent, in all.
    pub(super) renewals: u8,
}

/// Which of the guards are there.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each guard is there or taken away"
)]
pub(super) struct Guards {
    /// A provider's id is stored once.
    pub(super) unique: bool,
    /// An event that is marked is not applied again.
    pub(super) mark: bool,
    /// What a worker has read it does not take from memory as well.
    pub(super) seen: bool,
    /// A commit or a settlement needs the fence that its lane has now.
    pub(super) fence: bool,
    /// The fence grows when a lane is taken.
    pub(super) growth: bool,
    /// A lane is not taken while its lease runs.
    pub(super) lease: bool,
    /// A lane is taken when its lease has run out.
    pub(super) expiry: bool,
    /// A lane is read before anything in it is taken from memory.
    pub(super) catching_up: bool,
    /// What is in hand is applied in order.
    pub(super) order: bool,
    /// Only whoever has the fence gives a lane back.
    pub(super) return_by_fence: bool,
    /// A lane that was given back is not renewed.
    pub(super) no_late_renewal: bool,
    /// The parent's commit makes due what waits for it.
    pub(super) waking: bool,
    /// Whatever is put aside is made due at once if its parent was applied meanwhile.
    pub(super) second_look: bool,
}

pub(super) const ALL: Guards = Guards {
    unique: true,
    mark: true,
    seen: true,
    fence: true,
    growth: true,
    lease: true,
    expiry: true,
    catching_up: true,
    order: true,
    return_by_fence: true,
    no_late_renewal: true,
    waking: true,
    second_look: true,
};

pub(super) const ONCE: &str = "no event takes effect twice";
pub(super) const IN_ORDER: &str = "no event passes an older one of its owner that was in line";
pub(super) const NONE_FORGOTTEN: &str = "no event is forgotten";
pub(super) const NOT_ROBBED: &str = "nobody is refused while his lease runs";
pub(super) const NOBODYS_IS_FREE: &str = "without a crash no lane is kept for nobody";
pub(super) const GETS_THERE: &str = "everything is applied after all that can go wrong";
