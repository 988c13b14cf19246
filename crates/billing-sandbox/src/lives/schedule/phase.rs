//! One phase of a schedule put into effect: the subscription begins with it, or becomes like it.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::discount::{self, Owner};
use crate::lives::reaction;
use crate::lives::subscription::begin::{self, Beginning, FirstPayment};
use crate::lives::subscription::change::{self, Change, Payment, Proration};
use crate::lives::subscription::{self, ItemTerms, Terms, ending};

/// Puts a phase into effect.
pub(crate) fn enter(account: &mut Account, schedule_id: &str, phase: &Value) {
    let schedule = account.snapshot(schedule_id);
    let subscription_id = schedule["subscription"].as_str().map(str::to_owned);
    let id = match subscription_id {
        None => match start(account, &schedule, phase) {
            Some(id) => id,
            None => return,
        },
        Some(id) => {
            become_like(account, &schedule, &id, phase);
            id
        }
    };
    if schedule["subscription"].is_null() {
        account.set(schedule_id, "subscription", json!(id));
    }
}

/// The end of the subscription, known in the last phase of a schedule that ends it.
fn end_in(schedule: &Value, phase: &Value) -> Option<i64> {
    let last = super::phases(schedule).last()?;
    let is_last = last["start_date"] == phase["start_date"];
    (is_last && schedule["end_behavior"] == "cancel").then(|| phase["end_date"].as_i64())?
}

fn item_terms(account: &Account, phase: &Value) -> Vec<ItemTerms> {
    let rows = phase["items"].as_array().into_iter().flatten();
    rows.map(|row| ItemTerms {
        price: account
            .get(row["price"].as_str().unwrap_or_default())
            .clone(),
        quantity: row["quantity"].as_i64().unwrap_or(1),
        metadata: row["metadata"].clone(),
        tax_rates: row["tax_rates"].clone(),
        discounts: sent_discounts(&row["discounts"]),
    })
    .collect()
}

/// Discounts of a phase as they are attached: only what is set of each.
fn sent_discounts(rows: &Value) -> Vec<Value> {
    let rows = rows.as_array().into_iter().flatten();
    rows.map(|row| {
        let set = row.as_object().into_iter().flatten();
        set.filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    })
    .collect()
}

/// What a phase, or else the schedule, says about a member.
fn setting<'a>(schedule: &'a Value, phase: &'a Value, name: &str) -> &'a Value {
    if phase[name].is_null() {
        &schedule["default_settings"][name]
    } else {
        &phase[name]
    }
}

fn one_time(account: &Account, phase: &Value) -> Vec<(Value, i64)> {
    let rows = phase["add_invoice_items"].as_array().into_iter().flatten();
    rows.map(|row| {
        let price = account.get(row["price"].as_str().unwrap_or_default());
        (price.clone(), row["quantity"].as_i64().unwrap_or(1))
    })
    .collect()
}

/// Begins the subscription of a schedule; its first invoice is a draft for an hour.
fn start(account: &mut Account, schedule: &Value, phase: &Value) -> Option<String> {
    let now = account.now;
    let mut members = vec![("schedule", schedule["id"].clone())];
    for name in ["collection_method", "default_source"] {
        let value = setting(schedule, phase, name);
        if !value.is_null() {
            members.push((name, value.clone()));
        }
    }
    let settings = setting(schedule, phase, "invoice_settings");
    if settings["days_until_due"].is_i64() {
        members.push(("days_until_due", settings["days_until_due"].clone()));
    }
    if phase["default_tax_rates"].is_array() {
        members.push(("default_tax_rates", phase["default_tax_rates"].clone()));
    }
    if let Some(at) = end_in(schedule, phase) {
        members.push(("cancel_at", json!(at)));
        members.push(("canceled_at", json!(now)));
    }
    let beginning = Beginning {
        terms: Terms {
            customer: schedule["customer"].as_str()?.to_owned(),
            item_terms: item_terms(account, phase),
            metadata: phase["metadata"].clone(),
            description: setting(schedule, phase, "description").clone(),
            default_payment_method: setting(schedule, phase, "default_payment_method").clone(),
            trial_end: phase["trial_end"].as_i64().filter(|end| *end > now),
            is_classic: schedule["billing_mode"]["type"] == "classic",
            members,
            ..Terms::default()
        },
        one_time: one_time(account, phase),
        discounts: sent_discounts(&phase["discounts"]),
        discounts_param: "phases[0][discounts]",
        payment: FirstPayment::Allowed,
        is_off_session: true,
        is_draft: true,
    };
    begin::begin(account, &beginning).ok()
}

