//! Prices: what a product costs, once or again and again, by unit, tier or package.

mod amounts;

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::catalogue::amounts::{amounts, currency_options, with_own};
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, products, route};
use crate::http::error::StripeError;
use crate::http::params::Params;
use crate::shape::moves::plan_of;

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/prices", create_price),
    route("GET /v1/prices", list_prices),
    route("GET /v1/prices/{}", retrieve_price),
    route("POST /v1/prices/{}", update_price),
];

const LOOKUP_KEYS_MAX: usize = 10;

/// Since this release, usage is billed by meters only.
const METERS_ONLY: &str = "2025-03-31";

/// Makes a product, for whoever sells one that is described on the way.
pub(crate) fn create_product(call: &mut Call<'_>) -> Answer {
    products::create(call)
}

pub(crate) fn create_price(call: &mut Call<'_>) -> Answer {
    let mut params = call.params.clone();
    match (params.has("product"), params.at("/product_data").cloned()) {
        (false, None) => {
            return Err(StripeError::invalid(
                "You must specify either `product` or `product_data` when creating a price.",
            ));
        }
        (true, Some(_)) => {
            return Err(StripeError::invalid(
                "You may only specify one of these parameters: product, product_data.",
            )
            .param("product"));
        }
        (true, None) => {}
        (false, Some(data)) => {
            let product_id = products::insert_product(call.account, &Params(data))?;
            params.0["product"] = json!(product_id);
        }
    }
    let is_metered = params.text("/recurring/usage_type") == Some("metered");
    let outcome = if is_metered
        && params.text("/recurring/meter").is_none()
        && !call.version.is_before(METERS_ONLY)
    {
        Err(StripeError::invalid(
            "Starting with Stripe version `2025-03-31.basil`, metered prices must be backed by \
             meters.",
        ))
    } else {
        insert_price(call.account, &params)
    };
    let product_id = params.text("/product").unwrap_or_default();
    let is_inline = params.at("/product_data").is_some();
    match outcome {
        Ok(id) => {
            if is_inline {
                call.account.raise("product.created", product_id);
            }
            raise_price_created(call.account, &id);
            Ok(call.account.get(&id).clone())
        }
        Err(error) => {
            if is_inline {
                call.account.delete("product", product_id, None);
            }
            Err(error)
        }
    }
}

/// A recurring price is a plan too, and Stripe tells of both.
pub(crate) fn raise_price_created(account: &mut Account, id: &str) {
    let plan = plan_of(account.get(id));
    if !plan.is_null() {
        account.raise_with("plan.created", plan, None);
    }
    account.raise("price.created", id);
}

pub(crate) fn raise_price_updated(account: &mut Account, id: &str, before: &Value) {
    let (old, new) = (plan_of(before), plan_of(account.get(id)));
    if old != new {
        account.raise_with("plan.updated", new, Some(old));
    }
    account.raise_update("price.updated", id, before);
}

/// Checks and stores a price; `product` must name one that exists. A plan brings its own `_id`.
pub(crate) fn insert_price(account: &mut Account, params: &Params) -> Result<String, StripeError> {
    let product = params.require("product").map_err(|_| {
        StripeError::invalid(
            "You must specify either `product` or `product_data` when creating a price.",
        )
    })?;
    if account.get(product)["object"] != "product" {
        return Err(StripeError::no_such_param("product", product, "product"));
    }
    check_interval(&params.or_null("/recurring"))?;
    let recurring = recurring(account, params)?;
    let amount = amounts(params)?;
    let currency = crate::lives::money::currency(params.require("currency")?)?;
    let options = currency_options(&params.or_null("/currency_options"))?;
    let lookup_key = params.text("/lookup_key").map(str::to_owned);
    let metadata = merged_metadata(&json!({}), params.0.get("metadata"))?;
    if let Some(key) = &lookup_key {
        let may_transfer = params.flag("/transfer_lookup_key").unwrap_or(false);
        claim_lookup_key(account, key, "", may_transfer)?;
    }
    let tax_behavior = params.text("/tax_behavior").unwrap_or("unspecified");
    let mut price = json!({
        "id": params.text("/_id").map_or_else(|| account.ids.next("price_"), str::to_owned),
        "object": "price",
        "active": params.flag("/active").unwrap_or(true),
        "billing_scheme": params.text("/billing_scheme").unwrap_or("per_unit"),
        "created": account.now,
        "currency": currency,
        "custom_unit_amount": amount["custom_unit_amount"],
        "livemode": false,
        "lookup_key": lookup_key,
        "metadata": metadata,
        "nickname": params.or_null("/nickname"),
        "product": product,
        "recurring": recurring,
        "tax_behavior": tax_behavior,
        "tiers_mode": params.or_null("/tiers_mode"),
        "transform_quantity": params.or_null("/transform_quantity"),
        "type": if recurring.is_null() { "one_time" } else { "recurring" },
        "unit_amount": amount["unit_amount"],
        "unit_amount_decimal": amount["unit_amount_decimal"],
        "_aggregate_usage": aggregate_usage(params),
        "_tiers": amount["tiers"],
    });
    price["_currency_options"] = with_own(options, &price);
    Ok(account.insert(price))
}

