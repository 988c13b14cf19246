//! Charges: read, changed, captured, searched, with the list of their refunds.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::payments::terms;
use crate::api::{Answer, Call, Route, list, payment_methods, route, search};
use crate::http::error::StripeError;
use crate::lives::money;
use crate::lives::payment::{self, charge, intent};

const NOT_SIMULATED: &str = "application_fee application_fee_amount destination on_behalf_of \
    transfer_data";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/charges", create).lacks(NOT_SIMULATED),
    route("GET /v1/charges", list_all),
    route("GET /v1/charges/search", find),
    route("GET /v1/charges/{}", retrieve),
    route("POST /v1/charges/{}", update).lacks(NOT_SIMULATED),
    route("POST /v1/charges/{}/capture", capture).lacks(NOT_SIMULATED),
];

/// What may be searched for.
const SEARCHED: &[&str] = &[
    "amount",
    "billing_details.address.postal_code",
    "created",
    "currency",
    "customer",
    "disputed",
    "metadata",
    "payment_method_details.card.last4",
    "payment_method_details.card.exp_month",
    "payment_method_details.card.exp_year",
    "payment_method_details.card.brand",
    "payment_method_details.card.fingerprint",
    "refunded",
    "status",
];

/// A charge of its own, of a token; payment intents have replaced it.
fn create(call: &mut Call<'_>) -> Answer {
    let customer = call.params.text("/customer").map(str::to_owned);
    let source = call.params.text("/source").map(str::to_owned);
    if source.is_none() && customer.is_none() {
        return Err(StripeError::coded(
            "parameter_missing",
            "Must provide source or customer.",
        ));
    }
    if let Some(id) = &customer {
        let known = call.account.get(id);
        if known["object"] != "customer" || known["deleted"] == true {
            return Err(StripeError::no_such_param("customer", id, "customer"));
        }
        return Err(no_source(call.account, id, source.as_deref()));
    }
    let amount = call
        .params
        .int("/amount")
        .ok_or_else(|| StripeError::missing("amount"))?;
    let currency = money::currency(call.params.require("currency")?)?;
    terms::check_amount(amount, &currency)?;
    let metadata = merged_metadata(&json!({}), call.params.0.get("metadata"))?;
    let is_held = call.params.flag("/capture") == Some(false);
    let mut wanted = json!({
        "amount": amount, "currency": currency, "metadata": metadata,
        "capture_method": if is_held { "manual" } else { "automatic" },
    });
    for name in [
        "description",
        "receipt_email",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_group",
    ] {
        wanted[name] = call.params.or_null(&format!("/{name}"));
    }
    let token = source.unwrap_or_default();
    let method_id = payment_methods::from_token(call.account, &token, "source")?;
    match payment::charge_alone(call.account, &wanted, &method_id) {
        (id, None) => Ok(call.account.get(&id).clone()),
        (id, Some(decline)) => {
            let mut error = payment::card_error(&decline, Value::Null);
            if decline.param.is_empty() {
                error.param = None;
            }
            Err(error.with("charge", json!(id)))
        }
    }
}

/// Customers have payment methods here, and no sources.
fn no_source(account: &Account, customer: &str, source: Option<&str>) -> StripeError {
    let Some(source) = source else {
        let has_method = account
            .rows("payment_method")
            .any(|method| method["customer"] == customer);
        let text = if has_method {
            "This Customer doesn't have any legacy saved payment details, but does have a Payment \
             Method attached. Use a Payment Intent instead of creating a Charge: \
             https://stripe.com/docs/payments/payment-intents/migration"
        } else {
            "This Customer doesn't have any saved payment details. Attach a legacy Token, Card, \
             Bank Account, or Source to this Customer and then try this request again, or use \
             Payment Intents and Payment Methods instead."
        };
        let mut error = StripeError::coded("missing", text)
            .param("card")
            .status(402);
        error.kind = "card_error";
        return error;
    };
    StripeError::coded(
        "missing",
        format!("Customer {customer} does not have a linked source with ID {source}."),
    )
    .param("source")
    .status(404)
}

fn list_all(call: &mut Call<'_>) -> Answer {
    list::page(call, "charge", "/v1/charges", |row| {
        ["customer", "payment_intent", "transfer_group"]
            .iter()
            .all(|name| list::is(call, name, row, name))
    })
}

fn find(call: &mut Call<'_>) -> Answer {
    search::page(call, "charge", "charges", SEARCHED)
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account.fetch("charge", &call.id(), "id").cloned()
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("charge", &id, "id")?;
    let metadata = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    if let Some(customer) = call.params.text("/customer")
        && call.account.get(customer)["object"] != "customer"
    {
        return Err(StripeError::no_such_param("customer", customer, "customer"));
    }
    let sent = call.params.0.clone();
    if let (true, Some(intent)) = (
        sent.get("transfer_group").is_some(),
        before["payment_intent"].as_str(),
    ) {
        return Err(StripeError::invalid(format!(
            "This Charge was created by a PaymentIntent ({intent}). You must update the \
             `transfer_group` on the PaymentIntent instead of updating the Charge directly. See \
             https://stripe.com/docs/api#update_payment_intent"
        )));
    }
    let receipt = charge::receipt_url(call.account);
    if let Some(stored) = call.account.edit(&id) {
        for name in [
            "customer",
            "description",
            "receipt_email",
            "shipping",
            "transfer_group",
        ] {
            if let Some(value) = sent.get(name) {
                stored[name] = value.clone();
            }
        }
        if let Some(report) = sent["fraud_details"].get("user_report") {
            stored["fraud_details"] = if report.is_null() {
                json!({})
            } else {
                json!({ "user_report": report })
            };
        }
        stored["metadata"] = metadata;
        if !before["receipt_url"].is_null() {
            stored["receipt_url"] = receipt;
        }
    }
    call.account.raise_update("charge.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

fn capture(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("charge", &id, "id")?;
    if before["captured"] == true {
        return Err(StripeError::coded(
            "charge_already_captured",
            format!("Charge {id} has already been captured."),
        ));
    }
    if let Some(intent) = before["payment_intent"].as_str() {
        return Err(StripeError::invalid(format!(
            "This uncaptured Charge was created by a PaymentIntent ({intent}). You must capture the \
             PaymentIntent instead. For more information, see \
             https://stripe.com/docs/payments/place-a-hold-on-a-payment-method"
        )));
    }
    let held = before["amount"].as_i64().unwrap_or(0);
    let amount = call.params.int("/amount").unwrap_or(held);
    if amount < 1 || amount > held || before["status"] != "succeeded" {
        return Err(terms::too_much_captured());
    }
    intent::capture_charge(call.account, &id, amount);
    Ok(call.account.get(&id).clone())
}
