//! Refunds: how they go through, wait and fail, and what that means for their charge.

use crate::json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::lives::card::Aftermath;
use crate::lives::dispute;
use crate::lives::ledger::{self, Movement};
use crate::lives::payment::charge;

pub(crate) static DUE: &[Action] = &[
    ("refund.refer", refer),
    ("refund.arrive", arrive),
    ("refund.fail", fail),
];

/// How long it takes until the bank's reference is known.
const REFERRED_AFTER_SECONDS: i64 = 1;
/// How long a test card's refund waits, or seems to have succeeded.
const DECIDED_AFTER_SECONDS: i64 = 5;

/// Gives back a part of a captured charge, of which so much is left.
pub(crate) fn make(
    account: &mut Account,
    charge_id: &str,
    amount: i64,
    reason: &Value,
    metadata: &Value,
) -> String {
    let id = account.ids.next("re_");
    let charge = account.snapshot(charge_id);
    let aftermath = charge::card_of(&charge).map_or(Aftermath::Nothing, |card| card.aftermath);
    let is_pending = aftermath == Aftermath::RefundPending;
    let mut refund = json!({
        "id": id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": null,
        "charge": charge_id,
        "created": account.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": null,
        "destination_details": {
            "card": {
                "reference_status": "pending", "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": if is_pending { "pending" } else { "succeeded" },
        "transfer_reversal": null,
    });
    if is_pending {
        refund["pending_reason"] = json!("processing");
    }
    account.insert(refund);
    let transaction = write_off(account, &id, amount);
    account.set(&id, "balance_transaction", json!(transaction));
    give_back(account, charge_id, amount);
    account.raise("refund.created", &id);
    account.raise_update("charge.refunded", charge_id, &charge);
    if account.get(charge_id)["refunded"] == true {
        dispute::calm_warnings(account, charge_id);
    }
    let now = account.now;
    let (after, action) = match aftermath {
        Aftermath::RefundPending => (DECIDED_AFTER_SECONDS, "refund.arrive"),
        Aftermath::RefundFails => (DECIDED_AFTER_SECONDS, "refund.fail"),
        _ => (REFERRED_AFTER_SECONDS, "refund.refer"),
    };
    account.when(now.saturating_add(after), action, &id);
    id
}

fn write_off(account: &mut Account, refund_id: &str, amount: i64) -> String {
    let refund = account.snapshot(refund_id);
    let charge = account.get(refund["charge"].as_str().unwrap_or_default());
    let description = match charge["description"].as_str() {
        Some(text) => format!("REFUND FOR CHARGE ({text})"),
        None => "REFUND FOR CHARGE".to_owned(),
    };
    let available_on = ledger::available_on(account.now);
    ledger::insert(
        account,
        &Movement {
            kind: "refund",
            category: "refund",
            amount: amount.saturating_neg(),
            currency: refund["currency"].as_str().unwrap_or("usd"),
            fee: 0,
            fee_text: "",
            description: json!(description),
            source: refund_id,
            available_on,
        },
    )
}

/// Counts an amount (less than nothing when a refund comes back) as refunded.
fn give_back(account: &mut Account, charge_id: &str, amount: i64) {
    if let Some(charge) = account.edit(charge_id) {
        let number = |name: &str| charge[name].as_i64().unwrap_or(0);
        let refunded = number("amount_refunded").saturating_add(amount);
        let is_whole = refunded >= number("amount_captured");
        charge["amount_refunded"] = json!(refunded);
        charge["refunded"] = json!(is_whole);
    }
}

/// Raises what a change of a refund raises.
pub(crate) fn raise_updated(account: &mut Account, id: &str, before: &Value) {
    account.raise_update("refund.updated", id, before);
    account.raise_update("charge.refund.updated", id, before);
}

fn note_reference(account: &mut Account, id: &str) {
    let reference = account.ids.digits(23);
    if let Some(refund) = account.edit(id) {
        let card = &mut refund["destination_details"]["card"];
        card["reference"] = json!(reference);
        card["reference_status"] = json!("available");
    }
}

/// The bank's reference becomes known.
fn refer(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    note_reference(account, id);
    raise_updated(account, id, &before);
}

/// A refund that waited goes through.
fn arrive(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    if before["status"] != "pending" {
        return;
    }
    note_reference(account, id);
    if let Some(refund) = account.edit(id) {
        refund["status"] = json!("succeeded");
        if let Some(members) = refund.as_object_mut() {
            members.shift_remove("pending_reason");
        }
    }
    raise_updated(account, id, &before);
}

/// A refund that seemed to have gone through comes back; the charge counts as paid again.
fn fail(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    let amount = before["amount"].as_i64().unwrap_or(0);
    let charge_id = before["charge"].as_str().unwrap_or_default();
    let available_on = ledger::available_on(account.now);
    let transaction = ledger::insert(
        account,
        &Movement {
            kind: "refund_failure",
            category: "refund_failure",
            amount,
            currency: before["currency"].as_str().unwrap_or("usd"),
            fee: 0,
            fee_text: "",
            description: json!(format!("REFUND FAILURE FOR CHARGE ({charge_id})")),
            source: id,
            available_on,
        },
    );
    if let Some(refund) = account.edit(id) {
        refund["status"] = json!("failed");
        refund["failure_reason"] = json!("unknown");
        refund["failure_balance_transaction"] = json!(transaction);
        refund["destination_details"]["card"]["reference_status"] = json!("unavailable");
    }
    let charge = account.snapshot(charge_id);
    give_back(account, charge_id, amount.saturating_neg());
    raise_updated(account, id, &before);
    account.raise_update("refund.failed", id, &before);
    account.raise_update("charge.updated", charge_id, &charge);
}
