//! A Checkout Session: open until it is paid or expires.

use serde_json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::lives::card::{self, Behaviour, Decline};
use crate::lives::payment::{self, IntentTerms};
use crate::lives::{invoice, subscription};

pub(crate) static DUE: &[Action] = &[("checkout.expire", expire)];

/// What a customer types into the page; texts as typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct CardEntry {
    pub(crate) number: String,
    pub(crate) exp_month: String,
    pub(crate) exp_year: String,
    pub(crate) cvc: String,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// How a try to pay ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Payment {
    /// Paid now, or before: paying twice pays once.
    Completed {
        redirect_url: Option<String>,
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
        field: &'static str,
    },
    Expired,
}

impl Payment {
    pub(crate) fn as_json(&self, session_id: &str) -> Value {
        match self {
            Payment::Completed { redirect_url } => {
                json!({ "session": session_id, "status": "complete", "redirect_url": redirect_url })
            }
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
    }
    account.raise("checkout.session.expired", id);
}

/// Where the customer goes after paying: the id is filled in here, not in the object.
pub(crate) fn redirect_url(session: &Value) -> Option<String> {
    let url = session["success_url"]
        .as_str()
        .or(session["return_url"].as_str())?;
    Some(url.replace(
        "{CHECKOUT_SESSION_ID}",
        session["id"].as_str().unwrap_or_default(),
    ))
}

/// Whether the customer has to give a card.
pub(crate) fn needs_card(session: &Value) -> bool {
    session["mode"] == "setup"
        || session["amount_total"].as_i64().unwrap_or(0) > 0
        || (session["mode"] == "subscription" && session["payment_method_collection"] == "always")
}

/// Pays a session with a card; doing it again after success changes nothing.
pub(crate) fn pay(account: &mut Account, id: &str, entry: &CardEntry) -> Payment {
    let session = account.get(id).clone();
    match session["status"].as_str() {
        Some("complete") => {
            return Payment::Completed {
                redirect_url: redirect_url(&session),
            };
        }
        Some("open") => {}
        _ => return Payment::Expired,
    }
    if let Err((message, field)) = check_entry(account, &session, entry) {
        return Payment::Invalid {
            message: message.to_owned(),
            field,
        };
    }
    if !needs_card(&session) {
        complete(account, id, entry, None, None);
        return Payment::Completed {
            redirect_url: redirect_url(&session),
        };
    }
    let card = match card::by_number(&entry.number) {
        Ok(card) => card,
        Err(decline) => return decline.into(),
    };
    if card.behaviour == Behaviour::NeedsAuthentication {
        return Payment::Invalid {
            message: "This card asks for 3-D Secure, which this sandbox does not simulate.".into(),
            field: "number",
        };
    }
    let is_charged =
        session["mode"] != "setup" && session["amount_total"].as_i64().unwrap_or(0) > 0;
    if let (Behaviour::Declines(decline), false) = (card.behaviour, is_charged) {
        return decline.into();
    }
    let method_id = payment::insert_method(account, card, entry);
    if !is_charged {
        complete(account, id, entry, Some(&method_id), None);
        return Payment::Completed {
            redirect_url: redirect_url(&session),
        };
    }
    let (intent_id, is_new) = intent_of(account, &session, entry);
    account.set(id, "_payment_intent", json!(intent_id));
    if let Err(decline) = payment::charge(account, &intent_id, &method_id) {
        if is_new {
            account.raise("payment_intent.created", &intent_id);
        }
        payment::raise_failed(account, &intent_id);
        return decline.into();
    }
    complete(
        account,
        id,
        entry,
        Some(&method_id),
        Some((&intent_id, is_new)),
    );
    Payment::Completed {
        redirect_url: redirect_url(&session),
    }
}

fn check_entry(
    account: &Account,
    session: &Value,
    entry: &CardEntry,
) -> Result<(), (&'static str, &'static str)> {
    let known = session["customer"]
        .as_str()
        .map(|id| account.get(id)["email"].clone());
    let has_email =
        known.is_some_and(|email| !email.is_null()) || !session["customer_email"].is_null();
    let is_address = entry
        .email
        .split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
    if !has_email && !is_address {
        return Err(("Your email is incomplete.", "email"));
    }
    if !needs_card(session) {
        return Ok(());
    }
    let month: i64 = entry.exp_month.parse().unwrap_or(0);
    let Some(year) = payment::full_year(&entry.exp_year).filter(|_| (1..=12).contains(&month))
    else {
        return Err(("Your card's expiration date is incomplete.", "expiry"));
    };
    let now = time::OffsetDateTime::from_unix_timestamp(account.now).ok();
    let this_month = now.map_or(0, |n| {
        i64::from(n.year()) * 12 + i64::from(u8::from(n.month()))
    });
    if year * 12 + month < this_month {
        return Err(("Your card's expiration date is in the past.", "expiry"));
    }
    let is_cvc = matches!(entry.cvc.len(), 3 | 4) && entry.cvc.bytes().all(|b| b.is_ascii_digit());
    if !is_cvc {
        return Err(("Your card's security code is incomplete.", "cvc"));
    }
    Ok(())
}

/// The intent of earlier tries, or a new one.
fn intent_of(account: &mut Account, session: &Value, entry: &CardEntry) -> (String, bool) {
    if let Some(existing) = session["_payment_intent"].as_str() {
        return (existing.to_owned(), false);
    }
    let data = &session["_payment_intent_data"];
    let is_subscription = session["mode"] == "subscription";
    let terms = IntentTerms {
        amount: session["amount_total"].as_i64().unwrap_or(0),
        currency: session["currency"].as_str().unwrap_or("usd").to_owned(),
        customer: session["customer"].clone(),
        description: if is_subscription {
            json!("Subscription creation")
        } else {
            data["description"].clone()
        },
        metadata: data["metadata"].clone(),
        invoice: Value::Null,
        receipt_email: if is_subscription {
            Value::Null
        } else {
            email_of(account, session, entry)
        },
        setup_future_usage: if is_subscription {
            json!("off_session")
        } else {
            data["setup_future_usage"].clone()
        },
    };
    (payment::insert_intent(account, &terms), true)
}

fn email_of(account: &Account, session: &Value, entry: &CardEntry) -> Value {
    let known = session["customer"]
        .as_str()
        .map_or(&Value::Null, |id| &account.get(id)["email"]);
    match (known, &session["customer_email"]) {
        (Value::String(_), _) => known.clone(),
        (_, Value::String(_)) => session["customer_email"].clone(),
        _ => json!(entry.email),
    }
}

/// Everything that a successful payment brings about, and its events in Stripe's order.
fn complete(
    account: &mut Account,
    id: &str,
    entry: &CardEntry,
    method_id: Option<&str>,
    intent: Option<(&str, bool)>,
) {
    let session = account.get(id).clone();
    let email = email_of(account, &session, entry);
    let name = if entry.name.is_empty() {
        Value::Null
    } else {
        json!(entry.name)
    };
    let (customer, is_new_customer) = customer_of(account, &session, &email, &name);
    if let Some((intent_id, _)) = intent {
        account.set(intent_id, "customer", customer.clone());
        let charge_id = account.get(intent_id)["latest_charge"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        account.set(&charge_id, "customer", customer.clone());
        account.raise("charge.succeeded", &charge_id);
    }
    let keeps_method = session["mode"] != "payment"
        || !session["_payment_intent_data"]["setup_future_usage"].is_null();
    if let (Some(method_id), true, false) = (method_id, keeps_method, customer.is_null()) {
        account.set(method_id, "customer", customer.clone());
        account.raise("payment_method.attached", method_id);
    }
    if is_new_customer {
        account.raise("customer.created", customer.as_str().unwrap_or_default());
    }
    let mut outcome = json!({});
    let mut invoice_payment = None;
    if session["mode"] == "subscription" {
        let begun = begin_subscription(
            account,
            &session,
            &customer,
            method_id,
            intent.map(|(id, _)| id),
        );
        outcome["subscription"] = json!(begun.subscription);
        outcome["invoice"] = json!(begun.invoice);
        invoice_payment = begun.payment;
    } else if session["mode"] == "setup" {
        outcome["setup_intent"] = confirm_setup(account, &session, &customer, method_id);
    } else if let Some((intent_id, _)) = intent {
        outcome["payment_intent"] = json!(intent_id);
    }
    if let Some((intent_id, is_new)) = intent {
        account.raise("payment_intent.succeeded", intent_id);
        if is_new {
            account.raise("payment_intent.created", intent_id);
        }
    }
    let is_free = intent.is_none();
    if let Some(stored) = account.edit(id) {
        stored["status"] = json!("complete");
        stored["url"] = Value::Null;
        stored["customer"] = customer;
        stored["payment_status"] = json!(if is_free {
            "no_payment_required"
        } else {
            "paid"
        });
        stored["customer_details"] = json!({
            "address": { "city": null, "country": "US", "line1": null, "line2": null, "postal_code": null, "state": null },
            "business_name": null, "email": email, "individual_name": null, "name": name,
            "phone": null, "tax_exempt": "none", "tax_ids": [],
        });
        for (member, value) in outcome.as_object().into_iter().flatten() {
            stored[member] = value.clone();
        }
    }
    account.raise("checkout.session.completed", id);
    if let Some(payment_id) = invoice_payment {
        account.raise("invoice_payment.paid", &payment_id);
    }
}

/// The session's customer; subscriptions make one, payments only if they are told to.
fn customer_of(
    account: &mut Account,
    session: &Value,
    email: &Value,
    name: &Value,
) -> (Value, bool) {
    if !session["customer"].is_null() {
        return (session["customer"].clone(), false);
    }
    if session["mode"] != "subscription" && session["customer_creation"] != "always" {
        return (Value::Null, false);
    }
    let mut customer = crate::api::customers::blank(account);
    customer["email"] = email.clone();
    customer["name"] = name.clone();
    (json!(account.insert(customer)), true)
}

struct Begun {
    subscription: String,
    invoice: String,
    payment: Option<String>,
}

fn begin_subscription(
    account: &mut Account,
    session: &Value,
    customer: &Value,
    method_id: Option<&str>,
    intent_id: Option<&str>,
) -> Begun {
    let data = &session["_subscription_data"];
    let trial_end = trial_end_of(account.now, data);
    let chosen: Vec<(Value, i64)> = session["_line_items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| {
            (
                item["price"].clone(),
                item["quantity"].as_i64().unwrap_or(1),
            )
        })
        .collect();
    let (recurring, one_time): (Vec<_>, Vec<_>) = chosen
        .into_iter()
        .partition(|(price, _)| !price["recurring"].is_null());
    let customer_id = customer.as_str().unwrap_or_default().to_owned();
    let currency_before = subscription::fix_currency(account, &customer_id, &session["currency"]);
    let subscription_id = subscription::insert(
        account,
        &subscription::Terms {
            customer: customer_id.clone(),
            items: recurring,
            metadata: data["metadata"].clone(),
            description: data["description"].clone(),
            trial_end,
            trial_settings: data["trial_settings"].clone(),
            default_payment_method: method_id.map_or(Value::Null, |id| json!(id)),
            status: if trial_end.is_some() {
                "trialing"
            } else {
                "active"
            },
            ..subscription::Terms::default()
        },
    );
    let invoice_id = subscription::insert_first_invoice(account, &subscription_id, &one_time);
    if let Some(before) = currency_before {
        account.raise_update("customer.updated", &customer_id, &before);
    }
    account.raise("invoice.created", &invoice_id);
    account.raise("customer.subscription.created", &subscription_id);
    invoice::finalize(account, &invoice_id);
    let invoice_payment_id =
        intent_id.map(|intent_id| invoice::tie_payment(account, &invoice_id, intent_id, true));
    account.raise("invoice.finalized", &invoice_id);
    if intent_id.is_some() {
        account.set(&invoice_id, "attempt_count", json!(1));
    }
    invoice::mark_paid(account, &invoice_id);
    account.raise("invoice.paid", &invoice_id);
    account.raise("invoice.payment_succeeded", &invoice_id);
    Begun {
        subscription: subscription_id,
        invoice: invoice_id,
        payment: invoice_payment_id,
    }
}

pub(crate) fn trial_end_of(now: i64, data: &Value) -> Option<i64> {
    data["trial_end"].as_i64().or_else(|| {
        data["trial_period_days"]
            .as_i64()
            .map(|days| subscription::trial_end(now, days))
    })
}

fn confirm_setup(
    account: &mut Account,
    session: &Value,
    customer: &Value,
    method_id: Option<&str>,
) -> Value {
    let Some(intent_id) = session["setup_intent"].as_str().map(str::to_owned) else {
        return Value::Null;
    };
    if let Some(intent) = account.edit(&intent_id) {
        intent["status"] = json!("succeeded");
        intent["customer"] = customer.clone();
        intent["payment_method"] = json!(method_id);
    }
    account.raise("setup_intent.succeeded", &intent_id);
    json!(intent_id)
}
