//! Payment intents: made, changed, confirmed, captured, canceled, listed and searched.

pub(crate) mod terms;

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::payments::terms::{NOT_SIMULATED, Terms};
use crate::api::{Answer, Call, Route, list, route, search};
use crate::http::error::StripeError;
use crate::lives::money;
use crate::lives::payment::{self, Collected, IntentTerms, Session, intent, method};

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/payment_intents", create).lacks(NOT_SIMULATED),
    route("GET /v1/payment_intents", list_all),
    route("GET /v1/payment_intents/search", find),
    route("GET /v1/payment_intents/{}", retrieve),
    route("POST /v1/payment_intents/{}", update).lacks(NOT_SIMULATED),
    route("POST /v1/payment_intents/{}/confirm", confirm).lacks(NOT_SIMULATED),
    route("POST /v1/payment_intents/{}/capture", capture).lacks(NOT_SIMULATED),
    route("POST /v1/payment_intents/{}/cancel", cancel),
];

/// What may be searched for.
const SEARCHED: &[&str] = &[
    "amount", "created", "currency", "customer", "metadata", "status",
];

/// The states in which an intent can still be confirmed, and its terms changed.
pub(crate) const OPEN: &[&str] = &[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
];

fn create(call: &mut Call<'_>) -> Answer {
    let terms = Terms::read(call)?;
    let amount = call
        .params
        .int("/amount")
        .ok_or_else(|| StripeError::missing("amount"))?;
    let currency = money::currency(call.params.require("currency")?)?;
    terms::check_amount(amount, &currency)?;
    let is_confirmed = call.params.flag("/confirm") == Some(true);
    if !is_confirmed && call.params.has("off_session") {
        return Err(only_with_confirm("off_session"));
    }
    if !is_confirmed && call.params.has("return_url") {
        return Err(only_with_confirm("return_url"));
    }
    let customer = terms.customer.clone().unwrap_or_default();
    let method = terms::method(call, &customer, "PaymentIntent")?;
    let made = IntentTerms {
        amount,
        currency,
        customer: customer.clone(),
        ..IntentTerms::default()
    };
    let (can_redirect, return_url) = (terms.can_redirect(), call.params.or_null("/return_url"));
    if is_confirmed {
        terms::refuse_off_session_setup(call, &terms.setup_future_usage())?;
        // Off session nobody can be led anywhere.
        if can_redirect && return_url.is_null() && !terms::is_off_session(call) {
            return Err(StripeError::invalid(terms::needs_return_url(
                "PaymentIntent",
            )));
        }
    }
    let fallback = default_method(call.account, &customer).filter(|_| is_confirmed);
    if is_confirmed && method.is_none() && fallback.is_none() {
        return Err(StripeError::coded(
            "payment_intent_unexpected_state",
            missing_method(&customer),
        ));
    }
    let id = payment::insert_intent(call.account, &made);
    let capture_method = if call.version.is_before("2024-04-10") {
        "automatic"
    } else {
        "automatic_async"
    };
    if let Some(stored) = call.account.edit(&id) {
        stored["capture_method"] = json!(capture_method);
        terms.apply(stored);
        if let Some(method_id) = &method {
            stored["payment_method"] = json!(method_id);
            stored["status"] = json!("requires_confirmation");
        }
    }
    call.account.raise("payment_intent.created", &id);
    match method.or(fallback) {
        Some(method_id) if is_confirmed => run_confirm(call, &id, &method_id),
        _ => Ok(call.account.get(&id).clone()),
    }
}

fn only_with_confirm(name: &str) -> StripeError {
    StripeError::invalid(format!(
        "The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is \
         set to true."
    ))
    .param(name)
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("payment_intent", &call.id(), "intent")
        .cloned()
}

fn list_all(call: &mut Call<'_>) -> Answer {
    list::page(call, "payment_intent", "/v1/payment_intents", |row| {
        list::is(call, "customer", row, "customer")
    })
}

fn find(call: &mut Call<'_>) -> Answer {
    search::page(call, "payment_intent", "payment_intents", SEARCHED)
}

/// The refusal of what an intent's state does not allow, with the intent.
fn unexpected_state(message: impl Into<String>, intent: &Value) -> StripeError {
    StripeError::coded("payment_intent_unexpected_state", message)
        .with("payment_intent", intent.clone())
}

