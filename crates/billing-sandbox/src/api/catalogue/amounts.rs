//! What a price asks for, as it is sent: amounts, decimals, tiers, and options by currency.

use crate::json::{Map, Text, Value, json};

use crate::api::coupons::check_currencies;
use crate::http::error::StripeError;
use crate::http::params::Params;
use crate::lives::decimal::Decimal;
use crate::lives::money::AMOUNT_MAX;

/// What is asked for: one amount, an amount that the customer chooses, or tiers.
pub(super) fn amounts(params: &Params) -> Result<Value, StripeError> {
    let is_tiered = params.text("/billing_scheme") == Some("tiered");
    if is_tiered {
        if params.at("/recurring").is_none() {
            return Err(StripeError::invalid(
                "Prices with `type=one_time` are not supported with tiered billing.",
            )
            .param("interval"));
        }
        for name in ["tiers_mode", "tiers"] {
            if params.at(&format!("/{name}")).is_none() {
                return Err(StripeError::missing(name));
            }
        }
        for name in ["unit_amount", "unit_amount_decimal", "transform_quantity"] {
            if params.has(name) {
                return Err(StripeError::invalid(format!(
                    "You may only specify one of these parameters: tiers, {name}."
                ))
                .param("tiers"));
            }
        }
        return Ok(json!({ "tiers": tiers(params.list("/tiers"), "tiers")? }));
    }
    for name in ["tiers", "tiers_mode"] {
        if params.has(name) {
            return Err(StripeError::invalid(format!(
                "`{name}` can only be set for prices with `billing_scheme=tiered`."
            ))
            .param(name));
        }
    }
    if let Some(transform) = params.at("/transform_quantity")
        && transform["divide_by"].as_i64().is_some_and(|by| by < 1)
    {
        return Err(at_least(1, "transform_quantity[divide_by]"));
    }
    if params.at("/custom_unit_amount").is_none()
        && !params.has("unit_amount")
        && !params.has("unit_amount_decimal")
    {
        return Err(StripeError::invalid(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
        ));
    }
    if params.has("unit_amount_decimal")
        && let Some(options) = params.at("/currency_options").and_then(Value::as_object)
        && let Some((code, _)) = (options.iter()).find(|(_, own)| !own["unit_amount"].is_null())
    {
        return Err(StripeError::invalid(format!(
            "You may only specify one of these parameters: unit_amount_decimal, \
             currency_options[{code}][unit_amount]."
        ))
        .param("unit_amount_decimal"));
    }
    per_unit(&params.0, "")
}

fn at_least(least: i64, param: &str) -> StripeError {
    StripeError::coded(
        "parameter_invalid_integer",
        format!("This value must be greater than or equal to {least}."),
    )
    .param(param)
}

/// `unit_amount`, its decimal, and `custom_unit_amount`, of a price or of one of its currencies.
fn per_unit(sent: &Value, at: &str) -> Result<Value, StripeError> {
    let (unit_amount, unit_amount_decimal) =
        amount(sent, "unit_amount", "unit_amount_decimal", at)?;
    let custom = &sent["custom_unit_amount"];
    let custom = if custom["enabled"] == true {
        json!({
            "maximum": custom["maximum"], "minimum": custom["minimum"], "preset": custom["preset"],
        })
    } else {
        Value::Null
    };
    Ok(json!({
        "custom_unit_amount": custom,
        "unit_amount": unit_amount,
        "unit_amount_decimal": unit_amount_decimal,
    }))
}

