//! What a Checkout Session asks its customer for, beyond a card: fields, consent, shipping, tax ids.

use crate::json::{Value, json};

use crate::api::metadata::merged_metadata;
use crate::api::{Call, shipping};
use crate::http::error::StripeError;
use crate::http::params::Params;

const CUSTOM_FIELDS_MAX: usize = 3;
const FIELD_KEY_CHARS_MAX: usize = 200;
const FIELD_LABEL_CHARS_MAX: usize = 50;
const DROPDOWN_OPTIONS_MAX: usize = 200;
const SHIPPING_OPTIONS_MAX: usize = 5;

/// The session's custom fields, none of them filled in yet.
pub(crate) fn custom_fields(call: &Call<'_>) -> Result<Value, StripeError> {
    let sent = call.params.list("/custom_fields");
    if sent.len() > CUSTOM_FIELDS_MAX {
        return Err(StripeError::invalid(format!(
            "You can pass at most {CUSTOM_FIELDS_MAX} custom fields."
        ))
        .param("custom_fields"));
    }
    let mut fields: Vec<Value> = Vec::new();
    for (index, field) in sent.iter().enumerate() {
        let at = format!("custom_fields[{index}]");
        let key = field["key"].as_str().unwrap_or_default();
        let is_plain = key.chars().all(|c| c.is_ascii_alphanumeric());
        if key.is_empty() || key.chars().count() > FIELD_KEY_CHARS_MAX || !is_plain {
            return Err(StripeError::invalid(
                "Custom field keys must be alphanumeric and at most 200 characters.",
            )
            .param(&format!("{at}[key]")));
        }
        if fields.iter().any(|other| other["key"] == key) {
            return Err(StripeError::invalid("Custom field keys must be unique.")
                .param(&format!("{at}[key]")));
        }
        let label = field["label"]["custom"].as_str().unwrap_or_default();
        if label.chars().count() > FIELD_LABEL_CHARS_MAX {
            return Err(StripeError::invalid(format!(
                "Invalid string: {label}; must be at most {FIELD_LABEL_CHARS_MAX} characters"
            ))
            .param(&format!("{at}[label][custom]")));
        }
        fields.push(custom_field(field, &at)?);
    }
    Ok(json!(fields))
}

fn custom_field(field: &Value, at: &str) -> Result<Value, StripeError> {
    let kind = field["type"].as_str().unwrap_or_default();
    let settings = &field[kind];
    let inner = if kind == "dropdown" {
        let options = settings["options"].as_array().map_or(0, Vec::len);
        if options == 0 || options > DROPDOWN_OPTIONS_MAX {
            return Err(StripeError::missing(&format!("{at}[dropdown][options]")));
        }
        json!({
            "default_value": settings["default_value"], "options": settings["options"],
            "value": null,
        })
    } else {
        json!({
            "default_value": settings["default_value"],
            "maximum_length": settings["maximum_length"],
            "minimum_length": settings["minimum_length"],
            "value": null,
        })
    };
    Ok(json!({
        "key": field["key"],
        "label": field["label"],
        "optional": field["optional"] == true,
        "type": kind,
        kind: inner,
    }))
}

/// The session's own words on the page.
pub(crate) fn custom_text(call: &Call<'_>) -> Value {
    let text = |name: &str| call.params.or_null(&format!("/custom_text/{name}"));
    json!({
        "after_submit": text("after_submit"),
        "shipping_address": text("shipping_address"),
        "submit": text("submit"),
        "terms_of_service_acceptance": text("terms_of_service_acceptance"),
    })
}

/// What the customer has to agree to, or null.
pub(crate) fn consent_collection(call: &Call<'_>) -> Value {
    let Some(sent) = call.params.at("/consent_collection") else {
        return Value::Null;
    };
    json!({
        "payment_method_reuse_agreement": sent["payment_method_reuse_agreement"],
        "promotions": sent["promotions"].as_str().unwrap_or("none"),
        "terms_of_service": sent["terms_of_service"].as_str().unwrap_or("none"),
    })
}

/// What happens after an expiry, or null.
pub(crate) fn after_expiration(call: &Call<'_>) -> Value {
    let Some(recovery) = call.params.at("/after_expiration/recovery") else {
        return Value::Null;
    };
    json!({ "recovery": {
        "allow_promotion_codes": recovery["allow_promotion_codes"] == true,
        "enabled": recovery["enabled"],
        "expires_at": null,
        "url": null,
    } })
}

/// How the invoice of a one-time payment is to look, or null.
pub(crate) fn invoice_creation(call: &Call<'_>, mode: &str) -> Result<Value, StripeError> {
    if mode != "payment" {
        return Ok(Value::Null);
    }
    let data = call.params.or_null("/invoice_creation/invoice_data");
    Ok(json!({
        "enabled": call.params.flag("/invoice_creation/enabled").unwrap_or(false),
        "invoice_data": {
            "account_tax_ids": data["account_tax_ids"],
            "custom_fields": data["custom_fields"],
            "description": data["description"],
            "footer": data["footer"],
            "issuer": data["issuer"],
            "metadata": merged_metadata(&json!({}), data.get("metadata"))?,
            "rendering_options": data["rendering_options"],
        },
    }))
}

/// The rates to choose from: ids of shipping rates, some of them made on the spot.
pub(crate) fn shipping_options(
    call: &mut Call<'_>,
    currency: &Value,
) -> Result<Value, StripeError> {
    let sent = call.params.list("/shipping_options").to_vec();
    if sent.len() > SHIPPING_OPTIONS_MAX {
        return Err(StripeError::invalid(format!(
            "You can pass at most {SHIPPING_OPTIONS_MAX} shipping options."
        ))
        .param("shipping_options"));
    }
    let mut options = Vec::new();
    for (index, option) in sent.iter().enumerate() {
        let at = format!("shipping_options[{index}]");
        let id = if let Some(data) = option.get("shipping_rate_data").filter(|d| !d.is_null()) {
            shipping::insert(call.account, &Params(data.clone()))?
        } else {
            let at = format!("{at}[shipping_rate]");
            let id = option["shipping_rate"]
                .as_str()
                .ok_or_else(|| StripeError::missing(&at))?;
            let rate = call.account.get(id);
            if rate["object"] != "shipping_rate" {
                return Err(StripeError::no_such_param("shipping rate", id, &at));
            }
            if rate["active"] != true {
                return Err(
                    StripeError::invalid("The shipping rate specified is inactive.").param(&at),
                );
            }
            id.to_owned()
        };
        let amount = &call.account.get(&id)["fixed_amount"];
        if amount["currency"] != *currency {
            return Err(StripeError::invalid(
                "Shipping rates must use the same currency as the line items.",
            )
            .param(&at));
        }
        options.push(json!({ "shipping_amount": amount["amount"], "shipping_rate": id }));
    }
    Ok(json!(options))
}
