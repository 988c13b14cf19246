//! Looks for events that never came, until nothing is left to look at.

use billing_domain::deliveries::ports::ScanTurn;
use billing_domain::deliveries::scan::{ScanKind, horizon};
use billing_domain::deliveries::scan_for_missing_events::ScanForMissingEventsError;
use serde_json::json;

use super::application;
use super::args::ScanArgs;
use crate::cli::Failure;
use crate::commands::say;

/// What all turns together came to.
#[derive(Default)]
struct Sum {
    turns: u32,
    seen: u64,
    found: u64,
}

impl Sum {
    /// Counts turns; the short list is a part of the other, so its events are not looked at twice.
    fn add(&mut self, turns: &[ScanTurn]) {
        for turn in turns {
            self.turns += 1;
            self.found += turn.found_count;
            if turn.kind == ScanKind::AllEvents {
                self.seen += turn.seen_count;
            }
        }
    }
}

/// Runs turns to the end. A service may run beside; whoever has a scan at that moment goes on.
///
/// # Errors
/// [`Failure`].
pub(super) async fn run(args: &ScanArgs) -> Result<(), Failure> {
    let (application, now) = application(&args.config).await?;
    let scan = &application.workers.scan;
    let since = args.since.map(|moment| moment.at(now).max(horizon(now)));
    let hurried = scan.hurry(since).await;
    hurried.map_err(|error| Failure::failed("the scan cannot be begun", &error))?;
    let mut sum = Sum::default();
    loop {
        let turns = scan.run().await.map_err(|error| match &error {
            ScanForMissingEventsError::Provider(provider) => crate::webhook::not_asked(provider),
            ScanForMissingEventsError::Store(_) => {
                Failure::failed("what was found cannot be stored", &error)
            }
        })?;
        sum.add(&turns);
        if turns.iter().all(|turn| turn.is_finished) {
            break;
        }
    }
    if args.json {
        let done = json!({ "turns": sum.turns, "seen": sum.seen, "found": sum.found });
        return say(&done.to_string());
    }
    say(&told(&sum))
}

fn told(sum: &Sum) -> String {
    let Sum { turns, seen, found } = sum;
    match (turns, found) {
        (0, _) => "another replica is scanning at this moment; next: billing-app webhook status"
            .to_owned(),
        (_, 0) => format!("{seen} events were looked at; every one of them is in the inbox"),
        (_, _) => format!(
            "{seen} events were looked at; {found} had never come and are in the inbox now. \
             Next: billing-app events list --since 10m"
        ),
    }
}