/// An amount in whole units or as a decimal, as Stripe shows both: the whole one only if it is whole.
fn amount(
    sent: &Value,
    whole: &str,
    decimal: &str,
    at: &str,
) -> Result<(Value, Value), StripeError> {
    let named = |name: &str| {
        if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}[{name}]")
        }
    };
    let (value, name) = match (sent[whole].as_i64(), sent[decimal].as_str()) {
        (Some(_), Some(_)) => {
            return Err(StripeError::invalid(format!(
                "You may only specify one of these parameters: {whole}, {decimal}."
            ))
            .param(&named(whole)));
        }
        (Some(amount), None) => (Decimal::whole(amount), whole),
        (None, Some(text)) => match Decimal::parse(text) {
            Some(value) => (value, decimal),
            None => {
                return Err(
                    StripeError::invalid(format!("Invalid decimal: {text}")).param(&named(decimal))
                );
            }
        },
        (None, None) => return Ok((Value::Null, Value::Null)),
    };
    if value.is_negative() {
        return Err(at_least(0, &named(name)));
    }
    if value > Decimal::whole(AMOUNT_MAX) {
        return Err(
            StripeError::coded("amount_too_large", "Amount must be no more than 99999999")
                .param(&named(name)),
        );
    }
    let shown = value.as_whole().map_or(Value::Null, |whole| json!(whole));
    Ok((shown, json!(value.to_string())))
}

/// Checks tiers: rising, and the last one without end.
fn tiers(sent: &[Value], at: &str) -> Result<Value, StripeError> {
    let mut below = 0;
    let mut out = Vec::new();
    for (index, tier) in sent.iter().enumerate() {
        let here = format!("{at}[{index}]");
        let is_last = index + 1 == sent.len();
        let up_to = tier["up_to"].as_str().unwrap_or_default();
        let end = match up_to.parse::<i64>() {
            Ok(end) if end > below && !is_last => json!(end),
            Err(_) if up_to == "inf" && is_last => Value::Null,
            Err(_) if up_to != "inf" => {
                return Err(StripeError::coded(
                    "parameter_invalid_integer",
                    format!("Invalid integer: {up_to}"),
                )
                .param(&format!("{here}[up_to]")));
            }
            _ => {
                return Err(StripeError::invalid(
                    "Tiers must have rising values of `up_to`, and the last tier must have \
                     `up_to=inf`.",
                )
                .param(&format!("{here}[up_to]")));
            }
        };
        below = end.as_i64().unwrap_or(below);
        let (unit, unit_decimal) = amount(tier, "unit_amount", "unit_amount_decimal", &here)?;
        let (flat, flat_decimal) = amount(tier, "flat_amount", "flat_amount_decimal", &here)?;
        if unit_decimal.is_null() && flat_decimal.is_null() {
            return Err(StripeError::invalid(
                "Each tier requires a `unit_amount` or a `flat_amount`.",
            )
            .param(&here));
        }
        out.push(json!({
            "flat_amount": flat, "flat_amount_decimal": flat_decimal,
            "unit_amount": unit, "unit_amount_decimal": unit_decimal, "up_to": end,
        }));
    }
    if out.is_empty() {
        return Err(StripeError::missing(at));
    }
    Ok(Value::from(out))
}

pub(super) fn currency_options(sent: &Value) -> Result<Map, StripeError> {
    check_currencies(sent)?;
    let mut options = Map::new();
    for (code, option) in sent.as_object().into_iter().flatten() {
        let at = format!("currency_options[{code}]");
        let mut kept = per_unit(option, &at)?;
        kept["tax_behavior"] = json!(option["tax_behavior"].as_str().unwrap_or("unspecified"));
        if let Some(sent) = option["tiers"].as_array() {
            kept["tiers"] = tiers(sent, &format!("{at}[tiers]"))?;
        }
        options.insert(code.clone(), kept);
    }
    Ok(options)
}

/// The options as they are shown: the price's own currency is one of them.
pub(super) fn with_own(mut options: Map, price: &Value) -> Value {
    let own = json!({
        "custom_unit_amount": price["custom_unit_amount"],
        "tax_behavior": price["tax_behavior"],
        "unit_amount": price["unit_amount"],
        "unit_amount_decimal": price["unit_amount_decimal"],
    });
    let currency = price["currency"].as_str().unwrap_or_default();
    options.insert(Text::copied(currency), own);
    Value::Object(options)
}
