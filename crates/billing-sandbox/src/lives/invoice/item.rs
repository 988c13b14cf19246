//! Invoice items: what is to be billed once, waiting for an invoice or on one.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::discount::{self, Discountable};
use crate::lives::invoice::{Line, lines_of, totals};
use crate::lives::money;

/// What an invoice item is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct ItemTerms {
    pub(crate) customer: String,
    pub(crate) currency: String,
    pub(crate) amount: i64,
    pub(crate) quantity: i64,
    /// The whole price.
    pub(crate) price: Value,
    pub(crate) description: Value,
    /// The start and the end; now if there is none.
    pub(crate) period: Option<(i64, i64)>,
    pub(crate) is_discountable: bool,
    /// Ids of its own discounts.
    pub(crate) discounts: Vec<String>,
    /// Whole tax rates.
    pub(crate) tax_rates: Vec<Value>,
    /// The id of the draft that it is on, or null while it waits.
    pub(crate) invoice: Value,
    /// The ids of the subscription and of its item, or null.
    pub(crate) subscription: Value,
    pub(crate) subscription_item: Value,
    pub(crate) is_proration: bool,
    /// What a credit takes back: `{ invoice, invoice_line_items }`, or null.
    pub(crate) credited_items: Value,
    pub(crate) metadata: Value,
}

/// Stores an invoice item; raises nothing.
pub(crate) fn insert(account: &mut Account, terms: &ItemTerms) -> String {
    let id = account.ids.next("ii_");
    let item = object(account, &id, terms);
    account.insert(item)
}

/// An invoice item that is not stored.
pub(crate) fn object(account: &Account, id: &str, terms: &ItemTerms) -> Value {
    let now = account.now;
    let (start, end) = terms.period.unwrap_or((now, now));
    let parent = if terms.subscription.is_null() {
        Value::Null
    } else {
        let mut details = json!({ "subscription": terms.subscription });
        if !terms.subscription_item.is_null() {
            details["subscription_item"] = terms.subscription_item.clone();
        }
        json!({ "subscription_details": details, "type": "subscription_details" })
    };
    let unit = if terms.is_proration {
        Value::Null
    } else {
        terms.price["unit_amount_decimal"].clone()
    };
    // What a subscription's change costs is not to be altered.
    let frozen = if terms.is_proration {
        json!(["pricing", "quantity", "discounts"])
    } else {
        json!([])
    };
    let proration_details = if terms.is_proration {
        let credited = if terms.credited_items.is_null() {
            Value::Null
        } else {
            json!({ "invoice_line_item_details": terms.credited_items, "type": "invoice_line_items" })
        };
        json!({ "credited_items": credited, "discount_amounts": [] })
    } else {
        Value::Null
    };
    let metadata = if terms.metadata.is_null() {
        json!({})
    } else {
        terms.metadata.clone()
    };
    let mut item = json!({
        "id": id,
        "object": "invoiceitem",
        "amount": terms.amount,
        "currency": terms.currency,
        "customer": terms.customer,
        "customer_account": null,
        "date": now,
        "description": terms.description,
        "discountable": terms.is_discountable,
        "discounts": terms.discounts,
        "frozen_fields": frozen,
        "invoice": terms.invoice,
        "invoicing_rules": [],
        "livemode": false,
        "metadata": metadata,
        "parent": parent,
        "period": { "end": end, "start": start },
        "pricing": {
            "price_details": { "price": terms.price["id"], "product": terms.price["product"] },
            "type": "price_details",
            "unit_amount_decimal": unit,
        },
        "proration": terms.is_proration,
        "quantity": terms.quantity,
        "quantity_decimal": terms.quantity.to_string(),
        "tax_rates": terms.tax_rates,
        "test_clock": account.get(&terms.customer)["test_clock"],
        "_credited_items": terms.credited_items,
        "_price": terms.price,
    });
    if terms.is_proration && !terms.subscription.is_null() {
        item["proration_details"] = proration_details;
    }
    net(account, &mut item);
    item
}

