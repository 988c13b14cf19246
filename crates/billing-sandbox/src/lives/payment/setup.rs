//! Setup intents: a payment method is saved, after a challenge if its card asks for one.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::card::{Behaviour, Challenge, Decline};
use crate::lives::payment::{Collected, authentication, intent, method};
use crate::lives::{payment, reaction};

/// For whom and for what a method is saved.
#[derive(Debug, Clone, Default)]
pub(crate) struct SetupTerms {
    pub(crate) customer: Value,
    pub(crate) description: Value,
    pub(crate) metadata: Value,
    /// `off_session` unless said otherwise.
    pub(crate) usage: Value,
}

/// Stores a setup intent that waits for a payment method.
pub(crate) fn insert(account: &mut Account, terms: &SetupTerms) -> String {
    let id = account.ids.next("seti_");
    let secret = account.ids.letters(30);
    let or = |value: &Value, fallback: Value| {
        if value.is_null() {
            fallback
        } else {
            value.clone()
        }
    };
    account.insert(json!({
        "id": id,
        "object": "setup_intent",
        "allowed_payment_method_types": null,
        "application": null,
        "automatic_payment_methods": null,
        "cancellation_reason": null,
        "client_secret": format!("{id}_secret_{secret}"),
        "created": account.now,
        "customer": terms.customer,
        "customer_account": null,
        "description": terms.description,
        "excluded_payment_method_types": null,
        "flow_directions": null,
        "last_setup_error": null,
        "latest_attempt": null,
        "livemode": false,
        "managed_payments": { "enabled": false },
        "mandate": null,
        "metadata": or(&terms.metadata, json!({})),
        "next_action": null,
        "on_behalf_of": null,
        "payment_method": null,
        "payment_method_configuration_details": null,
        "payment_method_options": { "card": {
            "mandate_options": null, "network": null, "request_three_d_secure": "automatic",
        } },
        "payment_method_types": ["card"],
        "single_use_mandate": null,
        "status": "requires_payment_method",
        "usage": or(&terms.usage, json!("off_session")),
    }))
}

/// Confirms a setup intent with a method, raises what Stripe raises, and says how it ended.
pub(crate) fn confirm(account: &mut Account, id: &str, method_id: &str) -> Collected {
    let card = method::card_of(account, method_id);
    let is_demanded = matches!(
        account.get(id)["payment_method_options"]["card"]["request_three_d_secure"].as_str(),
        Some("any" | "challenge")
    );
    let is_challenged = card.is_some_and(|card| match card.challenge {
        Challenge::Never => false,
        Challenge::OnDemand => is_demanded,
        Challenge::Always | Challenge::UnlessSetUp | Challenge::OnSession => true,
    });
    if let Behaviour::Declines(decline) = payment::behaviour_of(account, method_id) {
        refuse(account, id, method_id, &decline);
        return Collected::Declined(decline);
    }
    if is_challenged {
        let return_url = account.get(id)["_return_url"].clone();
        let action = authentication::next_action(account, id, &return_url);
        let attempt = insert_attempt(account, id, method_id, "requires_action", &Value::Null);
        if let Some(intent) = account.edit(id) {
            intent["status"] = json!("requires_action");
            intent["payment_method"] = json!(method_id);
            intent["next_action"] = action;
            intent["last_setup_error"] = Value::Null;
            intent["latest_attempt"] = json!(attempt);
        }
        account.raise("setup_intent.requires_action", id);
        return Collected::RequiresAction;
    }
    let attempt = insert_attempt(account, id, method_id, "succeeded", &Value::Null);
    account.set(id, "latest_attempt", json!(attempt));
    succeed(account, id, method_id);
    Collected::Succeeded
}

