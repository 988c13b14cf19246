//! Payment intents: how one is made, charged, challenged, captured and given up.

pub(crate) mod authentication;
pub(crate) mod charge;
pub(crate) mod intent;
pub(crate) mod method;
pub(crate) mod setup;

use crate::json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::http::error::StripeError;
use crate::lives::card::{self, Aftermath, Behaviour, Challenge, Decline};
use crate::lives::ledger;
use crate::lives::payment::charge::Authentication;
pub(crate) use crate::lives::payment::method::{
    behaviour_of, full_year, insert_method, refuse_declining, resolve_method,
};

pub(crate) static DUE: &[Action] = &[
    ("charge.settle", settle_later),
    ("charge.aftermath", crate::lives::dispute::follow),
    ("payment_intent.expire_hold", intent::expire_hold),
];

/// The configuration of payment methods that every account has.
pub(crate) const CONFIGURATION: &str = "pmc_1SandboxDefault000000000";

/// Who pays and what for.
#[derive(Debug, Clone, Default)]
pub(crate) struct IntentTerms {
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) customer: Value,
    pub(crate) description: Value,
    pub(crate) metadata: Value,
    pub(crate) invoice: Value,
    pub(crate) receipt_email: Value,
    pub(crate) setup_future_usage: Value,
}

/// Whether the payer is there to answer a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    On,
    Off,
}

/// How a try to collect an intent's money ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collected {
    /// Paid, or held if the intent is captured manually.
    Succeeded,
    Declined(Decline),
    /// The intent waits for its payer (`requires_action`); nothing was charged. It comes to its end
    /// by `intent::authenticate`, which tells `reaction::intent_succeeded` or `intent_failed`.
    RequiresAction,
}

/// The 402 of a decline, with the intent that it left behind.
pub(crate) fn card_error(decline: &Decline, intent: Value) -> StripeError {
    let mut error = StripeError::coded(decline.code, decline.message).status(402);
    error.kind = "card_error";
    if !decline.param.is_empty() || intent.is_null() {
        error.param = Some(decline.param.to_owned());
    }
    if let Value::Object(members) = decline.members() {
        for (name, value) in members.into_iter().filter(|(name, _)| name != "code") {
            error = error.with(name, value);
        }
    }
    if intent.is_null() {
        return error;
    }
    let last = &intent["last_payment_error"];
    for name in ["charge", "payment_method"] {
        if !last[name].is_null() {
            error = error.with(name, last[name].clone());
        }
    }
    error.with("payment_intent", intent)
}

/// The 402 of a decline while a method was to be saved, with the intent that it left behind.
pub(crate) fn setup_error(decline: &Decline, intent: Value) -> StripeError {
    let mut error = card_error(decline, Value::Null);
    if decline.param.is_empty() {
        error.param = None;
    }
    let method = intent["last_setup_error"]["payment_method"].clone();
    error
        .with("payment_method", method)
        .with("setup_intent", intent)
}

