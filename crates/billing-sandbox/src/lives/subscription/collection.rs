//! How the invoices of a subscription are opened and collected: at once, after the hour of a renewal,
//! or not at all while collection is paused.

use serde_json::{Value, json};

use crate::account::Account;
use crate::lives::invoice;

/// How a try to collect an invoice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collected {
    Paid,
    NotPaid,
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
    if is_given_up || pause.as_deref() == Some("keep_as_draft") {
        account.set(invoice_id, "auto_advance", json!(false));
        invoice::plan_advance(account, invoice_id);
    }
}

/// Opens a draft.
pub(crate) fn open(account: &mut Account, invoice_id: &str) {
    invoice::finalize(account, invoice_id);
    account.raise("invoice.finalized", invoice_id);
}

/// Tries to pay an open invoice with the subscription's payment method; one of nothing is paid.
pub(crate) fn attempt(account: &mut Account, invoice_id: &str, description: &str) -> Collected {
    if account.get(invoice_id)["amount_due"] == 0 {
        invoice::mark_paid(account, invoice_id);
        account.raise("invoice.paid", invoice_id);
        account.raise("invoice.payment_succeeded", invoice_id);
        return Collected::Paid;
    }
    if account.get(invoice_id)["collection_method"] == "send_invoice" {
        return Collected::Open;
    }
    let subscription = account.snapshot(&subscription_of(account, invoice_id));
    let Some(method) = method_of(account, &subscription) else {
        account.set(invoice_id, "attempted", json!(true));
        account.raise("invoice.payment_failed", invoice_id);
        return Collected::NotPaid;
    };
    match invoice::attempt(account, invoice_id, &method, description) {
        Ok(()) => Collected::Paid,
        Err(_) => Collected::NotPaid,
    }
}

/// The subscription of an invoice; empty when it has none.
pub(crate) fn subscription_of(account: &Account, invoice_id: &str) -> String {
    account.get(invoice_id)["parent"]["subscription_details"]["subscription"]
        .as_str()
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

/// Tells what the next renewal will ask for.
pub(crate) fn raise_upcoming(account: &mut Account, id: &str) {
    let _ = (account, id);
}
