//! Payment intents, payment methods, setup intents and charges.

use serde_json::{Value, json};

use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::card;
use crate::lives::checkout::CardEntry;
use crate::lives::money;
use crate::lives::payment::{self, Collected, IntentTerms, Session, intent};

const UNSIMULATED: &str = "add_invoice_items adjustable_quantity after_expiration application_fee_amount \
    application_fee_percent backdate_start_date billing_cycle_anchor \
    billing_cycle_anchor_config billing_schedules billing_thresholds cancel_at \
    consent_collection coupon currency_options custom_fields custom_unit_amount \
    default_tax_rates discounts hooks invoice_creation on_behalf_of optional_items \
    paid_out_of_band pause_collection pending_invoice_item_interval phone_number_collection \
    promotion_code proration_date shipping_address_collection shipping_options \
    tax_id_collection tax_id_data tax_rates test_clock tiers transfer_data transform_quantity \
    trial_from_plan classic automatic_tax";

pub(crate) static ROUTES: &[Route] = &[
    route("GET /v1/customers/{}/payment_methods", list_of_customer),
    route("POST /v1/payment_intents", create_intent).lacks(UNSIMULATED),
    route("GET /v1/payment_intents", list_intents),
    route("GET /v1/payment_intents/{}", retrieve_intent),
    route("POST /v1/payment_intents/{}/confirm", confirm_intent).lacks(UNSIMULATED),
    route("POST /v1/payment_intents/{}/cancel", cancel_intent).lacks(UNSIMULATED),
    route("POST /v1/payment_methods", create_method).lacks(UNSIMULATED),
    route("GET /v1/payment_methods", list_methods),
    route("GET /v1/payment_methods/{}", retrieve_method),
    route("POST /v1/payment_methods/{}/attach", attach_method).lacks(UNSIMULATED),
    route("POST /v1/payment_methods/{}/detach", detach_method).lacks(UNSIMULATED),
    route("GET /v1/setup_intents/{}", retrieve_setup_intent),
    route("GET /v1/charges", list_charges),
    route("GET /v1/charges/{}", retrieve_charge),
];

const CONFIRMABLE: &[&str] = &[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
];

pub(crate) fn create_intent(call: &mut Call<'_>) -> Answer {
    let amount = call
        .params
        .int("/amount")
        .ok_or_else(|| StripeError::missing("amount"))?;
    if amount < 1 {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            "This value must be greater than or equal to 1.",
        )
        .param("amount"));
    }
    if amount > money::AMOUNT_MAX {
        return Err(StripeError::coded(
            "amount_too_large",
            "Amount must be no more than $999,999.99",
        )
        .param("amount"));
    }
    if call.params.text("/capture_method") == Some("manual") {
        return Err(StripeError::not_simulated("manual capture"));
    }
    let customer = call.params.or_null("/customer");
    if let Some(id) = customer.as_str()
        && call.account.get(id)["object"] != "customer"
    {
        return Err(StripeError::no_such_param("customer", id, "customer"));
    }
    let terms = IntentTerms {
        amount,
        currency: money::currency(call.params.require("currency")?)?,
        customer,
        description: call.params.or_null("/description"),
        metadata: merged_metadata(&json!({}), call.params.0.get("metadata"))?,
        invoice: Value::Null,
        receipt_email: call.params.or_null("/receipt_email"),
        setup_future_usage: call.params.or_null("/setup_future_usage"),
    };
    let method = match call.params.text("/payment_method").map(str::to_owned) {
        Some(id) => Some(payment::resolve_method(
            call.account,
            &id,
            "payment_method",
        )?),
        None => None,
    };
    let id = payment::insert_intent(call.account, &terms);
    if let Some(method_id) = &method {
        call.account.set(&id, "payment_method", json!(method_id));
        call.account
            .set(&id, "status", json!("requires_confirmation"));
    }
    call.account.raise("payment_intent.created", &id);
    if call.params.flag("/confirm") == Some(true) {
        return confirm(call, &id, method);
    }
    Ok(call.account.get(&id).clone())
}

pub(crate) fn retrieve_intent(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("payment_intent", &call.id(), "intent")
        .cloned()
}

pub(crate) fn list_intents(call: &mut Call<'_>) -> Answer {
    list::page(call, "payment_intent", "/v1/payment_intents", |row| {
        list::is(call, "customer", row, "customer")
    })
}

pub(crate) fn confirm_intent(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let intent = call.account.fetch("payment_intent", &id, "intent")?.clone();
    let status = intent["status"].as_str().unwrap_or_default();
    if status == "succeeded" {
        return Err(unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being \
             previously confirmed.",
            &intent,
        ));
    }
    if !CONFIRMABLE.contains(&status) {
        return Err(unexpected_state(
            &format!("You cannot confirm this PaymentIntent because it has a status of {status}."),
            &intent,
        ));
    }
    let sent = call.params.text("/payment_method").map(str::to_owned);
    let method = match sent {
        Some(method) => Some(payment::resolve_method(
            call.account,
            &method,
            "payment_method",
        )?),
        None => intent["payment_method"].as_str().map(str::to_owned),
    };
    confirm(call, &id, method)
}

fn unexpected_state(message: &str, intent: &Value) -> StripeError {
    StripeError::coded("payment_intent_unexpected_state", message).with(
        "payment_intent",
        crate::shape::render::without_private(intent),
    )
}