pub(crate) fn insert_intent(account: &mut Account, terms: &IntentTerms) -> String {
    let id = account.ids.next("pi_");
    let secret = account.ids.letters(25);
    // Invoices are captured at once; everything else is, since 2024-04-10, by and by.
    let capture_method = if terms.invoice.is_null() {
        "automatic_async"
    } else {
        "automatic"
    };
    let mut intent = json!({
        "id": id,
        "object": "payment_intent",
        "allowed_payment_method_types": null,
        "amount": terms.amount,
        "amount_capturable": 0,
        "amount_details": { "tip": {} },
        "amount_received": 0,
        "application": null,
        "application_fee_amount": null,
        "automatic_payment_methods": null,
        "canceled_at": null,
        "cancellation_reason": null,
        "capture_method": capture_method,
        "client_secret": format!("{id}_secret_{secret}"),
        "confirmation_method": "automatic",
        "created": account.now,
        "currency": terms.currency,
        "customer": terms.customer,
        "customer_account": null,
        "description": terms.description,
        "excluded_payment_method_types": null,
        "last_payment_error": null,
        "latest_charge": null,
        "livemode": false,
        "managed_payments": { "enabled": false },
        "metadata": if terms.metadata.is_null() { json!({}) } else { terms.metadata.clone() },
        "next_action": null,
        "on_behalf_of": null,
        "payment_method": null,
        "payment_method_configuration_details": null,
        "payment_method_options": { "card": {
            "installments": null, "mandate_options": null, "network": null,
            "request_three_d_secure": "automatic",
        } },
        "payment_method_types": ["card"],
        "payment_record": null,
        "processing": null,
        "receipt_email": terms.receipt_email,
        "review": null,
        "setup_future_usage": terms.setup_future_usage,
        "shipping": null,
        "source": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": "requires_payment_method",
        "transfer_data": null,
        "transfer_group": null,
        "_invoice": terms.invoice,
    });
    if let Some(members) = intent.as_object_mut()
        && terms.invoice.is_string()
    {
        let details = json!({ "customer_reference": null, "order_reference": terms.invoice });
        members.insert(crate::json::Text::known("payment_details"), details);
    }
    account.insert(intent)
}

/// What a card does with a charge before any money is moved.
enum Way {
    Goes,
    Refused(Decline),
    Challenged,
}

/// Whether the payer has answered already, for a seller who confirms by hand.
fn is_authenticated(intent: &Value, method_id: &str) -> bool {
    intent["_is_authenticated"] == true && intent["payment_method"] == method_id
}

fn way_of(account: &Account, intent: &Value, method_id: &str, session: Session) -> Way {
    match behaviour_of(account, method_id) {
        Behaviour::Declines(decline) | Behaviour::FailsWhenCharged(decline) => {
            return Way::Refused(decline);
        }
        Behaviour::Succeeds | Behaviour::NeedsAuthentication => {}
    }
    let Some(card) = method::card_of(account, method_id) else {
        return Way::Goes;
    };
    let is_set_up = account.get(method_id)["_is_set_up"] == true;
    let is_demanded = matches!(
        intent["payment_method_options"]["card"]["request_three_d_secure"].as_str(),
        Some("any" | "challenge")
    );
    let is_challenged = match card.challenge {
        Challenge::Never => false,
        Challenge::OnDemand => is_demanded,
        Challenge::Always => true,
        Challenge::UnlessSetUp => session == Session::On || !is_set_up,
        Challenge::OnSession => session == Session::On,
    };
    let is_authenticated = is_authenticated(intent, method_id);
    match (is_challenged && !is_authenticated, session, card.then) {
        (true, Session::On, _) => Way::Challenged,
        (true, Session::Off, _) => Way::Refused(card::AUTHENTICATION),
        (false, _, Some(decline)) => Way::Refused(decline),
        (false, _, None) => Way::Goes,
    }
}

/// Collects an intent's money from a payment method. The events are the caller's, because their
/// order differs with what the payment is for: `raise_succeeded`, `raise_failed`, or
/// `payment_intent.requires_action`.
pub(crate) fn collect(
    account: &mut Account,
    intent_id: &str,
    method_id: &str,
    session: Session,
) -> Collected {
    let intent = account.snapshot(intent_id);
    match way_of(account, &intent, method_id, session) {
        Way::Challenged => {
            authentication::demand(account, intent_id, method_id);
            Collected::RequiresAction
        }
        Way::Refused(decline) => {
            let is_silent = decline == card::AUTHENTICATION
                && account.get(method_id)["_number"] == "4000000000003220";
            fail(account, intent_id, method_id, &decline, !is_silent);
            Collected::Declined(decline)
        }
        Way::Goes => {
            let passed = if is_authenticated(&intent, method_id) {
                Authentication::Passed
            } else {
                Authentication::None
            };
            succeed(account, intent_id, method_id, passed);
            Collected::Succeeded
        }
    }
}

