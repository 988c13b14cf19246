//! How the invoices of a subscription are opened and collected: at once, after the hour of a renewal,
//! or not at all while collection is paused.

use crate::json::{Value, json};

use crate::account::Account;
use crate::http::error::StripeError;
use crate::lives::card::Behaviour;
use crate::lives::invoice::collect::{self, Collection, Try};
use crate::lives::invoice::{self, dunning, end, open};
use crate::lives::payment::setup::{self, SetupTerms};
use crate::lives::subscription::{billing, cycle, pending};
use crate::lives::{payment, reaction};

/// How a try to collect an invoice at once ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collected {
    Paid,
    Declined,
    /// The customer has to authenticate the payment.
    NeedsAction,
    /// Open, and nobody tried.
    Open,
}

/// What follows for the draft of a renewal: it waits for an hour, unless the subscription's
/// collection is paused or was given up.
pub(crate) fn after_draft(account: &mut Account, id: &str, invoice_id: &str) {
    let subscription = account.get(id);
    let is_given_up = subscription["status"] == "unpaid";
    let pause = subscription["pause_collection"]["behavior"]
        .as_str()
        .map(str::to_owned);
    if is_given_up || pause.is_some() {
        account.set(invoice_id, "auto_advance", json!(false));
        invoice::plan_advance(account, invoice_id);
    }
    match pause.as_deref() {
        Some("void") => {
            open::finalize(account, invoice_id);
            end::void(account, invoice_id);
        }
        Some("mark_uncollectible") => {
            open::finalize(account, invoice_id);
            end::mark_uncollectible(account, invoice_id, "subscription_paused");
        }
        _ => {}
    }
}

/// Opens a draft and tries to collect it at once, raising what this raises; without a payment method
/// it stays open. A failed payment is for the caller to draw conclusions from.
pub(crate) fn collect_now(
    account: &mut Account,
    id: &str,
    invoice_id: &str,
    is_off_session: bool,
) -> Collected {
    open::open(account, invoice_id);
    if account.get(invoice_id)["status"] == "paid" {
        return Collected::Paid;
    }
    let subscription = account.snapshot(id);
    let Some(method) = method_of(account, &subscription) else {
        return Collected::Open;
    };
    let how = Try {
        method_id: &method,
        is_off_session,
        is_automatic: false,
        tells_update: false,
    };
    match collect::try_to_pay(account, invoice_id, how) {
        Collection::Paid => {
            save_method(account, id, &method);
            reaction::invoice_paid(account, invoice_id);
            Collected::Paid
        }
        Collection::Declined(_) => Collected::Declined,
        Collection::NeedsAction => Collected::NeedsAction,
    }
}

/// A later try is planned for an invoice that could not be collected at once.
pub(crate) fn try_later(account: &mut Account, invoice_id: &str) {
    dunning::plan_retry(account, invoice_id);
}

/// What paid becomes the subscription's own method, if that was asked for.
fn save_method(account: &mut Account, id: &str, method: &str) {
    let subscription = account.get(id);
    if subscription["payment_settings"]["save_default_payment_method"] == "on_subscription" {
        account.set(id, "default_payment_method", json!(method));
    }
}

/// What paid a subscription's invoice while its customer was there is kept likewise.
pub(crate) fn keep_method(account: &mut Account, intent_id: &str) {
    let intent = account.snapshot(intent_id);
    let (Some(invoice_id), Some(method)) = (
        intent["_invoice"].as_str(),
        intent["payment_method"].as_str(),
    ) else {
        return;
    };
    let subscription = subscription_of(account, invoice_id);
    // A method that was not attached cannot be used again.
    if account.get(method)["customer"] == account.get(&subscription)["customer"] {
        save_method(account, &subscription, method);
    }
}

/// The subscription of an invoice; empty when it has none.
pub(crate) fn subscription_of(account: &Account, invoice_id: &str) -> String {
    invoice::subscription_of(account.get(invoice_id))
        .unwrap_or_default()
        .to_owned()
}

/// The payment method that a subscription's invoices are charged to.
pub(crate) fn method_of(account: &Account, subscription: &Value) -> Option<String> {
    let customer = account.get(subscription["customer"].as_str().unwrap_or_default());
    let found = subscription["default_payment_method"]
        .as_str()
        .or(subscription["default_source"].as_str())
        .or(customer["invoice_settings"]["default_payment_method"].as_str())
        .or(customer["default_source"].as_str());
    found.map(str::to_owned)
}

/// Refuses what a payment method would fail with, before anything is written.
pub(crate) fn refuse_failing(
    account: &Account,
    method: &str,
    is_off_session: bool,
) -> Result<(), StripeError> {
    match payment::behaviour_of(account, method) {
        Behaviour::Declines(decline) | Behaviour::FailsWhenCharged(decline) => {
            Err(payment::card_error(&decline, Value::Null))
        }
        Behaviour::NeedsAuthentication if !is_off_session => {
            let mut error = StripeError::coded(
                "subscription_payment_intent_requires_action",
                "Payment for this subscription requires additional user action before it can be \
                 completed successfully. Payment can be completed using the PaymentIntent \
                 associated with subscription.latest_invoice.",
            )
            .status(402);
            error.kind = "card_error";
            Err(error)
        }
        _ => Ok(()),
    }
}

/// Asks for a payment method to be set up for later, where there is none.
pub(crate) fn ask_for_method(account: &mut Account, id: &str) {
    let terms = SetupTerms {
        customer: account.get(id)["customer"].clone(),
        usage: json!("off_session"),
        ..SetupTerms::default()
    };
    let intent = setup::insert(account, &terms);
    account.set(&intent, "_subscription", json!(id));
    account.set(id, "pending_setup_intent", json!(intent));
    account.raise("setup_intent.created", &intent);
}

/// The payment method that a subscription waited for has been set up.
pub(crate) fn method_set_up(account: &mut Account, intent_id: &str) {
    let intent = account.snapshot(intent_id);
    let Some(id) = intent["_subscription"].as_str() else {
        return;
    };
    let before = account.snapshot(id);
    if before["pending_setup_intent"] == intent_id {
        account.set(id, "pending_setup_intent", Value::Null);
        account.set(
            id,
            "default_payment_method",
            intent["payment_method"].clone(),
        );
        account.raise_update("customer.subscription.updated", id, &before);
    }
}

/// Tells what the next renewal will ask for.
pub(crate) fn raise_upcoming(account: &mut Account, id: &str) {
    let subscription = account.snapshot(id);
    let mut lines = pending::lines(account, id);
    lines.extend(cycle::lines_to_come(account, &subscription));
    if lines.is_empty() {
        return;
    }
    let start = subscription["items"]["data"][0]["current_period_start"].as_i64();
    let end = cycle::next_end(&subscription).unwrap_or(account.now);
    let period = (start.unwrap_or(end), end);
    let draft = billing::draft(account, &subscription, "upcoming", lines, period);
    let mut preview = invoice::draft_object(account, &draft);
    invoice::totals::apply(account, &mut preview);
    preview["next_payment_attempt"] = json!(end.saturating_add(invoice::DRAFT_SECONDS));
    account.raise_with("invoice.upcoming", preview, None);
}
