//! Events as an operator reads them in a terminal.

use std::fmt::Write as _;

use billing_domain::kernel::audit::AuditLine;
use billing_domain::kernel::page::Page;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::ports::{EventRecord, InboxDepth};
use billing_domain::provider_events::stored_event::{EventState, EventStatus, StoredEvent};
use time::Duration;

/// How much of a reason a table shows; the rest is shown with the event.
const REASON_CHARS_MAX: usize = 60;

const HEADINGS: [&str; 7] = [
    "RECEIVED",
    "STATUS",
    "TYPE",
    "ID",
    "STRIPE'S ID",
    "TRIES",
    "WHY",
];

/// One page and what to do next.
pub(super) fn list(page: &Page<StoredEvent>) -> String {
    let mut text = if page.items.is_empty() {
        "no event matches\n".to_owned()
    } else {
        table(&page.items)
    };
    if let Some(next) = &page.next {
        let _ = writeln!(text, "\nmore: the same with --after {next}");
    }
    text
}

/// A line for each event, in aligned columns.
pub(super) fn table(events: &[StoredEvent]) -> String {
    let mut rows = vec![HEADINGS.map(ToOwned::to_owned)];
    rows.extend(events.iter().map(|event| {
        [
            seconds(event.received_at),
            event.state.status().name().to_owned(),
            event.envelope.event_type.clone(),
            event.id.to_string(),
            event.envelope.provider_event_id.to_string(),
            event.attempts.to_string(),
            shortened(event.state.reason().unwrap_or_default()),
        ]
    }));
    let width = |column: usize| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: [usize; HEADINGS.len()] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn shortened(reason: &str) -> String {
    if reason.chars().count() <= REASON_CHARS_MAX {
        return reason.to_owned();
    }
    let kept: String = reason.chars().take(REASON_CHARS_MAX - 1).collect();
    kept + "…"
}

/// How full the inbox is, in a sentence.
pub(super) fn depth(depth: &InboxDepth, now: Timestamp) -> String {
    let counts: Vec<String> = depth
        .counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| format!("{count} {}", status.name()))
        .collect();
    let counts = if counts.is_empty() {
        "nothing waits".to_owned()
    } else {
        counts.join(", ")
    };
    match depth.oldest_unapplied_at {
        None => format!("inbox: {counts}"),
        Some(at) => format!(
            "inbox: {counts}; the oldest that shall be applied came {} ago",
            spoken(now.since(at))
        ),
    }
}

/// A duration as people say it.
fn spoken(duration: Duration) -> String {
    let seconds = duration.whole_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn seconds(at: Timestamp) -> String {
    let whole = Timestamp::from_unix_seconds(at.unix_seconds());
    whole.map_or_else(|_| at.to_string(), |whole| whole.to_string())
}

/// One event with all that is known of it.
pub(super) fn record(record: &EventRecord) -> String {
    let event = &record.event;
    let envelope = &event.envelope;
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "{label:12} {value}");
    };
    line(
        "event",
        &format!("{} ({})", event.id, envelope.provider_event_id),
    );
    let version = envelope.api_version.as_deref().unwrap_or("unknown");
    let mode = if envelope.is_live { "live" } else { "test" };
    let kind = &envelope.event_type;
    line(
        "type",
        &format!("{kind}, API version {version}, {mode} mode"),
    );
    if let Some(account) = &envelope.account {
        line("account", account);
    }
    line("made", &envelope.created_at.to_string());
    line("received", &event.received_at.to_string());
    if record.is_found_by_scan() {
        line(
            "origin",
            "never came; found by a scan of Stripe's list, and nobody signed it",
        );
    }
    if let Some(address) = record.delivery.remote_address() {
        line("from", &address.to_string());
    }
    if let Some(request) = &event.correlation_id {
        line("request", request);
    }
    line("status", &status(&event.state));
    if let Some(reason) = event.state.reason() {
        line("why", reason);
    }
    section(
        &mut text,
        "attempts",
        "none has ended",
        &record.attempts,
        |attempt| {
            let error = attempt.error.as_deref().unwrap_or("applied");
            format!("{}  {}: {error}", attempt.at, attempt.status.name())
        },
    );
    section(
        &mut text,
        "effects",
        "nothing was changed",
        &record.effects,
        changed,
    );
    section(
        &mut text,
        "decisions",
        "nobody decided anything",
        &record.decisions,
        decided,
    );
    section(
        &mut text,
        "headers",
        "none was kept",
        record.delivery.headers(),
        |(name, value)| format!("{name}: {value}"),
    );
    let payload = String::from_utf8_lossy(&record.payload);
    let _ = write!(
        text,
        "\npayload ({} bytes)\n{payload}\n",
        record.payload.len()
    );
    let _ = write!(text, "\nnext: {}", next_step(event));
    text
}

