//! One event as a test case: what came, the rows that it met, and what it left, without what is
//! personal. The test suite loads it and decides it again.

use std::path::Path;

use billing_domain::kernel::audit::EntityKind;
use billing_domain::kernel::id::IntentId;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::event_filter::EventName;
use billing_domain::provider_events::ports::PayloadScrubber;
use billing_domain::rebuild::ports::{RecordedCause, RecordedCommit};
use billing_domain::rebuild::replay_history::ReplayedHistory;
use billing_seaorm::{Rows, SeaOrmStore, commit_document, read_commit};
use billing_stripe::StripePayloadScrubber;
use serde_json::{Value, json};

use crate::cli::Failure;
use crate::rebuild::RebuiltHouse;
use redaction::Redaction;

mod redaction;

/// What a case says about its own form.
const FORM: u64 = 1;

/// Records an event of a live store. `folder` is for the empty databases and may go afterwards.
/// `None` if there is no such event.
///
/// # Errors
/// [`Failure`].
pub async fn record(
    live: SeaOrmStore,
    folder: &Path,
    name: &EventName,
    now: Timestamp,
) -> Result<Option<Value>, Failure> {
    let rebuilt = RebuiltHouse::beside(live, folder, now).await?;
    let unread = |error| Failure::failed("the event cannot be read", &error);
    let commit = rebuilt.store().commit_of(name, now).await.map_err(unread)?;
    let Some(mut commit) = commit else {
        return Ok(None);
    };
    let texts = facts_only(&mut commit)?;
    let replayed = rebuilt.replay().run(Some(commit.place), &|_| {}).await;
    replayed.map_err(|error| Failure::failed("the log cannot be replayed", &error))?;
    let sales = rebuilt.store().sales_named(&texts).await.map_err(unread)?;
    let mut prior = rebuilt.store().family(&sales).await.map_err(unread)?;
    rebuilt.close().await?;
    Redaction::default().rows(&mut prior);
    let document = commit_document(&commit);
    let document = document.ok_or_else(|| Failure::because("the payload is not JSON"))?;
    let again = folder.join("again");
    std::fs::create_dir_all(&again)
        .map_err(|error| Failure::failed("no folder for the case", &error))?;
    let (result, outcome) = decide(&document, &prior, &again).await?;
    Ok(Some(json!({
        "form": FORM,
        "event": document,
        "prior": prior,
        "result": result,
        "outcome": outcome,
    })))
}

/// Leaves the facts of the payload; gives every text in it, and the sales that were changed then.
fn facts_only(commit: &mut RecordedCommit) -> Result<Vec<String>, Failure> {
    let RecordedCause::Event { event, readings: _ } = &mut commit.cause else {
        return Err(Failure::because("this commit was caused by no event"));
    };
    event.payload = StripePayloadScrubber
        .scrub(&event.payload)
        .map_err(|error| Failure::failed("the payload cannot be read", &error))?;
    let payload: Value = serde_json::from_slice(&event.payload)
        .map_err(|error| Failure::failed("the payload cannot be read", &error))?;
    let mut texts = Vec::new();
    collect(&payload, &mut texts);
    let changed = commit.lines.iter();
    let changed = changed.filter(|line| line.entity_kind == EntityKind::Intent.name());
    texts.extend(changed.map(|line| IntentId::from_uuid(line.entity_id).to_string()));
    Ok(texts)
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, texts)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Decides a case again; gives the rows that it leaves and its outcome in words.
///
/// # Errors
/// [`Failure`] if the case makes no sense.
pub async fn play(case: &Value, folder: &Path) -> Result<(Value, String), Failure> {
    if case["form"] != FORM {
        return Err(Failure::because("this case has a form that is not known"));
    }
    let prior: Rows = serde_json::from_value(case["prior"].clone())
        .map_err(|error| Failure::failed("the prior rows cannot be read", &error))?;
    let (result, outcome) = decide(&case["event"], &prior, folder).await?;
    Ok((json!(result), outcome))
}

async fn decide(document: &Value, prior: &Rows, folder: &Path) -> Result<(Rows, String), Failure> {
    let unread = |error| Failure::failed("the case cannot be played", &error);
    let commit = read_commit(document).map_err(unread)?;
    let house = RebuiltHouse::alone(folder, commit.at).await?;
    house.store().restore(prior).await.map_err(unread)?;
    let mut done = ReplayedHistory::default();
    let replayed = house.replay().replay(&commit, &mut done).await;
    replayed.map_err(|error| Failure::failed("the event cannot be decided", &error))?;
    let sales = prior.get("checkout_intents").into_iter().flatten();
    let sales = sales.filter_map(|row| serde_json::from_value(row["id"].clone()).ok());
    let sales: Vec<uuid::Uuid> = sales.collect();
    let result = house.store().family(&sales).await.map_err(unread)?;
    house.close().await?;
    let refusal = done.refusals.into_iter().next();
    let outcome = refusal.map_or_else(|| "applied".to_owned(), |refusal| refusal.reason);
    Ok((result, outcome))
}
