//! `billing-app events scrub`: old payloads lose what is personal in them.

use billing_domain::kernel::change_set::Cause;
use billing_domain::provider_events::scrub_payloads::{ScrubOrder, ScrubReport};
use serde_json::json;

use super::args::ScrubArgs;
use super::{application, operator};
use crate::cli::Failure;
use crate::commands::say;

/// Scrubs, or says what would be scrubbed.
pub(super) async fn run(args: &ScrubArgs) -> Result<(), Failure> {
    let (application, now) = application(&args.config).await?;
    let order = ScrubOrder {
        received_before: args.older_than.at(now),
        is_rehearsal: args.dry_run,
        from_the_first: args.all,
        cause: Cause::request(&operator(&args.operator)),
    };
    let is_told = !args.json;
    let told = move |report: &ScrubReport| {
        if is_told {
            // Progress is for whoever waits and no part of the answer.
            eprintln!("{} payloads scrubbed", report.scrubbed_count);
        }
    };
    let report = application.scrub_payloads.run(&order, &told).await;
    let report = report.map_err(|error| {
        Failure::failed(
            "not everything could be scrubbed; the same command goes on where this one stopped",
            &error,
        )
    })?;
    if args.json {
        return say(&as_json(&report, args.dry_run).to_string());
    }
    say(&as_text(&report, args.dry_run))
}

fn as_json(report: &ScrubReport, is_rehearsal: bool) -> serde_json::Value {
    let ScrubReport {
        scrubbed_count,
        unsettled_count,
        irreducible_count,
        answer_count,
        bytes_before,
        bytes_after,
    } = report;
    json!({
        "dry_run": is_rehearsal,
        "scrubbed_count": scrubbed_count,
        "unsettled_count": unsettled_count,
        "irreducible_count": irreducible_count,
        "answer_count": answer_count,
        "bytes_before": bytes_before,
        "bytes_after": bytes_after,
    })
}

fn as_text(report: &ScrubReport, is_rehearsal: bool) -> String {
    let (verb, next) = if is_rehearsal {
        (
            "would be",
            "\nNothing was changed; next: the same without --dry-run",
        )
    } else {
        ("were", "")
    };
    let scrubbed = format!(
        "{} payloads {verb} scrubbed ({} bytes, {} of them facts), {} answers {verb} forgotten",
        report.scrubbed_count, report.bytes_before, report.bytes_after, report.answer_count
    );
    let unsettled = match report.unsettled_count {
        0 => String::new(),
        count => format!(
            "\n{count} payloads are kept: their events wait for a worker or for somebody; \
             `billing-app events list --status parked,failed` names them, and --all looks again"
        ),
    };
    let irreducible = match report.irreducible_count {
        0 => String::new(),
        count => format!(
            "\n{count} payloads are kept: they would say something else without what is personal"
        ),
    };
    scrubbed + &unsettled + &irreducible + next
}
