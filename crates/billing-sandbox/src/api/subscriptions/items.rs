//! Subscription items as they are sent: which price, how many, and what is changed of those that
//! exist.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::http::error::StripeError;
use crate::lives::money::{self, QUANTITY_MAX};
use crate::lives::price;
use crate::lives::proration::is_metered;
use crate::lives::subscription;
use crate::lives::subscription::terms::ItemTerms;

/// How many items a subscription can have.
const ITEMS_MAX: usize = 20;

/// The items of a new subscription (or of a schedule's phase at `at`).
pub(crate) fn new_items(
    account: &mut Account,
    sent: &[Value],
    at: &str,
) -> Result<Vec<ItemTerms>, StripeError> {
    if sent.is_empty() {
        return Err(StripeError::missing(at));
    }
    if sent.len() > ITEMS_MAX {
        return Err(too_many().param(at));
    }
    let mut items: Vec<ItemTerms> = Vec::new();
    for (index, entry) in sent.iter().enumerate() {
        let at = format!("{at}[{index}]");
        let item = new_item(account, entry, &at)?;
        if let Some(first) = items.first() {
            check_currency(&item.price, &first.price, &at)?;
        }
        if items
            .iter()
            .any(|other| other.price["id"] == item.price["id"])
        {
            return Err(StripeError::invalid(format!(
                "Cannot create a Subscription with multiple Subscription Items with the same \
                 Price: {}",
                item.price["id"].as_str().unwrap_or_default()
            ))
            .param("plan"));
        }
        items.push(item);
    }
    Ok(items)
}

fn too_many() -> StripeError {
    StripeError::invalid(format!(
        "Subscriptions can only have up to {ITEMS_MAX} subscription items."
    ))
}

fn check_currency(price: &Value, other: &Value, at: &str) -> Result<(), StripeError> {
    if price["currency"] == other["currency"] {
        return Ok(());
    }
    Err(StripeError::invalid(format!(
        "This `price` has `currency={}`, but other items use `currency={}`. All items on a \
         subscription must have the same currency.",
        price["currency"].as_str().unwrap_or_default(),
        other["currency"].as_str().unwrap_or_default()
    ))
    .param(&format!("{at}[price]")))
}

/// Bills items in another of their prices' currencies.
pub(crate) fn take_currency(items: &mut [ItemTerms], wanted: &str) -> Result<(), StripeError> {
    for (index, item) in items.iter_mut().enumerate() {
        item.price = price::in_currency(&item.price, wanted).ok_or_else(|| {
            StripeError::invalid(format!(
                "The price specified only supports `{}`. This doesn't match the expected \
                 currency: `{wanted}`.",
                item.price["currency"].as_str().unwrap_or_default()
            ))
            .param(&format!("items[{index}][price]"))
        })?;
    }
    Ok(())
}

/// One new item.
pub(crate) fn new_item(
    account: &mut Account,
    entry: &Value,
    at: &str,
) -> Result<ItemTerms, StripeError> {
    let price = price_of(account, entry, at)?
        .ok_or_else(|| StripeError::missing(&format!("{at}[price]")))?;
    let quantity = quantity_of(entry, &price, at)?;
    Ok(ItemTerms {
        quantity: quantity.unwrap_or(1),
        price,
        metadata: merged_metadata(&json!({}), entry.get("metadata"))?,
        tax_rates: tax_rates(account, &entry["tax_rates"], &format!("{at}[tax_rates]"))?,
        discounts: entry["discounts"].as_array().cloned().unwrap_or_default(),
    })
}

fn quantity_of(entry: &Value, price: &Value, at: &str) -> Result<Option<i64>, StripeError> {
    let Some(quantity) = entry["quantity"].as_i64() else {
        return Ok(None);
    };
    let param = format!("{at}[quantity]");
    if is_metered(price) {
        return Err(StripeError::invalid(
            "You cannot set the quantity for metered plans; it is determined by the usage that is \
             reported.",
        )
        .param(&param));
    }
    check_quantity(quantity, &param)?;
    Ok(Some(quantity))
}

pub(crate) fn check_quantity(quantity: i64, param: &str) -> Result<(), StripeError> {
    if (0..=QUANTITY_MAX).contains(&quantity) {
        return Ok(());
    }
    Err(StripeError::coded(
        "parameter_invalid_integer",
        format!("This value must be between 0 and {QUANTITY_MAX}."),
    )
    .param(param))
}

/// The recurring price that an entry names (`price`, the older `plan`, or `price_data`).
fn price_of(account: &mut Account, entry: &Value, at: &str) -> Result<Option<Value>, StripeError> {
    if entry["price_data"].is_object() {
        let made = inline_price(account, &entry["price_data"], &format!("{at}[price_data]"))?;
        return Ok(Some(made));
    }
    for name in ["price", "plan"] {
        if let Some(id) = entry[name].as_str() {
            return recurring_price(account, id, name, &format!("{at}[{name}]")).map(Some);
        }
    }
    Ok(None)
}