/// Charges the intent to a payment method whose owner is not there. Both outcomes leave a charge; the
/// events are the caller's, because their order differs with what the payment is for.
pub(crate) fn charge(
    account: &mut Account,
    intent_id: &str,
    method_id: &str,
) -> Result<String, Decline> {
    match collect(account, intent_id, method_id, Session::Off) {
        Collected::Declined(decline) => Err(decline),
        Collected::Succeeded | Collected::RequiresAction => {
            let charge = account.get(intent_id)["latest_charge"].as_str();
            Ok(charge.unwrap_or_default().to_owned())
        }
    }
}

/// What the method is to be kept for: said for all methods, or for cards alone.
fn future_usage(intent: &Value) -> Option<&str> {
    let of_cards = intent["payment_method_options"]["card"]["setup_future_usage"].as_str();
    match of_cards {
        Some("none") => None,
        Some(usage) => Some(usage),
        None => intent["setup_future_usage"].as_str(),
    }
}

/// Moves the money, or holds it.
fn succeed(account: &mut Account, intent_id: &str, method_id: &str, passed: Authentication) {
    let charge_id = charge::insert(account, intent_id, method_id, None, passed);
    let intent = account.snapshot(intent_id);
    let is_held = charge::captures_manually(&intent);
    if let Some(intent) = account.edit(intent_id) {
        intent["latest_charge"] = json!(charge_id);
        intent["payment_method"] = json!(method_id);
        intent["last_payment_error"] = Value::Null;
        intent["next_action"] = Value::Null;
        if is_held {
            intent["status"] = json!("requires_capture");
            intent["amount_capturable"] = intent["amount"].clone();
        } else {
            intent["status"] = json!("succeeded");
            intent["amount_received"] = intent["amount"].clone();
        }
    }
    let usage = future_usage(&intent);
    let is_kept = usage.is_some() && !intent["customer"].is_null();
    let is_set_up = usage == Some("off_session");
    if let Some(method) = account.edit(method_id) {
        if method["customer"].is_null() && !is_kept {
            method["_is_used_up"] = json!(true);
        }
        if is_set_up && passed == Authentication::Passed {
            method["_is_set_up"] = json!(true);
        }
    }
    if is_held {
        let at = account.now.saturating_add(charge::HELD_SECONDS);
        account.when(at, "payment_intent.expire_hold", intent_id);
    } else {
        settle_soon(account, &charge_id, &intent);
    }
    let aftermath = method::card_of(account, method_id).map(|card| card.aftermath);
    let is_followed = matches!(
        aftermath,
        Some(
            Aftermath::Dispute(..)
                | Aftermath::TwoDisputes
                | Aftermath::Inquiry
                | Aftermath::FraudWarning
        )
    );
    if is_followed && !is_held {
        let now = account.now;
        account.when(now, "charge.aftermath", &charge_id);
    }
}

/// A decline as the intent keeps it: `last_payment_error`, `last_setup_error`.
fn decline_error(account: &Account, decline: &Decline, method_id: &str) -> Value {
    let mut error = decline.members();
    let page = decline.code.replace('_', "-");
    error["doc_url"] = json!(format!("https://stripe.com/docs/error-codes/{page}"));
    error["message"] = json!(decline.message);
    error["payment_method"] = crate::shape::render::without_private(account.get(method_id));
    error["type"] = json!("card_error");
    if !decline.param.is_empty() {
        error["param"] = json!(decline.param);
    }
    error
}

/// Leaves a failed try behind; one that was refused before any bank was asked leaves no charge.
fn fail(
    account: &mut Account,
    intent_id: &str,
    method_id: &str,
    decline: &Decline,
    leaves_charge: bool,
) {
    let charge_id = leaves_charge.then(|| {
        charge::insert(
            account,
            intent_id,
            method_id,
            Some(decline),
            Authentication::None,
        )
    });
    let mut error = decline_error(account, decline, method_id);
    if let Some(charge_id) = &charge_id {
        error["charge"] = json!(charge_id);
    }
    error["payment_method_type"] = account.get(method_id)["type"].clone();
    if let Some(intent) = account.edit(intent_id) {
        intent["status"] = json!("requires_payment_method");
        intent["payment_method"] = Value::Null;
        intent["next_action"] = Value::Null;
        intent["last_payment_error"] = error;
        if let Some(charge_id) = charge_id {
            intent["latest_charge"] = json!(charge_id);
        }
    }
}

