//! The invoices of a subscription: what its items ask for a period, and how an invoice is made of it.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::invoice::{self, Line};
use crate::lives::proration::{ids, is_metered};
use crate::lives::{discount, meter, price, subscription};

/// The discounts of a whole subscription that apply at a time: its own, else its customer's.
pub(crate) fn discounts_of(account: &Account, subscription: &Value, at: i64) -> Vec<String> {
    let mut own = ids(&subscription["discounts"]);
    if own.is_empty() {
        let customer = account.get(subscription["customer"].as_str().unwrap_or_default());
        let theirs = &customer["discount"];
        let theirs = theirs.as_str().or(theirs["id"].as_str());
        own.extend(theirs.map(str::to_owned));
    }
    own.retain(|id| discount::is_live(account, id, at));
    own
}

/// The whole tax rates of an item alone; the subscription's own apply where it has none.
pub(crate) fn tax_rates_of(account: &Account, subscription: &Value, item: &Value) -> Vec<Value> {
    let own = whole_rates(account, &item["tax_rates"]);
    if own.is_empty() {
        whole_rates(account, &subscription["default_tax_rates"])
    } else {
        own
    }
}

/// Tax rates, be they kept whole or by id.
pub(crate) fn whole_rates(account: &Account, rates: &Value) -> Vec<Value> {
    let members = rates.as_array().into_iter().flatten();
    members
        .map(|rate| match rate.as_str() {
            Some(id) => account.get(id).clone(),
            None => rate.clone(),
        })
        .filter(|rate| !rate.is_null())
        .collect()
}

/// The ordinary line of an item for a period; for usage, of the period in which it was used.
pub(crate) fn item_line(
    account: &Account,
    subscription: &Value,
    item: &Value,
    period: (i64, i64),
) -> Line {
    let quantity = if is_metered(&item["price"]) {
        used(account, subscription, item, period)
    } else {
        item["quantity"].as_i64().unwrap_or(1)
    };
    Line {
        amount: price::amount_of(&item["price"], quantity),
        description: subscription::line_text(account, &item["price"], quantity),
        price: item["price"].clone(),
        quantity,
        period,
        subscription_item: item["id"].clone(),
        discounts: ids(&item["discounts"]),
        tax_rates: tax_rates_of(account, subscription, item),
        metadata: subscription["metadata"].clone(),
        ..Line::default()
    }
}

/// What a meter counted for the customer in a period.
fn used(account: &Account, subscription: &Value, item: &Value, period: (i64, i64)) -> i64 {
    let customer = subscription["customer"].as_str().unwrap_or_default();
    meter::usage_between(account, &item["price"], customer, period.0, period.1)
}

/// The free line of an item in a trial.
pub(crate) fn trial_line(
    account: &Account,
    subscription: &Value,
    item: &Value,
    period: (i64, i64),
) -> Line {
    let quantity = item["quantity"].as_i64().unwrap_or(1);
    let line = item_line(account, subscription, item, period);
    let product = account.get(item["price"]["product"].as_str().unwrap_or_default());
    let name = product["name"].as_str().unwrap_or("Product");
    let text = subscription::line_text(account, &item["price"], quantity);
    let description = if subscription["billing_mode"]["type"] == "classic" {
        format!("Trial period for {name}")
    } else {
        format!(
            "Free trial for {}",
            text.split(" (at ").next().unwrap_or(&text)
        )
    };
    Line {
        amount: 0,
        description,
        quantity,
        is_free: true,
        ..line
    }
}

