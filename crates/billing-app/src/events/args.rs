//! What can be asked about the events in the inbox.

use billing_domain::kernel::id::UserId;
use billing_domain::kernel::text::{ProviderRef, Reason};
use billing_domain::kernel::timestamp::{InvalidTime, Timestamp};
use billing_domain::provider_events::event_filter::{
    EventFilter, EventName, TimeRange, TypeFilter,
};
use billing_domain::provider_events::replay_provider_events::{REPLAYED_DEFAULT, REPLAYED_MAX};
use billing_domain::provider_events::stored_event::EventStatus;
use clap::{Args, Subcommand};
use time::Duration;

use crate::cli::ConfigArgs;

const EXAMPLES: &str = "\
Examples:
  billing-app events list --status parked,failed          what needs a look, the last received first
  billing-app events list --type 'invoice.*' --since 2h   all about invoices of the last two hours
  billing-app events show evt_1ABC                        one event in full, by Stripe's id or ours
  billing-app events replay evt_1ABC --reason 'price is synced'
  billing-app events replay --status skipped --dry-run    which would be due again; changes nothing
  billing-app events discard evt_1ABC --reason 'sent by the old shop'
  billing-app events scan --since 3d                      what Stripe made since and never came; Stripe keeps 30 days

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused by a rule.
";

/// What to do with events.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct EventsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: EventsCommand,
}

/// What can be done with events.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Lists events, the last received first, and says how full the inbox is.
    List(ListArgs),
    /// Shows one event: payload, attempts, effects, decisions.
    Show(ShowArgs),
    /// Makes events due again: one by its id, or those that match.
    Replay(ReplayArgs),
    /// Decides that an event shall have no effect, until somebody replays it.
    Discard(DiscardArgs),
    /// Looks through Stripe's own list for events that never came, and stores them.
    Scan(ScanArgs),
}

/// Which events.
#[derive(Debug, Clone, Args)]
pub struct FilterArgs {
    /// One or several with commas: received, processing, failed, skipped, parked, deferred,
    /// processed, discarded.
    #[arg(long, value_delimiter = ',', value_parser = parse_status)]
    pub status: Vec<EventStatus>,
    /// A type such as invoice.paid, or a family such as 'invoice.*'.
    #[arg(long = "type", value_parser = TypeFilter::parse)]
    pub event_type: Option<TypeFilter>,
    /// A user (user_…) whose sale or subscription was changed.
    #[arg(long, value_parser = UserId::parse)]
    pub owner: Option<UserId>,
    /// Stripe's id of the event.
    #[arg(long, value_parser = ProviderRef::parse)]
    pub event_id: Option<ProviderRef>,
    /// Received since: 2026-03-01T08:00:00Z, or 90m, 2h, 3d ago.
    #[arg(long, value_parser = Moment::parse)]
    pub since: Option<Moment>,
    /// Received before.
    #[arg(long, value_parser = Moment::parse)]
    pub until: Option<Moment>,
    /// Made by Stripe since.
    #[arg(long, value_parser = Moment::parse)]
    pub created_since: Option<Moment>,
    /// Made by Stripe before.
    #[arg(long, value_parser = Moment::parse)]
    pub created_until: Option<Moment>,
}

impl FilterArgs {
    /// The filter as of now.
    pub fn filter(&self, now: Timestamp) -> EventFilter {
        let Self {
            status,
            event_type,
            owner,
            event_id,
            since,
            until,
            created_since,
            created_until,
        } = self;
        let at = |moment: &Option<Moment>| moment.map(|moment| moment.at(now));
        EventFilter {
            statuses: status.clone(),
            event_type: event_type.clone(),
            provider_event_id: event_id.clone(),
            owner: *owner,
            received: TimeRange {
                from: at(since),
                until: at(until),
            },
            created: TimeRange {
                from: at(created_since),
                until: at(created_until),
            },
        }
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        let now = Timestamp::from_datetime(time::OffsetDateTime::UNIX_EPOCH);
        self.filter(now) == EventFilter::default()
    }
}

/// A point in time as people say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// That one.
    At(Timestamp),
    /// So long before now.
    Ago(Duration),
}

