//! Setup intents and their attempts.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::payments::OPEN;
use crate::api::payments::terms::{self, NOT_SIMULATED, Terms};
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::payment::setup::{self, SetupTerms};
use crate::lives::payment::{self, Collected, method};

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/setup_intents", create).lacks(NOT_SIMULATED),
    route("GET /v1/setup_intents", list_all),
    route("GET /v1/setup_intents/{}", retrieve),
    route("POST /v1/setup_intents/{}", update).lacks(NOT_SIMULATED),
    route("POST /v1/setup_intents/{}/confirm", confirm).lacks(NOT_SIMULATED),
    route("POST /v1/setup_intents/{}/cancel", cancel),
    route(
        "POST /v1/setup_intents/{}/verify_microdeposits",
        verify_microdeposits,
    ),
    route("GET /v1/setup_attempts", list_attempts),
];

const MISSING_METHOD: &str = "You cannot confirm this SetupIntent because it's missing a payment \
    method. You can either update the SetupIntent with a payment method and then confirm it again, \
    or confirm it again directly with a payment method or ConfirmationToken.";

fn create(call: &mut Call<'_>) -> Answer {
    let terms = Terms::read(call)?;
    let customer = terms.customer.clone().unwrap_or_default();
    let method = terms::method(call, &customer, "SetupIntent")?;
    let is_confirmed = call.params.flag("/confirm") == Some(true);
    if is_confirmed && method.is_none() {
        return Err(StripeError::coded(
            "setup_intent_unexpected_state",
            MISSING_METHOD,
        ));
    }
    if is_confirmed && terms.can_redirect() && !call.params.has("return_url") {
        return Err(StripeError::invalid(terms::needs_return_url("SetupIntent")));
    }
    // Later versions take the parameter, and answer the same whatever it says.
    let usage = if call.version.is_before("2026-03-25") {
        call.params.or_null("/usage")
    } else {
        Value::Null
    };
    let id = setup::insert(
        call.account,
        &SetupTerms {
            customer,
            usage,
            ..SetupTerms::default()
        },
    );
    if let Some(stored) = call.account.edit(&id) {
        terms.apply(stored);
        if let Some(method_id) = &method {
            stored["payment_method"] = json!(method_id);
            stored["status"] = json!("requires_confirmation");
        }
    }
    call.account.raise("setup_intent.created", &id);
    match method {
        Some(method_id) if is_confirmed => run_confirm(call, &id, &method_id),
        _ => Ok(call.account.get(&id).clone()),
    }
}

fn fetch<'a>(account: &'a Account, id: &str) -> Result<&'a Value, StripeError> {
    account.fetch("setup_intent", id, "intent")
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    fetch(call.account, &call.id()).cloned()
}

fn list_all(call: &mut Call<'_>) -> Answer {
    list::page(call, "setup_intent", "/v1/setup_intents", |row| {
        ["customer", "payment_method"]
            .iter()
            .all(|name| list::is(call, name, row, name))
    })
}

fn unexpected_state(message: impl Into<String>, intent: &Value) -> StripeError {
    StripeError::coded("setup_intent_unexpected_state", message)
        .with("setup_intent", intent.clone())
}

/// A refusal of what does not fit the intent shows the intent; one of an unknown id does not.
fn about(error: StripeError, intent: &Value) -> StripeError {
    if error.code.as_deref() == Some("resource_missing") {
        return error;
    }
    error.with("setup_intent", intent.clone())
}

fn is_open(intent: &Value) -> bool {
    OPEN.contains(&intent["status"].as_str().unwrap_or_default())
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("setup_intent", &id, "intent")?;
    let terms = Terms::read(call)?;
    let status = before["status"].as_str().unwrap_or_default();
    let is_moved = call.params.has("payment_method") || call.params.has("customer");
    if is_moved && status == "succeeded" {
        return Err(unexpected_state(
            "You cannot update this SetupIntent because it has already succeeded.",
            &before,
        ));
    }
    if is_moved && !is_open(&before) {
        let name = if call.params.has("payment_method") {
            "payment_method"
        } else {
            "customer"
        };
        return Err(unexpected_state(
            format!(
                "This SetupIntent's {name} could not be updated because it has a status of \
                 {status}. You may only update the {name} of a SetupIntent with one of the \
                 following statuses: requires_payment_method, requires_confirmation, \
                 requires_action."
            ),
            &before,
        )
        .param(name));
    }
    let customer = terms
        .customer
        .clone()
        .unwrap_or_else(|| before["customer"].clone());
    let method =
        terms::method(call, &customer, "SetupIntent").map_err(|error| about(error, &before))?;
    if let Some(stored) = call.account.edit(&id) {
        terms.apply(stored);
        if let Some(method_id) = method {
            stored["payment_method"] = json!(method_id);
            stored["status"] = json!("requires_confirmation");
            stored["next_action"] = Value::Null;
        }
    }
    Ok(call.account.get(&id).clone())
}

