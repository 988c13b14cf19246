//! What is counted and measured about events, as Prometheus reads it. Labels come from closed sets:
//! no id, no address, no type that somebody made up.

use std::sync::Arc;

use async_trait::async_trait;
use billing_actix::MetricsPage;
use billing_domain::deliveries::ports::{ScanLog, ScanTurn};
use billing_domain::deliveries::scan::ScanKind;
use billing_domain::deliveries::scan_for_missing_events::ScanObserver;
use billing_domain::kernel::ports::{Clock, StoreError};
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::outbox::ports::OutboxQueue;
use billing_domain::provider_events::observer::{Attempt, DeliveryOutcome, EventObserver};
use billing_domain::provider_events::ports::{EventLog, Receipt};
use billing_stripe::snapshot_type;
use metrics::{Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use time::Duration;
use tokio::sync::Mutex;

pub mod names;

use names::{ALL, Kind};

/// What stands for every type that is not known.
const OTHER: &str = "other";

/// The gauges are read from the database at most so often, however many ask.
const GAUGES_KEPT_FOR: Duration = Duration::seconds(5);

/// From a quarter of a millisecond to ten seconds.
const SECONDS_OF_WORK: [f64; 15] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    10.0,
];

/// From a second, which is as exactly as Stripe tells its time, to three days, when it gives up.
const SECONDS_OF_LAG: [f64; 12] = [
    1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0, 43_200.0, 86_400.0, 259_200.0,
];

static METADATA: Metadata<'static> = Metadata::new("billing", Level::INFO, None);

/// Counts and measures. One for each service: two in one process do not meet.
pub struct Metrics {
    recorder: PrometheusRecorder,
    page: PrometheusHandle,
    receive: Histogram,
    apply: Histogram,
    lag: Histogram,
    event_types: &'static [&'static str],
}

impl Metrics {
    /// Begins with nothing counted. Types other than these are counted together.
    ///
    /// # Errors
    /// [`BuildError`] if a histogram had no bucket.
    pub fn new(event_types: &'static [&'static str]) -> Result<Self, BuildError> {
        let full = |name: &str| Matcher::Full(name.to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(full(names::RECEIVE_SECONDS), &SECONDS_OF_WORK)?
            .set_buckets_for_metric(full(names::PROCESSING_SECONDS), &SECONDS_OF_WORK)?
            .set_buckets_for_metric(full(names::LAG_SECONDS), &SECONDS_OF_LAG)?
            .build_recorder();
        for metric in ALL {
            let (name, text) = (metric.name.into(), metric.description.into());
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, None, text),
                Kind::Gauge => recorder.describe_gauge(name, None, text),
                Kind::Histogram => recorder.describe_histogram(name, None, text),
            }
        }
        let histogram = |name: &'static str| {
            recorder.register_histogram(&Key::from_static_name(name), &METADATA)
        };
        let metrics = Self {
            receive: histogram(names::RECEIVE_SECONDS),
            apply: histogram(names::PROCESSING_SECONDS),
            lag: histogram(names::LAG_SECONDS),
            page: recorder.handle(),
            recorder,
            event_types,
        };
        // So that a first one is a rise from nothing, which an alert can see.
        for kind in ScanKind::ALL {
            metrics.add(names::SCAN_FOUND, vec![Label::new("kind", kind.name())], 0);
        }
        for outcome in ["refused", "failed", "turned_away"] {
            metrics.add(names::RECEIVED, vec![Label::new("outcome", outcome)], 0);
        }
        Ok(metrics)
    }

    /// Moves what was measured into the buckets, so that it takes no memory while nobody asks.
    pub fn tidy(&self) {
        self.page.run_upkeep();
    }

    fn add(&self, name: &'static str, labels: Vec<Label>, count: u64) {
        let key = Key::from_parts(name, labels);
        self.recorder
            .register_counter(&key, &METADATA)
            .increment(count);
    }

    fn set(&self, name: &'static str, labels: Vec<Label>, value: f64) {
        let key = Key::from_parts(name, labels);
        self.recorder.register_gauge(&key, &METADATA).set(value);
    }

    fn type_label(&self, event_type: &str) -> &'static str {
        // Both forms of an event are one type.
        let event_type = snapshot_type(event_type);
        let known = self.event_types.iter().find(|known| **known == event_type);
        known.copied().unwrap_or(OTHER)
    }
}

