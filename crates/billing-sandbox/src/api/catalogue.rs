//! Products and prices.

use serde_json::{Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::http::params::Params;

const UNSIMULATED: &str = "add_invoice_items adjustable_quantity after_expiration application_fee_amount \
    application_fee_percent backdate_start_date billing_cycle_anchor \
    billing_cycle_anchor_config billing_schedules billing_thresholds cancel_at \
    consent_collection coupon currency_options custom_fields custom_unit_amount \
    default_tax_rates discounts hooks invoice_creation on_behalf_of optional_items \
    paid_out_of_band pause_collection pending_invoice_item_interval phone_number_collection \
    promotion_code proration_date shipping_address_collection shipping_options \
    tax_id_collection tax_id_data tax_rates test_clock tiers transfer_data transform_quantity \
    trial_from_plan classic automatic_tax";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/products", create_product).lacks(UNSIMULATED),
    route("GET /v1/products", list_products),
    route("GET /v1/products/{}", retrieve_product),
    route("POST /v1/products/{}", update_product).lacks(UNSIMULATED),
    route("DELETE /v1/products/{}", delete_product),
    route("POST /v1/prices", create_price).lacks(UNSIMULATED),
    route("GET /v1/prices", list_prices),
    route("GET /v1/prices/{}", retrieve_price),
    route("POST /v1/prices/{}", update_price).lacks(UNSIMULATED),
];

const LOOKUP_KEYS_MAX: usize = 10;

pub(crate) fn create_product(call: &mut Call<'_>) -> Answer {
    let params = call.params.clone();
    let id = insert_product(call.account, &params)?;
    if let Some(data) = params.at("/default_price_data") {
        let mut data = data.clone();
        data["product"] = json!(id);
        let price_id = insert_price(call.account, &Params(data))?;
        call.account.set(&id, "default_price", json!(price_id));
        call.account.raise("price.created", &price_id);
    }
    call.account.raise("product.created", &id);
    Ok(call.account.get(&id).clone())
}

fn insert_product(account: &mut Account, params: &Params) -> Result<String, StripeError> {
    let id = match params.text("/id") {
        Some(id) if account.find(id).is_some() => {
            return Err(StripeError::coded(
                "resource_already_exists",
                "Product already exists.",
            ));
        }
        Some(id) => id.to_owned(),
        None => account.ids.next("prod_"),
    };
    let features = params
        .at("/marketing_features")
        .or_else(|| params.at("/features"));
    let product = json!({
        "id": id,
        "object": "product",
        "active": params.flag("/active").unwrap_or(true),
        "created": account.now,
        "default_price": null,
        "description": params.or_null("/description"),
        "images": params.list("/images"),
        "livemode": false,
        "marketing_features": features.cloned().unwrap_or_else(|| json!([])),
        "metadata": merged_metadata(&json!({}), params.0.get("metadata"))?,
        "name": params.require("name")?,
        "package_dimensions": params.or_null("/package_dimensions"),
        "shippable": params.or_null("/shippable"),
        "statement_descriptor": params.or_null("/statement_descriptor"),
        "tax_code": params.or_null("/tax_code"),
        "tax_details": null,
        "type": "service",
        "unit_label": params.or_null("/unit_label"),
        "updated": account.now,
        "url": params.or_null("/url"),
    });
    Ok(account.insert(product))
}

pub(crate) fn retrieve_product(call: &mut Call<'_>) -> Answer {
    call.account.fetch("product", &call.id(), "id").cloned()
}

