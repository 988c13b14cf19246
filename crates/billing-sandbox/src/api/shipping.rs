//! Shipping rates: create, retrieve, list, update. They are archived rather than deleted.

use serde_json::{Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::http::params::Params;
use crate::lives::money;

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/shipping_rates", create).lacks("currency_options"),
    route("GET /v1/shipping_rates", list),
    route("GET /v1/shipping_rates/{}", retrieve),
    route("POST /v1/shipping_rates/{}", update).lacks("currency_options"),
];

fn create(call: &mut Call<'_>) -> Answer {
    let params = call.params.clone();
    let id = insert(call.account, &params)?;
    Ok(call.account.get(&id).clone())
}

/// Checks and stores a rate; a Checkout Session may make one on the spot.
pub(crate) fn insert(account: &mut Account, params: &Params) -> Result<String, StripeError> {
    let Some(amount) = params.int("/fixed_amount/amount") else {
        return Err(StripeError::missing("fixed_amount"));
    };
    if amount < 0 {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            "This value must be greater than or equal to 0.",
        )
        .param("fixed_amount[amount]"));
    }
    let currency = money::currency(params.text("/fixed_amount/currency").unwrap_or_default())?;
    let rate = json!({
        "id": account.ids.next("shr_"),
        "object": "shipping_rate",
        "active": true,
        "created": account.now,
        "delivery_estimate": delivery_estimate(&params.or_null("/delivery_estimate")),
        "display_name": params.require("display_name")?,
        "fixed_amount": { "amount": amount, "currency": currency },
        "livemode": false,
        "metadata": merged_metadata(&json!({}), params.0.get("metadata"))?,
        "tax_behavior": params.text("/tax_behavior").unwrap_or("unspecified"),
        "tax_code": params.or_null("/tax_code"),
        "type": "fixed_amount",
    });
    Ok(account.insert(rate))
}

fn delivery_estimate(sent: &Value) -> Value {
    if sent.is_null() {
        return Value::Null;
    }
    json!({ "maximum": sent["maximum"], "minimum": sent["minimum"] })
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("shipping_rate", &call.id(), "shipping_rate_token")
        .cloned()
}

fn list(call: &mut Call<'_>) -> Answer {
    let active = call.params.flag("/active");
    let currency = call.params.text("/currency");
    list::page(call, "shipping_rate", "/v1/shipping_rates", |row| {
        active.is_none_or(|on| row["active"] == on)
            && currency.is_none_or(|wanted| row["fixed_amount"]["currency"] == wanted)
    })
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call
        .account
        .fetch_snapshot("shipping_rate", &id, "shipping_rate_token")?;
    let metadata = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    let (active, behaviour) = (
        call.params.flag("/active"),
        call.params.text("/tax_behavior").map(str::to_owned),
    );
    if behaviour.is_some() && before["tax_behavior"] != "unspecified" {
        return Err(StripeError::invalid(
            "You cannot change `tax_behavior` once it has been set to `exclusive` or `inclusive`.",
        )
        .param("tax_behavior"));
    }
    if let Some(rate) = call.account.edit(&id) {
        rate["metadata"] = metadata;
        if let Some(active) = active {
            rate["active"] = json!(active);
        }
        if let Some(behaviour) = behaviour {
            rate["tax_behavior"] = json!(behaviour);
        }
    }
    Ok(call.account.get(&id).clone())
}
