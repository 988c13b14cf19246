//! Disputes: opened by certain cards, answered, won and lost; and the warnings that come before them.

use crate::json::{Map, Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::lives::card::Aftermath;
use crate::lives::ledger::{self, Movement};
use crate::lives::payment::charge;

pub(crate) static DUE: &[Action] = &[
    ("dispute.win", win),
    ("dispute.lose", lose),
    ("dispute.escalate", escalate),
    ("dispute.overdue", overdue),
];

const DAY: i64 = 86_400;
/// What Stripe takes for a dispute in the United States, in cents.
const FEE: i64 = 1_500;
/// How long the bank takes to decide in test mode.
const DECIDED_AFTER_SECONDS: i64 = 5;

/// Lets what a test card brings about follow its charge, once.
pub(crate) fn follow(account: &mut Account, charge_id: &str) {
    let charge = account.snapshot(charge_id);
    let card = charge::card_of(&charge);
    if charge["_is_followed"] == true || charge["captured"] != true {
        return;
    }
    let Some(card) = card else { return };
    let amount = charge["amount_captured"].as_i64().unwrap_or(0);
    let case = |reason, code, amount| Case {
        reason,
        code,
        amount,
        is_inquiry: false,
    };
    account.set(charge_id, "_is_followed", json!(true));
    match card.aftermath {
        Aftermath::Dispute(reason, code) => open(account, charge_id, &case(reason, code, amount)),
        Aftermath::TwoDisputes => {
            let first = amount / 2;
            open(account, charge_id, &case("fraudulent", "10.4", first));
            open(
                account,
                charge_id,
                &case("fraudulent", "10.4", amount - first),
            );
        }
        Aftermath::Inquiry => open(
            account,
            charge_id,
            &Case {
                is_inquiry: true,
                ..case("fraudulent", "10", amount)
            },
        ),
        Aftermath::FraudWarning => warn(account, charge_id, &charge),
        Aftermath::Nothing
        | Aftermath::RefundPending
        | Aftermath::RefundFails
        | Aftermath::AvailableAtOnce => {}
    }
}

struct Case {
    reason: &'static str,
    /// The card network's own code of the reason.
    code: &'static str,
    amount: i64,
    is_inquiry: bool,
}

fn open(account: &mut Account, charge_id: &str, case: &Case) {
    let charge = account.snapshot(charge_id);
    let id = account.ids.next("du_");
    let brand = charge["payment_method_details"]["card"]["brand"].clone();
    let owner = account.get(charge["customer"].as_str().unwrap_or_default());
    // Stripe begins the evidence with what it knows itself.
    let evidence = json!({
        "customer_email_address": owner["email"],
        "customer_name": if owner["name"].is_null() { &owner["description"] } else { &owner["name"] },
        "enhanced_evidence": {},
        "product_description": if case.is_inquiry { &Value::Null } else { &charge["description"] },
    });
    let number = charge["_number"].as_str().unwrap_or_default();
    let eligible = if number == "4000000404000038" {
        json!(["visa_compelling_evidence_3"])
    } else {
        json!([])
    };
    let eligibility = if number == "4000000404000038" {
        json!({ "visa_compelling_evidence_3": { "required_actions": [], "status": "requires_action" } })
    } else {
        json!({})
    };
    // The last second of a day in a bit more than a week.
    let due_by = account.now.div_euclid(DAY).saturating_add(9) * DAY - 1;
    account.insert(json!({
        "id": id,
        "object": "dispute",
        "amount": case.amount,
        "balance_transactions": [],
        "charge": charge_id,
        "created": account.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": eligible,
        "evidence": evidence,
        "evidence_details": {
            "due_by": due_by,
            "enhanced_eligibility": eligibility,
            "has_evidence": false,
            "past_due": false,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": case.is_inquiry,
        "livemode": false,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": if case.is_inquiry { "inquiry" } else { "chargeback" },
                "network": brand,
                "network_reason_code": case.code,
            },
            "type": "card",
        },
        "reason": case.reason,
        "status": if case.is_inquiry { "warning_needs_response" } else { "needs_response" },
    }));
    account.when(due_by.saturating_add(1), "dispute.overdue", &id);
    if !case.is_inquiry {
        account.set(charge_id, "disputed", json!(true));
        withdraw(account, &id);
    }
    account.raise("charge.dispute.created", &id);
    if !case.is_inquiry {
        account.raise("charge.dispute.funds_withdrawn", &id);
    }
}