/// How the usage records of a metered price add up that has no meter.
fn aggregate_usage(params: &Params) -> Value {
    let is_metered = params.text("/recurring/usage_type") == Some("metered");
    if !is_metered || params.text("/recurring/meter").is_some() {
        return Value::Null;
    }
    json!(params.text("/recurring/aggregate_usage").unwrap_or("sum"))
}

fn recurring(account: &Account, params: &Params) -> Result<Value, StripeError> {
    let Some(sent) = params.at("/recurring") else {
        return Ok(Value::Null);
    };
    let usage_type = sent["usage_type"].as_str().unwrap_or("licensed");
    if let Some(meter) = sent["meter"].as_str() {
        let found = account.get(meter);
        if usage_type != "metered" {
            return Err(StripeError::invalid(
                "A meter can only be set for prices with `recurring[usage_type]=metered`.",
            )
            .param("recurring[meter]"));
        }
        if found["object"] != "billing.meter" {
            return Err(StripeError::no_such_param(
                "meter",
                meter,
                "recurring[meter]",
            ));
        }
        if found["status"] != "active" {
            return Err(StripeError::invalid(format!(
                "The meter {meter} is inactive, and prices can only be made for active meters."
            ))
            .param("recurring[meter]"));
        }
    }
    Ok(json!({
        "interval": sent["interval"],
        "interval_count": sent["interval_count"].as_i64().unwrap_or(1),
        "meter": sent["meter"],
        "trial_period_days": sent["trial_period_days"],
        "usage_type": usage_type,
    }))
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
    let id = call.id();
    let price = call.account.fetch("price", &id, "price")?;
    if price["_deleted"] == true {
        return Err(StripeError::no_such("price", &id, "price"));
    }
    Ok(price.clone())
}

pub(crate) fn update_price(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("price", &id, "price")?;
    let product = before["product"].as_str().unwrap_or_default();
    let is_default = call.account.get(product)["default_price"] == id.as_str();
    if call.params.flag("/active") == Some(false) && is_default {
        return Err(StripeError::invalid(
            "This price cannot be archived because it is the default price of its product.",
        ));
    }
    let sent = call.params.text("/tax_behavior");
    if before["tax_behavior"] != "unspecified"
        && sent.is_some_and(|sent| before["tax_behavior"] != sent)
    {
        return Err(StripeError::invalid(
            "You cannot change `tax_behavior` once it has been set to `exclusive` or \
             `inclusive`.",
        )
        .param("tax_behavior"));
    }
    let mut price = Value::clone(&before);
    let options = currency_options(&call.params.or_null("/currency_options"))?;
    for (code, option) in options {
        price["_currency_options"][&code] = option;
    }
    price["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    if let Some(key) = call.params.text("/lookup_key").map(str::to_owned) {
        let may_transfer = call.params.flag("/transfer_lookup_key").unwrap_or(false);
        claim_lookup_key(call.account, &key, &id, may_transfer)?;
    }
    for name in ["active", "lookup_key", "nickname", "tax_behavior"] {
        if call.params.has(name) {
            price[name] = call.params.or_null(&format!("/{name}"));
        }
    }
    if let Some(stored) = call.account.edit(&id) {
        *stored = price;
    }
    raise_price_updated(call.account, &id, &before);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn list_prices(call: &mut Call<'_>) -> Answer {
    let keys = call.params.list("/lookup_keys");
    if keys.len() > LOOKUP_KEYS_MAX {
        return Err(
            StripeError::invalid("You can pass at most 10 `lookup_keys`.").param("lookup_keys"),
        );
    }
    if let Some(product) = call.params.text("/product")
        && call.account.get(product)["object"] != "product"
    {
        return Err(StripeError::no_such_param("product", product, "product"));
    }
    let active = call.params.flag("/active");
    let recurring = |row: &Value, name: &str| {
        let wanted = call.params.text(&format!("/recurring/{name}"));
        wanted.is_none_or(|wanted| row["recurring"][name] == wanted)
    };
    let currency = call.params.text("/currency").map(str::to_lowercase);
    list::page(call, "price", "/v1/prices", |row| {
        (keys.is_empty() || keys.contains(&row["lookup_key"]))
            && active.is_none_or(|on| row["active"] == on)
            && ["interval", "meter", "usage_type"]
                .iter()
                .all(|name| recurring(row, name))
            && currency
                .as_deref()
                .is_none_or(|wanted| row["currency"] == wanted)
            && list::is(call, "product", row, "product")
            && list::is(call, "type", row, "type")
    })
}
