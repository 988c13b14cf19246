//! Refunds: of a charge or of the charge of a payment intent, whole or in part.

use crate::json::Value;

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::payments::terms::too_small;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::{money, refund};

const NOT_SIMULATED: &str =
    "currency customer instructions_email origin refund_application_fee reverse_transfer";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/refunds", create).lacks(NOT_SIMULATED),
    route("GET /v1/refunds", list_all),
    route("GET /v1/refunds/{}", retrieve),
    route("POST /v1/refunds/{}", update),
    route("POST /v1/refunds/{}/cancel", cancel),
    route("GET /v1/charges/{}/refunds", list_of_charge),
    route("POST /v1/charges/{}/refunds", create_of_charge).lacks(NOT_SIMULATED),
    route("GET /v1/charges/{}/refunds/{}", retrieve_of_charge),
    route("POST /v1/charges/{}/refunds/{}", update_of_charge),
    route("POST /v1/charges/{}/refund", create_whole_charge).lacks(NOT_SIMULATED),
];

/// The charge that is meant, by its own id or that of its intent.
fn target(call: &Call<'_>) -> Result<String, StripeError> {
    if let Some(id) = call.params.text("/charge") {
        // Recorded as the refusal of an id in the path, though it is in the body.
        call.account.fetch("charge", id, "id")?;
        return Ok(id.to_owned());
    }
    let Some(id) = call.params.text("/payment_intent") else {
        return Err(StripeError::invalid(
            "One of the following params should be provided for this request: payment_intent or \
             charge.",
        ));
    };
    let intent = call.account.get(id);
    if intent["object"] != "payment_intent" {
        return Err(StripeError::no_such_param(
            "payment_intent",
            id,
            "payment_intent",
        ));
    }
    let charge_id = intent["latest_charge"].as_str().unwrap_or_default();
    let charge = call.account.get(charge_id);
    if charge["status"] != "succeeded" || charge["captured"] != true {
        return Err(StripeError::invalid(format!(
            "This PaymentIntent ({id}) does not have a successful charge to refund."
        )));
    }
    Ok(charge_id.to_owned())
}

/// How much is to be given back, or why it cannot be.
fn refundable(account: &Account, id: &str, sent: Option<i64>) -> Result<i64, StripeError> {
    let charge = account.get(id);
    let number = |name: &str| charge[name].as_i64().unwrap_or(0);
    if charge["status"] == "succeeded"
        && charge["captured"] != true
        && let Some(intent) = charge["payment_intent"].as_str()
    {
        return Err(StripeError::invalid(format!(
            "This uncaptured Charge was created by a PaymentIntent ({intent}). You must cancel the \
             PaymentIntent to reverse the authorization instead of refunding the Charge directly. \
             For more information, see \
             https://stripe.com/docs/payments/place-a-hold-on-a-payment-method"
        )));
    }
    if charge["status"] != "succeeded" {
        return Err(StripeError::invalid(format!(
            "Charge {id} cannot be refunded because it did not succeed."
        )));
    }
    let is_charged_back = account
        .rows_by("dispute", "charge", id)
        .any(|dispute| dispute["is_charge_refundable"] == false);
    if is_charged_back {
        return Err(StripeError::coded(
            "charge_disputed",
            format!("Charge {id} has been charged back; cannot issue a refund."),
        ));
    }
    if charge["refunded"] == true {
        return Err(StripeError::coded(
            "charge_already_refunded",
            format!("Charge {id} has already been refunded."),
        ));
    }
    let left = number("amount_captured").saturating_sub(number("amount_refunded"));
    let amount = sent.unwrap_or(left);
    if amount < 1 {
        return Err(too_small());
    }
    if amount > left {
        let currency = charge["currency"].as_str().unwrap_or("usd");
        let of = if number("amount_refunded") > 0 {
            "unrefunded amount on charge"
        } else {
            "charge amount"
        };
        return Err(StripeError::invalid(format!(
            "Refund amount ({}) is greater than {of} ({})",
            money::written(amount, currency),
            money::written(left, currency)
        ))
        .param("amount"));
    }
    Ok(amount)
}

fn create(call: &mut Call<'_>) -> Answer {
    let charge_id = target(call)?;
    create_of(call, &charge_id)
}

fn create_of_charge(call: &mut Call<'_>) -> Answer {
    let charge_id = call.id();
    call.account.fetch("charge", &charge_id, "id")?;
    create_of(call, &charge_id)
}

/// The oldest way: what is answered is the charge.
fn create_whole_charge(call: &mut Call<'_>) -> Answer {
    create_of_charge(call)?;
    Ok(call.account.get(&call.id()).clone())
}

fn create_of(call: &mut Call<'_>, charge_id: &str) -> Answer {
    let amount = refundable(call.account, charge_id, call.params.int("/amount"))?;
    let metadata = merged_metadata(&crate::json::json!({}), call.params.0.get("metadata"))?;
    let reason = call.params.or_null("/reason");
    let id = refund::make(call.account, charge_id, amount, &reason, &metadata);
    Ok(call.account.get(&id).clone())
}

fn list_all(call: &mut Call<'_>) -> Answer {
    for (name, kind) in [("charge", "charge"), ("payment_intent", "payment_intent")] {
        if let Some(id) = call.params.text(&format!("/{name}"))
            && call.account.get(id)["object"] != kind
        {
            return Err(StripeError::no_such_param(kind, id, name));
        }
    }
    list::page(call, "refund", "/v1/refunds", |row| {
        ["charge", "payment_intent"]
            .iter()
            .all(|name| list::is(call, name, row, name))
    })
}

fn list_of_charge(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch("charge", &id, "id")?;
    let url = format!("/v1/charges/{id}/refunds");
    list::page(call, "refund", &url, |row| row["charge"] == id.as_str())
}

/// The id of the refund in the path, if it is one of the charge in the path.
fn of_charge(call: &Call<'_>) -> Result<String, StripeError> {
    let (charge, id) = (call.id(), call.ids.get(1).cloned().unwrap_or_default());
    let refund = call.account.fetch("refund", &id, "refund")?;
    if refund["charge"] != charge.as_str() {
        return Err(StripeError::no_such("refund", &id, "refund"));
    }
    Ok(id)
}

fn retrieve_of_charge(call: &mut Call<'_>) -> Answer {
    let id = of_charge(call)?;
    Ok(call.account.get(&id).clone())
}

fn update_of_charge(call: &mut Call<'_>) -> Answer {
    let id = of_charge(call)?;
    call.ids = vec![id];
    update(call)
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account.fetch("refund", &call.id(), "refund").cloned()
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("refund", &id, "refund")?;
    let metadata = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    call.account.set(&id, "metadata", metadata);
    refund::raise_updated(call.account, &id, &before);
    Ok(Value::clone(&call.account.snapshot(&id)))
}

fn cancel(call: &mut Call<'_>) -> Answer {
    call.account.fetch("refund", &call.id(), "refund")?;
    Err(StripeError::invalid(
        "Canceling this refund is unsupported.",
    ))
}