/// The owner of the method answers its challenge. `None` if the intent does not wait for that.
pub(crate) fn authenticate(account: &mut Account, id: &str, is_passed: bool) -> Option<Collected> {
    let before = account.snapshot(id);
    if before["status"] != "requires_action" {
        return None;
    }
    let method_id = before["payment_method"].as_str().unwrap_or_default();
    let attempt = before["latest_attempt"].as_str().unwrap_or_default();
    if is_passed {
        if let Some(attempt) = account.edit(attempt) {
            attempt["status"] = json!("succeeded");
            attempt["payment_method_details"]["card"]["three_d_secure"] = json!({
                "authentication_flow": "challenge", "electronic_commerce_indicator": "05",
                "result": "authenticated", "result_reason": null, "transaction_id": null,
                "version": "2.2.0",
            });
        }
        account.set(method_id, "_is_set_up", json!(true));
        succeed(account, id, method_id);
        return Some(Collected::Succeeded);
    }
    let error = intent::authentication_error(account, "setup_intent", method_id);
    if let Some(attempt) = account.edit(attempt) {
        attempt["status"] = json!("failed");
        attempt["setup_error"] = error.clone();
    }
    fail(account, id, error);
    Some(Collected::RequiresAction)
}

fn succeed(account: &mut Account, id: &str, method_id: &str) {
    if let Some(intent) = account.edit(id) {
        intent["status"] = json!("succeeded");
        intent["payment_method"] = json!(method_id);
        intent["next_action"] = Value::Null;
        intent["last_setup_error"] = Value::Null;
    }
    let customer = account.get(id)["customer"].clone();
    if let Some(customer) = customer.as_str()
        && account.get(method_id)["customer"].is_null()
    {
        method::attach(account, method_id, customer);
    }
    account.raise("setup_intent.succeeded", id);
    reaction::setup_succeeded(account, id);
}

fn refuse(account: &mut Account, id: &str, method_id: &str, decline: &Decline) {
    if let Some(method) = account.edit(method_id) {
        method::note_checks(method);
    }
    let error = payment::decline_error(account, decline, method_id);
    let attempt = insert_attempt(account, id, method_id, "failed", &error);
    account.set(id, "latest_attempt", json!(attempt));
    fail(account, id, error);
}

fn fail(account: &mut Account, id: &str, error: Value) {
    if let Some(intent) = account.edit(id) {
        intent["status"] = json!("requires_payment_method");
        intent["payment_method"] = Value::Null;
        intent["next_action"] = Value::Null;
        intent["last_setup_error"] = error;
    }
    account.raise("setup_intent.setup_failed", id);
}

/// Gives a setup intent up.
pub(crate) fn cancel(account: &mut Account, id: &str, reason: &Value) {
    if let Some(intent) = account.edit(id) {
        intent["status"] = json!("canceled");
        intent["cancellation_reason"] = reason.clone();
        intent["next_action"] = Value::Null;
    }
    account.raise("setup_intent.canceled", id);
}

fn insert_attempt(
    account: &mut Account,
    intent_id: &str,
    method_id: &str,
    status: &str,
    error: &Value,
) -> String {
    let id = account.ids.next("setatt_");
    let intent = account.snapshot(intent_id);
    let method = account.snapshot(method_id);
    let card = &method["card"];
    account.insert(json!({
        "id": id,
        "object": "setup_attempt",
        "application": null,
        "created": account.now,
        "customer": intent["customer"],
        "customer_account": null,
        "flow_directions": null,
        "livemode": false,
        "on_behalf_of": null,
        "payment_method": method_id,
        "payment_method_details": {
            "card": {
                "brand": card["brand"], "checks": card["checks"], "country": card["country"],
                "exp_month": card["exp_month"], "exp_year": card["exp_year"],
                "fingerprint": card["fingerprint"], "funding": card["funding"],
                "last4": card["last4"], "network": card["brand"], "three_d_secure": null,
                "wallet": null,
            },
            "type": "card",
        },
        "setup_error": error,
        "setup_intent": intent_id,
        "status": status,
        "usage": intent["usage"],
    }))
}