fn confirm(call: &mut Call<'_>, id: &str, method: Option<String>) -> Answer {
    let intent = call.account.get(id).clone();
    let customer = call
        .account
        .get(intent["customer"].as_str().unwrap_or_default());
    let fallback = customer["invoice_settings"]["default_payment_method"]
        .as_str()
        .map(str::to_owned);
    let Some(method_id) = method.or(fallback) else {
        return Err(unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can \
             either update the PaymentIntent with a payment method and then confirm it again, or \
             confirm it again directly with a payment method or ConfirmationToken.",
            &intent,
        ));
    };
    let is_off_session = call
        .params
        .at("/off_session")
        .is_some_and(|v| v == "true" || *v == true);
    let session = if is_off_session {
        Session::Off
    } else {
        Session::On
    };
    match intent::confirm(call.account, id, &method_id, session) {
        Collected::Succeeded | Collected::RequiresAction => Ok(call.account.get(id).clone()),
        Collected::Declined(decline) => {
            let intent = crate::shape::render::render(call.account.get(id), call.version);
            Err(payment::card_error(&decline, intent))
        }
    }
}

pub(crate) fn cancel_intent(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let intent = call.account.fetch("payment_intent", &id, "intent")?.clone();
    let status = intent["status"].as_str().unwrap_or_default();
    if !CONFIRMABLE.contains(&status) {
        return Err(unexpected_state(
            &format!(
                "You cannot cancel this PaymentIntent because it has a status of {status}. Only a \
                 PaymentIntent with one of the following statuses may be canceled: \
                 requires_payment_method, requires_capture, requires_confirmation, \
                 requires_action, processing."
            ),
            &intent,
        ));
    }
    let (now, reason) = (
        call.account.now,
        call.params.or_null("/cancellation_reason"),
    );
    if let Some(intent) = call.account.edit(&id) {
        intent["status"] = json!("canceled");
        intent["canceled_at"] = json!(now);
        intent["cancellation_reason"] = reason;
    }
    call.account.raise("payment_intent.canceled", &id);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn create_method(call: &mut Call<'_>) -> Answer {
    if call.params.text("/type") != Some("card") {
        return Err(StripeError::not_simulated(
            "payment methods other than cards",
        ));
    }
    let p = &call.params;
    let card = if let Some(token) = p.text("/card/token") {
        token
            .strip_prefix("tok_")
            .and_then(card::by_name)
            .ok_or_else(|| StripeError::no_such_param("token", token, "card[token]"))?
    } else {
        let number = p
            .text("/card/number")
            .ok_or_else(|| StripeError::missing("card[number]"))?;
        card::by_number(number).map_err(|decline| payment::card_error(&decline, Value::Null))?
    };
    let number_text = |pointer: &str| p.int(pointer).map_or(String::new(), |n| n.to_string());
    let entry = CardEntry {
        exp_month: number_text("/card/exp_month"),
        exp_year: number_text("/card/exp_year"),
        name: p
            .text("/billing_details/name")
            .unwrap_or_default()
            .to_owned(),
        email: p
            .text("/billing_details/email")
            .unwrap_or_default()
            .to_owned(),
        ..CardEntry::default()
    };
    let metadata = merged_metadata(&json!({}), p.0.get("metadata"))?;
    let id = payment::insert_method(call.account, card, &entry);
    call.account.set(&id, "metadata", metadata);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn retrieve_method(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("payment_method", &call.id(), "payment_method")
        .cloned()
}

pub(crate) fn list_methods(call: &mut Call<'_>) -> Answer {
    let Some(customer) = call.params.text("/customer").map(str::to_owned) else {
        return list::page(call, "payment_method", "/v1/payment_methods", |_| false);
    };
    list::page(call, "payment_method", "/v1/payment_methods", |row| {
        row["customer"] == customer.as_str() && list::is(call, "type", row, "type")
    })
}

pub(crate) fn list_of_customer(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch("customer", &id, "customer")?;
    list::page(
        call,
        "payment_method",
        &format!("/v1/customers/{id}/payment_methods"),
        |row| row["customer"] == id.as_str() && list::is(call, "type", row, "type"),
    )
}

pub(crate) fn attach_method(call: &mut Call<'_>) -> Answer {
    let customer = call
        .params
        .text("/customer")
        .map(str::to_owned)
        .ok_or_else(|| {
            StripeError::coded(
                "parameter_missing",
                "Must provide customer or customer_account.",
            )
        })?;
    let sent = call.id();
    if call.account.get(&customer)["object"] != "customer" {
        return Err(StripeError::no_such_param(
            "customer", &customer, "customer",
        ));
    }
    let id = payment::resolve_method(call.account, &sent, "payment_method")
        .map_err(|error| error.status(404))?;
    let owner = call.account.get(&id)["customer"].clone();
    if owner == customer.as_str() {
        return Ok(call.account.get(&id).clone());
    }
    if !owner.is_null() {
        return Err(StripeError::invalid(
            "The payment method you provided has already been attached to a customer.",
        ));
    }
    payment::refuse_declining(call.account, &id)?;
    call.account.set(&id, "customer", json!(customer));
    call.account.raise("payment_method.attached", &id);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn detach_method(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call
        .account
        .fetch_snapshot("payment_method", &id, "payment_method")?;
    if before["customer"].is_null() {
        return Err(StripeError::invalid(
            "The payment method you provided is not attached to a customer so detachment is \
             impossible.",
        ));
    }
    call.account.set(&id, "customer", Value::Null);
    call.account
        .raise_update("payment_method.detached", &id, &before);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn retrieve_setup_intent(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("setup_intent", &call.id(), "intent")
        .cloned()
}

pub(crate) fn list_charges(call: &mut Call<'_>) -> Answer {
    list::page(call, "charge", "/v1/charges", |row| {
        ["customer", "payment_intent"]
            .iter()
            .all(|name| list::is(call, name, row, name))
    })
}

pub(crate) fn retrieve_charge(call: &mut Call<'_>) -> Answer {
    call.account.fetch("charge", &call.id(), "id").cloned()
}
