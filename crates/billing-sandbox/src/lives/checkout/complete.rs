//! The completion of a Checkout Session: everything that a payment brings about, and its events in
//! Stripe's order.

use serde_json::{Value, json};

use crate::account::Account;
use crate::lives::checkout::entry::{self, Submission};
use crate::lives::checkout::{email_of, totals};
use crate::lives::{discount, invoice, subscription};

/// What a session is paid with; all of it absent for what costs nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Means {
    pub(crate) method: Option<String>,
    pub(crate) intent: Option<String>,
    /// Whether the intent was made by this very try, so that its event is still to be raised.
    pub(crate) is_new_intent: bool,
    /// Whether the money is still on its way.
    pub(crate) is_pending: bool,
    /// Whether the intent's own events are raised already.
    pub(crate) is_told: bool,
}

/// Completes an open session.
pub(crate) fn complete(account: &mut Account, id: &str, submission: &Submission, means: &Means) {
    let session = account.get(id).clone();
    let (customer, is_new_customer) = customer_of(account, &session, submission);
    if let Some(intent_id) = &means.intent {
        account.set(intent_id, "customer", customer.clone());
        let charge_id = text(&account.get(intent_id)["latest_charge"]);
        account.set(&charge_id, "customer", customer.clone());
        let kind = if means.is_pending {
            "charge.pending"
        } else {
            "charge.succeeded"
        };
        if !charge_id.is_empty() && !means.is_told {
            account.raise(kind, &charge_id);
        }
    }
    let keeps_method = session["mode"] != "payment"
        || !session["_payment_intent_data"]["setup_future_usage"].is_null();
    if let (Some(method_id), true, false) = (&means.method, keeps_method, customer.is_null())
        && account.get(method_id)["customer"].is_null()
    {
        account.set(method_id, "customer", customer.clone());
        account.raise("payment_method.attached", method_id);
    }
    if is_new_customer {
        account.raise("customer.created", customer.as_str().unwrap_or_default());
    } else {
        update_customer(account, &session, submission);
    }
    redeem(account, &session);
    let mut outcome = json!({});
    let mut invoice_payment = None;
    if session["mode"] == "subscription" {
        let begun = begin_subscription(account, &session, &customer, means);
        outcome["subscription"] = json!(begun.subscription);
        outcome["invoice"] = json!(begun.invoice);
        invoice_payment = begun.payment;
    } else if session["mode"] == "setup" {
        outcome["setup_intent"] = confirm_setup(account, &session, &customer, means);
    } else if let Some(intent_id) = &means.intent {
        outcome["payment_intent"] = json!(intent_id);
    }
    if let (Some(intent_id), false) = (&means.intent, means.is_told) {
        account.raise(intent_event(account, intent_id), intent_id);
        if means.is_new_intent {
            account.raise("payment_intent.created", intent_id);
        }
    }
    if session["invoice_creation"]["enabled"] == true {
        let (invoice_id, payment) = invoice_of(account, &session, &customer, means);
        outcome["invoice"] = json!(invoice_id);
        invoice_payment = payment;
    }
    record(account, id, submission, means, &customer, &outcome);
    account.raise("checkout.session.completed", id);
    if let (Some(payment_id), false) = (invoice_payment, means.is_pending) {
        account.raise("invoice_payment.paid", &payment_id);
    }
}

/// Counts what a purchase redeems; a subscription's own discounts are counted as they are made.
fn redeem(account: &mut Account, session: &Value) {
    if session["mode"] == "payment" {
        discount::redeem(account, &totals::texts(&session["_discounts"]));
    }
}

