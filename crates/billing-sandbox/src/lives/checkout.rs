//! A Checkout Session: open until it is paid or expires.

mod billing;
pub(crate) mod complete;
pub(crate) mod debit;
pub(crate) mod entry;
pub(crate) mod recovery;
pub(crate) mod revise;
pub(crate) mod saved;
pub(crate) mod setup;
pub(crate) mod totals;

use crate::json::{Value, json, value_of};

use crate::account::Account;
use crate::due::Action;
use crate::lives::card::{self, Decline};
use crate::lives::payment::{self, Collected, IntentTerms, Session};
use crate::lives::subscription;

pub(crate) use entry::{CardEntry, PayWith, Submission};

pub(crate) static DUE: &[Action] = &[
    ("checkout.expire", expire),
    ("checkout.settle_debit", debit::settle),
];

/// How a try to pay ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Payment {
    /// Paid now, or before: paying twice pays once. A bank debit is complete before it is paid.
    Completed {
        redirect_url: Option<String>,
        payment_status: String,
    },
    /// The card's issuer asks its owner at this address; the session waits for the answer.
    RequiresAction {
        url: String,
    },
    /// Nothing changed but a failed charge; the session stays open.
    Declined {
        message: String,
        code: String,
        decline_code: String,
    },
    /// A field that cannot be right.
    Invalid {
        message: String,
        field: String,
    },
    Expired,
}

impl Payment {
    pub(crate) fn as_json(&self, session_id: &str) -> Value {
        match self {
            Payment::Completed {
                redirect_url,
                payment_status,
            } => {
                json!({
                    "session": session_id, "status": "complete",
                    "payment_status": payment_status, "redirect_url": redirect_url,
                })
            }
            Payment::RequiresAction { url } => json!({
                "session": session_id, "status": "open",
                "next_action": { "type": "redirect_to_url", "redirect_to_url": { "url": url } },
            }),
            Payment::Declined {
                message,
                code,
                decline_code,
            } => json!({
                "session": session_id, "status": "open",
                "error": { "code": code, "decline_code": decline_code, "message": message },
            }),
            Payment::Invalid { message, field } => json!({
                "session": session_id, "status": "open",
                "error": { "code": "invalid", "field": field, "message": message },
            }),
            Payment::Expired => json!({
                "session": session_id, "status": "expired",
                "error": { "code": "expired", "message": "This Checkout Session has expired." },
            }),
        }
    }
}

impl From<Decline> for Payment {
    fn from(decline: Decline) -> Self {
        Payment::Declined {
            message: decline.message.to_owned(),
            code: decline.code.to_owned(),
            decline_code: decline.decline_code.to_owned(),
        }
    }
}

/// Ends an open session.
pub(crate) fn expire(account: &mut Account, id: &str) {
    if account.get(id)["status"] != "open" {
        return;
    }
    if let Some(session) = account.edit(id) {
        session["status"] = json!("expired");
        session["url"] = Value::Null;
        session["client_secret"] = Value::Null;
    }
    recovery::offer(account, id);
    account.raise("checkout.session.expired", id);
}

/// Where the customer goes after paying: the id is filled in here, not in the object.
pub(crate) fn redirect_url(session: &Value) -> Option<String> {
    if session["redirect_on_completion"] == "never" {
        return None;
    }
    let url = session["success_url"]
        .as_str()
        .or(session["return_url"].as_str())?;
    Some(url.replace(
        "{CHECKOUT_SESSION_ID}",
        session["id"].as_str().unwrap_or_default(),
    ))
}

/// Where a completed session leads on, if it does.
pub(crate) fn ended(account: &Account, id: &str) -> Option<String> {
    let session = account.get(id);
    (session["status"] == "complete")
        .then(|| redirect_url(session))
        .flatten()
}

/// Whether the customer has to give a card.
pub(crate) fn needs_card(session: &Value) -> bool {
    session["mode"] == "setup"
        || session["amount_total"].as_i64().unwrap_or(0) > 0
        || (session["mode"] == "subscription" && session["payment_method_collection"] == "always")
}

/// Whether completing the session takes money.
pub(crate) fn is_charged(session: &Value) -> bool {
    session["mode"] != "setup" && session["amount_total"].as_i64().unwrap_or(0) > 0
}