fn not_updatable(param: &str, intent: &Value) -> StripeError {
    let status = intent["status"].as_str().unwrap_or_default();
    unexpected_state(
        format!(
            "This PaymentIntent's {param} could not be updated because it has a status of {status}. \
             You may only update the {param} of a PaymentIntent with one of the following statuses: \
             requires_payment_method, requires_confirmation, requires_action."
        ),
        intent,
    )
    .param(param)
}

fn is_open(intent: &Value) -> bool {
    OPEN.contains(&intent["status"].as_str().unwrap_or_default())
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call
        .account
        .fetch_snapshot("payment_intent", &id, "intent")?;
    let terms = Terms::read(call)?;
    if !is_open(&before) {
        let fixed = [
            "amount",
            "currency",
            "customer",
            "payment_method",
            "setup_future_usage",
        ];
        if let Some(name) = fixed.iter().find(|name| call.params.has(name)) {
            return Err(not_updatable(name, &before));
        }
    }
    if let Some(customer) = &terms.customer
        && !before["customer"].is_null()
        && before["customer"] != *customer
    {
        return Err(StripeError::invalid(
            "You cannot modify `customer` on a PaymentIntent once it already has been set. To \
             fulfill a payment with a different Customer, cancel this PaymentIntent and create a \
             new one.",
        )
        .param("customer"));
    }
    let amount = call.params.int("/amount");
    let currency = match call.params.text("/currency") {
        Some(currency) => money::currency(currency)?,
        None => before["currency"].as_str().unwrap_or("usd").to_owned(),
    };
    if amount.is_some() || call.params.has("currency") {
        let amount = amount.or(before["amount"].as_i64()).unwrap_or(0);
        terms::check_amount(amount, &currency)?;
    }
    let customer = terms
        .customer
        .clone()
        .unwrap_or_else(|| before["customer"].clone());
    let method =
        terms::method(call, &customer, "PaymentIntent").map_err(|error| about(error, &before))?;
    if let Some(stored) = call.account.edit(&id) {
        if let Some(amount) = amount {
            stored["amount"] = json!(amount);
        }
        stored["currency"] = json!(currency);
        terms.apply(stored);
        if let Some(method_id) = method {
            stored["payment_method"] = json!(method_id);
            stored["status"] = json!("requires_confirmation");
            stored["next_action"] = Value::Null;
        } else if call.params.has("payment_method") && call.params.at("/payment_method").is_none() {
            stored["payment_method"] = Value::Null;
            stored["status"] = json!("requires_payment_method");
            stored["next_action"] = Value::Null;
        }
    }
    Ok(call.account.get(&id).clone())
}

fn default_method(account: &Account, customer: &Value) -> Option<String> {
    account.get(customer.as_str()?)["invoice_settings"]["default_payment_method"]
        .as_str()
        .map(str::to_owned)
}

fn missing_method(customer: &Value) -> String {
    match customer.as_str() {
        Some(customer) => format!(
            "You cannot confirm this PaymentIntent because it's missing a payment method. To \
             confirm the PaymentIntent with {customer}, specify a payment method attached to this \
             customer along with the customer ID."
        ),
        None => "You cannot confirm this PaymentIntent because it's missing a payment method. You \
                 can either update the PaymentIntent with a payment method and then confirm it \
                 again, or confirm it again directly with a payment method or ConfirmationToken."
            .to_owned(),
    }
}

fn confirm(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call
        .account
        .fetch_snapshot("payment_intent", &id, "intent")?;
    let status = before["status"].as_str().unwrap_or_default();
    if status == "succeeded" {
        return Err(unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being \
             previously confirmed.",
            &before,
        ));
    }
    if !is_open(&before) {
        if call.params.has("payment_method") || call.params.has("payment_method_data") {
            return Err(not_updatable("payment_method", &before));
        }
        return Err(unexpected_state(
            format!("You cannot confirm this PaymentIntent because it has a status of {status}."),
            &before,
        ));
    }
    let terms = Terms::read(call)?;
    let sent = terms::method(call, &before["customer"], "PaymentIntent")
        .map_err(|error| about(error, &before))?;
    let kept = before["payment_method"].as_str().map(str::to_owned);
    let found = sent
        .or(kept)
        .or_else(|| default_method(call.account, &before["customer"]));
    let Some(method_id) = found else {
        return Err(unexpected_state(
            missing_method(&before["customer"]),
            &before,
        ));
    };
    method::refuse_unusable(
        call.account,
        &method_id,
        &before["customer"],
        "PaymentIntent",
    )
    .map_err(|error| about(error, &before))?;
    let usage = if call.params.has("setup_future_usage") {
        terms.setup_future_usage()
    } else {
        before["setup_future_usage"].clone()
    };
    terms::refuse_off_session_setup(call, &usage)?;
    let automatic = &before["automatic_payment_methods"];
    let can_redirect = automatic["enabled"] == true && automatic["allow_redirects"] != "never";
    let has_return_url = call.params.has("return_url") || !before["_return_url"].is_null();
    if can_redirect && !has_return_url && !terms::is_off_session(call) {
        let refusal = StripeError::invalid(terms::needs_return_url("PaymentIntent"));
        return Err(refusal.with("payment_intent", Value::clone(&before)));
    }
    if let Some(stored) = call.account.edit(&id) {
        terms.apply(stored);
    }
    run_confirm(call, &id, &method_id)
}

