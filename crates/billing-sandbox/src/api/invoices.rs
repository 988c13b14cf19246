//! Invoices and invoice payments.

use serde_json::Value;

use crate::api::subscriptions::NO_METHOD;
use crate::api::{Answer, Call, list};
use crate::http::error::StripeError;
use crate::lives::{invoice, payment, quantity};

pub(crate) fn list_invoices(call: &mut Call<'_>) -> Answer {
    let subscription = call.params.text("/subscription");
    list::page(call, "invoice", "/v1/invoices", |row| {
        list::is(call, "customer", row, "customer")
            && list::is(call, "status", row, "status")
            && subscription
                .is_none_or(|id| row["parent"]["subscription_details"]["subscription"] == id)
    })
}

pub(crate) fn retrieve_invoice(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("invoice", &call.id(), "invoice")
        .cloned()
}

pub(crate) fn invoice_lines(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let invoice = call.account.fetch("invoice", &id, "invoice")?;
    let rows: Vec<&Value> = invoice["lines"]["data"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    list::cut(
        call,
        &rows,
        "line_item",
        &format!("/v1/invoices/{id}/lines"),
    )
}

pub(crate) fn finalize_invoice(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    if call.account.fetch("invoice", &id, "id")?["status"] != "draft" {
        return Err(StripeError::invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
        ));
    }
    invoice::finalize(call.account, &id);
    call.account.raise("invoice.finalized", &id);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn pay_invoice(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let invoice = call.account.fetch("invoice", &id, "id")?.clone();
    if invoice["status"] == "paid" {
        return Err(StripeError::invalid("Invoice is already paid"));
    }
    let subscription_id = invoice["parent"]["subscription_details"]["subscription"].as_str();
    let subscription = call
        .account
        .get(subscription_id.unwrap_or_default())
        .clone();
    let sent = call.params.text("/payment_method").map(str::to_owned);
    let method = match sent {
        Some(method) => Some(payment::resolve_method(
            call.account,
            &method,
            "payment_method",
        )?),
        None => quantity::method_of(call.account, &subscription),
    };
    let Some(method) = method else {
        return Err(StripeError::coded("resource_missing", NO_METHOD));
    };
    match invoice::attempt(call.account, &id, &method, "Payment for Invoice") {
        Ok(()) => {
            quantity::settle_pending(call.account, &id);
            Ok(call.account.get(&id).clone())
        }
        Err(decline) => Err(payment::card_error(&decline, Value::Null)),
    }
}

pub(crate) fn list_invoice_payments(call: &mut Call<'_>) -> Answer {
    let intent = call.params.text("/payment/payment_intent");
    list::page(call, "invoice_payment", "/v1/invoice_payments", |row| {
        list::is(call, "invoice", row, "invoice")
            && list::is(call, "status", row, "status")
            && intent.is_none_or(|id| row["payment"]["payment_intent"] == id)
    })
}

pub(crate) fn retrieve_invoice_payment(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("invoice_payment", &call.id(), "invoice_payment")
        .cloned()
}
