//! What a completed Checkout Session bills: the subscription that it begins with its first invoice, or
//! the invoice of a one-time payment.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::checkout::complete::Means;
use crate::lives::checkout::{self, totals};
use crate::lives::subscription::{self, trial};
use crate::lives::{discount, invoice};

/// What a subscription session left behind; ids.
pub(super) struct Begun {
    pub(super) subscription: String,
    pub(super) invoice: Option<String>,
    pub(super) payment: Option<String>,
}

/// Begins the subscription of a session, with a first invoice that is paid already.
pub(super) fn begin_subscription(
    account: &mut Account,
    session: &Value,
    customer: &Value,
    means: &Means,
) -> Begun {
    let data = &session["_subscription_data"];
    let trial_end = checkout::trial_end_of(account.now, data);
    let (recurring, one_time): (Vec<_>, Vec<_>) = totals::items_of(session)
        .into_iter()
        .partition(|item| !item["price"]["recurring"].is_null());
    let one_time: Vec<(Value, i64)> = one_time
        .iter()
        .map(|item| {
            (
                item["price"].clone(),
                item["quantity"].as_i64().unwrap_or(1),
            )
        })
        .collect();
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
            item_terms: recurring
                .iter()
                .map(|item| item_terms(account, item))
                .collect(),
            metadata: data["metadata"].clone(),
            description: data["description"].clone(),
            trial_end,
            trial_settings: data["trial_settings"].clone(),
            default_payment_method: means.method.as_ref().map_or(Value::Null, |id| json!(id)),
            status,
            is_classic: session["_is_classic"] == true,
            anchor: data["billing_cycle_anchor"].as_i64(),
            members: members_of(account, data),
            ..subscription::Terms::default()
        },
    );
    discount_subscription(account, session, customer, &subscription_id);
    let invoice_id = subscription::insert_first_invoice(account, &subscription_id, &one_time);
    if let Some(before) = currency_before {
        account.raise_update("customer.updated", &customer_id, &before);
    }
    let has_invoice = !invoice_id.is_empty();
    if has_invoice {
        account.raise("invoice.created", &invoice_id);
    }
    if let Some(members) = account
        .edit(&subscription_id)
        .and_then(Value::as_object_mut)
    {
        members.shift_remove("_stub");
    }
    account.raise("customer.subscription.created", &subscription_id);
    let mut payment = None;
    if has_invoice {
        payment = settle_invoice(account, &invoice_id, means, |account| {
            if begins_incomplete {
                let before = account.snapshot(&subscription_id);
                account.set(&subscription_id, "status", json!("active"));
                account.raise_update("customer.subscription.updated", &subscription_id, &before);
            }
        });
    }
    trial::announce_if_near(account, &subscription_id);
    Begun {
        subscription: subscription_id,
        invoice: has_invoice.then_some(invoice_id),
        payment,
    }
}

fn item_terms(account: &Account, item: &Value) -> subscription::ItemTerms {
    let rates = totals::texts(&item["_tax_rates"]);
    subscription::ItemTerms {
        price: item["price"].clone(),
        quantity: item["quantity"].as_i64().unwrap_or(1),
        metadata: item["metadata"].clone(),
        tax_rates: rates.iter().map(|id| account.get(id).clone()).collect(),
        ..subscription::ItemTerms::default()
    }
}

/// What else the session said about its subscription.
fn members_of(account: &Account, data: &Value) -> Vec<(&'static str, Value)> {
    let mut members = Vec::new();
    let rates = totals::texts(&data["default_tax_rates"]);
    if !rates.is_empty() {
        let rates = rates.iter().map(|id| account.get(id).clone()).collect();
        members.push(("default_tax_rates", rates));
    }
    if data["invoice_settings"].is_object() {
        let mut settings = json!({ "issuer": { "type": "self" } });
        for (name, value) in data["invoice_settings"].as_object().into_iter().flatten() {
            settings[name] = value.clone();
        }
        members.push(("invoice_settings", settings));
    }
    if data["billing_cycle_anchor"].is_i64() && data["proration_behavior"] == "none" {
        // Nothing is billed until the anchor.
        members.push(("_stub", json!("none")));
    }
    members
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
pub(super) fn invoice_of(
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