fn section<T>(
    text: &mut String,
    heading: &str,
    none: &str,
    items: &[T],
    line: impl Fn(&T) -> String,
) {
    let _ = writeln!(text, "\n{heading}");
    if items.is_empty() {
        let _ = writeln!(text, "  {none}");
    }
    for item in items {
        let _ = writeln!(text, "  {}", line(item));
    }
}

fn changed(line: &AuditLine) -> String {
    let before = line.before.as_deref().unwrap_or("new");
    format!(
        "{} {}  {}: {before} → {}",
        line.entity_kind, line.entity_id, line.action, line.after
    )
}

fn decided(line: &AuditLine) -> String {
    let before = line.before.as_deref().unwrap_or("new");
    let reason = line.reason.as_deref().unwrap_or("no reason was given");
    format!(
        "{}  {}: {before} → {} ({reason})",
        line.at, line.actor, line.after
    )
}

fn status(state: &EventState) -> String {
    let name = state.status().name();
    match state {
        EventState::Received => name.to_owned(),
        EventState::Processing { leased_until } => {
            format!("{name}, a worker has it until {leased_until}")
        }
        EventState::Failed {
            at,
            error: _,
            next_attempt_at,
        } => format!("{name} at {at}, due again at {next_attempt_at}"),
        EventState::Skipped { at, reason: _ }
        | EventState::Parked { at, reason: _ }
        | EventState::Discarded { at, reason: _ }
        | EventState::Deferred { at }
        | EventState::Processed { at } => format!("{name} at {at}"),
    }
}

/// The one safe thing to do.
pub(super) fn next_step(event: &StoredEvent) -> String {
    let id = event.id;
    match event.state.status() {
        EventStatus::Received | EventStatus::Processing => {
            "nothing; a running service applies it".to_owned()
        }
        EventStatus::Failed => format!(
            "nothing, it is tried again by itself; once the cause is repaired: \
             billing-app events replay {id}"
        ),
        EventStatus::Skipped => {
            format!("nothing, unless it should have had an effect: billing-app events replay {id}")
        }
        EventStatus::Parked => format!(
            "repair the cause, then billing-app events replay {id}; \
             or billing-app events discard {id} --reason '…'"
        ),
        EventStatus::Deferred => {
            "switch billing on (BILLING_ENABLED=true); it is then applied by itself".to_owned()
        }
        EventStatus::Processed => "nothing; its effects are committed".to_owned(),
        EventStatus::Discarded => {
            format!("nothing, unless it was a mistake: billing-app events replay {id}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spoken() {
        let cases = [
            (5, "5 s"),
            (300, "5 min"),
            (10_800, "3 h"),
            (259_200, "3 days"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(spoken(Duration::seconds(seconds)), expected);
        }
    }

    #[test]
    fn an_empty_inbox_says_so() {
        let now = Timestamp::parse("2026-03-04T08:00:00Z").unwrap();
        let empty = InboxDepth {
            counts: vec![(EventStatus::Parked, 0)],
            oldest_unapplied_at: None,
        };
        assert_eq!(depth(&empty, now), "inbox: nothing waits");
        let full = InboxDepth {
            counts: vec![(EventStatus::Parked, 2), (EventStatus::Failed, 1)],
            oldest_unapplied_at: Some(now.minus(Duration::minutes(4))),
        };
        assert_eq!(
            depth(&full, now),
            "inbox: 2 parked, 1 failed; the oldest that shall be applied came 4 min ago"
        );
    }
}
