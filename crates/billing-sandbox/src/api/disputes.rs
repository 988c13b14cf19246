//! Disputes, and the early warnings of fraud.

use crate::json::{Map, Value};

use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::dispute;

pub(crate) static ROUTES: &[Route] = &[
    route("GET /v1/disputes", list_all),
    route("GET /v1/disputes/{}", retrieve),
    route("POST /v1/disputes/{}", update).lacks("appeal"),
    route("POST /v1/disputes/{}/close", close),
    route("GET /v1/charges/{}/dispute", retrieve_of_charge),
    route("POST /v1/charges/{}/dispute", update_of_charge).lacks("appeal"),
    route("POST /v1/charges/{}/dispute/close", close_of_charge),
    route("GET /v1/radar/early_fraud_warnings", list_warnings),
    route("GET /v1/radar/early_fraud_warnings/{}", retrieve_warning),
];

fn list_all(call: &mut Call<'_>) -> Answer {
    list::page(call, "dispute", "/v1/disputes", |row| {
        ["charge", "payment_intent"]
            .iter()
            .all(|name| list::is(call, name, row, name))
    })
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("dispute", &call.id(), "dispute")
        .cloned()
}

/// Makes a call about the dispute of a charge one about the dispute itself.
fn enter_dispute(call: &mut Call<'_>) -> Result<(), StripeError> {
    let charge = call.id();
    call.account.fetch("charge", &charge, "id")?;
    let newest = call
        .account
        .rows_by("dispute", "charge", &charge)
        .next_back();
    let id = newest
        .and_then(|dispute| dispute["id"].as_str())
        .map(str::to_owned);
    match id {
        Some(id) => call.ids = vec![id],
        None => {
            let message = format!("No dispute for charge: {charge}");
            return Err(StripeError::invalid(message).status(404));
        }
    }
    Ok(())
}

fn retrieve_of_charge(call: &mut Call<'_>) -> Answer {
    enter_dispute(call)?;
    retrieve(call)
}

fn update_of_charge(call: &mut Call<'_>) -> Answer {
    enter_dispute(call)?;
    update(call)
}

fn close_of_charge(call: &mut Call<'_>) -> Answer {
    enter_dispute(call)?;
    close(call)
}

fn already_closed() -> StripeError {
    StripeError::invalid("This dispute is already closed")
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("dispute", &id, "dispute")?;
    let metadata = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    let evidence = match call.params.at("/evidence") {
        Some(Value::Object(members)) => members.clone(),
        _ => Map::new(),
    };
    let is_handed_in = call.params.flag("/submit").unwrap_or(!evidence.is_empty());
    let is_answer = is_handed_in || !evidence.is_empty();
    if is_answer && dispute::is_closed(&before) {
        return Err(already_closed());
    }
    let is_open = matches!(
        before["status"].as_str(),
        Some("needs_response" | "warning_needs_response")
    );
    if is_answer && !is_open {
        return Err(StripeError::invalid(
            "Evidence for this dispute has already been submitted.",
        ));
    }
    dispute::answer(call.account, &id, &evidence, metadata, is_handed_in);
    Ok(call.account.get(&id).clone())
}

fn close(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("dispute", &id, "dispute")?;
    if dispute::is_closed(&before) {
        return Err(already_closed());
    }
    dispute::close(call.account, &id);
    Ok(call.account.get(&id).clone())
}

fn list_warnings(call: &mut Call<'_>) -> Answer {
    list::page(
        call,
        "radar.early_fraud_warning",
        "/v1/radar/early_fraud_warnings",
        |row| {
            ["charge", "payment_intent"]
                .iter()
                .all(|name| list::is(call, name, row, name))
        },
    )
}

fn retrieve_warning(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("radar.early_fraud_warning", &call.id(), "id")
        .cloned()
}
