//! Shipping rates: what a delivery costs and how long it takes.

use crate::json::{Value, json};

use crate::api::coupons::check_currencies;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::http::params::Params;
use crate::lives::money::currency;

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/shipping_rates", create),
    route("GET /v1/shipping_rates", list),
    route("GET /v1/shipping_rates/{}", retrieve),
    route("POST /v1/shipping_rates/{}", update),
];

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let params = call.params.clone();
    let id = insert(call.account, &params)?;
    Ok(call.account.get(&id).clone())
}

/// Checks and stores a shipping rate.
pub(crate) fn insert(
    account: &mut crate::account::Account,
    params: &Params,
) -> Result<String, StripeError> {
    let Some(fixed) = params.at("/fixed_amount") else {
        return Err(StripeError::missing("fixed_amount"));
    };
    let amount = fixed["amount"].as_i64().unwrap_or(0);
    if amount < 0 {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            "This value must be greater than or equal to 0.",
        )
        .param("fixed_amount[amount]"));
    }
    check_currencies(&fixed["currency_options"])?;
    let own = currency(fixed["currency"].as_str().unwrap_or_default())
        .map_err(|error| error.param("fixed_amount[currency]"))?;
    if let Some(code) = params.text("/tax_code")
        && !crate::api::tax::is_code(code)
    {
        return Err(StripeError::no_such_param("tax code", code, "tax_code"));
    }
    let estimate = params.at("/delivery_estimate").map_or(
        Value::Null,
        |sent| json!({ "maximum": sent["maximum"], "minimum": sent["minimum"] }),
    );
    let mut rate = json!({
        "id": account.ids.next("shr_"),
        "object": "shipping_rate",
        "active": true,
        "created": account.now,
        "delivery_estimate": estimate,
        "display_name": params.require("display_name")?,
        "fixed_amount": { "amount": amount, "currency": own },
        "livemode": false,
        "metadata": merged_metadata(&json!({}), params.0.get("metadata"))?,
        "tax_behavior": params.text("/tax_behavior").unwrap_or("unspecified"),
        "tax_code": params.or_null("/tax_code"),
        "type": "fixed_amount",
    });
    rate["_currency_options"] = json!({
        own: { "amount": amount, "tax_behavior": rate["tax_behavior"] },
    });
    for (code, option) in fixed["currency_options"].as_object().into_iter().flatten() {
        rate["_currency_options"][code] = option_of(option);
    }
    Ok(account.insert(rate))
}

fn option_of(sent: &Value) -> Value {
    json!({
        "amount": sent["amount"],
        "tax_behavior": sent["tax_behavior"].as_str().unwrap_or("unspecified"),
    })
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account
        .fetch("shipping_rate", &id, "shipping_rate_token")
        .cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let mut rate = call
        .account
        .fetch("shipping_rate", &id, "shipping_rate_token")?
        .clone();
    if let Some(active) = call.params.flag("/active") {
        rate["active"] = json!(active);
    }
    if let Some(behavior) = call.params.text("/tax_behavior") {
        if rate["tax_behavior"] != "unspecified" && rate["tax_behavior"] != behavior {
            return Err(StripeError::invalid(
                "You cannot change `tax_behavior` once it has been set to `exclusive` or \
                 `inclusive`.",
            )
            .param("tax_behavior"));
        }
        rate["tax_behavior"] = json!(behavior);
    }
    let options = call.params.or_null("/fixed_amount/currency_options");
    check_currencies(&options)?;
    for (code, option) in options.as_object().into_iter().flatten() {
        rate["_currency_options"][code] = option_of(option);
    }
    rate["metadata"] = merged_metadata(&rate["metadata"], call.params.0.get("metadata"))?;
    if let Some(stored) = call.account.edit(&id) {
        *stored = rate;
    }
    Ok(call.account.get(&id).clone())
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let active = call.params.flag("/active");
    let currency = call.params.text("/currency").map(str::to_lowercase);
    list::page(call, "shipping_rate", "/v1/shipping_rates", |row| {
        active.is_none_or(|on| row["active"] == on)
            && currency
                .as_deref()
                .is_none_or(|code| row["fixed_amount"]["currency"] == code)
    })
}
