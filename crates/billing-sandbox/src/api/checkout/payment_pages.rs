//! The endpoints behind Stripe's own checkout page, as far as `stripe trigger` uses them.

use crate::json::{Value, json};

use crate::api::checkout::shown::shown;
use crate::api::{Answer, Call};
use crate::http::error::StripeError;
use crate::lives::checkout::{self, CardEntry, PayWith, Payment, Submission};
use crate::lives::payment;

/// What the page knows of its session.
pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch("checkout.session", &id, "session")?;
    Ok(page_of(call, &id))
}

fn page_of(call: &Call<'_>, id: &str) -> Value {
    let session = shown(call, id);
    let items = checkout::totals::items_of(&session);
    json!({
        "id": id,
        "amount_subtotal": session["amount_subtotal"],
        "amount_total": session["amount_total"],
        "cancel_url": session["cancel_url"],
        "currency": session["currency"],
        "customer": session["customer"],
        "customer_email": session["customer_email"],
        "line_items": items,
        "livemode": false,
        "mode": session["mode"],
        "payment_intent": session["payment_intent"],
        "payment_method_types": session["payment_method_types"],
        "payment_status": session["payment_status"],
        "session_id": id,
        "setup_intent": session["setup_intent"],
        "status": session["status"],
        "success_url": session["success_url"],
        "total_summary": {
            "due": session["amount_total"], "subtotal": session["amount_subtotal"],
            "total": session["amount_total"],
        },
        "url": session["url"],
    })
}

/// Pays the session with a payment method, as the page does when its button is pressed.
pub(crate) fn confirm(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let session = call
        .account
        .fetch_snapshot("checkout.session", &id, "session")?;
    if session["status"] == "expired" {
        return Err(StripeError::coded(
            "payment_page_expired",
            "This Checkout Session has expired.",
        ));
    }
    let expected = call.params.int("/expected_amount");
    let due = session["amount_total"].as_i64().unwrap_or(0);
    if expected.is_some_and(|expected| expected != due) {
        return Err(StripeError::coded(
            "checkout_amount_mismatch",
            "The expected amount does not match the amount of the Checkout Session.",
        )
        .param("expected_amount"));
    }
    let mut submission = Submission {
        is_brief: true,
        ..Submission::default()
    };
    if let Some(sent) = call.params.text("/payment_method").map(str::to_owned) {
        let method_id = payment::resolve_method(call.account, &sent, "payment_method")?;
        let details = call.account.get(&method_id)["billing_details"].clone();
        let text = |name: &str| details[name].as_str().unwrap_or_default().to_owned();
        submission.card = CardEntry {
            email: text("email"),
            name: text("name"),
            ..CardEntry::default()
        };
        submission.phone = text("phone");
        submission.pay_with = PayWith::Method(method_id);
    } else if checkout::needs_card(&session) {
        return Err(StripeError::missing("payment_method"));
    }
    match checkout::pay(call.account, &id, &submission) {
        Payment::Completed { .. } | Payment::RequiresAction { .. } => Ok(page_of(call, &id)),
        Payment::Declined {
            message,
            code,
            decline_code,
        } => {
            let mut error = StripeError::coded(&code, message).status(402);
            error.kind = "card_error";
            Err(error.with("decline_code", json!(decline_code)))
        }
        Payment::Invalid { message, field } => Err(StripeError::invalid(message).param(&field)),
        Payment::Expired => Err(StripeError::coded(
            "payment_page_expired",
            "This Checkout Session has expired.",
        )),
    }
}
