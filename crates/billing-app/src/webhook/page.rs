//! How the endpoint and its deliveries are shown.

use std::fmt::Write;

use billing_domain::deliveries::check_webhook::{UNDELIVERED_SINCE, Undelivered, WebhookReport};
use billing_domain::deliveries::endpoint::{EndpointFlaw, EndpointReport, SigningSecret};
use billing_domain::deliveries::register_webhook::{PlannedStep, RegisteredWebhook, Registration};
use billing_domain::deliveries::scan::{Scan, ScanKind};
use billing_domain::kernel::timestamp::Timestamp;
use serde_json::{Value, json};
use time::Duration;

/// A scan that has not come to its end for so long is not in order.
const SCAN_LATE_AFTER: Duration = Duration::hours(1);

/// The secret, shown once, and where it belongs.
pub(super) fn secret(secret: &SigningSecret) -> String {
    format!(
        "\n{}\n\nStripe shows this signing secret once. Put it into STRIPE_WEBHOOK_SECRET (behind a \
         comma, if there is another one), restart the service, and see: billing-app webhook status",
        secret.expose()
    )
}

/// A line for each flaw: what is wrong and what to do.
pub(super) fn flaws(report: &EndpointReport) -> Vec<String> {
    report.flaws.iter().map(flaw).collect()
}

fn flaw(flaw: &EndpointFlaw) -> String {
    const REGISTER: &str = "next: billing-app webhook register";
    match flaw {
        EndpointFlaw::NotRegistered => format!("not registered; {REGISTER}"),
        EndpointFlaw::Disabled => {
            format!("disabled, so nothing is delivered; look why deliveries failed, {REGISTER}")
        }
        EndpointFlaw::OtherVersion { found } => format!(
            "its payloads have the version {}, which is read all the same; Stripe never changes it: \
             delete the endpoint there and register anew if it shall be ours",
            found.as_deref().unwrap_or("of the account")
        ),
        EndpointFlaw::MissingTypes(types) => {
            format!("never delivered: {}; {REGISTER}", types.join(", "))
        }
        EndpointFlaw::ExtraTypes(types) => {
            format!("delivered for nothing: {}; {REGISTER}", types.join(", "))
        }
        EndpointFlaw::Several { others } => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            format!(
                "registered more than once, so every event comes again; delete at Stripe: {}",
                others.join(", ")
            )
        }
    }
}

/// What is not in order, a sentence each. Events that could not be delivered and are in the inbox
/// all the same are none.
pub(super) fn problems(report: &WebhookReport) -> Vec<String> {
    let mut problems = flaws(&report.endpoint);
    let Undelivered {
        missing_count,
        count: _,
        has_more: _,
    } = report.undelivered;
    if missing_count > 0 {
        problems.push(format!(
            "{missing_count} undelivered events are not in the inbox; next: billing-app events scan"
        ));
    }
    problems.extend(report.scans.iter().filter_map(|scan| late(scan, report.at)));
    problems
}

fn late(scan: &Scan, now: Timestamp) -> Option<String> {
    let name = scan.kind.name();
    let why = scan.last_error.as_deref().unwrap_or("it has more to read");
    if scan.is_near_horizon(now) {
        let position = scan.position;
        return Some(format!(
            "the scan of {name} stands at {position}, and Stripe lists events for 30 days only \
             ({why}); next: billing-app events scan"
        ));
    }
    let finished_at = scan.finished_at?;
    (now.since(finished_at) > SCAN_LATE_AFTER).then(|| {
        format!(
            "the scan of {name} has not come to its end since {finished_at} ({why}); does a service \
             run, and is EVENT_SCAN_INTERVAL_SECONDS not 0? Next: billing-app events scan"
        )
    })
}

/// The report for a reader.
pub(super) fn report(url: &str, report: &WebhookReport) -> String {
    let mut text = format!("endpoint     {url}\n");
    let mut line = |name: &str, value: &str| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{name:<12} {value}");
    };
    if let Some(endpoint) = &report.endpoint.endpoint {
        line("id", endpoint.id.as_str());
        line("enabled", if endpoint.is_enabled { "yes" } else { "no" });
        let version = endpoint.api_version.as_deref();
        line("version", version.unwrap_or("of the account"));
        line("types", &endpoint.event_types.len().to_string());
    }
    line("undelivered", &undelivered(&report.undelivered));
    let last = match &report.last_event {
        None => "never".to_owned(),
        Some(event) => format!(
            "{} ({}), {}",
            event.received_at, event.envelope.event_type, event.envelope.provider_event_id
        ),
    };
    line("last event", &last);
    for scan in &report.scans {
        let position = scan.position;
        let found = scan.found_count;
        let window = if scan.window.is_some() {
            "; under way"
        } else {
            ""
        };
        let value = format!(
            "{} up to {position}, {found} found{window}",
            scan.kind.name()
        );
        line("scan", &value);
    }
    if report.scans.is_empty() {
        line("scan", "never; a service that runs begins by itself");
    }
    let problems = problems(report);
    if problems.is_empty() {
        line("in order", "yes");
    }
    for problem in problems {
        line("not in order", &problem);
    }
    text.trim_end().to_owned()
}

fn undelivered(undelivered: &Undelivered) -> String {
    let Undelivered {
        count,
        has_more,
        missing_count,
    } = undelivered;
    let days = UNDELIVERED_SINCE.whole_days();
    let more = if *has_more { " or more" } else { "" };
    format!(
        "{count}{more} events of the last {days} days, {missing_count} of them not in the inbox"
    )
}

/// The report for a program.
pub(super) fn report_json(url: &str, report: &WebhookReport) -> Value {
    let endpoint = report.endpoint.endpoint.as_ref().map(|endpoint| {
        json!({
            "id": endpoint.id.as_str(),
            "enabled": endpoint.is_enabled,
            "api_version": endpoint.api_version,
            "event_types": endpoint.event_types,
        })
    });
    let scan = |kind: ScanKind| {
        let scan = report.scans.iter().find(|scan| scan.kind == kind)?;
        Some(json!({
            "position": scan.position.to_string(),
            "finished_at": scan.finished_at.map(|at| at.to_string()),
            "found": scan.found_count,
            "found_at": scan.found_at.map(|at| at.to_string()),
            "last_error": scan.last_error,
        }))
    };
    let last = report.last_event.as_ref();
    json!({
        "url": url,
        "endpoint": endpoint,
        "undelivered": {
            "count": report.undelivered.count,
            "has_more": report.undelivered.has_more,
            "missing": report.undelivered.missing_count,
        },
        "last_event_received_at": last.map(|event| event.received_at.to_string()),
        "scans": {
            "all_events": scan(ScanKind::AllEvents),
            "failed_deliveries": scan(ScanKind::FailedDeliveries),
        },
        "problems": problems(report),
    })
}

/// What registering came to, for a program.
pub(super) fn registered_json(url: &str, done: &RegisteredWebhook) -> Value {
    let (result, secret) = match &done.registration {
        Registration::Created(secret) => ("created", Some(secret.expose())),
        Registration::Updated => ("updated", None),
        Registration::Unchanged => ("unchanged", None),
        Registration::Rehearsed(PlannedStep::Create) => ("would_create", None),
        Registration::Rehearsed(PlannedStep::Update) => ("would_update", None),
        Registration::Rehearsed(PlannedStep::Nothing) => ("would_change_nothing", None),
    };
    let endpoint = done.report.endpoint.as_ref();
    json!({
        "url": url,
        "result": result,
        "id": endpoint.map(|endpoint| endpoint.id.as_str()),
        "secret": secret,
        "problems": flaws(&done.report),
    })
}
