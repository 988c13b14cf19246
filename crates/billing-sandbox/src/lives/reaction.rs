//! What follows for other objects when an invoice or a payment comes to an end. The one place where
//! payments, invoices, subscriptions and checkouts meet, so that each can change on its own.

use crate::json::json;

use crate::account::Account;
use crate::lives::checkout;
use crate::lives::entitlement;
use crate::lives::invoice::collect;
use crate::lives::subscription::{collection, status};

/// An invoice has become paid, by whatever way; its own events are raised already.
pub(crate) fn invoice_paid(account: &mut Account, invoice_id: &str) {
    note_delinquency(account, invoice_id, false);
    status::paid(account, invoice_id);
}

/// A try to pay an invoice failed, or waits for the customer; its own events are raised already.
pub(crate) fn invoice_not_paid(account: &mut Account, invoice_id: &str) {
    status::not_paid(account, invoice_id);
}

/// The schedule's own try to collect an invoice was declined.
pub(crate) fn collection_declined(account: &mut Account, invoice_id: &str) {
    note_delinquency(account, invoice_id, true);
}

/// The last of an invoice's retries failed; its own events are raised already.
pub(crate) fn retries_exhausted(account: &mut Account, invoice_id: &str) {
    status::retries_exhausted(account, invoice_id);
}

/// The due date of a sent invoice has passed and it is still open.
pub(crate) fn invoice_overdue(account: &mut Account, invoice_id: &str) {
    note_delinquency(account, invoice_id, true);
    status::not_paid(account, invoice_id);
}

/// An invoice was voided.
pub(crate) fn invoice_voided(account: &mut Account, invoice_id: &str) {
    status::voided(account, invoice_id);
}

/// An invoice was given up as uncollectible.
pub(crate) fn invoice_uncollectible(account: &mut Account, invoice_id: &str) {
    note_delinquency(account, invoice_id, false);
    status::given_up(account, invoice_id);
}

/// A payment intent succeeded outside the code that asked for it: its customer confirmed it, or
/// passed 3-D Secure, or an asynchronous payment arrived. Raises what its invoice or session raises.
pub(crate) fn intent_succeeded(account: &mut Account, intent_id: &str) {
    collection::keep_method(account, intent_id);
    collect::intent_succeeded(account, intent_id);
    checkout::intent_succeeded(account, intent_id);
}

/// A payment intent failed outside the code that asked for it.
pub(crate) fn intent_failed(account: &mut Account, intent_id: &str) {
    collect::intent_failed(account, intent_id);
    checkout::intent_failed(account, intent_id);
}

/// A setup intent succeeded outside the code that asked for it: its owner passed 3-D Secure.
pub(crate) fn setup_succeeded(account: &mut Account, intent_id: &str) {
    checkout::setup::succeeded(account, intent_id);
    collection::method_set_up(account, intent_id);
}

/// The products of a customer's live subscriptions may have changed.
pub(crate) fn subscriptions_changed(account: &mut Account, customer_id: &str) {
    entitlement::recompute(account, customer_id);
}

/// A customer is delinquent by what last became of any of its invoices.
fn note_delinquency(account: &mut Account, invoice_id: &str, is_delinquent: bool) {
    let Some(customer_id) = account.get(invoice_id)["customer"].as_str() else {
        return;
    };
    let customer_id = customer_id.to_owned();
    if account.get(&customer_id)["delinquent"] == is_delinquent {
        return;
    }
    let before = account.snapshot(&customer_id);
    account.set(&customer_id, "delinquent", json!(is_delinquent));
    account.raise_update("customer.updated", &customer_id, &before);
}