fn completed(session: &Value) -> Payment {
    Payment::Completed {
        redirect_url: redirect_url(session),
        payment_status: session["payment_status"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    }
}

/// Pays a session; doing it again after success changes nothing.
pub(crate) fn pay(account: &mut Account, id: &str, submission: &Submission) -> Payment {
    let session = account.get(id).clone();
    match session["status"].as_str() {
        Some("complete") => return completed(&session),
        Some("open") => {}
        _ => return Payment::Expired,
    }
    account.set(id, "_problem", Value::Null);
    if session["_subscription_data"]["billing_cycle_anchor"].is_i64() {
        // The part of the period that is left has become shorter.
        totals::settle(account, id);
    }
    let session = account.get(id).clone();
    if let Err((message, field)) = entry::check(account, &session, submission) {
        return Payment::Invalid { message, field };
    }
    if !needs_card(&session) {
        complete::complete(account, id, submission, &complete::Means::default());
        return completed(account.get(id));
    }
    let method_id = match method_of(account, submission) {
        Ok(method_id) => method_id,
        Err(refusal) => return refusal,
    };
    if matches!(submission.pay_with, PayWith::Debit(_)) {
        debit::begin(account, id, submission, &method_id);
        return completed(account.get(id));
    }
    if is_charged(&session) {
        return charge(account, id, submission, &method_id);
    }
    setup::save(account, id, submission, &method_id)
}

/// Takes the money of a session, unless the card's issuer has something to ask first.
fn charge(account: &mut Account, id: &str, submission: &Submission, method_id: &str) -> Payment {
    let session = account.get(id).clone();
    let (intent_id, is_new_intent) = intent_of(account, &session, &submission.card);
    account.set(id, "_payment_intent", json!(intent_id));
    account.set(id, "_waiting", Value::Null);
    match payment::collect(account, &intent_id, method_id, Session::On) {
        Collected::Declined(decline) => {
            if is_new_intent {
                account.raise("payment_intent.created", &intent_id);
            }
            payment::raise_failed(account, &intent_id);
            decline.into()
        }
        Collected::RequiresAction => {
            if is_new_intent {
                account.raise("payment_intent.created", &intent_id);
            }
            account.raise("payment_intent.requires_action", &intent_id);
            let waiting = json!({ "method": method_id, "submission": value_of(submission) });
            account.set(id, "_waiting", waiting);
            let action = &account.get(&intent_id)["next_action"];
            let url = action["redirect_to_url"]["url"].as_str();
            Payment::RequiresAction {
                url: url.unwrap_or_default().to_owned(),
            }
        }
        Collected::Succeeded => {
            let means = complete::Means {
                method: Some(method_id.to_owned()),
                intent: Some(intent_id),
                is_new_intent,
                ..complete::Means::default()
            };
            complete::complete(account, id, submission, &means);
            completed(account.get(id))
        }
    }
}

/// Answers the challenge that a session waits for.
pub(crate) fn authenticate(account: &mut Account, id: &str, is_passed: bool) -> Payment {
    let session = account.get(id);
    let text = |name: &str| session[name].as_str().unwrap_or_default().to_owned();
    let (intent_id, setup_id) = (text("_payment_intent"), setup::intent_of(session));
    let answered = match &setup_id {
        Some(setup_id) => payment::setup::authenticate(account, setup_id, is_passed),
        None => payment::intent::authenticate(account, &intent_id, is_passed),
    };
    let session = account.get(id);
    if session["status"] == "complete" {
        return completed(session);
    }
    let kind = if setup_id.is_some() {
        "setup_intent"
    } else {
        "payment_intent"
    };
    match answered {
        Some(Collected::Declined(decline)) => decline.into(),
        _ => Payment::Declined {
            message: problem(account, id).unwrap_or_default(),
            code: format!("{kind}_authentication_failure"),
            decline_code: String::new(),
        },
    }
}

/// What went wrong with the challenge of an open session, in Stripe's words.
pub(crate) fn problem(account: &Account, id: &str) -> Option<String> {
    let session = account.get(id);
    let setup_id = setup::intent_of(session).unwrap_or_default();
    let refused = account.get(&setup_id)["last_setup_error"]["message"].as_str();
    let known = session["_problem"].as_str().or(refused);
    known.map(str::to_owned)
}

/// The intent of a session came to a good end by itself: its payer passed the challenge, or the
/// seller captured what was held.
pub(crate) fn intent_succeeded(account: &mut Account, intent_id: &str) {
    let Some(id) = session_of(account, intent_id) else {
        return;
    };
    let session = account.get(&id).clone();
    if session["status"] == "complete" && session["payment_status"] == "unpaid" {
        account.set(&id, "payment_status", json!("paid"));
    }
    let Ok(submission) = crate::json::from_value(&session["_waiting"]["submission"]) else {
        return;
    };
    account.set(&id, "_waiting", Value::Null);
    if session["status"] != "open" {
        return;
    }
    let means = complete::Means {
        method: session["_waiting"]["method"].as_str().map(str::to_owned),
        intent: Some(intent_id.to_owned()),
        is_told: true,
        ..complete::Means::default()
    };
    complete::complete(account, &id, &submission, &means);
}

/// The payer failed the challenge, or the bank refused after it: the page says so.
pub(crate) fn intent_failed(account: &mut Account, intent_id: &str) {
    let Some(id) = session_of(account, intent_id) else {
        return;
    };
    let message = account.get(intent_id)["last_payment_error"]["message"].clone();
    if let Some(session) = account.edit(&id) {
        session["_waiting"] = Value::Null;
        session["_problem"] = message;
    }
}

fn session_of(account: &Account, intent_id: &str) -> Option<String> {
    let session = account.get(intent_id)["_checkout_session"].as_str()?;
    Some(session.to_owned())
}

/// The payment method that is paid with, made of what was typed.
fn method_of(account: &mut Account, submission: &Submission) -> Result<String, Payment> {
    let method_id = match &submission.pay_with {
        PayWith::Method(id) => return Ok(id.clone()),
        PayWith::Debit(kind) => debit::insert_method(account, kind, submission),
        PayWith::Card => {
            let card = card::by_number(&submission.card.number).map_err(Payment::from)?;
            payment::insert_method(account, card, &submission.card)
        }
    };
    if let Some(method) = account.edit(&method_id) {
        let details = &mut method["billing_details"];
        if !submission.phone.is_empty() {
            details["phone"] = json!(submission.phone);
        }
        if !submission.address.is_empty() {
            details["address"] = entry::address_of(&submission.address, Value::Null);
        }
    }
    Ok(method_id)
}

/// The intent of earlier tries, or a new one.
fn intent_of(account: &mut Account, session: &Value, card: &CardEntry) -> (String, bool) {
    let amount = session["amount_total"].as_i64().unwrap_or(0);
    if let Some(existing) = session["_payment_intent"].as_str() {
        account.set(existing, "amount", json!(amount));
        return (existing.to_owned(), false);
    }
    let data = &session["_payment_intent_data"];
    let is_subscription = session["mode"] == "subscription";
    let receipt_email = match &data["receipt_email"] {
        _ if is_subscription => Value::Null,
        Value::Null => email_of(account, session, card),
        given => given.clone(),
    };
    let terms = IntentTerms {
        amount,
        currency: session["currency"].as_str().unwrap_or("usd").to_owned(),
        customer: session["customer"].clone(),
        description: if is_subscription {
            json!("Subscription creation")
        } else {
            data["description"].clone()
        },
        metadata: if is_subscription {
            json!({})
        } else {
            data["metadata"].clone()
        },
        invoice: Value::Null,
        receipt_email,
        setup_future_usage: if is_subscription {
            json!("off_session")
        } else {
            data["setup_future_usage"].clone()
        },
    };
    let id = payment::insert_intent(account, &terms);
    let session_id = session["id"].as_str().unwrap_or_default();
    let return_url = format!("{}/c/pay/{session_id}/return", account.public_url);
    let challenge = &session["payment_method_options"]["card"]["request_three_d_secure"];
    let Some(intent) = account.edit(&id) else {
        return (id, true);
    };
    intent["_checkout_session"] = json!(session_id);
    intent["_return_url"] = json!(return_url);
    if challenge.is_string() {
        intent["payment_method_options"]["card"]["request_three_d_secure"] = challenge.clone();
    }
    if !is_subscription {
        for name in [
            "capture_method",
            "shipping",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_group",
        ] {
            if !data[name].is_null() {
                intent[name] = data[name].clone();
            }
        }
    }
    (id, true)
}

pub(crate) fn email_of(account: &Account, session: &Value, card: &CardEntry) -> Value {
    entry::known_email(account, session).map_or_else(|| json!(card.email), |email| json!(email))
}

/// When a subscription's trial ends, in seconds.
pub(crate) fn trial_end_of(now: i64, data: &Value) -> Option<i64> {
    data["trial_end"].as_i64().or_else(|| {
        data["trial_period_days"]
            .as_i64()
            .map(|days| subscription::trial_end(now, days))
    })
}
