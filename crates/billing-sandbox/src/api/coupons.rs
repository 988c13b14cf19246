//! Coupons and promotion codes.

use crate::json::{Map, Text, Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::discount;
use crate::lives::money::currency;

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/coupons", create_coupon),
    route("GET /v1/coupons", list_coupons),
    route("GET /v1/coupons/{}", retrieve_coupon),
    route("POST /v1/coupons/{}", update_coupon),
    route("DELETE /v1/coupons/{}", delete_coupon),
    route("POST /v1/promotion_codes", create_code),
    route("GET /v1/promotion_codes", list_codes),
    route("GET /v1/promotion_codes/{}", retrieve_code),
    route("POST /v1/promotion_codes/{}", update_code),
];

/// Coupons and codes that Stripe names have eight of these.
const ID_CHARS: usize = 8;

const FIVE_YEARS_SECONDS: i64 = 5 * 365 * 86_400;

pub(crate) fn create_coupon(call: &mut Call<'_>) -> Answer {
    let id = match call.params.text("/id") {
        Some(id) if call.account.get(id)["object"] == "coupon" => {
            return Err(StripeError::coded(
                "resource_already_exists",
                "Coupon already exists.",
            ));
        }
        Some(id) if call.account.find(id).is_some() => return Err(shared_id(id)),
        Some(id) => id.to_owned(),
        None => call.account.ids.letters(ID_CHARS),
    };
    let (amount_off, percent_off) = terms(call)?;
    let duration = call.params.text("/duration").unwrap_or("once").to_owned();
    let months = months(call, &duration)?;
    let redeem_by = call.params.int("/redeem_by");
    if let Some(by) = redeem_by {
        in_future(by, call.account.now, "redeem_by")?;
    }
    let most = call.params.int("/max_redemptions");
    if most.is_some_and(|most| most < 1) {
        return Err(too_small(1, "max_redemptions"));
    }
    let currency = match call.params.text("/currency") {
        Some(code) if !amount_off.is_null() => json!(currency(code)?),
        _ => Value::Null,
    };
    check_currencies(&call.params.or_null("/currency_options"))?;
    let applies_to = call.params.or_null("/applies_to");
    for (index, product) in call.params.list("/applies_to/products").iter().enumerate() {
        let id = product.as_str().unwrap_or_default();
        if call.account.get(id)["object"] != "product" {
            let param = format!("applies_to[products][{index}]");
            return Err(StripeError::no_such_param("product", id, &param));
        }
    }
    let coupon = json!({
        "id": id,
        "object": "coupon",
        "amount_off": amount_off,
        "created": call.account.now,
        "currency": currency,
        "duration": duration,
        "duration_in_months": months,
        "livemode": false,
        "max_redemptions": most,
        "metadata": merged_metadata(&json!({}), call.params.0.get("metadata"))?,
        "name": call.params.or_null("/name"),
        "percent_off": percent_off,
        "redeem_by": redeem_by,
        "times_redeemed": 0,
        "valid": true,
        "_applies_to": applies_to,
        "_currency_options": own_and(&call.params.or_null("/currency_options"), &currency, json!({ "amount_off": amount_off })),
    });
    let id = call.account.insert(coupon);
    if let Some(by) = redeem_by {
        call.account.when(by + 1, "coupon.lapse", &id);
    }
    call.account.raise("coupon.created", &id);
    Ok(call.account.get(&id).clone())
}

fn too_small(least: i64, param: &str) -> StripeError {
    StripeError::coded(
        "parameter_invalid_integer",
        format!("This value must be greater than or equal to {least}."),
    )
    .param(param)
}

/// At Stripe a product and a coupon may have the same id of the caller's; here they may not.
pub(crate) fn shared_id(id: &str) -> StripeError {
    StripeError::not_simulated(&format!("objects of two kinds with the same id ({id})")).param("id")
}

