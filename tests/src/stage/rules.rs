//! The rules of a shop that sells, and of which nothing is counted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use billing_app::config::JobsSection;
use billing_app::wiring::{LogPublisher, Observers, Rules};
use billing_domain::checkout::policy::CheckoutPolicy;
use billing_domain::deliveries::scan::ScanPolicy;
use billing_domain::provider_events::observer::Unobserved;
use time::Duration;

use super::readiness::NoMetrics;

/// Sells, with a trial of so many days.
pub fn of_a_quiet_shop(trial_days: u16) -> Rules {
    Rules {
        policy: Arc::new(CheckoutPolicy {
            embargoed_countries: BTreeSet::new(),
            reservation: Duration::hours(24),
            trial_days,
            success_url: "https://shop.example/success".to_owned(),
            cancel_url: "https://shop.example/cancel".to_owned(),
            redirect_allowlist: Vec::new(),
        }),
        billing_enabled: true,
        jobs: JobsSection {
            poll_interval: StdDuration::from_secs(1),
            sweep_interval: StdDuration::from_secs(1),
            stalled_after: Duration::seconds(180),
            is_scanning: false,
            is_working: true,
            payload_retention: None,
            retention_interval: StdDuration::from_mins(1),
        },
        publisher: Arc::new(LogPublisher),
        scan: ScanPolicy {
            interval: Duration::minutes(5),
            delay: Duration::minutes(2),
            overlap: Duration::hours(1),
        },
        observers: Observers {
            events: Arc::new(Unobserved),
            scans: Arc::new(Unobserved),
            page: Arc::new(NoMetrics),
            tidy: Arc::new(|| {}),
        },
    }
}
