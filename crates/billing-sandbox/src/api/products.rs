//! Products and the entitlement features that they carry.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::catalogue::{insert_price, raise_price_created};
use crate::api::coupons::shared_id;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::http::params::Params;
use crate::lives::entitlement;

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/products", create),
    route("GET /v1/products", list),
    route("GET /v1/products/{}", retrieve),
    route("POST /v1/products/{}", update),
    route("DELETE /v1/products/{}", delete),
    route("POST /v1/products/{}/features", attach_feature),
    route("GET /v1/products/{}/features", list_features),
    route("GET /v1/products/{}/features/{}", retrieve_feature),
    route("DELETE /v1/products/{}/features/{}", detach_feature),
];

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let params = call.params.clone();
    let id = insert_product(call.account, &params)?;
    let mut price_id = None;
    if let Some(data) = params.at("/default_price_data") {
        let mut data = data.clone();
        data["product"] = json!(id);
        match insert_price(call.account, &Params(data)) {
            Ok(made) => price_id = Some(made),
            Err(error) => {
                // Refused as a whole: the product is not kept either.
                call.account.delete("product", &id, None);
                let param = error.param.clone().unwrap_or_default();
                let inner = param.replacen('[', "][", 1);
                let close = if inner.contains("][") { "" } else { "]" };
                return Err(error.param(&format!("default_price_data[{inner}{close}")));
            }
        }
    }
    if let Some(price_id) = &price_id {
        call.account.set(&id, "default_price", json!(price_id));
    }
    call.account.raise("product.created", &id);
    if let Some(price_id) = &price_id {
        raise_price_created(call.account, price_id);
    }
    Ok(call.account.get(&id).clone())
}

/// Checks and stores a product.
pub(crate) fn insert_product(
    account: &mut Account,
    params: &Params,
) -> Result<String, StripeError> {
    let id = match params.text("/id") {
        Some(id) if account.get(id)["object"] == "product" => {
            return Err(StripeError::coded(
                "resource_already_exists",
                "Product already exists.",
            ));
        }
        Some(id) if account.find(id).is_some() => return Err(shared_id(id)),
        Some(id) => id.to_owned(),
        None => account.ids.next("prod_"),
    };
    check_tax_code(params)?;
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
        "tax_details": tax_details(params),
        "type": params.text("/type").unwrap_or("service"),
        "unit_label": params.or_null("/unit_label"),
        "updated": account.now,
        "url": params.or_null("/url"),
    });
    Ok(account.insert(product))
}

fn tax_details(params: &Params) -> Value {
    params.at("/tax_details").map_or(Value::Null, |details| {
        json!({
            "performance_location": details["performance_location"],
            "tax_code": details["tax_code"],
        })
    })
}