/// Gives a new subscription the discounts of its session.
fn discount_subscription(
    account: &mut Account,
    session: &Value,
    customer: &Value,
    subscription: &str,
) {
    let mut sent: Vec<Value> = Vec::new();
    for shown in session["discounts"].as_array().into_iter().flatten() {
        sent.push(match &shown["promotion_code"] {
            Value::Null => json!({ "coupon": shown["coupon"] }),
            code => json!({ "promotion_code": code }),
        });
    }
    if sent.is_empty() {
        return;
    }
    let owner = discount::Owner {
        customer: customer.clone(),
        subscription: json!(subscription),
        ..discount::Owner::default()
    };
    let made = discount::attach(account, &sent, &owner, "discounts").or_else(|_| {
        // Used up while the page was open: the price that was shown is kept.
        let carried: Vec<Value> = totals::texts(&session["_discounts"])
            .iter()
            .map(|id| json!({ "discount": id }))
            .collect();
        discount::attach(account, &carried, &owner, "discounts")
    });
    if let Ok(ids) = made {
        account.set(subscription, "discounts", json!(ids));
        discount::leave::note_first(account, subscription);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn intent_event(account: &Account, intent_id: &str) -> &'static str {
    match account.get(intent_id)["status"].as_str() {
        Some("processing") => "payment_intent.processing",
        Some("requires_capture") => "payment_intent.amount_capturable_updated",
        _ => "payment_intent.succeeded",
    }
}

/// Writes into the session what became of it.
fn record(
    account: &mut Account,
    id: &str,
    submission: &Submission,
    means: &Means,
    customer: &Value,
    outcome: &Value,
) {
    let session = account.get(id);
    let email = email_of(account, session, &submission.card);
    let intent = account.get(means.intent.as_deref().unwrap_or_default());
    let payment_status = match (&means.intent, intent["status"].as_str()) {
        (None, _) => "no_payment_required",
        (Some(_), Some("succeeded")) => "paid",
        (Some(_), _) => "unpaid",
    };
    let owner = account.get(customer.as_str().unwrap_or_default());
    let known = |typed: &str, member: &str| match entry::or_null(typed) {
        Value::Null => owner[member].clone(),
        typed => typed,
    };
    let country = json!("US");
    let address = match (&submission.address.is_empty(), &owner["address"]) {
        (true, Value::Object(_)) => owner["address"].clone(),
        _ => entry::address_of(&submission.address, country),
    };
    let tax_ids: Vec<Value> = submission
        .tax_id
        .iter()
        .map(|(kind, value)| json!({ "type": kind, "value": value }))
        .collect();
    let details = json!({
        "address": address,
        "business_name": entry::or_null(&submission.business_name),
        "email": email,
        "individual_name": entry::or_null(&submission.individual_name),
        "name": known(&submission.card.name, "name"),
        "phone": known(&submission.phone, "phone"),
        "tax_exempt": owner["tax_exempt"].as_str().unwrap_or("none"),
        "tax_ids": tax_ids,
    });
    let collected = json!({
        "business_name": entry::or_null(&submission.business_name),
        "individual_name": entry::or_null(&submission.individual_name),
        "shipping_details": shipping_details(session, submission),
    });
    let Some(stored) = account.edit(id) else {
        return;
    };
    stored["status"] = json!("complete");
    stored["url"] = Value::Null;
    stored["client_secret"] = Value::Null;
    stored["customer"] = customer.clone();
    stored["payment_status"] = json!(payment_status);
    stored["customer_details"] = details;
    stored["collected_information"] = collected;
    if !stored["consent_collection"].is_null() {
        stored["consent"] = consent(&stored["consent_collection"], submission);
    }
    fill_fields(stored, submission);
    for (member, value) in outcome.as_object().into_iter().flatten() {
        stored[member] = value.clone();
    }
}

fn shipping_details(session: &Value, submission: &Submission) -> Value {
    if session["shipping_address_collection"].is_null() || submission.shipping_address.is_empty() {
        return session["collected_information"]["shipping_details"].clone();
    }
    json!({
        "address": entry::address_of(&submission.shipping_address, Value::Null),
        "name": submission.shipping_name,
    })
}

fn consent(asked: &Value, submission: &Submission) -> Value {
    let promotions = match (asked["promotions"] == "auto", submission.wants_promotions) {
        (false, _) => Value::Null,
        (true, true) => json!("opt_in"),
        (true, false) => json!("opt_out"),
    };
    let terms = if asked["terms_of_service"] == "required" {
        json!("accepted")
    } else {
        Value::Null
    };
    json!({ "promotions": promotions, "terms_of_service": terms })
}

fn fill_fields(session: &mut Value, submission: &Submission) {
    let Some(fields) = session["custom_fields"].as_array_mut() else {
        return;
    };
    for field in fields {
        let kind = text(&field["type"]);
        let typed = submission
            .fields
            .get(field["key"].as_str().unwrap_or_default());
        let value = match typed {
            Some(typed) if !typed.is_empty() => json!(typed),
            _ => field[&kind]["default_value"].clone(),
        };
        field[&kind]["value"] = value;
    }
}

/// The session's customer; subscriptions make one, payments only if they are told to or need one.
fn customer_of(account: &mut Account, session: &Value, submission: &Submission) -> (Value, bool) {
    if !session["customer"].is_null() {
        return (session["customer"].clone(), false);
    }
    let is_needed = session["mode"] == "subscription"
        || session["customer_creation"] == "always"
        || !session["_payment_intent_data"]["setup_future_usage"].is_null()
        || session["invoice_creation"]["enabled"] == true;
    if !is_needed {
        return (Value::Null, false);
    }
    let mut customer = crate::api::customers::blank(account);
    customer["email"] = email_of(account, session, &submission.card);
    customer["name"] = entry::or_null(&submission.card.name);
    customer["phone"] = entry::or_null(&submission.phone);
    if !submission.address.is_empty() {
        customer["address"] = entry::address_of(&submission.address, json!("US"));
    }
    if !submission.shipping_address.is_empty() {
        customer["shipping"] = shipping_of(submission);
    }
    (json!(account.insert(customer)), true)
}

fn shipping_of(submission: &Submission) -> Value {
    json!({
        "address": entry::address_of(&submission.shipping_address, Value::Null),
        "name": submission.shipping_name,
        "phone": entry::or_null(&submission.phone),
    })
}

/// Writes what was typed into a customer who was there before, as far as the session says so.
fn update_customer(account: &mut Account, session: &Value, submission: &Submission) {
    let Some(customer_id) = session["customer"].as_str().map(str::to_owned) else {
        return;
    };
    let before = account.snapshot(&customer_id);
    let wanted = &session["_customer_update"];
    let email = email_of(account, session, &submission.card);
    if let Some(customer) = account.edit(&customer_id) {
        if customer["email"].is_null() && !email.is_null() {
            customer["email"] = email;
        }
        if wanted["name"] == "auto" && !submission.card.name.is_empty() {
            customer["name"] = json!(submission.card.name);
        }
        if wanted["address"] == "auto" && !submission.address.is_empty() {
            customer["address"] = entry::address_of(&submission.address, json!("US"));
        }
        if wanted["shipping"] == "auto" && !submission.shipping_address.is_empty() {
            customer["shipping"] = shipping_of(submission);
        }
        if !submission.phone.is_empty() {
            customer["phone"] = json!(submission.phone);
        }
    }
    account.raise_update("customer.updated", &customer_id, &before);
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
    means: &Means,
) -> Begun {
    let data = &session["_subscription_data"];
    let trial_end = super::trial_end_of(account.now, data);
    let chosen: Vec<(Value, i64)> = totals::items_of(session)
        .into_iter()
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
    let customer_id = text(customer);
    let currency_before = subscription::fix_currency(account, &customer_id, &session["currency"]);
    // Before basil the subscription was there while its payment was made.
    let begins_incomplete =
        session["_begins_incomplete"] == true && means.intent.is_some() && trial_end.is_none();
    let status = match (trial_end, begins_incomplete) {
        (Some(_), _) => "trialing",
        (None, true) => "incomplete",
        (None, false) => "active",
    };
    let subscription_id = subscription::insert(
        account,
        &subscription::Terms {
            customer: customer_id.clone(),
            items: recurring,
            metadata: data["metadata"].clone(),
            description: data["description"].clone(),
            trial_end,
            trial_settings: data["trial_settings"].clone(),
            default_payment_method: means.method.as_ref().map_or(Value::Null, |id| json!(id)),
            status,
            ..subscription::Terms::default()
        },
    );
    discount_subscription(account, session, customer, &subscription_id);
    let invoice_id = subscription::insert_first_invoice(account, &subscription_id, &one_time);
    if let Some(before) = currency_before {
        account.raise_update("customer.updated", &customer_id, &before);
    }
    account.raise("invoice.created", &invoice_id);
    account.raise("customer.subscription.created", &subscription_id);
    let payment = settle_invoice(account, &invoice_id, means, |account| {
        if begins_incomplete {
            let before = account.snapshot(&subscription_id);
            account.set(&subscription_id, "status", json!("active"));
            account.raise_update("customer.subscription.updated", &subscription_id, &before);
        }
    });
    Begun {
        subscription: subscription_id,
        invoice: invoice_id,
        payment,
    }
}

/// Finalizes an invoice that is paid by what the session was paid with; `between` happens after it
/// is finalized and before it is paid.
fn settle_invoice(
    account: &mut Account,
    invoice_id: &str,
    means: &Means,
    between: impl FnOnce(&mut Account),
) -> Option<String> {
    invoice::finalize(account, invoice_id);
    let payment = means
        .intent
        .as_ref()
        .map(|intent_id| invoice::tie_payment(account, invoice_id, intent_id, !means.is_pending));
    account.raise("invoice.finalized", invoice_id);
    if means.intent.is_some() {
        account.set(invoice_id, "attempt_count", json!(1));
        account.set(invoice_id, "attempted", json!(true));
    }
    between(account);
    if !means.is_pending {
        invoice::mark_paid(account, invoice_id);
        account.raise("invoice.paid", invoice_id);
        account.raise("invoice.payment_succeeded", invoice_id);
    }
    payment
}

/// The invoice that a one-time payment asked for.
fn invoice_of(
    account: &mut Account,
    session: &Value,
    customer: &Value,
    means: &Means,
) -> (String, Option<String>) {
    let now = account.now;
    let data = &session["invoice_creation"]["invoice_data"];
    let lines = totals::items_of(session)
        .iter()
        .map(|item| invoice::Line {
            amount: item["amount_subtotal"].as_i64().unwrap_or(0),
            description: text(&item["description"]),
            price: item["price"].clone(),
            quantity: item["quantity"].as_i64().unwrap_or(1),
            period: (now, now),
            tax_rates: totals::texts(&item["_tax_rates"])
                .iter()
                .map(|id| account.get(id).clone())
                .collect(),
            ..invoice::Line::default()
        })
        .collect();
    let draft = invoice::Draft {
        customer: text(customer),
        currency: text(&session["currency"]),
        reason: "manual",
        lines,
        period: (now, now),
        discounts: totals::texts(&session["_discounts"]),
        description: data["description"].clone(),
        footer: data["footer"].clone(),
        metadata: data["metadata"].clone(),
        ..invoice::Draft::default()
    };
    let invoice_id = invoice::insert(account, &draft);
    account.set(&invoice_id, "auto_advance", json!(false));
    account.raise("invoice.created", &invoice_id);
    let payment = settle_invoice(account, &invoice_id, means, |_| ());
    (invoice_id, payment)
}

fn confirm_setup(account: &mut Account, session: &Value, customer: &Value, means: &Means) -> Value {
    let Some(intent_id) = session["setup_intent"].as_str().map(str::to_owned) else {
        return Value::Null;
    };
    if let Some(intent) = account.edit(&intent_id) {
        intent["status"] = json!("succeeded");
        intent["customer"] = customer.clone();
        intent["payment_method"] = json!(means.method);
    }
    account.raise("setup_intent.succeeded", &intent_id);
    json!(intent_id)
}
