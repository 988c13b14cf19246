//! A new Checkout Session as an object: what was sent, and Stripe's defaults for the rest.

use crate::json::{Value, json};

use crate::api::checkout::asks;
use crate::api::checkout::terms::UiMode;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call};
use crate::http::error::StripeError;
use crate::http::params::Params;
use crate::lives::invoice::ACCOUNT_NAME;
use crate::lives::payment;

/// Flexible billing is the default since then.
const FLEXIBLE_SINCE: &str = "2025-09-30";

/// What of a session is decided before it is made.
pub(crate) struct Decided<'a> {
    pub(crate) mode: &'a str,
    pub(crate) ui_mode: UiMode,
    pub(crate) expires_at: i64,
    pub(crate) currency: Value,
}

#[expect(
    clippy::too_many_lines,
    reason = "one object of Stripe's, member by member"
)]
pub(crate) fn blank(call: &mut Call<'_>, decided: &Decided<'_>) -> Answer {
    let id = id_of(call, decided.mode);
    let shipping_options = asks::shipping_options(call, &decided.currency)?;
    let secret = call.account.ids.letters(30);
    let p = &call.params;
    let is_hosted = decided.ui_mode == UiMode::Hosted;
    let (client_secret, url) = if is_hosted {
        let url = format!("{}/c/pay/{id}", call.account.public_url);
        (Value::Null, json!(url))
    } else {
        (json!(format!("{id}_secret_{secret}")), Value::Null)
    };
    let types = method_types(p);
    let is_setup = decided.mode == "setup";
    let mut session = json!({
        "id": id,
        "object": "checkout.session",
        "adaptive_pricing": { "enabled": p.flag("/adaptive_pricing/enabled").unwrap_or(!is_setup) },
        "after_expiration": asks::after_expiration(call),
        "allow_promotion_codes": p.or_null("/allow_promotion_codes"),
        "allowed_payment_method_types": p.or_null("/allowed_payment_method_types"),
        "amount_subtotal": null,
        "amount_total": null,
        "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
        "billing_address_collection": p.or_null("/billing_address_collection"),
        "branding_settings": branding(p),
        "cancel_url": p.or_null("/cancel_url"),
        "client_reference_id": p.or_null("/client_reference_id"),
        "client_secret": client_secret,
        "collected_information": {
            "business_name": null, "individual_name": null, "shipping_details": null,
        },
        "consent": null,
        "consent_collection": asks::consent_collection(call),
        "created": call.account.now,
        "currency": decided.currency,
        "currency_conversion": null,
        "custom_fields": asks::custom_fields(call)?,
        "custom_text": asks::custom_text(call),
        "customer": p.or_null("/customer"),
        "customer_account": null,
        "customer_creation": creation(p, decided.mode),
        "customer_details": details(call, is_setup),
        "customer_email": p.or_null("/customer_email"),
        "discounts": if is_setup { Value::Null } else { json!([]) },
        "expires_at": decided.expires_at,
        "integration_identifier": p.or_null("/integration_identifier"),
        "invoice": null,
        "invoice_creation": asks::invoice_creation(call, decided.mode)?,
        "livemode": false,
        "locale": p.or_null("/locale"),
        "managed_payments": if is_setup { Value::Null } else { json!({ "enabled": false }) },
        "metadata": merged_metadata(&json!({}), p.0.get("metadata"))?,
        "mode": decided.mode,
        "origin_context": p.or_null("/origin_context"),
        "payment_intent": null,
        "payment_link": null,
        "payment_method_collection": collection(p, decided.mode),
        "payment_method_configuration_details": configuration(p),
        "payment_method_options": method_options(p, &types),
        "payment_method_types": types,
        "payment_status": if is_setup { "no_payment_required" } else { "unpaid" },
        "permissions": p.or_null("/permissions"),
        "phone_number_collection": {
            "enabled": p.flag("/phone_number_collection/enabled").unwrap_or(false),
        },
        "recovered_from": null,
        "saved_payment_method_options": saved_options(p, decided.mode),
        "setup_intent": null,
        "shipping_address_collection": p.or_null("/shipping_address_collection"),
        "shipping_cost": null,
        "shipping_options": shipping_options,
        "status": "open",
        "submit_type": p.or_null("/submit_type"),
        "subscription": null,
        "success_url": p.or_null("/success_url"),
        "total_details": null,
        "ui_mode": decided.ui_mode.name(),
        "url": url,
        "wallet_options": p.or_null("/wallet_options"),
        // Whether a subscription is shown as `incomplete` while it is paid, as it was before basil.
        "_begins_incomplete": call.version.is_before("2025-03-31"),
        "_customer_update": p.or_null("/customer_update"),
        "_discounts": [],
        "_is_classic": match p.text("/subscription_data/billing_mode/type") {
            Some(kind) => kind == "classic",
            None => call.version.is_before(FLEXIBLE_SINCE),
        },
        "_payment_intent": null,
        "_payment_intent_data": with_metadata(p, "/payment_intent_data")?,
        "_setup_intent_data": with_metadata(p, "/setup_intent_data")?,
        "_subscription_data": with_metadata(p, "/subscription_data")?,
    });
    if !is_hosted {
        session["return_url"] = p.or_null("/return_url");
        session["redirect_on_completion"] =
            json!(p.text("/redirect_on_completion").unwrap_or("always"));
    }
    if let Some(sent) = p.at("/name_collection") {
        session["name_collection"] = name_collection(sent);
    }
    if let Some(sent) = p.at("/excluded_payment_method_types") {
        session["excluded_payment_method_types"] = sent.clone();
    }
    if let Some(sent) = p.at("/tax_id_collection") {
        session["tax_id_collection"] = json!({
            "enabled": sent["enabled"], "required": sent["required"].as_str().unwrap_or("never"),
        });
    }
    let mut optional: Vec<Value> = Vec::new();
    for (index, sent) in p.list("/optional_items").iter().enumerate() {
        optional.push(optional_item(call, sent, decided, index)?);
    }
    if !optional.is_empty() {
        session["optional_items"] = json!(optional);
    }
    Ok(session)
}

