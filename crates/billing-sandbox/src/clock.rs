//! The one clock of a sandbox: every timestamp, expiry and retry is read from here and nowhere else.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where the sandbox's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockStart {
    /// The machine's time, plus what was advanced.
    #[default]
    Real,
    /// Stands still at this many seconds since 1970 (UTC) until it is advanced.
    Fixed(i64),
}

#[derive(Debug)]
pub(crate) struct Clock {
    start: ClockStart,
    advanced_ms: AtomicI64,
    started: Instant,
}

impl Clock {
    pub(crate) fn new(start: ClockStart) -> Self {
        Self {
            start,
            advanced_ms: AtomicI64::new(0),
            started: Instant::now(),
        }
    }

    /// Milliseconds since 1970 in the sandbox's time.
    pub(crate) fn now_ms(&self) -> i64 {
        let base = match self.start {
            ClockStart::Real => machine_ms(),
            ClockStart::Fixed(seconds) => seconds.saturating_mul(1000),
        };
        base.saturating_add(self.advanced_ms.load(Ordering::SeqCst))
    }

    /// Seconds since 1970 in the sandbox's time.
    pub(crate) fn now(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    pub(crate) fn stands_still(&self) -> bool {
        self.start != ClockStart::Real
    }

    pub(crate) fn advanced_ms(&self) -> i64 {
        self.advanced_ms.load(Ordering::SeqCst)
    }

    pub(crate) fn set_advanced_ms(&self, advanced_ms: i64) {
        self.advanced_ms.store(advanced_ms, Ordering::SeqCst);
    }

    /// Puts the clock to a time, from where it goes on or stands still as it does.
    pub(crate) fn set_now_ms(&self, now_ms: i64) {
        let behind = now_ms.saturating_sub(self.now_ms());
        self.advanced_ms.fetch_add(behind, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.advanced_ms
            .fetch_add(seconds.saturating_mul(1000), Ordering::SeqCst);
    }

    /// The time by which a background delivery task measures its retries: a clock that stands
    /// still must not keep a webhook from being tried again.
    pub(crate) fn retry_ms(&self, automatic: bool) -> i64 {
        match self.start {
            ClockStart::Fixed(_) if automatic => {
                let elapsed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
                self.now_ms().saturating_add(elapsed)
            }
            ClockStart::Fixed(_) | ClockStart::Real => self.now_ms(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that asks the machine"
)]
fn machine_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_stands_still_until_it_is_advanced() {
        let clock = Clock::new(ClockStart::Fixed(1_700_000_000));
        assert_eq!(clock.now(), 1_700_000_000);
        clock.advance(60);
        assert_eq!(clock.now(), 1_700_000_060);
    }
}
