//! What releases changed in Checkout Sessions and in the portal's configurations.

use crate::json::{Map, Value, json};

use crate::shape::moves::{get, put};

/// Before dahlia the ways to show a session had other names.
pub(super) fn old_ui_mode(members: &mut Map) {
    let old = match members.get("ui_mode").and_then(Value::as_str) {
        Some("hosted_page") => "hosted",
        Some("embedded_page") => "embedded",
        Some("elements" | "form") => "custom",
        _ => return,
    };
    put(members, "ui_mode", json!(old));
}

/// Before basil the shipping address was a member of the session itself.
pub(super) fn old_shipping(members: &mut Map) {
    let collected = members
        .shift_remove("collected_information")
        .unwrap_or_default();
    put(
        members,
        "shipping_details",
        collected["shipping_details"].clone(),
    );
}

/// The oldest versions show the products of a configuration without being asked.
pub(super) fn old_configuration(members: &mut Map) {
    let products = get(members, "_products");
    if let Some(features) = members.get_mut("features")
        && features["subscription_update"].is_object()
    {
        features["subscription_update"]["products"] = products;
    }
}
