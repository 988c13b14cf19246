//! The sandbox's own endpoints that do what a person does on a hosted page: pay, let a bank debit
//! end, change a subscription in the portal. JSON or form in, JSON out.

use std::collections::BTreeMap;

use crate::json::{Value, json};

use crate::account::Cause;
use crate::api::portal::acts::{self, Change, Reason};
use crate::http::exchange::Reply;
use crate::lives::checkout::entry::DebitOutcome;
use crate::lives::checkout::{self, CardEntry, PayWith, Payment, Submission, debit, revise};
use crate::pages::authenticate;
use crate::shape::render::render;
use crate::world::World;

/// Answers what is below `/sandbox/checkout/`; `None` for what is not there.
pub(crate) fn checkout(world: &World, id: &str, what: &str, sent: &Value) -> Option<Reply> {
    let action: fn(&World, &str, &Value) -> Reply = match what {
        "pay" => pay,
        "settle" => settle,
        _ => return None,
    };
    Some(action(world, id, sent))
}

/// Answers what is below `/sandbox/portal/`; `None` for what is not there.
pub(crate) fn portal(world: &World, id: &str, what: &str, sent: &Value) -> Option<Reply> {
    let named = text(sent, "subscription", "");
    let account = world.account_holding(id);
    let Some(account) = account else {
        return Some(refused(404, "no such portal session"));
    };
    let done = world.act(&account, Cause::default(), |account| {
        if account.get(id)["object"] != "billing_portal.session" {
            return Some(Err(("no such portal session".to_owned(), "id".to_owned())));
        }
        account.enter_clock_of(id);
        let done = match what {
            "cancel" => {
                let reason = Reason {
                    feedback: text(sent, "feedback", ""),
                    comment: text(sent, "comment", ""),
                };
                acts::cancel(account, id, &named, &reason)
            }
            "renew" => acts::renew(account, id, &named),
            "update" => {
                let change = Change {
                    price: sent["price"].as_str().map(str::to_owned),
                    quantity: text(sent, "quantity", "").parse().ok(),
                    discounts: None,
                };
                acts::update(account, id, &named, &change)
            }
            "confirm" => {
                let change = acts::confirmed(account.get(id));
                acts::update(account, id, &change.0, &change.1)
            }
            "payment_method" => acts::new_card(account, id, &card_of(sent)),
            "customer" => acts::customer(account, id, sent),
            _ => return None,
        };
        Some(done)
    })?;
    Some(match done {
        Ok(()) => Reply::json(200, &json!({ "session": id, "status": "done" })),
        Err((message, field)) => Reply::json(
            402,
            &json!({ "session": id, "error": { "message": message, "field": field } }),
        ),
    })
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "message": message } }))
}

fn text(sent: &Value, name: &str, fallback: &str) -> String {
    match &sent[name] {
        Value::String(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        _ => fallback.to_owned(),
    }
}

/// Yes or no, be it of JSON or of a form.
fn flag(sent: &Value, name: &str) -> Option<bool> {
    match &sent[name] {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => Some(matches!(text.as_str(), "true" | "yes" | "1")),
        _ => None,
    }
}

fn texts(sent: &Value) -> BTreeMap<String, String> {
    sent.as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| (name.to_string(), text(sent, name, "")))
        .collect()
}

/// What a person types who wants no more than to pay.
pub(crate) fn card_of(sent: &Value) -> CardEntry {
    CardEntry {
        number: text(sent, "number", "4242424242424242"),
        exp_month: text(sent, "exp_month", "12"),
        exp_year: text(sent, "exp_year", "2034"),
        cvc: text(sent, "cvc", "123"),
        name: text(sent, "name", "Jenny Rosen"),
        email: text(sent, "email", "jenny@example.com"),
    }
}

/// Answers the challenge of an intent as its page would.
pub(crate) fn authenticate(world: &World, id: &str, sent: &Value) -> Reply {
    let is_passed = match sent["outcome"].as_str() {
        Some("succeed") => true,
        Some("fail") => false,
        _ => return refused(400, "outcome must be succeed or fail"),
    };
    let Some(account) = world.account_holding(id) else {
        return refused(404, "no such intent");
    };
    world.act(&account, Cause::default(), |account| {
        account.enter_clock_of(id);
        if !authenticate::settle(account, id, is_passed) {
            return refused(409, "this intent does not wait for its payer");
        }
        let shown = render(account.get(id), account.default_version);
        Reply::json(200, &shown)
    })
}