/// A draft of lines, with what the subscription says about discounts, tax and due date.
pub(crate) fn draft(
    account: &Account,
    subscription: &Value,
    reason: &'static str,
    lines: Vec<Line>,
    period: (i64, i64),
) -> invoice::Draft {
    let is_sent = subscription["collection_method"] == "send_invoice";
    invoice::Draft {
        customer: text(&subscription["customer"]),
        subscription: subscription["id"].clone(),
        subscription_metadata: subscription["metadata"].clone(),
        currency: subscription["currency"]
            .as_str()
            .unwrap_or("usd")
            .to_owned(),
        reason,
        lines,
        period,
        discounts: discounts_of(account, subscription, account.now),
        default_tax_rates: whole_rates(account, &subscription["default_tax_rates"]),
        days_until_due: is_sent.then(|| subscription["days_until_due"].as_i64().unwrap_or(30)),
        auto_advance: true,
        ..invoice::Draft::default()
    }
}

/// Stores a draft of lines and makes it the subscription's latest. Raises nothing.
pub(crate) fn insert_invoice(
    account: &mut Account,
    id: &str,
    reason: &'static str,
    lines: Vec<Line>,
    period: (i64, i64),
) -> String {
    let subscription = account.snapshot(id);
    let draft = draft(account, &subscription, reason, lines, period);
    drop(subscription);
    let invoice_id = invoice::insert(account, &draft);
    invoice::item::take(account, &invoice_id);
    let billed = billed_by(account, &invoice_id);
    let debits = debits_of(account, &invoice_id);
    if let Some(stored) = account.edit(id) {
        stored["latest_invoice"] = json!(invoice_id);
        note_billed(stored, &billed);
        note_debits(stored, &invoice_id, &debits);
    }
    invoice_id
}

/// The prorated debits of an invoice: items, and the lines that bill them.
fn debits_of(account: &Account, invoice_id: &str) -> Vec<(String, Value)> {
    invoice::lines_of(account.get(invoice_id))
        .iter()
        .filter_map(|line| {
            let details = &line["parent"]["subscription_item_details"];
            let is_debit = details["proration"] == true && line["amount"].as_i64()? > 0;
            let item = details["subscription_item"].as_str()?;
            is_debit.then(|| (item.to_owned(), line["id"].clone()))
        })
        .collect()
}

/// Remembers which line billed a change, for the credit of a later one to name.
fn note_debits(subscription: &mut Value, invoice_id: &str, debits: &[(String, Value)]) {
    let items = subscription["items"]["data"].as_array_mut();
    for item in items.into_iter().flatten() {
        let line = debits.iter().find(|(id, _)| item["id"] == id.as_str());
        let waits = item["_billed"].is_object() && item["_billed"]["line"].is_null();
        if let (Some((_, line)), true) = (line, waits) {
            item["_billed"]["invoice"] = json!(invoice_id);
            item["_billed"]["line"] = line.clone();
        }
    }
}

/// Remembers on the items what was billed for them.
pub(crate) fn note_billed(subscription: &mut Value, billed: &[(String, Value)]) {
    let items = subscription["items"]["data"].as_array_mut();
    for item in items.into_iter().flatten() {
        let bill = billed
            .iter()
            .find(|(item_id, _)| item["id"] == item_id.as_str());
        if let Some((_, bill)) = bill {
            item["_billed"] = bill.clone();
        }
    }
}

/// What each item was billed for its current period, by item: the amount after discounts of the
/// whole period, from which a later change takes back a share.
fn billed_by(account: &Account, invoice_id: &str) -> Vec<(String, Value)> {
    let invoice = account.get(invoice_id);
    let lines = invoice["lines"]["data"].as_array().into_iter().flatten();
    lines
        .filter_map(|line| {
            let item = line["parent"]["subscription_item_details"]["subscription_item"].as_str()?;
            if line["parent"]["subscription_item_details"]["proration"] == true {
                return None;
            }
            let offs = line["discount_amounts"].as_array().into_iter().flatten();
            let off: i64 = offs.filter_map(|off| off["amount"].as_i64()).sum();
            let bill = json!({
                "amount": line["amount"].as_i64().unwrap_or(0).saturating_sub(off),
                "start": line["period"]["start"],
                "end": line["period"]["end"],
                "invoice": invoice_id,
                "line": line["id"],
            });
            Some((item.to_owned(), bill))
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