fn confirm(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("setup_intent", &id, "intent")?;
    let terms = Terms::read(call)?;
    let sent = terms::method(call, &before["customer"], "SetupIntent")
        .map_err(|error| about(error, &before))?;
    let kept = before["payment_method"].as_str().map(str::to_owned);
    let Some(method_id) = sent.or(kept) else {
        return Err(unexpected_state(MISSING_METHOD, &before));
    };
    match before["status"].as_str().unwrap_or_default() {
        "succeeded" => {
            return Err(unexpected_state(
                "You cannot confirm this SetupIntent because it has already succeeded.",
                &before,
            ));
        }
        "canceled" => {
            return Err(unexpected_state(
                "You cannot confirm this SetupIntent because it has been canceled.",
                &before,
            ));
        }
        _ => {}
    }
    let automatic = &before["automatic_payment_methods"];
    let can_redirect = automatic["enabled"] == true && automatic["allow_redirects"] != "never";
    if can_redirect && !call.params.has("return_url") && before["_return_url"].is_null() {
        let refusal = StripeError::invalid(terms::needs_return_url("SetupIntent"));
        return Err(refusal.with("setup_intent", Value::clone(&before)));
    }
    if let Some(stored) = call.account.edit(&id) {
        terms.apply(stored);
    }
    run_confirm(call, &id, &method_id)
}

fn run_confirm(call: &mut Call<'_>, id: &str, method_id: &str) -> Answer {
    let customer = call.account.get(id)["customer"].clone();
    method::refuse_unusable(call.account, method_id, &customer, "SetupIntent")?;
    if let Some(url) = call.params.text("/return_url").map(str::to_owned) {
        call.account.set(id, "_return_url", json!(url));
    }
    match setup::confirm(call.account, id, method_id) {
        Collected::Succeeded | Collected::RequiresAction => Ok(call.account.get(id).clone()),
        Collected::Declined(decline) => {
            Err(payment::setup_error(&decline, call.account.get(id).clone()))
        }
    }
}

fn cancel(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("setup_intent", &id, "intent")?;
    let status = before["status"].as_str().unwrap_or_default();
    if status == "canceled" {
        let text = if call.version.is_before("2024-04-10") {
            "You cannot cancel this SetupIntent because it it already canceled."
        } else {
            "You cannot cancel this SetupIntent because it is already canceled."
        };
        return Err(unexpected_state(text, &before));
    }
    if !is_open(&before) {
        return Err(unexpected_state(
            format!(
                "You cannot cancel this SetupIntent because it has a status of {status}. Only a \
                 SetupIntent with one of the following statuses may be canceled: \
                 `requires_payment_method`, `requires_confirmation`, or `requires_action`."
            ),
            &before,
        ));
    }
    let reason = call.params.or_null("/cancellation_reason");
    setup::cancel(call.account, &id, &reason);
    Ok(call.account.get(&id).clone())
}

/// Small amounts are sent to bank accounts, which are not simulated: no intent waits for them.
fn verify_microdeposits(call: &mut Call<'_>) -> Answer {
    let before = call
        .account
        .fetch_snapshot("setup_intent", &call.id(), "intent")?;
    let status = before["status"].as_str().unwrap_or_default();
    if status == "requires_action" {
        let what = "microdeposits of an intent that waits for something else";
        return Err(StripeError::not_simulated(what));
    }
    let text = format!(
        "This SetupIntent cannot be actioned on because it has a status of {status}. Only a \
         SetupIntent with one of the following statuses may be actioned on: [\"requires_action\"]."
    );
    Err(about(
        StripeError::coded("intent_invalid_state", text),
        &before,
    ))
}

fn list_attempts(call: &mut Call<'_>) -> Answer {
    let intent = call.params.require("setup_intent")?.to_owned();
    if call.account.get(&intent)["object"] != "setup_intent" {
        return Err(StripeError::no_such_param(
            "setupintent",
            &intent,
            "setup_intent",
        ));
    }
    list::page(call, "setup_attempt", "/v1/setup_attempts", |row| {
        row["setup_intent"] == intent.as_str()
    })
}
