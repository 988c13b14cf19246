//! The inbox on the command line: the same use cases as the operators' routes, and no SQL.

use billing_actix::{webhook_event_json, webhook_event_record_json, webhook_events_replayed_json};
use billing_domain::kernel::page::PageRequest;
use billing_domain::kernel::principal::Principal;
use billing_domain::kernel::request::Request;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::discard_provider_event::DiscardProviderEventError;
use billing_domain::provider_events::event_filter::EventName;
use billing_domain::provider_events::list_provider_events::ListProviderEventsError;
use billing_domain::provider_events::replay_provider_event::ReplayProviderEventError;
use billing_domain::provider_events::replay_provider_events::{
    COUNTED_MAX, ReplayOrder, ReplayProviderEventsError, ReplayReport,
};
use billing_domain::provider_events::show_provider_event::ShowProviderEventError;
use billing_seaorm::SqliteSynchronous;

use self::args::{
    DiscardArgs, EventsArgs, EventsCommand, ListArgs, OperatorArgs, ReplayArgs, ShowArgs,
};
use crate::cli::{ConfigArgs, Failure};
use crate::commands::{load, must_be_migrated, production, say};
use crate::service::{assemble, connect, prepare};
use crate::wiring::Application;

pub mod args;
mod page;
mod scan;

/// How soon a running service looks by itself.
const TAKEN_SOON: &str = "a running service takes it within seconds";

/// Does what was asked.
///
/// # Errors
/// [`Failure`].
pub async fn run(args: EventsArgs) -> Result<(), Failure> {
    match args.command {
        EventsCommand::List(args) => list(args).await,
        EventsCommand::Show(args) => show(&args).await,
        EventsCommand::Replay(args) => replay(&args).await,
        EventsCommand::Discard(args) => discard(&args).await,
        EventsCommand::Scan(args) => scan::run(&args).await,
    }
}

/// The service without a server and without workers.
async fn application(args: &ConfigArgs) -> Result<(Application, Timestamp), Failure> {
    let config = load(args)?;
    let surroundings = production();
    let prepared = prepare(&config, &surroundings)?;
    let store = connect(&config.database, SqliteSynchronous::Full).await?;
    must_be_migrated(&store).await?;
    let now = surroundings.clock.now();
    Ok((assemble(&config, &surroundings, &prepared, &store), now))
}

fn operator(args: &OperatorArgs) -> Principal {
    Principal::Operator {
        name: format!("cli:{}", args.operator),
    }
}

/// Whoever can read the database's address can read the database.
fn reader() -> Principal {
    Principal::Operator {
        name: "cli".to_owned(),
    }
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let request = PageRequest::try_new(args.limit, args.after);
    let request = request.map_err(|error| Failure::usage(&error))?;
    let (application, now) = application(&args.config).await?;
    let list = &application.use_cases.provider_events.list;
    let filter = args.filter.filter(now);
    let events = list.run(&reader(), &filter, &request).await;
    let events = events.map_err(|error| not_listed(&error))?;
    if args.json {
        for event in &events.items {
            say(&webhook_event_json(event).to_string())?;
        }
        return Ok(());
    }
    let depth = list.depth(&reader()).await;
    let depth = depth.map_err(|error| not_listed(&error))?;
    say(&page::list(&events))?;
    say(&page::depth(&depth, now))?;
    match events.items.first() {
        Some(event) => say(&format!("next: billing-app events show {}", event.id)),
        None => Ok(()),
    }
}

fn not_listed(error: &ListProviderEventsError) -> Failure {
    Failure::failed("the events cannot be listed", error)
}

async fn show(args: &ShowArgs) -> Result<(), Failure> {
    let (application, _) = application(&args.config).await?;
    let show = &application.use_cases.provider_events.show;
    match show.run(&reader(), &args.event).await {
        Ok(record) if args.json => say(&webhook_event_record_json(record).to_string()),
        Ok(record) => say(&page::record(&record)),
        Err(ShowProviderEventError::NotFound) => Err(unknown(&args.event)),
        Err(error @ (ShowProviderEventError::NotAnOperator | ShowProviderEventError::Store(_))) => {
            Err(Failure::failed("the event cannot be shown", &error))
        }
    }
}