pub(crate) fn update_product(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("product", &id, "id")?;
    let mut product = Value::clone(&before);
    for name in [
        "active",
        "description",
        "images",
        "marketing_features",
        "name",
        "shippable",
        "statement_descriptor",
        "unit_label",
        "url",
        "default_price",
    ] {
        if call.params.has(name) {
            product[name] = call.params.or_null(&format!("/{name}"));
        }
    }
    if let Some(price) = call.params.text("/default_price")
        && call.account.get(price)["product"] != id.as_str()
    {
        return Err(StripeError::no_such_param("price", price, "default_price"));
    }
    product["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    product["updated"] = json!(call.account.now);
    if let Some(stored) = call.account.edit(&id) {
        *stored = product;
    }
    call.account.raise_update("product.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn delete_product(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let product = call.account.fetch_snapshot("product", &id, "id")?;
    if call
        .account
        .rows("price")
        .any(|price| price["product"] == id.as_str())
    {
        return Err(StripeError::invalid(
            "This product cannot be deleted because it has one or more user-created prices.",
        ));
    }
    call.account.delete("product", &id, None);
    call.account.raise_with("product.deleted", product, None);
    Ok(json!({ "id": id, "object": "product", "deleted": true }))
}

pub(crate) fn list_products(call: &mut Call<'_>) -> Answer {
    let ids = call.params.list("/ids");
    let active = call.params.flag("/active");
    list::page(call, "product", "/v1/products", |row| {
        (ids.is_empty() || ids.contains(&row["id"])) && active.is_none_or(|on| row["active"] == on)
    })
}

pub(crate) fn create_price(call: &mut Call<'_>) -> Answer {
    let mut params = call.params.clone();
    if let Some(data) = params.at("/product_data").cloned() {
        let product_id = insert_product(call.account, &Params(data))?;
        call.account.raise("product.created", &product_id);
        params.0["product"] = json!(product_id);
    }
    let id = insert_price(call.account, &params)?;
    call.account.raise("price.created", &id);
    Ok(call.account.get(&id).clone())
}

/// Checks and stores a price; `product` must name one that exists.
pub(crate) fn insert_price(account: &mut Account, params: &Params) -> Result<String, StripeError> {
    let product = params.require("product").map_err(|_| {
        StripeError::coded(
            "parameter_missing",
            "You must pass either `product` or `product_data`.",
        )
        .param("product")
    })?;
    if account.get(product)["object"] != "product" {
        return Err(StripeError::no_such_param("product", product, "product"));
    }
    let amount = unit_amount(params)?;
    if params.text("/billing_scheme") == Some("tiered") {
        return Err(StripeError::not_simulated("tiered prices"));
    }
    if params.text("/recurring/usage_type") == Some("metered") {
        return Err(StripeError::not_simulated("metered prices"));
    }
    check_interval(&params.or_null("/recurring"))?;
    let recurring = params.at("/recurring").map_or(Value::Null, |recurring| {
        json!({
            "interval": recurring["interval"],
            "interval_count": recurring["interval_count"].as_i64().unwrap_or(1),
            "meter": null,
            "trial_period_days": recurring["trial_period_days"],
            "usage_type": "licensed",
        })
    });
    let currency = crate::lives::money::currency(params.require("currency")?)?;
    let lookup_key = params.text("/lookup_key").map(str::to_owned);
    if let Some(key) = &lookup_key {
        let may_transfer = params.flag("/transfer_lookup_key").unwrap_or(false);
        claim_lookup_key(account, key, "", may_transfer)?;
    }
    let price = json!({
        "id": account.ids.next("price_"),
        "object": "price",
        "active": params.flag("/active").unwrap_or(true),
        "billing_scheme": "per_unit",
        "created": account.now,
        "currency": currency,
        "custom_unit_amount": null,
        "livemode": false,
        "lookup_key": lookup_key,
        "metadata": merged_metadata(&json!({}), params.0.get("metadata"))?,
        "nickname": params.or_null("/nickname"),
        "product": product,
        "recurring": recurring,
        "tax_behavior": params.text("/tax_behavior").unwrap_or("unspecified"),
        "tiers_mode": null,
        "transform_quantity": null,
        "type": if recurring.is_null() { "one_time" } else { "recurring" },
        "unit_amount": amount,
        "unit_amount_decimal": amount.to_string(),
    });
    Ok(account.insert(price))
}

fn unit_amount(params: &Params) -> Result<i64, StripeError> {
    let amount = match (
        params.int("/unit_amount"),
        params.text("/unit_amount_decimal"),
    ) {
        (Some(amount), _) => amount,
        (None, Some(decimal)) => decimal
            .parse()
            .map_err(|_| StripeError::not_simulated("prices of fractions of the smallest unit"))?,
        (None, None) => {
            return Err(StripeError::coded(
                "parameter_missing",
                "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
            )
            .param("unit_amount"));
        }
    };
    if amount < 0 {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            "This value must be greater than or equal to 0.",
        )
        .param("unit_amount"));
    }
    if amount > crate::lives::money::AMOUNT_MAX {
        return Err(
            StripeError::coded("amount_too_large", "Amount must be no more than 99999999")
                .param("unit_amount"),
        );
    }
    Ok(amount)
}

