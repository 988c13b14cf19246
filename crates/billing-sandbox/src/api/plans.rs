//! Plans: the old name of recurring prices, and the endpoints that still speak of them so.

use crate::json::{Value, json};

use crate::api::catalogue::{insert_price, raise_price_created, raise_price_updated};
use crate::api::coupons::shared_id;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, products, route};
use crate::http::error::StripeError;
use crate::http::params::Params;
use crate::shape::moves::plan_of;

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/plans", create),
    route("GET /v1/plans", list),
    route("GET /v1/plans/{}", retrieve),
    route("POST /v1/plans/{}", update),
    route("DELETE /v1/plans/{}", delete),
];

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let id = match call.params.text("/id") {
        Some(id) if call.account.get(id)["object"] == "price" => {
            return Err(StripeError::coded(
                "resource_already_exists",
                "Plan already exists.",
            ));
        }
        Some(id) if call.account.find(id).is_some() => return Err(shared_id(id)),
        Some(id) => id.to_owned(),
        None => format!("plan_{}", call.account.ids.letters(14)),
    };
    let sent = call.params.0.clone();
    let mut made = None;
    let product = match &sent["product"] {
        Value::String(product) => json!(product),
        Value::Object(data) => {
            let product = products::insert_product(call.account, &Params(json!(data)))?;
            made = Some(product.clone());
            json!(product)
        }
        _ => return Err(StripeError::missing("product")),
    };
    let mut price = json!({
        "_id": id,
        "product": product,
        "recurring": {
            "interval": sent["interval"], "interval_count": sent["interval_count"],
            "meter": sent["meter"], "trial_period_days": sent["trial_period_days"],
            "usage_type": sent["usage_type"], "aggregate_usage": sent["aggregate_usage"],
        },
    });
    for (plan, name) in [
        ("active", "active"),
        ("amount", "unit_amount"),
        ("amount_decimal", "unit_amount_decimal"),
        ("billing_scheme", "billing_scheme"),
        ("currency", "currency"),
        ("metadata", "metadata"),
        ("nickname", "nickname"),
        ("tiers", "tiers"),
        ("tiers_mode", "tiers_mode"),
        ("transform_usage", "transform_quantity"),
    ] {
        if !sent[plan].is_null() {
            price[name] = sent[plan].clone();
        }
    }
    match insert_price(call.account, &Params(price)) {
        Ok(id) => {
            if let Some(product) = &made {
                call.account.raise("product.created", product);
            }
            raise_price_created(call.account, &id);
            Ok(plan_of(call.account.get(&id)))
        }
        Err(error) => {
            if let Some(product) = &made {
                call.account.delete("product", product, None);
            }
            Err(error)
        }
    }
}

/// The price that the plan of the path is.
fn price_of(call: &Call<'_>) -> Result<Value, StripeError> {
    let id = call.id();
    let price = call.account.snapshot(&id);
    if price["object"] != "price" || price["recurring"].is_null() || price["_deleted"] == true {
        return Err(StripeError::no_such("plan", &id, "plan"));
    }
    Ok(price)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    Ok(plan_of(&price_of(call)?))
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let before = price_of(call)?;
    let id = call.id();
    let mut price = Value::clone(&before);
    for name in ["active", "nickname"] {
        if call.params.has(name) {
            price[name] = call.params.or_null(&format!("/{name}"));
        }
    }
    if let Some(product) = call.params.text("/product") {
        call.account.fetch("product", product, "product")?;
        price["product"] = json!(product);
    }
    if call.params.has("trial_period_days") {
        price["recurring"]["trial_period_days"] = call.params.or_null("/trial_period_days");
    }
    price["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    if let Some(stored) = call.account.edit(&id) {
        *stored = price;
    }
    raise_price_updated(call.account, &id, &before);
    Ok(plan_of(call.account.get(&id)))
}

/// Deletes a plan: nobody new can subscribe to it, and those who have it keep it.
pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let before = price_of(call)?;
    let id = call.id();
    let mut kept = Value::clone(&before);
    kept["active"] = json!(false);
    kept["_deleted"] = json!(true);
    let plan = plan_of(&before);
    call.account.delete("price", &id, Some(kept));
    call.account.raise_with("plan.deleted", plan, None);
    call.account.raise_with("price.deleted", before, None);
    Ok(json!({ "id": id, "object": "plan", "deleted": true }))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let active = call.params.flag("/active");
    let created = call.params.at("/created");
    let rows: Vec<Value> = call
        .account
        .rows("price")
        .rev()
        .filter(|row| {
            active.is_none_or(|on| row["active"] == on)
                && list::within(created, row["created"].as_i64())
                && list::is(call, "product", row, "product")
        })
        .map(plan_of)
        .filter(|plan| !plan.is_null())
        .collect();
    let rows: Vec<&Value> = rows.iter().collect();
    list::cut(call, &rows, "plan", "/v1/plans")
}
