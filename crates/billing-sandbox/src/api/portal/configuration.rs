//! Portal configurations: what a customer may do, checked as Stripe does.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, list};
use crate::http::error::StripeError;
use crate::lives::portal;

const KIND: &str = "billing_portal.configuration";
const PRODUCTS_MAX: usize = 10;

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let features = merged(&portal::plain_features(), &call.params.or_null("/features"));
    let products = products_of(call, &Value::Null)?;
    check(&features, &products)?;
    let profile = profile_of(call, &Value::Null)?;
    let metadata = merged_metadata(&json!({}), call.params.0.get("metadata"))?;
    let id = portal::insert(call.account, &features, false);
    let login = login_page(call.account, call.params.flag("/login_page/enabled"));
    let (return_url, name) = (
        call.params.or_null("/default_return_url"),
        call.params.or_null("/name"),
    );
    if let Some(stored) = call.account.edit(&id) {
        stored["business_profile"] = profile;
        stored["default_return_url"] = return_url;
        stored["metadata"] = metadata;
        stored["name"] = name;
        stored["_products"] = products;
        if let Some(login) = login {
            stored["login_page"] = login;
        }
    }
    call.account
        .raise("billing_portal.configuration.created", &id);
    Ok(shown(call, &id))
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot(KIND, &id, "configuration")?;
    let features = merged(&before["features"], &call.params.or_null("/features"));
    let products = products_of(call, &before["_products"])?;
    check(&features, &products)?;
    let profile = profile_of(call, &before["business_profile"])?;
    let metadata = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    let active = call.params.flag("/active");
    if before["is_default"] == true && active == Some(false) {
        return Err(StripeError::invalid(
            "You cannot deactivate the default billing portal configuration.",
        )
        .param("active"));
    }
    let login = login_page(call.account, call.params.flag("/login_page/enabled"));
    let now = call.account.now;
    let mut changed = Value::clone(&before);
    changed["features"] = features;
    changed["_products"] = products;
    changed["business_profile"] = profile;
    changed["metadata"] = metadata;
    if let Some(active) = active {
        changed["active"] = json!(active);
    }
    if let Some(login) = login {
        changed["login_page"] = login;
    }
    for name in ["default_return_url", "name"] {
        if call.params.has(name) {
            changed[name] = call.params.or_null(&format!("/{name}"));
        }
    }
    if changed != before {
        changed["updated"] = json!(now);
    }
    if let Some(stored) = call.account.edit(&id) {
        *stored = changed;
    }
    call.account
        .raise_update("billing_portal.configuration.updated", &id, &before);
    Ok(shown(call, &id))
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch(KIND, &id, "configuration")?;
    Ok(shown(call, &id))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    portal::default_configuration(call.account);
    let active = call.params.flag("/active");
    let is_default = call.params.flag("/is_default");
    let url = "/v1/billing_portal/configurations";
    let mut page = list::page(call, KIND, url, |row| {
        active.is_none_or(|wanted| row["active"] == wanted)
            && is_default.is_none_or(|wanted| row["is_default"] == wanted)
    })?;
    let shows = shows_products(call, "data.");
    for row in page["data"].as_array_mut().into_iter().flatten() {
        add_products(row, shows);
    }
    Ok(page)
}

/// The products of an update are there only when they are expanded.
fn shows_products(call: &Call<'_>, prefix: &str) -> bool {
    let path = format!("{prefix}features.subscription_update.products");
    call.params
        .list("/expand")
        .iter()
        .any(|asked| asked == path.as_str())
}

fn add_products(configuration: &mut Value, is_shown: bool) {
    if is_shown {
        let products = configuration["_products"].clone();
        configuration["features"]["subscription_update"]["products"] = products;
    }
}

fn shown(call: &Call<'_>, id: &str) -> Value {
    let mut configuration = call.account.get(id).clone();
    add_products(&mut configuration, shows_products(call, ""));
    configuration
}

/// The old features with what was sent in their place; products are kept apart.
fn merged(old: &Value, sent: &Value) -> Value {
    let mut merged = old.clone();
    for (name, value) in sent.as_object().into_iter().flatten() {
        match value {
            _ if name == "products" => {}
            Value::Object(_) if merged[name].is_object() => {
                merged[name] = self::merged(&merged[name], value);
            }
            Value::Null if merged[name].is_array() => merged[name] = json!([]),
            value => merged[name] = value.clone(),
        }
    }
    merged
}

