//! Invoices and invoice payments.

use serde_json::Value;

use crate::api::subscriptions::NO_METHOD;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::{invoice, payment, quantity};

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
    route("GET /v1/invoices", list_invoices),
    route("GET /v1/invoices/{}", retrieve_invoice),
    route("GET /v1/invoices/{}/lines", invoice_lines),
    route("POST /v1/invoices/{}/pay", pay_invoice).lacks(UNSIMULATED),
    route("POST /v1/invoices/{}/finalize", finalize_invoice).lacks(UNSIMULATED),
    route("GET /v1/invoice_payments", list_invoice_payments),
    route("GET /v1/invoice_payments/{}", retrieve_invoice_payment),
];

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
            crate::lives::reaction::invoice_paid(call.account, &id);
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