/// Makes the subscription what a phase says. At the end of a period nothing is prorated: the renewal
/// that follows bills the new items.
fn become_like(account: &mut Account, schedule: &Value, id: &str, phase: &Value) {
    let before = account.snapshot(id);
    if !before["ended_at"].is_null() {
        return;
    }
    let now = account.now;
    let mut after = Value::clone(&before);
    let items = items_of(account, &before, phase);
    after["items"]["data"] = json!(items);
    after["items"]["total_count"] = json!(items.len());
    for name in ["collection_method", "default_payment_method", "description"] {
        let value = setting(schedule, phase, name);
        if !value.is_null() {
            after[name] = value.clone();
        }
    }
    if phase["default_tax_rates"].is_array() {
        after["default_tax_rates"] = phase["default_tax_rates"].clone();
    }
    for (name, value) in phase["metadata"].as_object().into_iter().flatten() {
        after["metadata"][name] = value.clone();
    }
    if let Some(end) = phase["trial_end"].as_i64().filter(|end| *end > now) {
        after["trial_end"] = json!(end);
    }
    let owner = Owner {
        customer: before["customer"].clone(),
        subscription: json!(id),
        ..Owner::default()
    };
    let sent = sent_discounts(&phase["discounts"]);
    if !sent.is_empty()
        && let Ok(made) = discount::attach(account, &sent, &owner, "phases[discounts]")
    {
        after["discounts"] = json!(made);
    }
    let is_boundary = subscription::items(&before)
        .iter()
        .all(|item| item["current_period_end"] == now);
    if is_boundary && phase["trial_end"].as_i64().is_none_or(|end| end <= now) {
        let members = after["items"]["data"].as_array_mut();
        for item in members.into_iter().flatten() {
            item["current_period_end"] = json!(now);
        }
        if let Some(stored) = account.edit(id) {
            *stored = after;
        }
    } else {
        let change = Change {
            after,
            proration: match phase["proration_behavior"].as_str() {
                Some("none") => Proration::None,
                Some("always_invoice") => Proration::Invoiced,
                _ => Proration::Kept,
            },
            at: now,
            resets_anchor: phase["billing_cycle_anchor"] == "phase_start",
            one_time: one_time(account, phase),
            payment: Payment::Allowed,
            is_off_session: true,
        };
        // Nobody is there to be told; without a payment method the old phase stays.
        let _ = change::apply(account, id, &change);
    }
    if let Some(at) = end_in(schedule, phase) {
        ending::at(account, id, Some(at));
    }
    account.raise_update("customer.subscription.updated", id, &before);
    let customer = before["customer"].as_str().unwrap_or_default().to_owned();
    reaction::subscriptions_changed(account, &customer);
}

/// The items of a phase: those that are there already keep their id.
fn items_of(account: &mut Account, before: &Value, phase: &Value) -> Vec<Value> {
    let now = account.now;
    let subscription_id = before["id"].as_str().unwrap_or_default().to_owned();
    let mut items = Vec::new();
    for terms in item_terms(account, phase) {
        let known = subscription::items(before)
            .iter()
            .find(|item| item["price"]["id"] == terms.price["id"]);
        match known {
            Some(item) => {
                let mut item = item.clone();
                if item["quantity"].is_i64() {
                    item["quantity"] = json!(terms.quantity);
                }
                items.push(item);
            }
            None => items.push(subscription::item_object(
                account,
                &subscription_id,
                &terms,
                (now, now),
            )),
        }
    }
    items
}