fn check(features: &Value, products: &Value) -> Result<(), StripeError> {
    let cancel = &features["subscription_cancel"];
    let proration = "features[subscription_cancel][proration_behavior]";
    match (
        cancel["proration_behavior"].as_str(),
        cancel["mode"].as_str(),
    ) {
        (Some("always_invoice"), _) => {
            return Err(StripeError::invalid(
                "`proration_behavior` cannot be `always_invoice` for `subscription_cancel`.",
            )
            .param(proration));
        }
        (Some("create_prorations"), Some("at_period_end")) => {
            return Err(StripeError::invalid(
                "`proration_behavior` must be `none` when `mode` is `at_period_end`.",
            )
            .param(proration));
        }
        _ => {}
    }
    let customer = &features["customer_update"];
    let names_none = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    if customer["enabled"] == true && names_none(&customer["allowed_updates"]) {
        return Err(StripeError::missing(
            "features[customer_update][allowed_updates]",
        ));
    }
    let update = &features["subscription_update"];
    if update["enabled"] == true {
        if names_none(&update["default_allowed_updates"]) {
            return Err(StripeError::missing(
                "features[subscription_update][default_allowed_updates]",
            ));
        }
        if names_none(products) {
            return Err(StripeError::missing(
                "features[subscription_update][products]",
            ));
        }
    }
    Ok(())
}

fn profile_of(call: &Call<'_>, old: &Value) -> Answer {
    let mut profile = json!({
        "headline": old["headline"],
        "privacy_policy_url": old["privacy_policy_url"],
        "terms_of_service_url": old["terms_of_service_url"],
    });
    let Some(sent) = call
        .params
        .at("/business_profile")
        .and_then(Value::as_object)
    else {
        return Ok(profile);
    };
    for (name, value) in sent {
        let is_url = name.ends_with("_url");
        if is_url && value.as_str().is_some_and(|url| !url.contains("://")) {
            return Err(StripeError::coded("url_invalid", "Not a valid URL")
                .param(&format!("business_profile[{name}]")));
        }
        profile[name] = value.clone();
    }
    Ok(profile)
}

/// The products whose prices a customer may change between.
fn products_of(call: &Call<'_>, old: &Value) -> Answer {
    let update = call.params.at("/features/subscription_update");
    let Some(sent) = update.and_then(|update| update.get("products")) else {
        return Ok(old.clone());
    };
    let sent = sent.as_array().map_or(&[][..], Vec::as_slice);
    let at = "features[subscription_update][products]";
    if sent.len() > PRODUCTS_MAX {
        return Err(
            StripeError::invalid(format!("You can pass at most {PRODUCTS_MAX} products."))
                .param(at),
        );
    }
    let mut products = Vec::new();
    for (index, entry) in sent.iter().enumerate() {
        let at = format!("{at}[{index}]");
        let product = entry["product"].as_str().unwrap_or_default();
        if call.account.get(product)["object"] != "product" {
            let param = format!("{at}[product]");
            return Err(StripeError::no_such_param("product", product, &param));
        }
        for (index, price) in entry["prices"].as_array().into_iter().flatten().enumerate() {
            let param = format!("{at}[prices][{index}]");
            check_price(
                call.account,
                price.as_str().unwrap_or_default(),
                product,
                &param,
            )?;
        }
        let adjustable = &entry["adjustable_quantity"];
        products.push(json!({
            "adjustable_quantity": {
                "enabled": adjustable["enabled"] != false,
                "maximum": adjustable["maximum"],
                "minimum": adjustable["minimum"].as_i64().unwrap_or(1),
            },
            "prices": entry["prices"],
            "product": product,
        }));
    }
    Ok(json!(products))
}

fn check_price(account: &Account, id: &str, product: &str, param: &str) -> Result<(), StripeError> {
    let price = account.get(id);
    if price["object"] != "price" {
        return Err(StripeError::no_such_param("price", id, param));
    }
    if price["recurring"].is_null() {
        return Err(StripeError::invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices \
             with `type=recurring`.",
        )
        .param(param));
    }
    if price["product"] != product {
        return Err(StripeError::invalid(format!(
            "The price `{id}` does not belong to the product `{product}`."
        ))
        .param(param));
    }
    Ok(())
}

fn login_page(account: &mut Account, is_enabled: Option<bool>) -> Option<Value> {
    let is_enabled = is_enabled?;
    let url = if is_enabled {
        let token = account.ids.letters(18);
        json!(format!("{}/p/login/test_{token}", account.public_url))
    } else {
        Value::Null
    };
    Some(json!({ "enabled": is_enabled, "url": url }))
}
