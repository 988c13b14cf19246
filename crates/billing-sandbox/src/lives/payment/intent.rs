//! What a payer or a seller does with a payment intent of their own: confirm, answer, capture, cancel.

use serde_json::{Value, json};

use crate::account::Account;
use crate::lives::payment::charge::Authentication;
use crate::lives::payment::{self, Collected, Session, method};
use crate::lives::reaction;

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
