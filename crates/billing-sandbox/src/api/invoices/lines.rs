//! The lines of an invoice: read them; add, change and take them away on a draft.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::invoice_items::{self, ItemChange};
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, list};
use crate::http::error::StripeError;
use crate::lives::invoice::{Draft, item, line_object, lines_of, totals};

/// Taxes told line by line, and products made along with a line.
pub(crate) const UNSIMULATED: &str = "tax_amounts product_data";

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let invoice = call.account.fetch("invoice", &id, "invoice")?;
    let rows: Vec<&Value> = lines_of(invoice).iter().collect();
    list::cut(
        call,
        &rows,
        "line_item",
        &format!("/v1/invoices/{id}/lines"),
    )
}

/// The draft of this id, or Stripe's refusal.
pub(crate) fn editable(account: &Account, id: &str) -> Result<(), StripeError> {
    if account.fetch("invoice", id, "invoice")?["status"] == "draft" {
        return Ok(());
    }
    Err(StripeError::coded(
        "invoice_not_editable",
        "Invalid invoice: This invoice is no longer editable",
    ))
}

/// Puts the line of an item on a draft, before the others.
pub(crate) fn put_first(account: &mut Account, invoice_id: &str, item_id: &str) {
    let item = account.get(item_id).clone();
    let invoice = account.get(invoice_id).clone();
    let draft = Draft {
        customer: item["customer"].as_str().unwrap_or_default().to_owned(),
        currency: item["currency"].as_str().unwrap_or("usd").to_owned(),
        subscription: item["parent"]["subscription_details"]["subscription"].clone(),
        ..Draft::default()
    };
    let line = line_object(account, &draft, invoice_id, &item::as_line(&item));
    let mut lines = vec![line];
    lines.extend_from_slice(lines_of(&invoice));
    account.set(item_id, "invoice", json!(invoice_id));
    if let Some(invoice) = account.edit(invoice_id) {
        invoice["lines"]["data"] = json!(lines);
    }
    totals::renew(account, invoice_id);
}

fn invoice_metadata(call: &mut Call<'_>, id: &str) -> Result<(), StripeError> {
    if call.params.has("invoice_metadata") {
        let old = call.account.get(id)["metadata"].clone();
        let metadata = merged_metadata(&old, call.params.0.get("invoice_metadata"))?;
        call.account.set(id, "metadata", metadata);
    }
    Ok(())
}