/// The disputed money leaves the balance, and a fee with it.
fn withdraw(account: &mut Account, id: &str) {
    let dispute = account.snapshot(id);
    let amount = dispute["amount"].as_i64().unwrap_or(0);
    let charge_id = dispute["charge"].as_str().unwrap_or_default();
    book(
        account,
        id,
        &Movement {
            kind: "adjustment",
            category: "dispute",
            amount: amount.saturating_neg(),
            currency: dispute["currency"].as_str().unwrap_or("usd"),
            fee: FEE,
            fee_text: "Dispute fee",
            description: json!(format!("Chargeback withdrawal for {charge_id}")),
            source: id,
            available_on: taken_on(account, charge_id),
        },
    );
}

/// Disputed money leaves what is available; where the charge was settled at once and its own money is
/// still on its way, it leaves that.
fn taken_on(account: &Account, charge_id: &str) -> i64 {
    let charge = account.get(charge_id);
    let intent = account.get(charge["payment_intent"].as_str().unwrap_or_default());
    if intent["capture_method"] == "automatic_async" {
        return account.now;
    }
    let settled = charge["balance_transaction"].as_str().unwrap_or_default();
    let available_on = account.get(settled)["available_on"].as_i64().unwrap_or(0);
    available_on.max(account.now)
}

fn book(account: &mut Account, id: &str, movement: &Movement<'_>) {
    let transaction = ledger::insert(account, movement);
    let written = Value::clone(&account.snapshot(&transaction));
    if let Some(rows) = account
        .edit(id)
        .and_then(|dispute| dispute["balance_transactions"].as_array_mut())
    {
        rows.push(written);
    }
}

fn warn(account: &mut Account, charge_id: &str, charge: &Value) {
    let id = account.ids.next("issfr_");
    account.insert(json!({
        "id": id,
        "object": "radar.early_fraud_warning",
        "actionable": true,
        "charge": charge_id,
        "created": account.now,
        "fraud_type": "misc",
        "livemode": false,
        "payment_intent": charge["payment_intent"],
    }));
    account.raise("radar.early_fraud_warning.created", &id);
}

/// A warning about a charge that was given back in full asks for nothing any more.
pub(crate) fn calm_warnings(account: &mut Account, charge_id: &str) {
    let warnings: Vec<String> = account
        .rows_by("radar.early_fraud_warning", "charge", charge_id)
        .filter_map(|row| row["id"].as_str().map(str::to_owned))
        .collect();
    for id in warnings {
        let before = account.snapshot(&id);
        account.set(&id, "actionable", json!(false));
        account.raise_update("radar.early_fraud_warning.updated", &id, &before);
    }
}

/// Whether the bank has decided, or nobody contests it any more.
pub(crate) fn is_closed(dispute: &Value) -> bool {
    matches!(
        dispute["status"].as_str(),
        Some("won" | "lost" | "warning_closed" | "prevented")
    )
}

/// Adds evidence, and hands it in if asked to. Test mode decides by the words of its text.
pub(crate) fn answer(
    account: &mut Account,
    id: &str,
    evidence: &Map,
    metadata: Value,
    is_submitted: bool,
) {
    let before = account.snapshot(id);
    let is_inquiry = before["status"] == "warning_needs_response";
    if let Some(dispute) = account.edit(id) {
        dispute["metadata"] = metadata;
        for (name, value) in evidence {
            dispute["evidence"][name] = value.clone();
        }
        let is_given = evidence.values().any(|value| !value.is_null());
        if is_given {
            dispute["evidence_details"]["has_evidence"] = json!(true);
        }
        if is_submitted {
            let count = dispute["evidence_details"]["submission_count"].as_i64();
            dispute["evidence_details"]["submission_count"] =
                json!(count.unwrap_or(0).saturating_add(1));
            dispute["evidence_details"]["submission_method"] = json!("manual");
            dispute["status"] = json!(if is_inquiry {
                "warning_under_review"
            } else {
                "under_review"
            });
        }
    }
    account.raise_update("charge.dispute.updated", id, &before);
    if !is_submitted {
        return;
    }
    touch_charge(account, &before);
    let at = account.now.saturating_add(DECIDED_AFTER_SECONDS);
    let dispute = account.get(id);
    let decided = match dispute["evidence"]["uncategorized_text"].as_str() {
        Some("winning_evidence") => Some("dispute.win"),
        Some("losing_evidence") => Some("dispute.lose"),
        Some("escalate_inquiry_evidence") if is_inquiry => Some("dispute.escalate"),
        _ => None,
    };
    if let Some(action) = decided {
        account.when(at, action, id);
    }
}

