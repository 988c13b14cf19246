//! A clock that stands still until a test moves it.

use std::sync::{Arc, Mutex};

use time::Duration;

use crate::kernel::ports::Clock;
use crate::kernel::timestamp::Timestamp;

/// 2026-01-01T00:00:00Z, where every manual clock starts.
const START_SECONDS: i64 = 1_767_225_600;

/// A settable clock; its clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// Stands at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        let start = Timestamp::from_unix_seconds(START_SECONDS).expect("2026 is in range");
        Self::at(start)
    }

    /// Stands at a given time.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves to a time, also backwards.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().expect(NOT_POISONED) = now;
    }

    /// Moves forwards and gives the new time.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let mut now = self.0.lock().expect(NOT_POISONED);
        *now = now.plus(by);
        *now
    }
}

/// Nothing between lock and unlock can panic.
const NOT_POISONED: &str = "no holder of this lock panics";

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect(NOT_POISONED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_stands_still_until_it_is_moved() {
        let clock = ManualClock::new();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        assert_eq!(
            clock.advance(Duration::hours(1)).since(start),
            Duration::hours(1)
        );
        assert_eq!(clock.clone().now(), clock.now());
        clock.set(start);
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:00Z");
    }
}
