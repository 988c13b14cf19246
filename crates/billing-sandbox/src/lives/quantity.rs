//! A change of a subscription's quantities: its proration, its invoice, and the update that waits
//! for its payment (`pending_if_incomplete`).

use serde_json::{Value, json};

use crate::account::Account;
use crate::lives::card::Decline;
use crate::lives::proration::prorated;
use crate::lives::{invoice, subscription};

const PENDING_SECONDS: i64 = 23 * 3_600;

/// What happens to the difference in price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proration {
    None,
    /// Kept for the next renewal.
    Kept,
    /// Invoiced and paid now.
    Invoiced,
}

/// New quantities by item id.
pub(crate) type Quantities = Vec<(String, i64)>;

fn proration_lines(account: &Account, id: &str, quantities: &Quantities) -> Vec<invoice::Line> {
    let now = account.now;
    let subscription = account.get(id);
    let day = time::OffsetDateTime::from_unix_timestamp(now).ok();
    let after = day.map_or(String::new(), |d| {
        let month: String = d.month().to_string().chars().take(3).collect();
        format!("{} {month} {}", d.day(), d.year())
    });
    let mut lines = Vec::new();
    for item in subscription::items(subscription) {
        let Some((_, quantity)) = quantities
            .iter()
            .find(|(wanted, _)| item["id"] == wanted.as_str())
        else {
            continue;
        };
        let old = item["quantity"].as_i64().unwrap_or(1);
        if old == *quantity {
            continue;
        }
        let start = item["current_period_start"].as_i64().unwrap_or(now);
        let end = item["current_period_end"].as_i64().unwrap_or(now);
        let unit = item["price"]["unit_amount"].as_i64().unwrap_or(0);
        let product = account.get(item["price"]["product"].as_str().unwrap_or_default());
        let name = product["name"].as_str().unwrap_or("Product");
        let times = |n: i64| {
            if n == 1 {
                name.to_owned()
            } else {
                format!("{n} × {name}")
            }
        };
        for (amount, n, words) in [
            (
                prorated(-unit * old, end - now, end - start),
                old,
                "Unused time on",
            ),
            (
                prorated(unit * quantity, end - now, end - start),
                *quantity,
                "Remaining time on",
            ),
        ] {
            lines.push(invoice::Line {
                amount,
                description: format!("{words} {} after {after}", times(n)),
                price: item["price"].clone(),
                quantity: n,
                period: (now, end),
                subscription_item: item["id"].clone(),
                is_proration: true,
                ..invoice::Line::default()
            });
        }
    }
    lines
}

fn apply(account: &mut Account, id: &str, quantities: &Quantities) {
    let Some(subscription) = account.edit(id) else {
        return;
    };
    let Some(items) = subscription["items"]["data"].as_array_mut() else {
        return;
    };
    for item in items {
        if let Some((_, quantity)) = quantities
            .iter()
            .find(|(wanted, _)| item["id"] == wanted.as_str())
        {
            item["quantity"] = json!(quantity);
        }
    }
}

/// Changes quantities. With `waits_for_payment`, a declined payment leaves the old quantities and a
/// `pending_update`; otherwise the change stays and the subscription is past due.
pub(crate) fn change(
    account: &mut Account,
    id: &str,
    quantities: &Quantities,
    proration: Proration,
    waits_for_payment: bool,
) -> Result<(), Decline> {
    let before = account.get(id).clone();
    let is_billed = before["status"] == "active" && proration != Proration::None;
    let lines = if is_billed {
        proration_lines(account, id, quantities)
    } else {
        Vec::new()
    };
    if proration == Proration::Kept {
        let mut kept = before["_kept_prorations"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        kept.extend(
            lines
                .iter()
                .map(|line| json!({ "amount": line.amount, "description": line.description })),
        );
        apply(account, id, quantities);
        account.set(id, "_kept_prorations", json!(kept));
        return Ok(());
    }
    if lines.is_empty() {
        apply(account, id, quantities);
        return Ok(());
    }
    let (now, start) = (
        account.now,
        subscription::items(&before)[0]["current_period_start"].clone(),
    );
    let draft = invoice::Draft {
        customer: before["customer"].as_str().unwrap_or_default().to_owned(),
        subscription: json!(id),
        subscription_metadata: before["metadata"].clone(),
        currency: before["currency"].as_str().unwrap_or("usd").to_owned(),
        reason: "subscription_update",
        lines,
        period: (start.as_i64().unwrap_or(now), now),
        ..invoice::Draft::default()
    };
    let invoice_id = invoice::insert(account, &draft);
    account.set(id, "latest_invoice", json!(invoice_id));
    account.raise("invoice.created", &invoice_id);
    invoice::finalize(account, &invoice_id);
    account.raise("invoice.finalized", &invoice_id);
    let paid = pay(account, &before, &invoice_id);
    if paid.is_ok() || !waits_for_payment {
        apply(account, id, quantities);
    }
    if paid.is_err() {
        if waits_for_payment {
            let items = pending_items(account.get(id), quantities);
            let invoice_row = json!({
                "billing_cycle_anchor": null, "cancel_at_period_end": null, "discount": null,
                "discounts": null, "expires_at": now + PENDING_SECONDS, "metadata": null,
                "subscription_items": items, "trial_end": null, "trial_from_plan": null,
            });
            account.set(id, "pending_update", invoice_row);
            account.set(&invoice_id, "_pending_quantities", json!(quantities));
        } else {
            account.set(id, "status", json!("past_due"));
        }
    }
    paid
}

fn pending_items(subscription: &Value, quantities: &Quantities) -> Vec<Value> {
    let mut items = subscription::items(subscription).to_vec();
    for item in &mut items {
        if let Some((_, quantity)) = quantities
            .iter()
            .find(|(wanted, _)| item["id"] == wanted.as_str())
        {
            item["quantity"] = json!(quantity);
        }
    }
    items
}

fn pay(account: &mut Account, subscription: &Value, invoice_id: &str) -> Result<(), Decline> {
    if account.get(invoice_id)["amount_due"] == 0 {
        invoice::mark_paid(account, invoice_id);
        account.raise("invoice.paid", invoice_id);
        account.raise("invoice.payment_succeeded", invoice_id);
        return Ok(());
    }
    let method = method_of(account, subscription).unwrap_or_default();
    invoice::attempt(account, invoice_id, &method, "Subscription update")
}

/// The payment method that a subscription's invoices are charged to.
pub(crate) fn method_of(account: &Account, subscription: &Value) -> Option<String> {
    let own = subscription["default_payment_method"].as_str();
    let customer = account.get(subscription["customer"].as_str().unwrap_or_default());
    let theirs = customer["invoice_settings"]["default_payment_method"].as_str();
    own.or(theirs).map(str::to_owned)
}

/// The invoice of a waiting update was paid: the update takes effect.
pub(crate) fn settle_pending(account: &mut Account, invoice_id: &str) {
    let invoice = account.get(invoice_id).clone();
    let id = invoice["parent"]["subscription_details"]["subscription"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let before = account.snapshot(&id);
    if before.is_null() {
        return;
    }
    if let Ok(quantities) =
        serde_json::from_value::<Quantities>(invoice["_pending_quantities"].clone())
    {
        apply(account, &id, &quantities);
        account.set(&id, "pending_update", Value::Null);
    }
    account.raise_update("customer.subscription.updated", &id, &before);
}
