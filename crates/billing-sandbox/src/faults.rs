//! Faults on demand: what goes wrong with the next requests or webhooks that match. Which ones a rate
//! hits is drawn from the seed, so that a run can be repeated.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What happens to a matching request, or (the names that begin with `Webhook`) to a matching event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// Answers this status; nothing has happened.
    FailBefore { status: u16 },
    /// Answers this status although the effect has happened. As at Stripe, a 500 is what the
    /// idempotency key replays from then on; with 502 or above the key replays the true answer.
    FailAfter { status: u16 },
    /// Closes the connection without a byte; nothing has happened.
    CutBefore,
    /// Closes the connection without a byte although the effect has happened.
    CutAfter,
    /// Answers 429 with `Retry-After`; nothing has happened.
    RateLimit { retry_after_s: u64 },
    /// Waits before the request is carried out; its idempotency key is in use meanwhile.
    Delay { delay_ms: u64 },
    /// Sends the event this many times more.
    WebhookDuplicate {
        #[serde(default = "once")]
        copies: u32,
    },
    /// Sends the event after one to three of those that follow it.
    WebhookReorder,
    /// Sends the event this much later, by the clock of retries.
    WebhookDelay { delay_ms: u64 },
    /// Never sends the event, and never says so: only `/v1/events` has it.
    WebhookDrop,
    /// Gives the event the `created` of the first one that this fault hit.
    WebhookSameSecond,
}

impl FaultKind {
    fn is_for_webhooks(&self) -> bool {
        match self {
            Self::WebhookDuplicate { .. }
            | Self::WebhookReorder
            | Self::WebhookDelay { .. }
            | Self::WebhookDrop
            | Self::WebhookSameSecond => true,
            Self::FailBefore { .. }
            | Self::FailAfter { .. }
            | Self::CutBefore
            | Self::CutAfter
            | Self::RateLimit { .. }
            | Self::Delay { .. } => false,
        }
    }
}

/// A fault for the next requests with a method and a path prefix, or the next events of a type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `POST`, `GET`, `DELETE`; empty for any.
    #[serde(default)]
    pub method: String,
    /// `/v1/checkout/sessions`; empty for any.
    #[serde(default)]
    pub path: String,
    /// For webhooks: `invoice.paid`, or a family such as `invoice.*`; empty for any.
    #[serde(default)]
    pub event: String,
    /// How many it hits.
    #[serde(default = "once")]
    pub times: u32,
    /// How many of a hundred that match it hits, drawn from the sandbox's seed.
    #[serde(default = "always")]
    pub percent: u8,
    #[serde(flatten)]
    pub kind: FaultKind,
}

fn once() -> u32 {
    1
}

fn always() -> u8 {
    100
}

impl Fault {
    /// Hits the next request with this method and path prefix.
    pub fn once(method: &str, path: &str, kind: FaultKind) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            event: String::new(),
            times: 1,
            percent: 100,
            kind,
        }
    }

    /// Hits the next event of this type; of any type if it is empty.
    pub fn webhook(event: &str, kind: FaultKind) -> Self {
        Self {
            event: event.to_owned(),
            ..Self::once("", "", kind)
        }
    }

    /// Hits so many instead of one.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// Hits so many of a hundred that match, for as long as the fault is there.
    #[must_use]
    pub fn percent(self, percent: u8) -> Self {
        Self {
            percent,
            times: u32::MAX,
            ..self
        }
    }
}

/// A fault that waits for what it hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Armed {
    fault: Fault,
    number: u64,
    /// How many matched so far, hit or not.
    seen: u64,
    /// The second that events are given by `WebhookSameSecond`.
    second: Option<i64>,
}

/// What happens to the delivery of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Disturbance {
    pub(crate) copies: u32,
    pub(crate) delay_ms: u64,
    /// After how many of the following ones it is sent.
    pub(crate) overtaken_by: u64,
    pub(crate) is_dropped: bool,
}

