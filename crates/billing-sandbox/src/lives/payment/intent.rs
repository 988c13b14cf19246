//! What a payer or a seller does with a payment intent of their own: confirm, answer, capture, cancel.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::payment::charge::Authentication;
use crate::lives::payment::{self, Collected, Session, method};
use crate::lives::{dispute, ledger, reaction};

const NOT_AUTHENTICATED: &str = "We are unable to authenticate your payment method. Please choose a \
    different payment method and try again.";

/// Confirms an intent on its own, raises what Stripe raises, and tells those whom it concerns.
pub(crate) fn confirm(
    account: &mut Account,
    intent_id: &str,
    method_id: &str,
    session: Session,
) -> Collected {
    let collected = payment::collect(account, intent_id, method_id, session);
    conclude(account, intent_id, collected);
    collected
}

fn conclude(account: &mut Account, intent_id: &str, collected: Collected) {
    match collected {
        Collected::Succeeded => {
            payment::raise_succeeded(account, intent_id);
            if account.get(intent_id)["status"] == "succeeded" {
                reaction::intent_succeeded(account, intent_id);
            }
        }
        Collected::Declined(_) => {
            payment::raise_failed(account, intent_id);
            reaction::intent_failed(account, intent_id);
        }
        Collected::RequiresAction => account.raise("payment_intent.requires_action", intent_id),
    }
}

/// The payer answers the challenge of an intent that waits for it. `None` if it does not wait.
pub(crate) fn authenticate(
    account: &mut Account,
    intent_id: &str,
    is_passed: bool,
) -> Option<Collected> {
    let intent = account.snapshot(intent_id);
    if intent["status"] != "requires_action" {
        return None;
    }
    let method_id = intent["payment_method"].as_str().unwrap_or_default();
    if !is_passed {
        refuse(account, intent_id, method_id);
        payment::raise_failed(account, intent_id);
        reaction::intent_failed(account, intent_id);
        return Some(Collected::RequiresAction);
    }
    if intent["confirmation_method"] == "manual" {
        // The seller confirms once more, and is not asked again.
        if let Some(intent) = account.edit(intent_id) {
            intent["status"] = json!("requires_confirmation");
            intent["next_action"] = Value::Null;
            intent["_is_authenticated"] = json!(true);
        }
        return Some(Collected::RequiresAction);
    }
    let then = method::card_of(account, method_id).and_then(|card| card.then);
    let collected = match then {
        Some(decline) => {
            payment::fail(account, intent_id, method_id, &decline, true);
            Collected::Declined(decline)
        }
        None => {
            payment::succeed(account, intent_id, method_id, Authentication::Passed);
            Collected::Succeeded
        }
    };
    conclude(account, intent_id, collected);
    Some(collected)
}

/// The error that a failed challenge leaves on an intent.
pub(crate) fn authentication_error(account: &Account, kind: &str, method_id: &str) -> Value {
    let code = format!("{kind}_authentication_failure");
    json!({
        "code": code,
        "doc_url": format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")),
        "message": NOT_AUTHENTICATED,
        "payment_method": crate::shape::render::without_private(account.get(method_id)),
        "type": "invalid_request_error",
    })
}

fn refuse(account: &mut Account, intent_id: &str, method_id: &str) {
    let error = authentication_error(account, "payment_intent", method_id);
    if let Some(intent) = account.edit(intent_id) {
        intent["status"] = json!("requires_payment_method");
        intent["payment_method"] = Value::Null;
        intent["next_action"] = Value::Null;
        intent["last_payment_error"] = error;
    }
}

/// Takes the held money, or a part of it; the rest is released.
pub(crate) fn capture(account: &mut Account, intent_id: &str, amount: i64) {
    let charge_id = account.get(intent_id)["latest_charge"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if let Some(intent) = account.edit(intent_id) {
        intent["status"] = json!("succeeded");
        intent["amount_received"] = json!(amount);
        intent["amount_capturable"] = json!(0);
    }
    capture_charge(account, &charge_id, amount);
    account.raise("payment_intent.succeeded", intent_id);
    reaction::intent_succeeded(account, intent_id);
}

/// Takes what a charge holds, or a part of it.
pub(crate) fn capture_charge(account: &mut Account, charge_id: &str, amount: i64) {
    let before = account.snapshot(charge_id);
    if let Some(charge) = account.edit(charge_id) {
        charge["captured"] = json!(true);
        charge["amount_captured"] = json!(amount);
    }
    ledger::settle_charge(account, charge_id);
    account.raise_update("charge.captured", charge_id, &before);
    dispute::follow(account, charge_id);
}

/// Gives an intent up; money that is held for it is released.
pub(crate) fn cancel(account: &mut Account, intent_id: &str, reason: &Value) {
    let before = account.snapshot(intent_id);
    let now = account.now;
    if let Some(intent) = account.edit(intent_id) {
        intent["status"] = json!("canceled");
        intent["canceled_at"] = json!(now);
        intent["cancellation_reason"] = reason.clone();
        intent["amount_capturable"] = json!(0);
        intent["next_action"] = Value::Null;
    }
    if before["status"] == "requires_capture" {
        let charge_id = before["latest_charge"].as_str().unwrap_or_default();
        let held = account.snapshot(charge_id);
        if let Some(charge) = account.edit(charge_id) {
            charge["amount_refunded"] = charge["amount"].clone();
            charge["refunded"] = json!(true);
        }
        account.raise_update("charge.refunded", charge_id, &held);
    }
    account.raise("payment_intent.canceled", intent_id);
}

/// Lets go of money that nobody captured in time.
pub(crate) fn expire_hold(account: &mut Account, intent_id: &str) {
    if account.get(intent_id)["status"] != "requires_capture" {
        return;
    }
    let charge_id = account.get(intent_id)["latest_charge"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let now = account.now;
    if let Some(charge) = account.edit(&charge_id) {
        charge["amount_refunded"] = charge["amount"].clone();
        charge["refunded"] = json!(true);
    }
    if let Some(intent) = account.edit(intent_id) {
        intent["status"] = json!("canceled");
        intent["canceled_at"] = json!(now);
        intent["cancellation_reason"] = json!("automatic");
        intent["amount_capturable"] = json!(0);
    }
    account.raise("charge.expired", &charge_id);
    account.raise("payment_intent.canceled", intent_id);
}