fn in_future(at: i64, now: i64, param: &str) -> Result<(), StripeError> {
    if at > now {
        return Ok(());
    }
    Err(StripeError::invalid(format!(
        "The parameter `{param}` expects a unix timestamp representing a date and time in the \
         future. You specified the value `{at}` which is in the past."
    ))
    .param(param))
}

/// Options are by currency in lower case.
pub(crate) fn check_currencies(options: &Value) -> Result<(), StripeError> {
    for code in options.as_object().into_iter().flat_map(Map::keys) {
        let known = currency(code).map_err(|error| error.param("currency_options"))?;
        if known != *code {
            return Err(StripeError::invalid(format!(
                "Currencies must be lowercase when used as keys in a map. Use `{known}` instead \
                 of `{code}`."
            ))
            .param("currency_options"));
        }
    }
    Ok(())
}

/// What is taken off: an amount or a percentage, one of them.
fn terms(call: &Call<'_>) -> Result<(Value, Value), StripeError> {
    let amount = call.params.int("/amount_off");
    let percent = call.params.at("/percent_off").and_then(Value::as_f64);
    match (amount, percent) {
        (None, None) => Err(StripeError::coded(
            "parameter_missing",
            "Must provide percent_off or amount_off.",
        )),
        (Some(_), Some(_)) => Err(StripeError::invalid(
            "Received both percent_off and amount_off parameters. Please pass in only one.",
        )),
        (Some(amount), None) if amount < 1 => Err(too_small(1, "amount_off")),
        (Some(amount), None) => {
            if call.params.text("/currency").is_none() {
                return Err(
                    StripeError::invalid("You must pass currency when passing amount_off")
                        .param("currency"),
                );
            }
            Ok((json!(amount), Value::Null))
        }
        (None, Some(percent)) if percent < 0.01 => Err(StripeError::invalid(format!(
            "This value must be greater than or equal to 0.01 (it currently is '{percent:?}')."
        ))
        .param("percent_off")),
        (None, Some(percent)) if percent > 100.0 => Err(StripeError::invalid(format!(
            "This value must be less than or equal to 100.0 (it currently is '{percent:?}')."
        ))
        .param("percent_off")),
        (None, Some(_)) if call.params.has("currency_options") => Err(StripeError::invalid(
            "You may only specify one of these parameters: currency_options, percent_off.",
        )
        .param("currency_options")),
        // Stripe keeps two places.
        (None, Some(percent)) => Ok((Value::Null, json!((percent * 100.0).round() / 100.0))),
    }
}

fn months(call: &Call<'_>, duration: &str) -> Result<Value, StripeError> {
    let months = call.params.int("/duration_in_months");
    match (duration, months) {
        ("repeating", None) => Err(StripeError::invalid(
            "The duration_in_months param must be set when creating a coupon with a repeating \
             duration",
        )
        .param("duration")),
        ("repeating", Some(months)) if months < 1 => Err(too_small(1, "duration_in_months")),
        ("repeating", Some(months)) => Ok(json!(months)),
        (_, Some(_)) => Err(StripeError::invalid(
            "You can only pass duration_in_months when duration=repeating.",
        )
        .param("duration_in_months")),
        (_, None) => Ok(Value::Null),
    }
}

/// Options by currency, that of the object itself among them, as Stripe lists them.
fn own_and(sent: &Value, currency: &Value, own: Value) -> Value {
    let mut options = sent.as_object().cloned().unwrap_or_default();
    if options.is_empty() && sent.is_null() {
        return currency
            .as_str()
            .map_or(Value::Null, |code| json!({ code: own }));
    }
    if let Some(code) = currency.as_str() {
        options.insert(Text::copied(code), own);
    }
    Value::Object(options)
}

pub(crate) fn retrieve_coupon(call: &mut Call<'_>) -> Answer {
    call.account.fetch("coupon", &call.id(), "coupon").cloned()
}

