//! The completion of a Checkout Session: everything that a payment brings about, and its events in
//! Stripe's order.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::checkout::entry::{self, Submission};
use crate::lives::checkout::{billing, email_of, totals};
use crate::lives::payment::method;
use crate::lives::{discount, reaction};

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
        // It was charged before its owner was there, which would be its end otherwise.
        account.set(method_id, "_is_used_up", json!(false));
        method::attach(account, method_id, &text(&customer));
    }
    if is_new_customer {
        account.raise("customer.created", customer.as_str().unwrap_or_default());
    } else {
        update_customer(account, &session, submission);
    }
    if let (Some((kind, value)), false) = (&submission.tax_id, customer.is_null()) {
        let owner = json!({ "customer": customer, "customer_account": null, "type": "customer" });
        // One that is not well formed was refused by the page; other ways of paying leave it out.
        let _ = crate::api::tax::insert_id(account, kind, value, &owner, "tax_id");
    }
    redeem(account, &session);
    let mut outcome = json!({});
    let mut invoice_payment = None;
    if session["mode"] == "subscription" {
        let begun = billing::begin_subscription(account, &session, &customer, means);
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
        let (invoice_id, payment) = billing::invoice_of(account, &session, &customer, means);
        outcome["invoice"] = json!(invoice_id);
        invoice_payment = payment;
    }
    record(account, id, submission, means, &customer, &outcome);
    account.raise("checkout.session.completed", id);
    if session["mode"] == "subscription" {
        reaction::subscriptions_changed(account, &text(&customer));
    }
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

fn confirm_setup(account: &mut Account, session: &Value, customer: &Value, means: &Means) -> Value {
    let Some(intent_id) = session["setup_intent"].as_str().map(str::to_owned) else {
        return Value::Null;
    };
    let is_new = account.get(&intent_id)["status"] != "succeeded";
    if let Some(intent) = account.edit(&intent_id) {
        intent["status"] = json!("succeeded");
        intent["customer"] = customer.clone();
        intent["payment_method"] = json!(means.method);
    }
    if is_new {
        account.raise("setup_intent.succeeded", &intent_id);
    }
    json!(intent_id)
}