impl Moment {
    /// Reads RFC 3339, or a number with `m`, `h` or `d`.
    ///
    /// # Errors
    /// [`InvalidMoment`].
    pub fn parse(text: &str) -> Result<Self, InvalidMoment> {
        if let Ok(at) = Timestamp::parse(text) {
            return Ok(Self::At(at));
        }
        let unit: fn(i64) -> Duration = match text.chars().last() {
            Some('m') => Duration::minutes,
            Some('h') => Duration::hours,
            Some('d') => Duration::days,
            _ => return Err(InvalidMoment(InvalidTime)),
        };
        let digits = &text[..text.len() - 1];
        match digits.parse::<u16>() {
            Ok(number) => Ok(Self::Ago(unit(i64::from(number)))),
            Err(_) => Err(InvalidMoment(InvalidTime)),
        }
    }

    /// The time, as of now.
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(duration) => now.minus(duration),
        }
    }
}

/// The text is no point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}, or how long ago: `90m`, `2h`, `3d`")]
pub struct InvalidMoment(InvalidTime);

fn parse_status(text: &str) -> Result<EventStatus, String> {
    EventStatus::parse(text).ok_or_else(|| {
        let known = EventStatus::ALL.map(|status| status.name()).join(", ");
        format!("there are {known}")
    })
}

/// Which page.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Which events.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// At most so many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub limit: u16,
    /// Where the page before ended; it says so.
    #[arg(long)]
    pub after: Option<String>,
    /// One object a line, as the API shows it.
    #[arg(long)]
    pub json: bool,
}

/// Which event.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Ours (whe_…) or Stripe's (evt_…).
    #[arg(value_parser = EventName::parse)]
    pub event: EventName,
    /// One object, as the API shows it.
    #[arg(long)]
    pub json: bool,
}

/// Who decides.
#[derive(Debug, Clone, Args)]
pub struct OperatorArgs {
    /// Whom the audit trail names.
    #[arg(long, env = "USER", default_value = "command_line")]
    pub operator: String,
}

/// Which events to replay.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// One event, ours (whe_…) or Stripe's (evt_…); without it, a filter with a status.
    #[arg(value_parser = EventName::parse)]
    pub event: Option<EventName>,
    /// Which events.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Says what would be replayed, and changes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// At most so many in one call, the first received first.
    #[arg(
        long,
        default_value_t = REPLAYED_DEFAULT,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(REPLAYED_MAX))
    )]
    pub limit: u16,
    /// Why, for the audit trail.
    #[arg(long, value_parser = Reason::parse)]
    pub reason: Option<Reason>,
    /// Who.
    #[command(flatten)]
    pub operator: OperatorArgs,
    /// One object, as the API answers.
    #[arg(long)]
    pub json: bool,
}

/// Which event to discard.
#[derive(Debug, Args)]
pub struct DiscardArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Ours (whe_…) or Stripe's (evt_…).
    #[arg(value_parser = EventName::parse)]
    pub event: EventName,
    /// Why: shown with the event and kept in the audit trail.
    #[arg(long, value_parser = Reason::parse)]
    pub reason: Reason,
    /// Who.
    #[command(flatten)]
    pub operator: OperatorArgs,
    /// One object, as the API answers.
    #[arg(long)]
    pub json: bool,
}

/// From where to look.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Looks again at what Stripe made since: 2026-03-01T08:00:00Z, or 2h, 3d ago. Without it, on
    /// from where the last look ended.
    #[arg(long, value_parser = Moment::parse)]
    pub since: Option<Moment>,
    /// One object.
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let now = Timestamp::parse("2026-03-04T08:00:00Z").unwrap();
        for (text, expected) in [
            ("2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z"),
            ("90m", "2026-03-04T06:30:00Z"),
            ("2h", "2026-03-04T06:00:00Z"),
            ("3d", "2026-03-01T08:00:00Z"),
        ] {
            assert_eq!(Moment::parse(text).unwrap().at(now).to_string(), expected);
        }
        for bad in ["", "h", "2 h", "-2h", "2026-03-01", "zwei€"] {
            assert!(Moment::parse(bad).is_err(), "{bad}");
        }
    }
}