/// What is left of an item after its own discounts.
fn net(account: &Account, item: &mut Value) {
    // Not shown of what discounts still apply to.
    if item["discountable"] == true {
        item["net_amount"] = Value::Null;
        return;
    }
    let own: Vec<String> = strings(&item["discounts"]);
    let amount = item["amount"].as_i64().unwrap_or(0);
    let offered = [Discountable {
        amount,
        product: item["pricing"]["price_details"]["product"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    }];
    let taken = discount::amounts(account, &own, &offered)
        .iter()
        .flatten()
        .fold(0_i64, |sum, part| sum.saturating_add(*part));
    item["net_amount"] = json!(amount.saturating_sub(taken));
}

fn strings(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

/// The line that bills an item.
pub(crate) fn as_line(item: &Value) -> Line {
    Line {
        amount: item["amount"].as_i64().unwrap_or(0),
        description: item["description"].as_str().unwrap_or_default().to_owned(),
        price: item["_price"].clone(),
        quantity: item["quantity"].as_i64().unwrap_or(1),
        period: (
            item["period"]["start"].as_i64().unwrap_or(0),
            item["period"]["end"].as_i64().unwrap_or(0),
        ),
        subscription_item: item["parent"]["subscription_details"]["subscription_item"].clone(),
        invoice_item: item["id"].clone(),
        is_proration: item["proration"] == true,
        is_free: false,
        is_not_discountable: item["discountable"] == false,
        credited_items: item["_credited_items"].clone(),
        discounts: strings(&item["discounts"]),
        tax_rates: item["tax_rates"].as_array().cloned().unwrap_or_default(),
        metadata: item["metadata"].clone(),
    }
}

/// The items of a customer that wait for an invoice in a currency, newest first; of one
/// subscription only, if it is named.
pub(crate) fn pending(
    account: &Account,
    customer_id: &str,
    currency: &str,
    subscription: Option<&str>,
) -> Vec<Value> {
    account
        .rows_by("invoiceitem", "customer", customer_id)
        .rev()
        .filter(|row| row["invoice"].is_null() && row["currency"] == currency)
        .filter(|row| row["deleted"].is_null())
        .filter(|row| {
            subscription
                .is_none_or(|id| row["parent"]["subscription_details"]["subscription"] == id)
        })
        .cloned()
        .collect()
}

/// Ties the items that the lines of a stored invoice bill to it.
pub(crate) fn take(account: &mut Account, invoice_id: &str) {
    let items: Vec<String> = lines_of(account.get(invoice_id))
        .iter()
        .filter_map(|line| item_of(line).map(str::to_owned))
        .collect();
    for item_id in items {
        account.set(&item_id, "invoice", json!(invoice_id));
    }
}

/// The id of the invoice item that a line bills.
pub(crate) fn item_of(line: &Value) -> Option<&str> {
    let parent = &line["parent"];
    parent["invoice_item_details"]["invoice_item"]
        .as_str()
        .or_else(|| parent["subscription_item_details"]["invoice_item"].as_str())
}

/// Brings the line of a changed item up to date with it, on a draft.
pub(crate) fn refresh_line(account: &mut Account, item_id: &str) {
    let item = account.get(item_id).clone();
    let Some(invoice_id) = item["invoice"].as_str() else {
        return;
    };
    let line = as_line(&item);
    let Some(lines) = account
        .edit(invoice_id)
        .and_then(|invoice| invoice["lines"]["data"].as_array_mut())
    else {
        return;
    };
    for row in lines.iter_mut().filter(|row| item_of(row) == Some(item_id)) {
        row["amount"] = json!(line.amount);
        row["subtotal"] = json!(line.amount);
        row["description"] = json!(line.description);
        row["discountable"] = json!(!(line.is_proration || line.is_not_discountable));
        row["discounts"] = json!(line.discounts);
        row["metadata"] = line.metadata.clone();
        row["period"] = item["period"].clone();
        row["pricing"] = item["pricing"].clone();
        row["quantity"] = json!(line.quantity);
        row["quantity_decimal"] = json!(line.quantity.to_string());
        row["_price"] = line.price.clone();
        row["_tax_rates"] = json!(line.tax_rates);
    }
    totals::renew(account, invoice_id);
}

/// Recomputes what an item is worth after a change.
pub(crate) fn renew(account: &mut Account, item_id: &str) {
    let mut item = account.get(item_id).clone();
    net(account, &mut item);
    if let Some(stored) = account.edit(item_id) {
        *stored = item;
    }
    refresh_line(account, item_id);
}

/// A price that is used once and in no list, as Stripe makes one for an amount. Its product is the
/// one given, or one of its own.
pub(crate) fn one_off_price(
    account: &mut Account,
    currency: &str,
    unit_amount_decimal: &str,
    product: Option<&str>,
    name: &str,
) -> Value {
    let now = account.now;
    let product_id = match product {
        Some(id) => id.to_owned(),
        None => {
            let product = json!({
                "id": account.ids.next("prod_"),
                "object": "product",
                "active": false,
                "created": now,
                "default_price": null,
                "description": null,
                "images": [],
                "livemode": false,
                "marketing_features": [],
                "metadata": {},
                "name": name,
                "package_dimensions": null,
                "shippable": null,
                "statement_descriptor": null,
                "tax_code": null,
                "tax_details": null,
                "type": "service",
                "unit_label": null,
                "updated": now,
                "url": null,
            });
            unlisted(account, "product", product)
        }
    };
    let whole: Option<i64> = unit_amount_decimal.parse().ok();
    let price = json!({
        "id": account.ids.next("price_"),
        "object": "price",
        "active": false,
        "billing_scheme": "per_unit",
        "created": now,
        "currency": currency,
        "custom_unit_amount": null,
        "livemode": false,
        "lookup_key": null,
        "metadata": {},
        "nickname": null,
        "product": product_id,
        "recurring": null,
        "tax_behavior": "unspecified",
        "tiers_mode": null,
        "transform_quantity": null,
        "type": "one_time",
        "unit_amount": whole,
        "unit_amount_decimal": unit_amount_decimal,
    });
    let id = unlisted(account, "price", price);
    account.get(&id).clone()
}

/// Stores an object that is found by its id only.
fn unlisted(account: &mut Account, kind: &str, object: Value) -> String {
    let id = account.insert(object.clone());
    account.delete(kind, &id, Some(object));
    id
}

/// What an item is called that was not given a description.
pub(crate) fn default_description(account: &Account, price: &Value) -> Value {
    let product = account.get(price["product"].as_str().unwrap_or_default());
    product["name"].clone()
}

/// Whether an amount is one that Stripe takes for a line.
pub(crate) fn is_line_amount(amount: i64) -> bool {
    amount.unsigned_abs() <= money::AMOUNT_MAX.unsigned_abs()
}