fn run_confirm(call: &mut Call<'_>, id: &str, method_id: &str) -> Answer {
    let customer = call.account.get(id)["customer"].clone();
    method::refuse_unusable(call.account, method_id, &customer, "PaymentIntent")?;
    if let Some(url) = call.params.text("/return_url").map(str::to_owned) {
        call.account.set(id, "_return_url", json!(url));
    }
    let uses_sdk = call.params.flag("/use_stripe_sdk") == Some(true);
    call.account.set(id, "_uses_sdk", json!(uses_sdk));
    let is_off =
        terms::is_off_session(call) || call.params.flag("/error_on_requires_action") == Some(true);
    let session = if is_off { Session::Off } else { Session::On };
    match intent::confirm(call.account, id, method_id, session) {
        Collected::Succeeded | Collected::RequiresAction => Ok(call.account.get(id).clone()),
        Collected::Declined(decline) => {
            Err(payment::card_error(&decline, call.account.get(id).clone()))
        }
    }
}

/// A refusal of what does not fit the intent shows the intent; one of an unknown id does not.
fn about(error: StripeError, intent: &Value) -> StripeError {
    if error.code.as_deref() == Some("resource_missing") {
        return error;
    }
    error.with("payment_intent", intent.clone())
}

fn capture(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call
        .account
        .fetch_snapshot("payment_intent", &id, "intent")?;
    let status = before["status"].as_str().unwrap_or_default();
    if status == "succeeded" && payment::charge::captures_manually(&before) {
        return Err(unexpected_state(
            "The remaining amount on this PaymentIntent could not be captured because the remainder \
             of the authorized amount has been released.",
            &before,
        ));
    }
    if status != "requires_capture" {
        return Err(unexpected_state(
            format!(
                "This PaymentIntent could not be captured because it has a status of {status}. Only \
                 a PaymentIntent with one of the following statuses may be captured: \
                 requires_capture."
            ),
            &before,
        ));
    }
    if call.params.flag("/final_capture") == Some(false) {
        return Err(StripeError::not_simulated("capturing more than once"));
    }
    let held = before["amount_capturable"].as_i64().unwrap_or(0);
    let amount = call.params.int("/amount_to_capture").unwrap_or(held);
    if amount < 0 {
        let error = StripeError::invalid("Invalid non-negative integer").param("amount_to_capture");
        return Err(about(error, &before));
    }
    if amount == 0 {
        return Err(about(terms::too_small(), &before));
    }
    if amount > held {
        return Err(about(terms::too_much_captured(), &before));
    }
    let terms = Terms::read(call)?;
    if let Some(stored) = call.account.edit(&id) {
        terms.apply(stored);
    }
    intent::capture(call.account, &id, amount);
    Ok(call.account.get(&id).clone())
}

fn cancel(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call
        .account
        .fetch_snapshot("payment_intent", &id, "intent")?;
    let status = before["status"].as_str().unwrap_or_default();
    if !is_open(&before) && status != "requires_capture" {
        let statuses = if call.version.is_before("2026-03-25") {
            "requires_payment_method, requires_capture, requires_confirmation, requires_action, \
             processing"
        } else if call.version.is_before("2026-08-26") {
            "requires_payment_method, requires_capture, requires_reauthorization, \
             requires_confirmation, requires_action, processing"
        } else {
            "requires_payment_method, requires_capture, requires_reauthorization, \
             requires_confirmation, requires_action, expired, processing"
        };
        return Err(unexpected_state(
            format!(
                "You cannot cancel this PaymentIntent because it has a status of {status}. Only a \
                 PaymentIntent with one of the following statuses may be canceled: {statuses}."
            ),
            &before,
        ));
    }
    let reason = call.params.or_null("/cancellation_reason");
    intent::cancel(call.account, &id, &reason);
    Ok(call.account.get(&id).clone())
}