pub(crate) fn add(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    editable(call.account, &id)?;
    let before = call.account.snapshot(&id);
    let sent = call.params.list("/lines").to_vec();
    let mut changes = Vec::new();
    for (index, line) in sent.iter().enumerate() {
        let at = format!("lines[{index}]");
        if let Some(item_id) = line["invoice_item"].as_str() {
            let row = call.account.get(item_id);
            if row["object"] != "invoiceitem" || !row["invoice"].is_null() {
                let at = format!("{at}[invoice_item]");
                return Err(StripeError::no_such_param("invoiceitem", item_id, &at));
            }
        } else {
            let one_of = ["amount", "price", "price_data", "pricing"];
            if one_of.iter().all(|name| line[*name].is_null()) {
                return Err(StripeError::missing(&format!("{at}[amount]")));
            }
        }
        changes.push(ItemChange::read(call.account, line, &at)?);
    }
    invoice_metadata(call, &id)?;
    for (line, change) in sent.iter().zip(changes) {
        let item_id = match line["invoice_item"].as_str() {
            Some(item_id) => {
                change.apply(call.account, item_id)?;
                item_id.to_owned()
            }
            None => {
                let customer = before["customer"].as_str().unwrap_or_default();
                let currency = before["currency"].as_str().unwrap_or("usd");
                let made = change.insert(call.account, customer, currency, &Value::Null)?;
                call.account.raise("invoiceitem.created", &made);
                made
            }
        };
        put_first(call.account, &id, &item_id);
    }
    call.account.raise_update("invoice.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

/// The item that a line of an invoice bills.
fn item_behind(
    account: &Account,
    invoice_id: &str,
    line_id: &str,
    param: &str,
) -> Result<Value, StripeError> {
    let invoice = account.get(invoice_id);
    let line = lines_of(invoice).iter().find(|line| line["id"] == line_id);
    line.cloned()
        .ok_or_else(|| StripeError::no_such_param("line_item", line_id, param))
}

fn change_line(
    call: &mut Call<'_>,
    invoice_id: &str,
    line: &Value,
    sent: &Value,
    at: &str,
) -> Result<(), StripeError> {
    let known = item::item_of(line)
        .filter(|id| call.account.get(id)["object"] == "invoiceitem")
        .map(str::to_owned);
    if let Some(item_id) = known {
        let change = ItemChange::read(call.account, sent, at)?;
        return change.apply(call.account, &item_id);
    }
    // A line of a subscription: its words, taxes and discounts may change, its price may not.
    for name in ["amount", "price", "price_data", "pricing", "quantity"] {
        if !sent[name].is_null() {
            return Err(StripeError::not_simulated(
                "other amounts on the lines of a subscription",
            ));
        }
    }
    let rates = invoice_items::rates(call.account, sent, at)?;
    let metadata = merged_metadata(&line["metadata"], sent.get("metadata"))?;
    let discounts = invoice_items::own_discounts(call.account, sent, at, "")?;
    let lines = call
        .account
        .edit(invoice_id)
        .and_then(|invoice| invoice["lines"]["data"].as_array_mut());
    for row in lines
        .into_iter()
        .flatten()
        .filter(|row| row["id"] == line["id"])
    {
        row["metadata"] = metadata.clone();
        for name in ["description", "discountable", "period"] {
            if let Some(value) = sent.get(name).filter(|value| !value.is_null()) {
                row[name] = value.clone();
            }
        }
        if let Some(rates) = &rates {
            row["_tax_rates"] = json!(rates);
        }
        if let Some(discounts) = &discounts {
            row["discounts"] = json!(discounts);
        }
    }
    totals::renew(call.account, invoice_id);
    Ok(())
}

pub(crate) fn update_one(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let line_id = call.ids.get(1).cloned().unwrap_or_default();
    editable(call.account, &id)?;
    let before = call.account.snapshot(&id);
    let line = item_behind(call.account, &id, &line_id, "line_item_id")?;
    let sent = call.params.0.clone();
    change_line(call, &id, &line, &sent, "")?;
    call.account.raise_update("invoice.updated", &id, &before);
    item_behind(call.account, &id, &line_id, "line_item_id")
}

pub(crate) fn update_many(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    editable(call.account, &id)?;
    let before = call.account.snapshot(&id);
    let sent = call.params.list("/lines").to_vec();
    let mut lines = Vec::new();
    for (index, change) in sent.iter().enumerate() {
        let line_id = change["id"].as_str().unwrap_or_default();
        let at = format!("lines[{index}][id]");
        lines.push(item_behind(call.account, &id, line_id, &at)?);
    }
    invoice_metadata(call, &id)?;
    for (index, (line, change)) in lines.iter().zip(&sent).enumerate() {
        change_line(call, &id, line, change, &format!("lines[{index}]"))?;
    }
    call.account.raise_update("invoice.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn remove(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    editable(call.account, &id)?;
    let before = call.account.snapshot(&id);
    let sent = call.params.list("/lines").to_vec();
    let mut gone = Vec::new();
    for (index, entry) in sent.iter().enumerate() {
        let line_id = entry["id"].as_str().unwrap_or_default();
        let at = format!("lines[{index}][id]");
        gone.push((
            item_behind(call.account, &id, line_id, &at)?,
            entry["behavior"] == "delete",
        ));
    }
    invoice_metadata(call, &id)?;
    for (line, is_deleted) in gone {
        take_off(call.account, &id, &line["id"]);
        let Some(item_id) = item::item_of(&line).map(str::to_owned) else {
            continue;
        };
        if is_deleted {
            let row = call.account.snapshot(&item_id);
            call.account.delete("invoiceitem", &item_id, None);
            call.account.raise_with("invoiceitem.deleted", row, None);
        } else {
            call.account.set(&item_id, "invoice", Value::Null);
        }
    }
    totals::renew(call.account, &id);
    call.account.raise_update("invoice.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

/// Takes a line off a draft.
pub(crate) fn take_off(account: &mut Account, invoice_id: &str, line_id: &Value) {
    let lines = account
        .edit(invoice_id)
        .and_then(|invoice| invoice["lines"]["data"].as_array_mut());
    if let Some(lines) = lines {
        lines.retain(|line| line["id"] != *line_id);
    }
}