/// What is known of the customer before the page was filled in; nothing of one who is yet to be made.
fn details(call: &Call<'_>, is_setup: bool) -> Value {
    let p = &call.params;
    let owner = call.account.get(p.text("/customer").unwrap_or_default());
    let email = match p.text("/customer_email") {
        Some(email) => json!(email),
        None if owner.is_null() => return Value::Null,
        None => owner["email"].clone(),
    };
    let tax_exempt = if is_setup {
        Value::Null
    } else {
        json!(owner["tax_exempt"].as_str().unwrap_or("none"))
    };
    json!({ "email": email, "tax_exempt": tax_exempt })
}

/// The look of the page: as chosen, and the account's for the rest.
fn branding(p: &Params) -> Value {
    let mut look = json!({
        "background_color": "#ffffff", "border_style": "rounded", "button_color": "#0074d4",
        "display_name": ACCOUNT_NAME, "font_family": "default", "icon": null, "logo": null,
    });
    let sent = p.at("/branding_settings").and_then(Value::as_object);
    for (name, value) in sent.into_iter().flatten() {
        look[name] = value.clone();
    }
    look
}

/// Where the kinds of payment come from, unless they were listed.
fn configuration(p: &Params) -> Value {
    if p.list("/payment_method_types").is_empty() {
        json!({ "id": payment::CONFIGURATION, "parent": null })
    } else {
        Value::Null
    }
}

/// Ids of sessions that take money begin differently from those that save a card.
fn id_of(call: &mut Call<'_>, mode: &str) -> String {
    let id = call.account.ids.next("cs_test_");
    if mode == "setup" {
        id.replacen("cs_test_a1", "cs_test_c1", 1)
    } else {
        id
    }
}