/// The faults of a sandbox, oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Faults {
    seed: u64,
    armed: Vec<Armed>,
    count: u64,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    pub(crate) fn copy(&self) -> Self {
        Self {
            seed: self.seed,
            armed: self.armed.clone(),
            count: self.count,
        }
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        self.count += 1;
        self.armed.push(Armed {
            fault,
            number: self.count,
            seen: 0,
            second: None,
        });
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.armed.iter().map(|armed| armed.fault.clone()).collect()
    }

    /// What goes wrong with a request: the first matching fault is used up by one, and taken.
    pub(crate) fn of_request(&mut self, method: &str, path: &str) -> Option<FaultKind> {
        self.hit(|fault| {
            !fault.kind.is_for_webhooks()
                && (fault.method.is_empty() || fault.method.eq_ignore_ascii_case(method))
                && path.starts_with(&fault.path)
        })
        .map(|(kind, _)| kind)
    }

    /// The second in which an event happened, if a fault has a say in it.
    pub(crate) fn second_of(&mut self, event: &str, created: i64) -> i64 {
        if self.armed.is_empty() {
            return created;
        }
        let is_hit = |fault: &Fault| {
            fault.kind == FaultKind::WebhookSameSecond && is_about(&fault.event, event)
        };
        let known = self.armed.iter_mut().find(|armed| is_hit(&armed.fault));
        let second = known.map(|armed| *armed.second.get_or_insert(created));
        match (self.hit(is_hit), second) {
            (Some(_), Some(second)) => second,
            _ => created,
        }
    }

    /// What goes wrong with the deliveries of an event: all matching faults together.
    pub(crate) fn of_event(&mut self, event: &str) -> Disturbance {
        let mut disturbance = Disturbance::default();
        if self.armed.is_empty() {
            return disturbance;
        }
        let mut hit_before = 0;
        while let Some((kind, number)) = self.hit_after(hit_before, |fault| {
            fault.kind.is_for_webhooks()
                && fault.kind != FaultKind::WebhookSameSecond
                && is_about(&fault.event, event)
        }) {
            hit_before = number;
            match kind {
                FaultKind::WebhookDuplicate { copies } => disturbance.copies += copies.min(100),
                FaultKind::WebhookReorder => disturbance.overtaken_by = 1 + self.draw(number) % 3,
                FaultKind::WebhookDelay { delay_ms } => disturbance.delay_ms += delay_ms,
                FaultKind::WebhookDrop => disturbance.is_dropped = true,
                _ => {}
            }
        }
        disturbance
    }

    fn hit(&mut self, matches: impl Fn(&Fault) -> bool) -> Option<(FaultKind, u64)> {
        self.hit_after(0, matches)
    }

    /// Uses up the first matching fault with a number above, if its rate says so.
    fn hit_after(
        &mut self,
        after: u64,
        matches: impl Fn(&Fault) -> bool,
    ) -> Option<(FaultKind, u64)> {
        for at in 0..self.armed.len() {
            let Some(armed) = self.armed.get_mut(at) else {
                break;
            };
            if armed.number <= after || armed.fault.times == 0 || !matches(&armed.fault) {
                continue;
            }
            armed.seen += 1;
            let (number, seen, percent) = (armed.number, armed.seen, armed.fault.percent);
            if percent < 100 && drawn(self.seed, number, seen) % 100 >= u64::from(percent) {
                continue;
            }
            let armed = &mut self.armed[at];
            let kind = armed.fault.kind.clone();
            if armed.fault.times != u32::MAX {
                armed.fault.times -= 1;
            }
            if armed.fault.times == 0 {
                self.armed.remove(at);
            }
            return Some((kind, number));
        }
        None
    }

    fn draw(&self, number: u64) -> u64 {
        let armed = self.armed.iter().find(|armed| armed.number == number);
        drawn(
            self.seed,
            number,
            u64::MAX - armed.map_or(0, |armed| armed.seen),
        )
    }
}

fn is_about(pattern: &str, event: &str) -> bool {
    pattern.is_empty()
        || pattern == event
        || pattern
            .strip_suffix('*')
            .is_some_and(|family| event.starts_with(family))
}

/// A number that depends on nothing but the seed, the fault, and how often it was asked.
fn drawn(seed: u64, number: u64, seen: u64) -> u64 {
    let mut hasher = Sha256::new();
    for part in [seed, number, seen] {
        hasher.update(part.to_be_bytes());
    }
    let digest = hasher.finalize();
    digest
        .iter()
        .take(7)
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_used_up_by_what_it_hits() {
        let mut faults = Faults::new(1);
        faults.add(Fault::once("POST", "/v1/customers", FaultKind::CutBefore).times(2));
        assert_eq!(faults.of_request("GET", "/v1/customers"), None);
        assert!(faults.of_request("POST", "/v1/customers").is_some());
        assert!(faults.of_request("POST", "/v1/customers/cus_1").is_some());
        assert_eq!(faults.of_request("POST", "/v1/customers"), None);
        assert!(faults.list().is_empty());
    }

    #[test]
    fn a_rate_hits_the_same_ones_for_the_same_seed() {
        let hits = |seed: u64| {
            let mut faults = Faults::new(seed);
            faults.add(Fault::once("", "", FaultKind::CutAfter).percent(30));
            (0..200)
                .map(|_| faults.of_request("GET", "/").is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(hits(42), hits(42));
        assert_ne!(hits(42), hits(43));
        let count = hits(42).iter().filter(|is_hit| **is_hit).count();
        assert!((40..=80).contains(&count), "{count} of 200 at 30 per cent");
    }

    #[test]
    fn faults_of_webhooks_add_up_and_leave_requests_alone() {
        let mut faults = Faults::new(1);
        faults.add(Fault::webhook(
            "invoice.*",
            FaultKind::WebhookDuplicate { copies: 2 },
        ));
        faults.add(Fault::webhook("", FaultKind::WebhookDelay { delay_ms: 5 }));
        assert_eq!(faults.of_request("GET", "/v1/invoices"), None);
        let paid = faults.of_event("invoice.paid");
        assert_eq!((paid.copies, paid.delay_ms), (2, 5));
        assert_eq!(faults.of_event("invoice.paid"), Disturbance::default());
    }

    #[test]
    fn events_are_put_into_the_second_of_the_first() {
        let mut faults = Faults::new(1);
        faults.add(Fault::webhook("", FaultKind::WebhookSameSecond).times(2));
        assert_eq!(faults.second_of("a", 10), 10);
        assert_eq!(faults.second_of("b", 15), 10);
        assert_eq!(faults.second_of("c", 20), 20);
    }
}
