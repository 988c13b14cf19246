//! What a check found, for people and for programs.

use std::fmt::Write;

use billing_domain::rebuild::check_rebuild::{RebuildReport, TableReport};
use billing_domain::rebuild::comparison::Difference;
use serde_json::{Value, json};

/// A page of text.
pub(super) fn text(report: &RebuildReport) -> String {
    let replayed = &report.replayed;
    let mut page = format!(
        "{} events and {} steps of provisioning decided again, {} commits taken over as recorded\n\
         {} events that had no effect decided again: {} would have one now, {} rest on what Stripe would say\n\n\
         {:<24} {:>10} {:>10}  {:<16}  {:<16}  differences\n",
        replayed.events,
        replayed.steps,
        replayed.given,
        replayed.resting,
        replayed.late_count,
        replayed.unanswered,
        "table",
        "live",
        "rebuilt",
        "checksum",
        "rebuilt",
    );
    for table in &report.tables {
        let _ = writeln!(
            page,
            "{:<24} {:>10} {:>10}  {:<16}  {:<16}  {}{}",
            table.kind.name(),
            table.live_count,
            table.rebuilt_count,
            table.live_checksum,
            table.rebuilt_checksum,
            table.difference_count,
            meanwhile(table),
        );
    }
    for refusal in &replayed.refusals {
        let _ = write!(
            page,
            "\n{} was applied and is not applied again: {}",
            refusal.event, refusal.reason
        );
    }
    for late in &replayed.late {
        let _ = write!(
            page,
            "\n{} ({}) was {} and would have an effect now: billing-app events replay {}",
            late.event,
            late.event_type,
            late.status.name(),
            late.event
        );
    }
    for table in &report.tables {
        for difference in &table.differences {
            let _ = write!(page, "\n{} {}", table.kind.name(), line(difference));
        }
        let named = u64::try_from(table.differences.len()).unwrap_or(u64::MAX);
        let unnamed = table.difference_count.saturating_sub(named);
        if unnamed > 0 {
            let _ = write!(page, "\n{} and {unnamed} more", table.kind.name());
        }
    }
    if report.is_proved() {
        page.push_str("\nproved: the record is what the log leads to");
    }
    page
}

fn meanwhile(table: &TableReport) -> String {
    match table.changed_meanwhile {
        0 => String::new(),
        count => format!(" ({count} rows changed meanwhile)"),
    }
}

fn line(difference: &Difference) -> String {
    match difference {
        Difference::Missing { id } => format!("{id}: the log leads to this row, and it is missing"),
        Difference::Unexplained { id } => format!("{id}: nothing in the log leads to this row"),
        Difference::Field {
            id,
            field,
            live,
            rebuilt,
        } => format!("{id}: {field} is {live}, and the log leads to {rebuilt}"),
    }
}

/// The same as one object.
pub(super) fn json(report: &RebuildReport) -> Value {
    let replayed = &report.replayed;
    let refusals: Vec<Value> = replayed
        .refusals
        .iter()
        .map(|refusal| json!({ "event": refusal.event.to_string(), "reason": refusal.reason }))
        .collect();
    let late = replayed.late.iter().map(|late| {
        json!({
            "event": late.event.to_string(),
            "type": late.event_type,
            "status": late.status.name(),
        })
    });
    json!({
        "proved": report.is_proved(),
        "events": replayed.events,
        "steps": replayed.steps,
        "given": replayed.given,
        "resting": replayed.resting,
        "unanswered": replayed.unanswered,
        "late_count": replayed.late_count,
        "late": late.collect::<Vec<_>>(),
        "refused_count": replayed.refused,
        "refused": refusals,
        "tables": report.tables.iter().map(table).collect::<Vec<_>>(),
    })
}

fn table(table: &TableReport) -> Value {
    let differences = table.differences.iter().map(|difference| match difference {
        Difference::Missing { id } => json!({ "id": id.to_string(), "kind": "missing" }),
        Difference::Unexplained { id } => json!({ "id": id.to_string(), "kind": "unexplained" }),
        Difference::Field {
            id,
            field,
            live,
            rebuilt,
        } => json!({
            "id": id.to_string(), "kind": "field", "field": field, "live": live, "rebuilt": rebuilt,
        }),
    });
    json!({
        "table": table.kind.name(),
        "live_count": table.live_count,
        "rebuilt_count": table.rebuilt_count,
        "live_checksum": table.live_checksum,
        "rebuilt_checksum": table.rebuilt_checksum,
        "changed_meanwhile": table.changed_meanwhile,
        "difference_count": table.difference_count,
        "differences": differences.collect::<Vec<_>>(),
    })
}
