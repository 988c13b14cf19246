//! Collecting an open invoice: its payment intent, tries to charge it, and how it becomes paid.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::card::{self, Decline};
use crate::lives::invoice::subscription_of;
use crate::lives::payment::{self, Collected, IntentTerms, Session};
use crate::lives::reaction;

/// How a try to collect an invoice ended; the events of it are raised.
#[derive(Debug)]
pub(crate) enum Collection {
    Paid,
    Declined(Decline),
    /// The customer has to authenticate the payment.
    NeedsAction,
}

/// One try to collect an invoice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Try<'a> {
    pub(crate) method_id: &'a str,
    /// The customer is not there to answer a challenge.
    pub(crate) is_off_session: bool,
    /// Made by the schedule of retries.
    pub(crate) is_automatic: bool,
    /// The invoice was known before, so that its change is told by `invoice.updated`.
    pub(crate) tells_update: bool,
}

/// What the payment of an invoice is called on a statement of payments.
fn description_of(invoice: &Value) -> &'static str {
    match invoice["billing_reason"].as_str() {
        Some("subscription_create") => "Subscription creation",
        Some("subscription_update" | "subscription_cycle" | "subscription_threshold") => {
            "Subscription update"
        }
        _ => "Payment for Invoice",
    }
}

/// The payment method that an invoice is charged to: its own, its subscription's, its customer's.
pub(crate) fn method_of(account: &Account, invoice: &Value) -> Option<String> {
    let subscription = account.get(subscription_of(invoice).unwrap_or_default());
    let customer = account.get(invoice["customer"].as_str().unwrap_or_default());
    [
        &invoice["default_payment_method"],
        &invoice["default_source"],
        &subscription["default_payment_method"],
        &subscription["default_source"],
        &customer["invoice_settings"]["default_payment_method"],
        &customer["default_source"],
    ]
    .into_iter()
    .find_map(Value::as_str)
    .map(str::to_owned)
}

/// The invoice's payment intent, made if there is none yet.
pub(crate) fn ensure_intent(account: &mut Account, id: &str) -> String {
    let invoice = account.snapshot(id);
    if let Some(known) = invoice["_payment_intent"].as_str()
        && account.get(known)["status"] != "canceled"
    {
        return known.to_owned();
    }
    let is_subscription = subscription_of(&invoice).is_some();
    let intent_id = payment::insert_intent(
        account,
        &IntentTerms {
            amount: invoice["amount_remaining"].as_i64().unwrap_or(0),
            currency: invoice["currency"].as_str().unwrap_or("usd").to_owned(),
            customer: invoice["customer"].clone(),
            description: json!(description_of(&invoice)),
            invoice: json!(id),
            setup_future_usage: if is_subscription {
                json!("off_session")
            } else {
                Value::Null
            },
            ..IntentTerms::default()
        },
    );
    tie_payment(account, id, &intent_id, false);
    account.raise("payment_intent.created", &intent_id);
    intent_id
}

/// Ties a payment to an invoice; `is_paid` when the money is there.
pub(crate) fn tie_payment(
    account: &mut Account,
    invoice_id: &str,
    intent_id: &str,
    is_paid: bool,
) -> String {
    let invoice = account.snapshot(invoice_id);
    let charge = account.get(intent_id)["latest_charge"].clone();
    account.set(invoice_id, "_payment_intent", json!(intent_id));
    account.set(invoice_id, "_charge", charge.clone());
    account.set(intent_id, "_invoice", json!(invoice_id));
    if let Some(charge_id) = charge.as_str() {
        account.set(charge_id, "_invoice", json!(invoice_id));
    }
    let is_default = account
        .rows_by("invoice_payment", "invoice", invoice_id)
        .all(|row| row["status"] == "canceled");
    let payment = json!({
        "id": account.ids.next("inpay_"),
        "object": "invoice_payment",
        "amount_paid": if is_paid { invoice["amount_due"].clone() } else { Value::Null },
        "amount_requested": invoice["amount_due"],
        "created": account.now,
        "currency": invoice["currency"],
        "invoice": invoice_id,
        "is_default": is_default,
        "livemode": false,
        "payment": { "payment_intent": intent_id, "type": "payment_intent" },
        "status": if is_paid { "paid" } else { "open" },
        "status_transitions": {
            "canceled_at": null, "paid_at": if is_paid { json!(account.now) } else { Value::Null },
        },
    });
    account.insert(payment)
}