fn recurring_price(
    account: &Account,
    id: &str,
    what: &str,
    param: &str,
) -> Result<Value, StripeError> {
    let price = account.get(id);
    if price["object"] != "price" {
        return Err(StripeError::no_such_param(what, id, param));
    }
    if price["recurring"].is_null() {
        return Err(StripeError::invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices \
             with `type=recurring`.",
        )
        .param(param));
    }
    if price["active"] == false && price["_is_inline"] != true {
        return Err(StripeError::invalid(
            "The price specified is inactive. This field only accepts active prices.",
        )
        .param(param));
    }
    Ok(price.clone())
}

/// A price made for one use (`price_data`); recurring if it says how often.
pub(crate) fn inline_price(
    account: &mut Account,
    data: &Value,
    at: &str,
) -> Result<Value, StripeError> {
    let currency = money::currency(data["currency"].as_str().unwrap_or_default())
        .map_err(|error| error.param(&format!("{at}[currency]")))?;
    let product = data["product"].as_str().unwrap_or_default().to_owned();
    if account.get(&product)["object"] != "product" {
        let param = format!("{at}[product]");
        return Err(StripeError::no_such_param("product", &product, &param));
    }
    let decimal = data["unit_amount_decimal"].as_str().map(str::to_owned);
    let amount = data["unit_amount"]
        .as_i64()
        .or_else(|| decimal.as_deref()?.parse().ok());
    if amount.is_none() && decimal.is_none() {
        return Err(StripeError::missing(&format!("{at}[unit_amount]")));
    }
    let recurring = &data["recurring"];
    let price = json!({
        "id": account.ids.next("price_"),
        "object": "price",
        "active": false,
        "billing_scheme": "per_unit",
        "created": account.now,
        "currency": currency,
        "custom_unit_amount": null,
        "livemode": false,
        "lookup_key": null,
        "metadata": {},
        "nickname": null,
        "product": product,
        "recurring": if recurring.is_null() { Value::Null } else { json!({
            "interval": recurring["interval"],
            "interval_count": recurring["interval_count"].as_i64().unwrap_or(1),
            "meter": null, "trial_period_days": null, "usage_type": "licensed",
        }) },
        "tax_behavior": data["tax_behavior"].as_str().unwrap_or("unspecified"),
        "tiers_mode": null,
        "transform_quantity": null,
        "type": if recurring.is_null() { "one_time" } else { "recurring" },
        "unit_amount": amount,
        "unit_amount_decimal": decimal.or_else(|| amount.map(|cents| cents.to_string())),
        "_is_inline": true,
    });
    let id = account.insert(price);
    Ok(account.get(&id).clone())
}

/// Whole tax rates by the ids that were sent.
pub(crate) fn tax_rates(account: &Account, sent: &Value, at: &str) -> Result<Value, StripeError> {
    let mut rates = Vec::new();
    for (index, id) in sent.as_array().into_iter().flatten().enumerate() {
        let id = id.as_str().unwrap_or_default();
        let rate = account.get(id);
        if rate["object"] != "tax_rate" {
            let param = format!("{at}[{index}]");
            return Err(StripeError::no_such_param("tax rate", id, &param));
        }
        rates.push(rate.clone());
    }
    Ok(json!(rates))
}

/// The items of a subscription after a change: an `id` changes or (`deleted`) removes one, anything
/// else is added. Answers the items, and the discounts sent for each item by its place.
pub(crate) fn changed_items(
    account: &mut Account,
    before: &Value,
    sent: &[Value],
    at: &str,
) -> Result<Changed, StripeError> {
    let mut items: Vec<Value> = subscription::items(before).to_vec();
    let mut discounts = Vec::new();
    for (index, entry) in sent.iter().enumerate() {
        let at = format!("{at}[{index}]");
        let Some(id) = entry["id"].as_str() else {
            let item = added(account, before, &items, entry, &at)?;
            let id = item["id"].as_str().unwrap_or_default().to_owned();
            discounts.extend(entry.get("discounts").map(|sent| (id, sent.clone())));
            items.push(item);
            continue;
        };
        let Some(place) = items.iter().position(|item| item["id"] == id) else {
            return Err(no_item(id)
                .code("resource_missing")
                .param(&format!("{at}[id]")));
        };
        if entry["deleted"] == true {
            items.remove(place);
            continue;
        }
        if let Some(price) = price_of(account, entry, &at)? {
            check_expected_currency(&price, before, &at)?;
            let is_taken = items
                .iter()
                .find(|item| item["id"] != id && item["price"]["id"] == price["id"]);
            if let Some(other) = is_taken {
                return Err(already_used(&price, other));
            }
            if price["id"] != items[place]["price"]["id"] {
                set_price(&mut items[place], price);
            }
        }
        let price = items[place]["price"].clone();
        if let Some(quantity) = quantity_of(entry, &price, &at)? {
            items[place]["quantity"] = json!(quantity);
        }
        if entry.get("metadata").is_some() {
            let merged = merged_metadata(&items[place]["metadata"], entry.get("metadata"))?;
            items[place]["metadata"] = merged;
        }
        if let Some(rates) = entry.get("tax_rates") {
            items[place]["tax_rates"] = tax_rates(account, rates, &format!("{at}[tax_rates]"))?;
        }
        discounts.extend(
            entry
                .get("discounts")
                .map(|sent| (id.to_owned(), sent.clone())),
        );
    }
    if items.is_empty() {
        return Err(StripeError::invalid(
            "A subscription must have at least one active item. To cancel the subscription, use \
             the cancellation endpoint instead.",
        )
        .param(at));
    }
    if items.len() > ITEMS_MAX {
        return Err(too_many().param(at));
    }
    Ok(Changed { items, discounts })
}