/// An id that is not there is a wrong word and not a failure of the service.
fn unknown(name: &EventName) -> Failure {
    let id = match name {
        EventName::Id(id) => id.to_string(),
        EventName::Provider(id) => id.to_string(),
    };
    Failure::because(format!(
        "there is no event {id} in the inbox; `billing-app events list` shows what is there, and \
         Stripe's dashboard can send an event again"
    ))
}

async fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    match &args.event {
        Some(event) if args.filter.is_empty() && !args.dry_run => replay_one(args, event).await,
        Some(_) => Err(wrong(
            "name one event, or a filter with or without --dry-run, not both",
        )),
        None => replay_many(args).await,
    }
}

fn wrong(message: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        code: 2,
    }
}

async fn replay_one(args: &ReplayArgs, name: &EventName) -> Result<(), Failure> {
    let (application, _) = application(&args.config).await?;
    let principal = operator(&args.operator);
    let request = Request::new(&principal);
    let replay = &application.use_cases.provider_events.replay_one;
    let event = replay.run(&request, name, args.reason.as_ref()).await;
    let event = event.map_err(|error| match error {
        ReplayProviderEventError::NotFound => unknown(name),
        ReplayProviderEventError::Applied(_) => Failure::refused(&error),
        ReplayProviderEventError::NotAnOperator | ReplayProviderEventError::Store(_) => {
            Failure::failed("the event cannot be replayed", &error)
        }
    })?;
    if args.json {
        return say(&webhook_event_json(&event).to_string());
    }
    say(&format!(
        "{} ({}) is {}; {TAKEN_SOON}. Next: billing-app events show {}",
        event.id,
        event.envelope.event_type,
        event.state.status().name(),
        event.id
    ))
}

async fn replay_many(args: &ReplayArgs) -> Result<(), Failure> {
    let now = production().clock.now();
    let filter = args.filter.filter(now);
    let order = ReplayOrder::try_new(filter, args.reason.clone(), args.limit, args.dry_run);
    let order = order.map_err(|error| wrong(&format!("--status: {error}")))?;
    let (application, _) = application(&args.config).await?;
    let principal = operator(&args.operator);
    let request = Request::new(&principal);
    let replay = &application.use_cases.provider_events.replay_many;
    let report = replay.run(&request, &order).await;
    let report = report.map_err(|error| match error {
        ReplayProviderEventsError::NotAnOperator | ReplayProviderEventsError::Store(_) => {
            Failure::failed("the events cannot be replayed", &error)
        }
    })?;
    if args.json {
        return say(&webhook_events_replayed_json(&report).to_string());
    }
    if !report.examples.is_empty() {
        say(&page::table(&report.examples))?;
    }
    say(&replayed(&report))
}

fn replayed(report: &ReplayReport) -> String {
    let counted = if report.matched_count >= COUNTED_MAX {
        format!("{COUNTED_MAX} or more")
    } else {
        report.matched_count.to_string()
    };
    let (count, left) = (report.replayed_count, report.left_count());
    match (report.is_rehearsal, count) {
        (_, 0) => "no event matches; nothing was changed".to_owned(),
        (true, _) => format!(
            "{counted} events match; {count} of them would be replayed. Nothing was changed; \
             next: the same without --dry-run"
        ),
        (false, _) if left == 0 => {
            format!("{count} events are due again; a running service takes them within seconds")
        }
        (false, _) => format!(
            "{count} events are due again, {left} of {counted} are left; next: the same once more"
        ),
    }
}

async fn discard(args: &DiscardArgs) -> Result<(), Failure> {
    let (application, _) = application(&args.config).await?;
    let principal = operator(&args.operator);
    let request = Request::new(&principal);
    let discard = &application.use_cases.provider_events.discard;
    let event = discard.run(&request, &args.event, &args.reason).await;
    let event = event.map_err(|error| match error {
        DiscardProviderEventError::NotFound => unknown(&args.event),
        DiscardProviderEventError::Applied(_) => Failure::refused(&error),
        DiscardProviderEventError::NotAnOperator | DiscardProviderEventError::Store(_) => {
            Failure::failed("the event cannot be discarded", &error)
        }
    })?;
    if args.json {
        return say(&webhook_event_json(&event).to_string());
    }
    say(&format!(
        "{} ({}) is discarded and has no effect. To take that back: billing-app events replay {}",
        event.id, event.envelope.event_type, event.id
    ))
}