/// Makes an invoice paid; raises nothing.
pub(crate) fn mark_paid(account: &mut Account, id: &str) {
    let now = account.now;
    if let Some(invoice) = account.edit(id) {
        invoice["status"] = json!("paid");
        invoice["attempted"] = json!(true);
        invoice["auto_advance"] = json!(false);
        invoice["amount_paid"] = invoice["amount_due"].clone();
        invoice["amount_remaining"] = json!(0);
        invoice["automatically_finalizes_at"] = Value::Null;
        invoice["next_payment_attempt"] = Value::Null;
        invoice["status_transitions"]["paid_at"] = json!(now);
    }
}

/// An opened invoice that comes to nothing is paid without a payment.
pub(crate) fn settle_free(account: &mut Account, id: &str) {
    mark_paid(account, id);
    account.raise("invoice.paid", id);
    account.raise("invoice.payment_succeeded", id);
    reaction::invoice_paid(account, id);
}

/// The money came in some other way.
pub(crate) fn settle_out_of_band(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    cancel_intent(account, id);
    mark_paid(account, id);
    if let Some(invoice) = account.edit(id) {
        invoice["attempted"] = before["attempted"].clone();
        invoice["amount_paid_off_stripe"] = invoice["amount_paid"].clone();
        invoice["_paid_out_of_band"] = json!(true);
    }
    account.raise_update("invoice.updated", id, &before);
    account.raise("invoice.paid", id);
    account.raise("invoice.payment_succeeded", id);
    set_delinquent(account, id, false);
    reaction::invoice_paid(account, id);
}