/// The charge of a dispute has a new receipt, and says so.
fn touch_charge(account: &mut Account, dispute: &Value) {
    let charge_id = dispute["charge"].as_str().unwrap_or_default();
    let before = account.snapshot(charge_id);
    let receipt = charge::receipt_url(account);
    account.set(charge_id, "receipt_url", receipt);
    account.raise_update("charge.updated", charge_id, &before);
}

fn is_pending(account: &Account, id: &str) -> bool {
    matches!(
        account.get(id)["status"].as_str(),
        Some("under_review" | "warning_under_review")
    )
}

fn win(account: &mut Account, id: &str) {
    if !is_pending(account, id) {
        return;
    }
    let before = account.snapshot(id);
    let is_inquiry = before["status"] == "warning_under_review";
    if let Some(dispute) = account.edit(id) {
        dispute["status"] = json!(if is_inquiry { "warning_closed" } else { "won" });
        dispute["is_charge_refundable"] = json!(true);
    }
    if !is_inquiry {
        let charge_id = before["charge"].as_str().unwrap_or_default();
        let available_on = ledger::available_on(account.now);
        book(
            account,
            id,
            &Movement {
                kind: "adjustment",
                category: "dispute_reversal",
                amount: before["amount"].as_i64().unwrap_or(0),
                currency: before["currency"].as_str().unwrap_or("usd"),
                fee: 0,
                fee_text: "",
                description: json!(format!("Chargeback reversal for {charge_id}")),
                source: id,
                available_on,
            },
        );
        account.raise("charge.dispute.funds_reinstated", id);
    }
    account.raise_update("charge.dispute.closed", id, &before);
}

fn lose(account: &mut Account, id: &str) {
    if !is_pending(account, id) {
        return;
    }
    give_up(account, id);
}

fn give_up(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    let is_inquiry = before["payment_method_details"]["card"]["case_type"] == "inquiry";
    let status = if is_inquiry { "warning_closed" } else { "lost" };
    account.set(id, "status", json!(status));
    account.raise_update("charge.dispute.closed", id, &before);
}

/// Nobody has answered in time.
fn overdue(account: &mut Account, id: &str) {
    let is_open = matches!(
        account.get(id)["status"].as_str(),
        Some("needs_response" | "warning_needs_response")
    );
    if is_open {
        if let Some(dispute) = account.edit(id) {
            dispute["evidence_details"]["past_due"] = json!(true);
        }
        give_up(account, id);
    }
}

/// An inquiry becomes a dispute.
fn escalate(account: &mut Account, id: &str) {
    if !is_pending(account, id) {
        return;
    }
    let before = account.snapshot(id);
    if let Some(dispute) = account.edit(id) {
        dispute["status"] = json!("needs_response");
        dispute["is_charge_refundable"] = json!(false);
        dispute["payment_method_details"]["card"]["case_type"] = json!("chargeback");
    }
    let charge_id = before["charge"].as_str().unwrap_or_default();
    account.set(charge_id, "disputed", json!(true));
    withdraw(account, id);
    account.raise_update("charge.dispute.updated", id, &before);
    account.raise("charge.dispute.funds_withdrawn", id);
}

/// The seller accepts the dispute.
pub(crate) fn close(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    give_up(account, id);
    touch_charge(account, &before);
}