fn check_tax_code(params: &Params) -> Result<(), StripeError> {
    for (pointer, param) in [
        ("/tax_code", "tax_code"),
        ("/tax_details/tax_code", "tax_details[tax_code]"),
    ] {
        if let Some(code) = params.text(pointer)
            && !crate::api::tax::is_code(code)
        {
            return Err(StripeError::no_such_param("tax code", code, param));
        }
    }
    Ok(())
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account.fetch("product", &call.id(), "id").cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("product", &id, "id")?;
    check_tax_code(&call.params)?;
    let mut product = Value::clone(&before);
    for name in [
        "active",
        "description",
        "name",
        "package_dimensions",
        "shippable",
        "statement_descriptor",
        "tax_code",
        "unit_label",
        "url",
        "default_price",
    ] {
        if call.params.has(name) {
            product[name] = call.params.or_null(&format!("/{name}"));
        }
    }
    for (sent, kept) in [
        ("images", "images"),
        ("marketing_features", "marketing_features"),
        ("features", "marketing_features"),
    ] {
        if call.params.has(sent) {
            product[kept] = json!(call.params.list(&format!("/{sent}")));
        }
    }
    if call.params.has("tax_details") {
        product["tax_details"] = tax_details(&call.params);
    }
    if let Some(price) = call.params.text("/default_price") {
        let found = call.account.get(price);
        if found["object"] != "price" || found["product"] != id.as_str() {
            return Err(StripeError::no_such_param("price", price, "default_price"));
        }
        if found["active"] != true {
            return Err(StripeError::invalid(
                "The price specified is inactive. This field only accepts active prices.",
            )
            .param("default_price"));
        }
    }
    product["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    if product != before {
        product["updated"] = json!(call.account.now);
    }
    if let Some(stored) = call.account.edit(&id) {
        *stored = product;
    }
    call.account.raise_update("product.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch("product", &id, "id")?;
    if call
        .account
        .rows_by("price", "product", &id)
        .any(|price| price["_deleted"] != true)
    {
        return Err(StripeError::invalid(
            "This product cannot be deleted because it has one or more user-created prices.",
        ));
    }
    call.account.set(&id, "active", json!(false));
    let product = call.account.snapshot(&id);
    call.account.delete("product", &id, None);
    call.account.raise_with("product.deleted", product, None);
    Ok(json!({ "id": id, "object": "product", "deleted": true }))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let ids = call.params.list("/ids");
    let active = call.params.flag("/active");
    let shippable = call.params.flag("/shippable");
    list::page(call, "product", "/v1/products", |row| {
        (ids.is_empty() || ids.contains(&row["id"]))
            && active.is_none_or(|on| row["active"] == on)
            && shippable.is_none_or(|on| row["shippable"] == on)
            && list::is(call, "type", row, "type")
            && list::is(call, "url", row, "url")
    })
}

pub(crate) fn attach_feature(call: &mut Call<'_>) -> Answer {
    let product = call.id();
    call.account.fetch("product", &product, "product")?;
    let feature = call.params.require("entitlement_feature")?.to_owned();
    let found = call.account.get(&feature);
    if found["object"] != "entitlements.feature" {
        return Err(StripeError::no_such_param(
            "entitlement feature",
            &feature,
            "entitlement_feature",
        ));
    }
    if found["active"] != true {
        return Err(
            StripeError::invalid("An archived feature cannot be attached to a product.")
                .param("entitlement_feature"),
        );
    }
    let found = found.clone();
    let is_there = call
        .account
        .rows_by("product_feature", "_product", &product)
        .any(|row| row["_feature"] == feature);
    if is_there {
        return Err(StripeError::coded(
            "resource_already_exists",
            format!("The feature {feature} is already attached to this product."),
        )
        .param("entitlement_feature"));
    }
    let id = call.account.ids.next("prodft_");
    call.account.insert(json!({
        "id": id,
        "object": "product_feature",
        "entitlement_feature": found,
        "livemode": false,
        "_feature": feature,
        "_product": product,
    }));
    Ok(call.account.get(&id).clone())
}

/// The product's feature of the path.
fn feature_of(call: &Call<'_>) -> Result<Value, StripeError> {
    let product = call.id();
    let id = call.ids.get(1).cloned().unwrap_or_default();
    call.account.fetch("product", &product, "product")?;
    let found = call.account.fetch("product_feature", &id, "id")?;
    if found["_product"] != product.as_str() {
        return Err(StripeError::no_such("product_feature", &id, "id"));
    }
    Ok(entitlement::with_feature(call.account, found))
}

pub(crate) fn retrieve_feature(call: &mut Call<'_>) -> Answer {
    feature_of(call)
}

pub(crate) fn list_features(call: &mut Call<'_>) -> Answer {
    let product = call.id();
    call.account.fetch("product", &product, "product")?;
    let rows: Vec<Value> = call
        .account
        .rows_by("product_feature", "_product", &product)
        .rev()
        .map(|row| entitlement::with_feature(call.account, row))
        .collect();
    let rows: Vec<&Value> = rows.iter().collect();
    let url = format!("/v1/products/{product}/features");
    list::cut(call, &rows, "product_feature", &url)
}

/// Takes a feature off a product; those who have it keep it until their subscription changes.
pub(crate) fn detach_feature(call: &mut Call<'_>) -> Answer {
    let found = feature_of(call)?;
    let id = found["id"].as_str().unwrap_or_default().to_owned();
    // Indexed rows stay behind in their index; what is gone must not be found there.
    call.account.delete("product_feature", &id, None);
    Ok(json!({ "id": id, "object": "product_feature", "deleted": true }))
}