/// Gives up the payment that an invoice still waits for.
pub(crate) fn cancel_intent(account: &mut Account, id: &str) {
    let now = account.now;
    let open: Vec<(String, String)> = account
        .rows_by("invoice_payment", "invoice", id)
        .filter(|row| row["status"] == "open")
        .map(|row| (text(&row["id"]), text(&row["payment"]["payment_intent"])))
        .collect();
    for (payment_id, intent_id) in open {
        if let Some(row) = account.edit(&payment_id) {
            row["status"] = json!("canceled");
            row["status_transitions"]["canceled_at"] = json!(now);
        }
        let Some(intent) = account.edit(&intent_id) else {
            continue;
        };
        if intent["status"] == "succeeded" || intent["status"] == "canceled" {
            continue;
        }
        intent["status"] = json!("canceled");
        intent["canceled_at"] = json!(now);
        intent["cancellation_reason"] = json!("void_invoice");
        intent["next_action"] = Value::Null;
        account.raise("payment_intent.canceled", &intent_id);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Tries to pay an open invoice with a payment method and raises what Stripe raises; what follows
/// for others (`reaction`) is the caller's.
pub(crate) fn try_to_pay(account: &mut Account, id: &str, how: Try<'_>) -> Collection {
    let before = account.snapshot(id);
    if before["amount_due"] == 0 {
        mark_paid(account, id);
        account.raise("invoice.paid", id);
        account.raise("invoice.payment_succeeded", id);
        return Collection::Paid;
    }
    let intent_id = ensure_intent(account, id);
    let session = if how.is_off_session {
        Session::Off
    } else {
        Session::On
    };
    let collected = payment::collect(account, &intent_id, how.method_id, session);
    let charge = account.get(&intent_id)["latest_charge"].clone();
    account.set(id, "_charge", charge);
    account.set(id, "attempted", json!(true));
    match collected {
        Collected::Succeeded => {
            note_attempt(account, id, how.is_automatic);
            payment::raise_succeeded(account, &intent_id);
            settle(account, id, how.tells_update.then_some(&before));
            Collection::Paid
        }
        Collected::Declined(decline) => {
            note_attempt(account, id, how.is_automatic);
            payment::raise_failed(account, &intent_id);
            account.raise("invoice.payment_failed", id);
            set_delinquent(account, id, true);
            if decline == card::AUTHENTICATION {
                account.raise("invoice.payment_action_required", id);
            }
            Collection::Declined(decline)
        }
        // Not a try yet: it counts once the customer has answered.
        Collected::RequiresAction => {
            account.raise("payment_intent.requires_action", &intent_id);
            account.raise("invoice.payment_action_required", id);
            Collection::NeedsAction
        }
    }
}

/// Whether a customer's latest invoice could not be collected.
pub(crate) fn set_delinquent(account: &mut Account, id: &str, is_delinquent: bool) {
    let customer_id = text(&account.get(id)["customer"]);
    let before = account.snapshot(&customer_id);
    if before["delinquent"] == !is_delinquent {
        account.set(&customer_id, "delinquent", json!(is_delinquent));
        account.raise_update("customer.updated", &customer_id, &before);
    }
}

/// Any first try counts, and after it only those of the schedule.
pub(crate) fn note_attempt(account: &mut Account, id: &str, is_automatic: bool) {
    let attempts = account.get(id)["attempt_count"].as_i64().unwrap_or(0);
    if let Some(invoice) = account.edit(id) {
        invoice["attempted"] = json!(true);
        if attempts == 0 || is_automatic {
            invoice["attempt_count"] = json!(attempts.saturating_add(1));
        }
    }
}

/// The payment of an invoice succeeded: the invoice is paid, and says so.
pub(crate) fn settle(account: &mut Account, id: &str, before: Option<&Value>) {
    mark_paid(account, id);
    if let Some(before) = before {
        account.raise_update("invoice.updated", id, before);
    }
    account.raise("invoice.paid", id);
    account.raise("invoice.payment_succeeded", id);
    let now = account.now;
    let intent = account.get(id)["_payment_intent"].clone();
    let payment_id = account
        .rows_by("invoice_payment", "invoice", id)
        .find(|row| row["payment"]["payment_intent"] == intent)
        .map(|row| text(&row["id"]))
        .unwrap_or_default();
    if let Some(row) = account.edit(&payment_id) {
        row["status"] = json!("paid");
        row["amount_paid"] = row["amount_requested"].clone();
        row["status_transitions"]["paid_at"] = json!(now);
        account.raise("invoice_payment.paid", &payment_id);
    }
    set_delinquent(account, id, false);
}

/// An intent of an invoice succeeded by its customer's doing.
pub(crate) fn intent_succeeded(account: &mut Account, intent_id: &str) {
    let Some(id) = invoice_awaiting(account, intent_id) else {
        return;
    };
    let before = account.snapshot(&id);
    let charge = account.get(intent_id)["latest_charge"].clone();
    if let Some(charge_id) = charge.as_str() {
        account.set(charge_id, "_invoice", json!(id));
    }
    account.set(&id, "_charge", charge);
    account.set(&id, "_payment_intent", json!(intent_id));
    note_attempt(account, &id, false);
    settle(account, &id, Some(&before));
    reaction::invoice_paid(account, &id);
}

/// An intent of an invoice failed while its customer was there.
pub(crate) fn intent_failed(account: &mut Account, intent_id: &str) {
    let Some(id) = invoice_awaiting(account, intent_id) else {
        return;
    };
    let before = account.snapshot(&id);
    let charge = account.get(intent_id)["latest_charge"].clone();
    account.set(&id, "_charge", charge);
    note_attempt(account, &id, false);
    account.raise("invoice.payment_failed", &id);
    account.raise_update("invoice.updated", &id, &before);
    set_delinquent(account, &id, true);
    reaction::invoice_not_paid(account, &id);
}

/// The open invoice that an intent is to pay.
fn invoice_awaiting(account: &Account, intent_id: &str) -> Option<String> {
    let id = account.get(intent_id)["_invoice"].as_str()?;
    let status = account.get(id)["status"].as_str()?;
    matches!(status, "open" | "uncollectible").then(|| id.to_owned())
}