pub(crate) fn update_coupon(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("coupon", &id, "coupon")?;
    let mut coupon = Value::clone(&before);
    if call.params.has("name") {
        coupon["name"] = call.params.or_null("/name");
    }
    check_currencies(&call.params.or_null("/currency_options"))?;
    if let Some(Value::Object(sent)) = call.params.at("/currency_options") {
        for (code, option) in sent {
            coupon["_currency_options"][code] = option.clone();
        }
    }
    coupon["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    if let Some(stored) = call.account.edit(&id) {
        *stored = coupon;
    }
    call.account.raise_update("coupon.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

/// Deletes a coupon. Its discounts stay; its promotion codes can be redeemed no more.
pub(crate) fn delete_coupon(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch("coupon", &id, "coupon")?;
    call.account.set(&id, "valid", json!(false));
    let coupon = call.account.snapshot(&id);
    for code in discount::codes_of(call.account, &id) {
        call.account.set(&code, "active", json!(false));
    }
    call.account.delete("coupon", &id, None);
    call.account.raise_with("coupon.deleted", coupon, None);
    Ok(json!({ "id": id, "object": "coupon", "deleted": true }))
}

pub(crate) fn list_coupons(call: &mut Call<'_>) -> Answer {
    list::page(call, "coupon", "/v1/coupons", |_| true)
}

pub(crate) fn create_code(call: &mut Call<'_>) -> Answer {
    let (coupon_id, param) = match call.params.text("/promotion/coupon") {
        Some(id) => (id.to_owned(), "promotion[coupon]"),
        None => match call.params.text("/coupon") {
            Some(id) => (id.to_owned(), "coupon"),
            None => {
                return Err(StripeError::invalid(
                    "You must pass promotion.coupon when passing promotion",
                )
                .param("promotion.coupon"));
            }
        },
    };
    let coupon = call.account.get(&coupon_id).clone();
    if coupon["object"] != "coupon" {
        return Err(StripeError::no_such_param("coupon", &coupon_id, param));
    }
    if let Some(customer) = call.params.text("/customer") {
        crate::api::customers::known(call.account, customer, "customer")?;
    }
    let code = match call.params.text("/code") {
        Some(code) => checked_code(call.account, code)?,
        None => call.account.ids.letters(ID_CHARS).to_uppercase(),
    };
    check_limits(call, &coupon)?;
    let sent = call.params.or_null("/restrictions");
    if sent["minimum_amount"].is_i64() && sent["minimum_amount_currency"].is_null() {
        return Err(StripeError::missing(
            "restrictions[minimum_amount_currency]",
        ));
    }
    let minimum_currency = match sent["minimum_amount_currency"].as_str() {
        Some(code) => json!(currency(code)?),
        None => Value::Null,
    };
    let expires_at = call
        .params
        .int("/expires_at")
        .map_or_else(|| coupon["redeem_by"].clone(), |at| json!(at));
    let code = json!({
        "id": call.account.ids.next("promo_"),
        "object": "promotion_code",
        "active": call.params.flag("/active").unwrap_or(true) && coupon["valid"] == true,
        "code": code,
        "created": call.account.now,
        "customer": call.params.or_null("/customer"),
        "customer_account": null,
        "expires_at": expires_at,
        "livemode": false,
        "max_redemptions": call.params.or_null("/max_redemptions"),
        "metadata": merged_metadata(&json!({}), call.params.0.get("metadata"))?,
        "promotion": { "coupon": coupon_id, "type": "coupon" },
        "restrictions": {
            "first_time_transaction": sent["first_time_transaction"] == true,
            "minimum_amount": sent["minimum_amount"],
            "minimum_amount_currency": minimum_currency,
        },
        "times_redeemed": 0,
        "_coupon": coupon,
        "_currency_options": sent["currency_options"],
    });
    let id = call.account.insert(code);
    if let Some(at) = call.account.get(&id)["expires_at"].as_i64() {
        call.account.when(at + 1, "promotion_code.lapse", &id);
    }
    call.account.raise("promotion_code.created", &id);
    Ok(call.account.get(&id).clone())
}

/// The code as the customer types it: letters and digits, and nobody else's while that is active.
fn checked_code(account: &Account, code: &str) -> Result<String, StripeError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if code.is_empty() || !code.chars().all(is_plain) {
        return Err(StripeError::invalid(format!(
            "This value must match the regex pattern. (/\\A[a-zA-Z0-9\\-_]+\\z/ does not match for \
             the value {code})."
        ))
        .param("code"));
    }
    let is_taken = account
        .rows("promotion_code")
        .any(|other| other["active"] == true && is_code(other, code));
    if is_taken {
        return Err(StripeError::invalid(format!(
            "An active promotion code with `code: {code}` already exists."
        )));
    }
    Ok(code.to_owned())
}

fn is_code(row: &Value, code: &str) -> bool {
    row["code"]
        .as_str()
        .is_some_and(|own| own.eq_ignore_ascii_case(code))
}

/// A promotion code's own limits lie within its coupon's.
fn check_limits(call: &Call<'_>, coupon: &Value) -> Result<(), StripeError> {
    let most = call.params.int("/max_redemptions");
    if most.is_some_and(|most| most < 1) {
        return Err(too_small(1, "max_redemptions"));
    }
    if let (Some(most), Some(limit)) = (most, coupon["max_redemptions"].as_i64())
        && most > limit
    {
        return Err(StripeError::invalid(
            "Promotion code max redemptions cannot be greater than the coupon's max redemptions.",
        )
        .param("max_redemptions"));
    }
    let expires_at = call.params.int("/expires_at");
    if let Some(at) = expires_at {
        in_future(at, call.account.now, "expires_at")?;
        if at - call.account.now > FIVE_YEARS_SECONDS {
            return Err(StripeError::invalid(
                "Invalid timestamp: can be no more than five years in the future.",
            )
            .param("expires_at"));
        }
    }
    if let (Some(at), Some(by)) = (expires_at, coupon["redeem_by"].as_i64())
        && at > by
    {
        return Err(StripeError::invalid(
            "Promotion code expires_at cannot be later than the coupon's redeem_by.",
        )
        .param("expires_at"));
    }
    Ok(())
}

pub(crate) fn retrieve_code(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account
        .fetch("promotion_code", &id, "promotion_code")
        .cloned()
}

pub(crate) fn update_code(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call
        .account
        .fetch_snapshot("promotion_code", &id, "promotion_code")?;
    let mut code = Value::clone(&before);
    if let Some(is_active) = call.params.flag("/active") {
        let coupon = call
            .account
            .get(before["promotion"]["coupon"].as_str().unwrap_or_default());
        let is_over = !discount::is_valid(&before, call.account.now)
            || before["expires_at"]
                .as_i64()
                .is_some_and(|at| at <= call.account.now);
        if is_active && (is_over || coupon["valid"] != true) {
            return Err(StripeError::invalid(
                "This promotion code cannot be activated because it, or its coupon, is expired or \
                 used up.",
            )
            .param("active"));
        }
        if is_active && before["active"] != true {
            checked_code(call.account, before["code"].as_str().unwrap_or_default())?;
        }
        code["active"] = json!(is_active);
    }
    if let Some(Value::Object(sent)) = call.params.at("/restrictions/currency_options") {
        for (currency, option) in sent {
            code["_currency_options"][currency] = option.clone();
        }
    }
    code["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    if let Some(stored) = call.account.edit(&id) {
        *stored = code;
    }
    call.account
        .raise_update("promotion_code.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn list_codes(call: &mut Call<'_>) -> Answer {
    let active = call.params.flag("/active");
    let coupon = call.params.text("/coupon");
    let code = call.params.text("/code");
    if let Some(id) = coupon
        && call.account.get(id)["object"] != "coupon"
    {
        return Err(StripeError::no_such_param("coupon", id, "coupon"));
    }
    list::page(call, "promotion_code", "/v1/promotion_codes", |row| {
        active.is_none_or(|on| row["active"] == on)
            && coupon.is_none_or(|id| row["promotion"]["coupon"] == id)
            && code.is_none_or(|wanted| is_code(row, wanted))
            && list::is(call, "customer", row, "customer")
    })
}