impl EventObserver for Metrics {
    fn delivery_answered(&self, outcome: DeliveryOutcome, took: Duration) {
        let label = match outcome {
            DeliveryOutcome::Stored(Receipt::Recorded) => "received",
            DeliveryOutcome::Stored(Receipt::Duplicate) => "duplicate",
            DeliveryOutcome::Refused(_) => "refused",
            DeliveryOutcome::Failed => "failed",
            DeliveryOutcome::TurnedAway => "turned_away",
        };
        self.add(names::RECEIVED, vec![Label::new("outcome", label)], 1);
        // Who was turned away was answered before there was a body.
        if outcome != DeliveryOutcome::TurnedAway {
            self.receive.record(seconds(took));
        }
    }

    fn attempt_ended(&self, attempt: &Attempt<'_>) {
        let Attempt {
            event_type,
            status,
            created_at,
            began_at,
            ended_at,
        } = attempt;
        let labels = vec![
            Label::new("event_type", self.type_label(event_type)),
            Label::new("status", status.name()),
        ];
        self.add(names::PROCESSED, labels, 1);
        self.apply.record(seconds(ended_at.since(*began_at)));
        if *status == billing_domain::provider_events::stored_event::EventStatus::Processed {
            self.lag.record(seconds(ended_at.since(*created_at)));
        }
    }
}

impl ScanObserver for Metrics {
    fn turn_ended(&self, turn: &ScanTurn) {
        let labels = vec![Label::new("kind", turn.kind.name())];
        self.add(names::SCAN_FOUND, labels, turn.found_count);
    }
}

/// A clock that was set back gives no negative measurement.
fn seconds(took: Duration) -> f64 {
    took.as_seconds_f64().max(0.0)
}

/// The page: what was counted, and what the database says of the whole service at this moment.
pub struct LiveMetrics {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    events: Arc<dyn EventLog>,
    scans: Arc<dyn ScanLog>,
    outbox: Arc<dyn OutboxQueue>,
    read_at: Mutex<Option<Timestamp>>,
}

impl LiveMetrics {
    /// Over a service's counters and its record.
    pub fn new(
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
        events: Arc<dyn EventLog>,
        scans: Arc<dyn ScanLog>,
        outbox: Arc<dyn OutboxQueue>,
    ) -> Self {
        Self {
            metrics,
            clock,
            events,
            scans,
            outbox,
            read_at: Mutex::new(None),
        }
    }

    async fn read_gauges(&self, now: Timestamp) -> Result<(), StoreError> {
        let metrics = &self.metrics;
        let depth = self.events.inbox_depth().await?;
        for (status, count) in depth.counts {
            let labels = vec![Label::new("status", status.name())];
            // Counted no further than a hundred thousand, which a float holds exactly.
            let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            metrics.set(names::INBOX_EVENTS, labels, count);
        }
        let age = depth.oldest_unapplied_at.map(|at| seconds(now.since(at)));
        metrics.set(names::OLDEST_UNAPPLIED, Vec::new(), age.unwrap_or(0.0));
        let outbox = self.outbox.outbox_depth().await?;
        let waiting = f64::from(u32::try_from(outbox.waiting_count).unwrap_or(u32::MAX));
        metrics.set(names::OUTBOX_MESSAGES, Vec::new(), waiting);
        let age = outbox.oldest_at.map(|at| seconds(now.since(at)));
        metrics.set(names::OUTBOX_OLDEST, Vec::new(), age.unwrap_or(0.0));
        for scan in self.scans.scans().await? {
            let labels = || vec![Label::new("kind", scan.kind.name())];
            let age = seconds(scan.age(now));
            metrics.set(names::SCAN_POSITION_AGE, labels(), age);
            if let Some(at) = scan.finished_at {
                metrics.set(names::SCAN_AGE, labels(), seconds(now.since(at)));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl MetricsPage for LiveMetrics {
    async fn render(&self) -> String {
        let now = self.clock.now();
        let mut read_at = self.read_at.lock().await;
        if read_at.is_none_or(|at| now.since(at).abs() >= GAUGES_KEPT_FOR) {
            let read = self.read_gauges(now).await;
            if let Err(error) = &read {
                tracing::warn!(error = %error, "the metrics are those of before: the store does not answer");
            }
            let is_up = if read.is_ok() { 1.0 } else { 0.0 };
            self.metrics.set(names::DATABASE_UP, Vec::new(), is_up);
            *read_at = Some(now);
        }
        self.metrics.page.render()
    }
}

#[cfg(test)]
mod tests;