/// At most three years, as at Stripe.
fn check_interval(recurring: &Value) -> Result<(), StripeError> {
    let count = recurring["interval_count"].as_i64().unwrap_or(1);
    let most = match recurring["interval"].as_str() {
        Some("day") => 1_095,
        Some("week") => 156,
        Some("year") => 3,
        _ => 36,
    };
    if (1..=most).contains(&count) {
        return Ok(());
    }
    Err(StripeError::coded(
        "parameter_invalid_integer",
        format!("This value must be between 1 and {most}."),
    )
    .param("recurring[interval_count]"))
}

/// Makes sure that no other price holds the key; takes it from the holder if that is allowed.
fn claim_lookup_key(
    account: &mut Account,
    key: &str,
    own_id: &str,
    may_transfer: bool,
) -> Result<(), StripeError> {
    let holder = account
        .rows("price")
        .find(|price| price["lookup_key"] == key && price["id"] != own_id)
        .cloned();
    let Some(holder) = holder else { return Ok(()) };
    let id = holder["id"].as_str().unwrap_or_default().to_owned();
    let before = account.snapshot(&id);
    if !may_transfer {
        return Err(StripeError::invalid(format!(
            "A price (`{id}`) already uses that lookup key."
        ))
        .param("lookup_key"));
    }
    account.set(&id, "lookup_key", Value::Null);
    account.raise_update("price.updated", &id, &before);
    Ok(())
}

pub(crate) fn retrieve_price(call: &mut Call<'_>) -> Answer {
    call.account.fetch("price", &call.id(), "price").cloned()
}

pub(crate) fn update_price(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("price", &id, "price")?;
    let is_default = call
        .account
        .rows("product")
        .any(|p| p["default_price"] == id.as_str());
    if call.params.flag("/active") == Some(false) && is_default {
        return Err(StripeError::invalid(
            "This price cannot be archived because it is the default price of its product.",
        ));
    }
    if let Some(key) = call.params.text("/lookup_key").map(str::to_owned) {
        let may_transfer = call.params.flag("/transfer_lookup_key").unwrap_or(false);
        claim_lookup_key(call.account, &key, &id, may_transfer)?;
    }
    let mut price = Value::clone(&before);
    for name in ["active", "lookup_key", "nickname", "tax_behavior"] {
        if call.params.has(name) {
            price[name] = call.params.or_null(&format!("/{name}"));
        }
    }
    price["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    if let Some(stored) = call.account.edit(&id) {
        *stored = price;
    }
    call.account.raise_update("price.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn list_prices(call: &mut Call<'_>) -> Answer {
    let keys = call.params.list("/lookup_keys");
    if keys.len() > LOOKUP_KEYS_MAX {
        return Err(
            StripeError::invalid("You can pass at most 10 `lookup_keys`.").param("lookup_keys"),
        );
    }
    let active = call.params.flag("/active");
    let interval = call.params.text("/recurring/interval");
    let currency = call.params.text("/currency").map(str::to_lowercase);
    list::page(call, "price", "/v1/prices", |row| {
        (keys.is_empty() || keys.contains(&row["lookup_key"]))
            && active.is_none_or(|on| row["active"] == on)
            && interval.is_none_or(|wanted| row["recurring"]["interval"] == wanted)
            && currency
                .as_deref()
                .is_none_or(|wanted| row["currency"] == wanted)
            && list::is(call, "product", row, "product")
            && list::is(call, "type", row, "type")
    })
}