/// Charges a card without an intent, as integrations of old do, and raises what Stripe raises: the
/// charge and, if it failed, why.
pub(crate) fn charge_alone(
    account: &mut Account,
    terms: &Value,
    method_id: &str,
) -> (String, Option<Decline>) {
    let decline = match way_of(account, terms, method_id, Session::Off) {
        Way::Goes => None,
        Way::Refused(decline) => Some(decline),
        Way::Challenged => Some(card::AUTHENTICATION),
    };
    let id = charge::insert_for(
        account,
        terms,
        method_id,
        decline.as_ref(),
        Authentication::None,
    );
    let method = account.snapshot(method_id);
    let source = method::old_card(account, &method, &Value::Null);
    if let Some(charge) = account.edit(&id) {
        charge["payment_method"] = source["id"].clone();
        charge["source"] = source;
    }
    account.delete("payment_method", method_id, None);
    if let Some(decline) = decline {
        account.raise("charge.failed", &id);
        return (id, Some(decline));
    }
    if account.get(&id)["captured"] == true {
        ledger::settle_charge(account, &id);
    }
    account.raise("charge.succeeded", &id);
    crate::lives::dispute::follow(account, &id);
    (id, None)
}

/// Settles a captured charge: at once where Stripe answers with the balance transaction, else after
/// the answer, as Stripe does some seconds later. The next request finds it: nobody has to sleep.
/// What is on a test clock does not wait for somebody to advance it.
fn settle_soon(account: &mut Account, charge_id: &str, intent: &Value) {
    let is_later =
        intent["capture_method"] == "automatic_async" && account.clock_of(charge_id).is_empty();
    if is_later {
        account.when(account.now, "charge.settle", charge_id);
    } else {
        ledger::settle_charge(account, charge_id);
    }
}

fn settle_later(account: &mut Account, charge_id: &str) {
    let before = account.snapshot(charge_id);
    if !before["balance_transaction"].is_null() {
        return;
    }
    ledger::settle_charge(account, charge_id);
    let receipt = charge::receipt_url(account);
    account.set(charge_id, "receipt_url", receipt);
    account.raise_update("charge.updated", charge_id, &before);
}

/// Raises what a failed try to pay an intent raises.
pub(crate) fn raise_failed(account: &mut Account, intent_id: &str) {
    let charge_id = account.get(intent_id)["latest_charge"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if account.get(intent_id)["last_payment_error"]["charge"] == charge_id.as_str() {
        account.raise("charge.failed", &charge_id);
    }
    account.raise("payment_intent.payment_failed", intent_id);
}

/// Raises what a successful payment raises by itself, in Stripe's order: the charge, what follows
/// from its card, the method that was kept, and the intent.
pub(crate) fn raise_succeeded(account: &mut Account, intent_id: &str) {
    let intent = account.snapshot(intent_id);
    let charge_id = intent["latest_charge"].as_str().unwrap_or_default();
    account.raise("charge.succeeded", charge_id);
    if intent["status"] != "requires_capture" {
        crate::lives::dispute::follow(account, charge_id);
    }
    let method_id = intent["payment_method"].as_str().unwrap_or_default();
    if let (Some(_), Some(customer)) = (future_usage(&intent), intent["customer"].as_str())
        && account.get(method_id)["customer"].is_null()
    {
        method::attach(account, method_id, customer);
    }
    let kind = if intent["status"] == "requires_capture" {
        "payment_intent.amount_capturable_updated"
    } else {
        "payment_intent.succeeded"
    };
    account.raise(kind, intent_id);
}