fn outcome_of(sent: &Value) -> DebitOutcome {
    match sent["outcome"].as_str() {
        Some("failed" | "fails" | "fail") => DebitOutcome::Fails,
        _ => DebitOutcome::Succeeds,
    }
}

fn submission_of(sent: &Value) -> Submission {
    let pay_with = match sent["payment_method"].as_str() {
        None | Some("card") => PayWith::Card,
        Some(id) if id.starts_with("pm_") => PayWith::Method(id.to_owned()),
        Some(kind) => PayWith::Debit(kind.to_owned()),
    };
    let tax_id = &sent["tax_id"];
    Submission {
        card: card_of(sent),
        pay_with,
        debit_outcome: outcome_of(sent),
        phone: text(sent, "phone", ""),
        address: texts(&sent["address"]),
        shipping_name: text(&sent["shipping"], "name", ""),
        shipping_address: texts(&sent["shipping"]["address"]),
        fields: texts(&sent["custom_fields"]),
        business_name: text(sent, "business_name", ""),
        individual_name: text(sent, "individual_name", ""),
        tax_id: tax_id["value"]
            .as_str()
            .map(|value| (text(tax_id, "type", "eu_vat"), value.to_owned())),
        accepts_terms: true,
        wants_promotions: flag(sent, "promotions") == Some(true),
        is_brief: true,
    }
}

/// Pays an open session as its page would.
fn pay(world: &World, id: &str, sent: &Value) -> Reply {
    let Some(account) = world.account_holding(id) else {
        return refused(404, "no such checkout session");
    };
    let submission = submission_of(sent);
    world.act(&account, Cause::default(), |account| {
        account.enter_clock_of(id);
        let session = account.get(id);
        if session["object"] != "checkout.session" {
            return refused(404, "no such checkout session");
        }
        if let PayWith::Debit(kind) = &submission.pay_with {
            let types = session["payment_method_types"].as_array();
            let is_offered = types.is_some_and(|types| types.iter().any(|t| t == kind.as_str()));
            if !is_offered || debit::offered(session).is_none() {
                return refused(400, "the session does not offer this payment method");
            }
        }
        if session["status"] == "open"
            && let Err(message) = change(account, id, sent)
        {
            return refused(402, &message);
        }
        let mut payment = checkout::pay(account, id, &submission);
        if let (Payment::RequiresAction { .. }, Some(is_passed)) =
            (&payment, flag(sent, "authenticate"))
        {
            payment = checkout::authenticate(account, id, is_passed);
        }
        let is_done = matches!(payment, Payment::Completed { .. });
        let is_refused = matches!(
            payment,
            Payment::Declined { .. } | Payment::Invalid { .. } | Payment::Expired
        );
        if is_done && flag(sent, "settle") == Some(true) {
            debit::settle(account, id);
        }
        Reply::json(if is_refused { 402 } else { 200 }, &payment.as_json(id))
    })
}

/// What is changed on the page before the button is pressed.
fn change(account: &mut crate::account::Account, id: &str, sent: &Value) -> Result<(), String> {
    let quantities: Vec<(String, i64)> = sent["quantities"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(item, quantity)| Some((item.to_string(), quantity.as_i64()?)))
        .collect();
    revise::quantities(account, id, &quantities)?;
    for price in sent["optional_items"].as_array().into_iter().flatten() {
        revise::optional_item(account, id, price.as_str().unwrap_or_default())?;
    }
    if let Some(rate) = sent["shipping_rate"].as_str() {
        revise::shipping(account, id, rate)?;
    }
    if let Some(code) = sent["promotion_code"].as_str() {
        revise::promotion_code(account, id, code)?;
    }
    Ok(())
}

/// Lets a bank debit end now, well or not.
fn settle(world: &World, id: &str, sent: &Value) -> Reply {
    let Some(account) = world.account_holding(id) else {
        return refused(404, "no such checkout session");
    };
    world.act(&account, Cause::default(), |account| {
        account.enter_clock_of(id);
        if !debit::is_pending(account, id) {
            return refused(409, "the session does not wait for a bank debit");
        }
        if sent["outcome"].is_string() {
            debit::decide(account, id, outcome_of(sent));
        }
        debit::settle(account, id);
        let status = account.get(id)["payment_status"].clone();
        Reply::json(200, &json!({ "session": id, "payment_status": status }))
    })
}
