//! The payments of invoices.

use crate::json::json;

use crate::api::{Answer, Call, list};
use crate::http::error::StripeError;
use crate::lives::invoice::collect;

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let intent = call.params.text("/payment/payment_intent");
    list::page(call, "invoice_payment", "/v1/invoice_payments", |row| {
        list::is(call, "invoice", row, "invoice")
            && list::is(call, "status", row, "status")
            && intent.is_none_or(|id| row["payment"]["payment_intent"] == id)
    })
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("invoice_payment", &call.id(), "invoice_payment")
        .cloned()
}

/// Ties a payment intent that was made by itself to an open invoice.
pub(crate) fn attach(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let invoice = call.account.fetch_snapshot("invoice", &id, "invoice")?;
    if invoice["status"] != "open" {
        return Err(StripeError::invalid(
            "You can only attach payments to open invoices. This invoice isn't open.",
        ));
    }
    let intent_id = call.params.require("payment_intent")?.to_owned();
    let intent = call.account.snapshot(&intent_id);
    if intent["object"] != "payment_intent" {
        return Err(StripeError::no_such_param(
            "payment_intent",
            &intent_id,
            "payment_intent",
        ));
    }
    if intent["_invoice"].is_string() {
        return Err(
            StripeError::invalid("The payment is already attached to an invoice.")
                .param("payment_intent"),
        );
    }
    if intent["currency"] != invoice["currency"] {
        return Err(StripeError::invalid(
            "The currency of the payment must be the currency of the invoice.",
        )
        .param("payment_intent"));
    }
    let is_whole = intent["amount"].as_i64() >= invoice["amount_remaining"].as_i64();
    if !is_whole {
        return Err(StripeError::not_simulated(
            "payments for a part of an invoice",
        ));
    }
    collect::cancel_intent(call.account, &id);
    collect::tie_payment(call.account, &id, &intent_id, false);
    if intent["status"] == "succeeded" {
        collect::intent_succeeded(call.account, &intent_id);
    } else {
        call.account.raise_update("invoice.updated", &id, &invoice);
        call.account.set(&intent_id, "_invoice", json!(id));
    }
    Ok(call.account.get(&id).clone())
}
