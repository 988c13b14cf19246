//! Every metric: its name, its kind and what it says. `docs/operations.md` lists them as well.

/// What kind a metric is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Is what it is.
    Gauge,
    /// How often a measurement was in which range.
    Histogram,
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What it says.
    pub description: &'static str,
}

/// Declares each metric once.
macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:ident, $description:literal;)*) => {
        $(#[doc = $description] pub const $constant: &str = $name;)*

        /// Every metric.
        pub const ALL: &[Metric] = &[
            $(Metric { name: $name, kind: Kind::$kind, description: $description },)*
        ];
    };
}

metrics! {
    RECEIVED = "billing_webhook_received_total", Counter,
        "Deliveries by how they were answered: received, duplicate, refused, failed, turned_away.";
    RECEIVE_SECONDS = "billing_webhook_receive_seconds", Histogram,
        "From a delivery's body to its answer, in seconds.";
    PROCESSED = "billing_webhook_processed_total", Counter,
        "Attempts to apply an event, by its type and where they left it.";
    PROCESSING_SECONDS = "billing_webhook_processing_seconds", Histogram,
        "One attempt to apply an event, in seconds.";
    LAG_SECONDS = "billing_webhook_lag_seconds", Histogram,
        "From the time that Stripe gave an event to its application, in seconds.";
    INBOX_EVENTS = "billing_webhook_inbox_events", Gauge,
        "Events in the inbox by status, counted up to 100000; applied ones are not counted.";
    OLDEST_UNAPPLIED = "billing_webhook_oldest_unapplied_age_seconds", Gauge,
        "How long the oldest event waits that shall be applied and is not; 0 if none waits.";
    SCAN_FOUND = "billing_event_scan_found_total", Counter,
        "Events that had never come and were found in Stripe's list.";
    SCAN_AGE = "billing_event_scan_age_seconds", Gauge,
        "How long ago a scan had nothing left to look at.";
    SCAN_POSITION_AGE = "billing_event_scan_position_age_seconds", Gauge,
        "How old an event may be that a scan has not looked at; Stripe lists them for 30 days.";
    OUTBOX_MESSAGES = "billing_outbox_messages", Gauge,
        "Messages that are committed and not delivered, counted up to 100000.";
    OUTBOX_OLDEST = "billing_outbox_oldest_age_seconds", Gauge,
        "How long ago the oldest message was committed that is not delivered; 0 if none waits.";
    DATABASE_UP = "billing_database_up", Gauge,
        "1 if the database answered when the metrics were read, else 0.";
}