fn collection(p: &Params, mode: &str) -> Value {
    match p.text("/payment_method_collection") {
        Some(chosen) => json!(chosen),
        None if mode == "payment" => json!("if_required"),
        None => json!("always"),
    }
}

fn creation(p: &Params, mode: &str) -> Value {
    match p.text("/customer_creation") {
        Some(chosen) => json!(chosen),
        None if p.at("/customer").is_some() => Value::Null,
        None if mode == "payment" => json!("if_required"),
        None if mode == "subscription" => json!("always"),
        None => Value::Null,
    }
}

/// The kinds of payment that the page offers: as chosen, or cards.
fn method_types(p: &Params) -> Value {
    let excluded = p.list("/excluded_payment_method_types");
    let chosen = ["/payment_method_types", "/allowed_payment_method_types"]
        .iter()
        .map(|name| p.list(name))
        .find(|list| !list.is_empty());
    let types: Vec<Value> = match chosen {
        Some(list) => list
            .iter()
            .filter(|kind| !excluded.contains(kind))
            .cloned()
            .collect(),
        None => vec![json!("card")],
    };
    json!(types)
}

fn method_options(p: &Params, types: &Value) -> Value {
    let mut options = p.or_null("/payment_method_options");
    if !options.is_object() {
        options = json!({});
    }
    let has_card = types.as_array().is_some_and(|t| t.contains(&json!("card")));
    if has_card && options["card"]["request_three_d_secure"].is_null() {
        options["card"]["request_three_d_secure"] = json!("automatic");
    }
    options
}

fn saved_options(p: &Params, mode: &str) -> Value {
    match p.at("/saved_payment_method_options") {
        None if p.at("/customer").is_none() || mode == "setup" => Value::Null,
        None => json!({
            "allow_redisplay_filters": ["always"], "payment_method_remove": "disabled",
            "payment_method_save": null,
        }),
        Some(sent) => {
            let filters = &sent["allow_redisplay_filters"];
            json!({
                "allow_redisplay_filters": if filters.is_null() { json!(["always"]) } else { filters.clone() },
                "payment_method_remove": sent["payment_method_remove"].as_str().unwrap_or("disabled"),
                "payment_method_save": sent["payment_method_save"],
            })
        }
    }
}

fn name_collection(sent: &Value) -> Value {
    let mut asked = json!({});
    for (kind, wanted) in sent.as_object().into_iter().flatten() {
        asked[kind] = json!({
            "enabled": wanted["enabled"], "optional": wanted["optional"] == true,
        });
    }
    asked
}

/// Something that the customer may buy along.
fn optional_item(call: &Call<'_>, sent: &Value, decided: &Decided<'_>, index: usize) -> Answer {
    let id = sent["price"].as_str().unwrap_or_default();
    let price = call.account.get(id);
    let at = format!("optional_items[{index}][price]");
    if price["object"] != "price" {
        return Err(StripeError::no_such_param("price", id, &at));
    }
    let fits_mode = decided.mode == "subscription" || price["recurring"].is_null();
    if !fits_mode || price["currency"] != decided.currency {
        return Err(StripeError::invalid(
            "Optional items must fit the mode and the currency of the Checkout Session.",
        )
        .param(&at));
    }
    Ok(json!({
        "adjustable_quantity": super::lines::adjustable(&sent["adjustable_quantity"]),
        "price": sent["price"],
        "quantity": sent["quantity"],
    }))
}

/// What was sent for the object that the session will make, its metadata checked.
fn with_metadata(p: &Params, pointer: &str) -> Answer {
    let mut data = p.or_null(pointer);
    let metadata = merged_metadata(&json!({}), data.get("metadata"))?;
    if !data.is_object() {
        data = json!({});
    }
    data["metadata"] = metadata;
    Ok(data)
}
