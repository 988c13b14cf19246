//! What can be done to an invoice: finalise, pay, send, void, give up.

use crate::json::{Value, json};

use crate::api::invoices::method_for;
use crate::api::{Answer, Call};
use crate::http::error::StripeError;
use crate::lives::invoice::collect::{self, Collection, Try};
use crate::lives::invoice::{DRAFT_SECONDS, end, open};
use crate::lives::{payment, reaction};

const NOT_OPEN: &str = "You can only pass in open invoices. This invoice isn't open.";

pub(crate) fn finalize(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    if call.account.fetch("invoice", &id, "id")?["status"] != "draft" {
        return Err(StripeError::invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
        ));
    }
    if let Some(wanted) = call.params.flag("/auto_advance") {
        call.account.set(&id, "auto_advance", json!(wanted));
    }
    open::open(call.account, &id);
    let invoice = call.account.get(&id);
    let is_collected_later = invoice["status"] == "open"
        && invoice["auto_advance"] == true
        && invoice["collection_method"] == "charge_automatically";
    if is_collected_later {
        let at = call.account.now.saturating_add(DRAFT_SECONDS);
        call.account.set(&id, "next_payment_attempt", json!(at));
        call.account.when(at, "invoice.retry", &id);
    }
    Ok(call.account.get(&id).clone())
}

pub(crate) fn pay(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let invoice = call.account.fetch_snapshot("invoice", &id, "id")?;
    match invoice["status"].as_str() {
        Some("paid") => return Err(StripeError::invalid("Invoice is already paid")),
        Some("void") => return Err(StripeError::invalid("This invoice has been voided.")),
        _ => {}
    }
    let is_out_of_band = call.params.flag("/paid_out_of_band") == Some(true);
    let sent = call.params.text("/payment_method").map(str::to_owned);
    let sent = match sent {
        Some(method) => Some(payment::resolve_method(
            call.account,
            &method,
            "payment_method",
        )?),
        None => None,
    };
    let total = invoice["amount_due"].as_i64().unwrap_or(0);
    if !is_out_of_band && sent.is_none() && total > 0 {
        method_for(call.account, &invoice)?;
    }
    if invoice["status"] == "draft" {
        open::open(call.account, &id);
        if call.account.get(&id)["status"] == "paid" {
            return Ok(call.account.get(&id).clone());
        }
    }
    if is_out_of_band {
        collect::settle_out_of_band(call.account, &id);
        return Ok(call.account.get(&id).clone());
    }
    let method = match sent {
        Some(method) => method,
        None => method_for(call.account, call.account.get(&id))?,
    };
    let how = Try {
        method_id: &method,
        is_off_session: call.params.flag("/off_session").unwrap_or(true),
        is_automatic: false,
        tells_update: true,
    };
    match collect::try_to_pay(call.account, &id, how) {
        Collection::Paid => {
            reaction::invoice_paid(call.account, &id);
            Ok(call.account.get(&id).clone())
        }
        Collection::Declined(decline) => {
            reaction::invoice_not_paid(call.account, &id);
            Err(payment::card_error(&decline, Value::Null))
        }
        Collection::NeedsAction => {
            reaction::invoice_not_paid(call.account, &id);
            let mut error = StripeError::coded(
                "invoice_payment_intent_requires_action",
                "This payment requires additional user action before it can be completed \
                 successfully. Payment can be completed using the PaymentIntent associated with \
                 the invoice. For more details see: \
                 https://stripe.com/docs/billing/subscriptions/overview#requires-action",
            )
            .status(402);
            error.kind = "card_error";
            Err(error)
        }
    }
}

pub(crate) fn send(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let invoice = call.account.fetch("invoice", &id, "invoice")?;
    match invoice["status"].as_str() {
        Some("draft" | "open") => {}
        _ => {
            return Err(StripeError::invalid(
                "This invoice cannot be sent right now. Please contact us via \
                 https://support.stripe.com/contact with details, so we can help.",
            ));
        }
    }
    if invoice["collection_method"] != "send_invoice" {
        return Err(StripeError::invalid(
            "You can only manually send an invoice if its collection method is 'send_invoice'.",
        ));
    }
    if invoice["status"] == "draft" {
        open::open(call.account, &id);
    }
    end::sent(call.account, &id);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn void(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    match call.account.fetch("invoice", &id, "id")?["status"].as_str() {
        Some("open") => {}
        Some("paid") => {
            return Err(StripeError::invalid(
                "Invoices with `paid` payments cannot be voided.",
            ));
        }
        _ => return Err(StripeError::invalid(NOT_OPEN)),
    }
    end::void(call.account, &id);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn mark_uncollectible(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    match call.account.fetch("invoice", &id, "id")?["status"].as_str() {
        Some("open") => {}
        Some("uncollectible") => {
            return Err(StripeError::invalid(
                "This invoice has already been marked uncollectible.",
            ));
        }
        _ => return Err(StripeError::invalid(NOT_OPEN)),
    }
    end::mark_uncollectible(call.account, &id, "user_forgiven");
    Ok(call.account.get(&id).clone())
}
