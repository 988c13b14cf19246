//! Entitlements: features, and who has them.

use crate::json::{Value, json};

use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::entitlement;

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/entitlements/features", create_feature),
    route("GET /v1/entitlements/features", list_features),
    route("GET /v1/entitlements/features/{}", retrieve_feature),
    route("POST /v1/entitlements/features/{}", update_feature),
    route("GET /v1/entitlements/active_entitlements", list_active),
    route(
        "GET /v1/entitlements/active_entitlements/{}",
        retrieve_active,
    ),
];

const KIND: &str = "entitlements.feature";
const LOOKUP_KEY_CHARS_MAX: usize = 80;

pub(crate) fn create_feature(call: &mut Call<'_>) -> Answer {
    let key = call.params.require("lookup_key")?.to_owned();
    for name in ["lookup_key", "name"] {
        let value = call.params.require(name)?;
        let chars = value.chars().count();
        if chars > LOOKUP_KEY_CHARS_MAX {
            return Err(StripeError::invalid(format!(
                "Invalid string: {value}; must be at most {LOOKUP_KEY_CHARS_MAX} characters"
            ))
            .param(name));
        }
    }
    let is_taken = call
        .account
        .rows(KIND)
        .any(|row| row["lookup_key"] == key && row["active"] == true);
    if is_taken {
        return Err(StripeError::coded(
            "resource_already_exists",
            format!("An active feature with lookup_key `{key}` already exists."),
        )
        .param("lookup_key"));
    }
    let feature = json!({
        "id": call.account.ids.next("feat_test_"),
        "object": KIND,
        "active": true,
        "livemode": false,
        "lookup_key": key,
        "metadata": merged_metadata(&json!({}), call.params.0.get("metadata"))?,
        "name": call.params.require("name")?,
        "_created": call.account.now,
    });
    let id = call.account.insert(feature);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn retrieve_feature(call: &mut Call<'_>) -> Answer {
    call.account.fetch(KIND, &call.id(), "id").cloned()
}

pub(crate) fn update_feature(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot(KIND, &id, "id")?;
    if before["active"] != true && call.params.flag("/active") == Some(true) {
        return Err(
            StripeError::invalid("An archived feature cannot be made active again.")
                .param("active"),
        );
    }
    let mut feature = Value::clone(&before);
    for name in ["active", "name"] {
        if let Some(value) = call.params.at(&format!("/{name}")) {
            feature[name] = value.clone();
        }
    }
    feature["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    if let Some(stored) = call.account.edit(&id) {
        *stored = feature;
    }
    Ok(call.account.get(&id).clone())
}

/// Lists the active features, or the archived ones if they are asked for.
pub(crate) fn list_features(call: &mut Call<'_>) -> Answer {
    let is_archived = call.params.flag("/archived").unwrap_or(false);
    list::page(call, KIND, "/v1/entitlements/features", |row| {
        (row["active"] != true) == is_archived && list::is(call, "lookup_key", row, "lookup_key")
    })
}

pub(crate) fn list_active(call: &mut Call<'_>) -> Answer {
    let customer = call.params.require("customer")?.to_owned();
    crate::api::customers::known(call.account, &customer, "customer")?;
    let rows = entitlement::of_customer(call.account, &customer);
    list::cut(
        call,
        &rows,
        "entitlements.active_entitlement",
        "/v1/entitlements/active_entitlements",
    )
}

pub(crate) fn retrieve_active(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("entitlements.active_entitlement", &call.id(), "id")
        .cloned()
}