/// What `changed_items` made.
pub(crate) struct Changed {
    pub(crate) items: Vec<Value>,
    /// Discounts as sent, by the id of the item.
    pub(crate) discounts: Vec<(String, Value)>,
}

fn set_price(item: &mut Value, price: Value) {
    if is_metered(&price) {
        if let Some(members) = item.as_object_mut() {
            members.shift_remove("quantity");
        }
    } else if item["quantity"].is_null() {
        item["quantity"] = json!(1);
    }
    item["price"] = price;
}

fn added(
    account: &mut Account,
    before: &Value,
    items: &[Value],
    entry: &Value,
    at: &str,
) -> Result<Value, StripeError> {
    let terms = new_item(account, entry, at)?;
    check_expected_currency(&terms.price, before, at)?;
    let taken = items
        .iter()
        .find(|item| item["price"]["id"] == terms.price["id"]);
    if let Some(other) = taken {
        return Err(already_used(&terms.price, other));
    }
    let now = account.now;
    let subscription_id = before["id"].as_str().unwrap_or_default();
    Ok(subscription::item_object(
        account,
        subscription_id,
        &terms,
        (now, now),
    ))
}

fn check_expected_currency(price: &Value, before: &Value, at: &str) -> Result<(), StripeError> {
    if price["currency"] == before["currency"] {
        return Ok(());
    }
    Err(StripeError::invalid(format!(
        "The price specified only supports `{}`. This doesn't match the expected currency: `{}`.",
        price["currency"].as_str().unwrap_or_default(),
        before["currency"].as_str().unwrap_or_default()
    ))
    .param(&format!("{at}[price]")))
}

fn already_used(price: &Value, item: &Value) -> StripeError {
    StripeError::invalid(format!(
        "A new item with Price {} can't be added to this Subscription because an existing \
         Subscription Item {} is already using that Price. To change the quantity or other \
         attributes of an existing item, update that item instead.",
        price["id"].as_str().unwrap_or_default(),
        item["id"].as_str().unwrap_or_default()
    ))
    .param("plan")
}

/// The refusal of an item that is not there; in a path it has neither code nor parameter.
pub(crate) fn no_item(id: &str) -> StripeError {
    StripeError::invalid(format!("Invalid subscription_item id: {id}")).status(404)
}

/// What is bought once along with a change (`add_invoice_items`): whole prices and quantities.
pub(crate) fn one_time(
    account: &mut Account,
    sent: &[Value],
    at: &str,
) -> Result<Vec<(Value, i64)>, StripeError> {
    let mut out = Vec::new();
    for (index, entry) in sent.iter().enumerate() {
        let at = format!("{at}[{index}]");
        let price = if entry["price_data"].is_object() {
            inline_price(account, &entry["price_data"], &format!("{at}[price_data]"))?
        } else {
            let id = entry["price"]
                .as_str()
                .ok_or_else(|| StripeError::missing(&format!("{at}[price]")))?;
            let price = account.get(id);
            if price["object"] != "price" {
                let param = format!("{at}[price]");
                return Err(StripeError::no_such_param("price", id, &param));
            }
            price.clone()
        };
        if !price["recurring"].is_null() {
            return Err(StripeError::invalid(
                "The price specified is set to `type=recurring` but this field only accepts \
                 prices with `type=one_time`.",
            )
            .param(&format!("{at}[price]")));
        }
        let quantity = entry["quantity"].as_i64().unwrap_or(1);
        check_quantity(quantity, &format!("{at}[quantity]"))?;
        out.push((price, quantity));
    }
    Ok(out)
}
