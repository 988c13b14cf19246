//! How far the provider's list of events was looked through: window by window, the oldest first,
//! each with a piece of the one before, because events may appear late and clocks differ.

use time::Duration;

use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;

#[cfg(test)]
mod tests;

/// How long the provider lists an event (<https://docs.stripe.com/api/events>).
pub const LISTED_FOR: Duration = Duration::days(30);

/// From this age of the position on, the horizon is near enough to warn of: a week is left.
pub const WARN_AGE: Duration = Duration::days(23);

/// The longest window of [`ScanKind::AllEvents`]. After an outage the oldest events are read first,
/// since they are the first that the provider forgets.
const WINDOW_MAX: Duration = Duration::hours(6);

/// How far inside the horizon a scan begins that looks at everything: the horizon moves on while
/// its first window is read.
const MARGIN: Duration = Duration::hours(1);

/// The provider tries a delivery for three days; a day more covers its own delays.
const RETRIED_FOR: Duration = Duration::days(4);

/// Which list is looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScanKind {
    /// Every event, once it is old enough to have been delivered.
    AllEvents,
    /// The events of the last days whose delivery failed: a short list, and a second look at events
    /// that the first one cannot have seen.
    FailedDeliveries,
}

impl ScanKind {
    /// Both, the short list first.
    pub const ALL: [Self; 2] = [Self::FailedDeliveries, Self::AllEvents];

    /// The name in storage and in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::AllEvents => "all_events",
            Self::FailedDeliveries => "failed_deliveries",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// When a scan looks, and how much of the last window it looks at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanPolicy {
    /// How long a finished scan rests.
    pub interval: Duration,
    /// How old an event is before it can be missing: deliveries take a moment.
    pub delay: Duration,
    /// How far each window reaches back into the one before.
    pub overlap: Duration,
}

impl ScanPolicy {
    fn overlap(&self, kind: ScanKind) -> Duration {
        match kind {
            ScanKind::AllEvents => self.overlap,
            ScanKind::FailedDeliveries => self.overlap.max(RETRIED_FOR),
        }
    }
}

/// A window that is being read, the newest event first, as the provider lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanWindow {
    /// The time of its oldest event at least.
    pub from: Timestamp,
    /// The time of its newest event at most.
    pub until: Timestamp,
    /// The last event that was read; the next page begins behind it.
    pub after: Option<ProviderRef>,
}

/// Events that the provider no longer lists and that nobody looked for in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostRange {
    /// From here.
    pub from: Timestamp,
    /// To here.
    pub until: Timestamp,
}

/// Where a scan stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Of which list.
    pub kind: ScanKind,
    /// Every event that the provider made before this was looked at.
    pub position: Timestamp,
    /// The window that was begun and not finished.
    pub window: Option<ScanWindow>,
    /// When nothing was left to look at, for the last time.
    pub finished_at: Option<Timestamp>,
    /// How many events were found that had never come.
    pub found_count: u64,
    /// When one was found, for the last time.
    pub found_at: Option<Timestamp>,
    /// Why the last turn ended early.
    pub last_error: Option<String>,
}

impl Scan {
    /// A scan that has not begun: it looks at everything that the provider still lists.
    pub fn new(kind: ScanKind, now: Timestamp) -> Self {
        Self::since(kind, horizon(now).plus(MARGIN))
    }

    /// A scan that looks at what was made since.
    pub fn since(kind: ScanKind, position: Timestamp) -> Self {
        Self {
            kind,
            position,
            window: None,
            finished_at: None,
            found_count: 0,
            found_at: None,
            last_error: None,
        }
    }

    /// Begins a window unless one is under way. Afterwards no window means that nothing is left to
    /// look at. Gives what can no longer be looked at because the scan came too late.
    pub fn begin(&mut self, now: Timestamp, policy: &ScanPolicy) -> Option<LostRange> {
        let horizon = horizon(now);
        let is_late = self.position < horizon;
        // A scan that never came to its end has promised nothing yet.
        let lost = (is_late && self.finished_at.is_some()).then_some(LostRange {
            from: self.position,
            until: horizon,
        });
        if is_late {
            // What is left of a window that was begun long ago begins behind an event that the
            // provider may no longer know.
            self.position = horizon.plus(MARGIN);
            self.window = None;
        }
        if self.window.is_some() {
            return lost;
        }
        let newest = now.minus(policy.delay);
        if newest <= self.position {
            self.finish(now);
            return lost;
        }
        let until = match self.kind {
            ScanKind::AllEvents => newest.min(self.position.plus(WINDOW_MAX)),
            ScanKind::FailedDeliveries => newest,
        };
        self.window = Some(ScanWindow {
            from: self
                .position
                .minus(policy.overlap(self.kind).max(MARGIN))
                .max(horizon),
            until,
            after: None,
        });
        lost
    }

    /// Remembers that a page was read: the window goes on behind `next`, or it is finished.
    pub fn page_read(&mut self, next: Option<ProviderRef>) {
        let Some(window) = &mut self.window else {
            return;
        };
        match next {
            Some(id) => window.after = Some(id),
            None => {
                self.position = self.position.max(window.until);
                self.window = None;
            }
        }
    }

    /// Reads the window again from its newest event, because the provider does not know the event
    /// any more behind which the next page would begin.
    pub fn restart_window(&mut self) {
        if let Some(window) = &mut self.window {
            window.after = None;
        }
    }

    /// Counts events that had never come.
    pub fn count_found(&mut self, count: u64, now: Timestamp) {
        if count > 0 {
            self.found_count = self.found_count.saturating_add(count);
            self.found_at = Some(now);
        }
    }

    fn finish(&mut self, now: Timestamp) {
        self.finished_at = Some(now);
    }

    /// How old the oldest event may be that was not looked at.
    pub fn age(&self, now: Timestamp) -> Duration {
        now.since(self.position)
    }

    /// Whether events will soon be out of reach of a scan that was up to date once.
    pub fn is_near_horizon(&self, now: Timestamp) -> bool {
        self.finished_at.is_some() && self.age(now) >= WARN_AGE
    }
}

/// The oldest time that the provider lists.
pub fn horizon(now: Timestamp) -> Timestamp {
    now.minus(LISTED_FOR)
}
