//! Bank debits: the session is complete at once, and whether the money comes is known days later.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::card::Decline;
use crate::lives::checkout::complete::{self, Means};
use crate::lives::checkout::entry::{DebitOutcome, Submission};
use crate::lives::{card, invoice, payment};

/// How long the banks take.
const SETTLES_AFTER_SECONDS: i64 = 86_400;

/// The kinds of payment that are certain only later, in the order in which the page prefers them.
const KINDS: &[&str] = &[
    "us_bank_account",
    "sepa_debit",
    "bacs_debit",
    "au_becs_debit",
    "acss_debit",
    "nz_bank_account",
];

const RETURNED: Decline = Decline {
    code: "payment_intent_payment_attempt_failed",
    decline_code: "insufficient_funds",
    message: "The customer's account has insufficient funds to cover this payment.",
    ..card::GENERIC
};

/// The bank debit that a session offers, if it does.
pub(crate) fn offered(session: &Value) -> Option<&'static str> {
    let types = session["payment_method_types"].as_array()?;
    KINDS
        .iter()
        .copied()
        .find(|kind| types.iter().any(|offered| offered == kind))
}

pub(crate) fn insert_method(account: &mut Account, kind: &str, submission: &Submission) -> String {
    let id = account.ids.next("pm_");
    let details = match kind {
        "us_bank_account" => json!({
            "account_holder_type": "individual", "account_type": "checking",
            "bank_name": "STRIPE TEST BANK", "financial_connections_account": null,
            "fingerprint": "sandboxbank", "last4": "6789",
            "networks": { "preferred": "ach", "supported": ["ach"] },
            "routing_number": "110000000", "status_details": {},
        }),
        "sepa_debit" => json!({
            "bank_code": "37040044", "branch_code": "", "country": "DE",
            "fingerprint": "sandboxbank", "generated_from": null, "last4": "3000",
        }),
        _ => json!({ "fingerprint": "sandboxbank", "last4": "6789" }),
    };
    account.insert(json!({
        "id": id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": {
                "city": null, "country": null, "line1": null, "line2": null, "postal_code": null,
                "state": null,
            },
            "email": super::entry::or_null(&submission.card.email),
            "name": super::entry::or_null(&submission.card.name),
            "phone": null, "tax_id": null,
        },
        "created": account.now,
        "customer": null,
        "livemode": false,
        "metadata": {},
        "type": kind,
        kind: details,
        // A debit that is settled goes through as the plainest card does.
        "_number": "4242424242424242",
    }))
}

/// Completes a session whose money is on its way.
pub(crate) fn begin(account: &mut Account, id: &str, submission: &Submission, method_id: &str) {
    let session = account.get(id).clone();
    let method = Some(method_id.to_owned());
    if !super::is_charged(&session) {
        let means = Means {
            method,
            ..Means::default()
        };
        complete::complete(account, id, submission, &means);
        return;
    }
    let (intent_id, is_new_intent) = super::intent_of(account, &session, &submission.card);
    let kind = account.get(method_id)["type"].clone();
    if let Some(intent) = account.edit(&intent_id) {
        intent["status"] = json!("processing");
        intent["payment_method"] = json!(method_id);
        intent["payment_method_types"] = json!([kind]);
        intent["payment_method_options"] = json!({});
    }
    if let Some(session) = account.edit(id) {
        session["_payment_intent"] = json!(intent_id);
        session["_debit"] = json!({
            "fails": submission.debit_outcome == DebitOutcome::Fails, "method": method_id,
        });
    }
    let means = Means {
        method,
        intent: Some(intent_id),
        is_new_intent,
        is_pending: true,
        ..Means::default()
    };
    complete::complete(account, id, submission, &means);
    let at = account.now.saturating_add(SETTLES_AFTER_SECONDS);
    account.when(at, "checkout.settle_debit", id);
}

/// Says what the banks will answer; for a debit that is still on its way.
pub(crate) fn decide(account: &mut Account, id: &str, outcome: DebitOutcome) {
    if let Some(debit) = account.edit(id).map(|session| &mut session["_debit"])
        && debit.is_object()
    {
        debit["fails"] = json!(outcome == DebitOutcome::Fails);
    }
}

/// Whether a session waits for its bank debit.
pub(crate) fn is_pending(account: &Account, id: &str) -> bool {
    let session = account.get(id);
    let intent = account.get(session["_payment_intent"].as_str().unwrap_or_default());
    session["_debit"].is_object() && intent["status"] == "processing"
}

/// The banks have answered.
pub(crate) fn settle(account: &mut Account, id: &str) {
    if !is_pending(account, id) {
        return;
    }
    let session = account.get(id).clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let intent_id = text(&session["_payment_intent"]);
    let method_id = text(&session["_debit"]["method"]);
    let invoice_id = text(&session["invoice"]);
    if session["_debit"]["fails"] == true {
        if let Some(intent) = account.edit(&intent_id) {
            intent["status"] = json!("requires_payment_method");
            intent["payment_method"] = Value::Null;
            intent["last_payment_error"] = json!({
                "code": RETURNED.code, "decline_code": RETURNED.decline_code,
                "message": RETURNED.message, "type": "card_error",
            });
        }
        account.raise("payment_intent.payment_failed", &intent_id);
        if !invoice_id.is_empty() {
            account.raise("invoice.payment_failed", &invoice_id);
            crate::lives::reaction::invoice_not_paid(account, &invoice_id);
        }
        account.raise("checkout.session.async_payment_failed", id);
        return;
    }
    if payment::charge(account, &intent_id, &method_id).is_err() {
        return;
    }
    let charge_id = text(&account.get(&intent_id)["latest_charge"]);
    let kind = text(&account.get(&method_id)["type"]);
    let details = account.get(&method_id)[&kind].clone();
    account.set(
        &charge_id,
        "payment_method_details",
        json!({ "type": kind, kind: details }),
    );
    account.raise("charge.succeeded", &charge_id);
    account.raise("payment_intent.succeeded", &intent_id);
    if !invoice_id.is_empty() {
        invoice::mark_paid(account, &invoice_id);
        account.set(&invoice_id, "_charge", json!(charge_id));
        account.raise("invoice.paid", &invoice_id);
        account.raise("invoice.payment_succeeded", &invoice_id);
    }
    account.set(id, "payment_status", json!("paid"));
    account.raise("checkout.session.async_payment_succeeded", id);
}
