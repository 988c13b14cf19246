//! The parameters that creating and changing a subscription have in common.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::Call;
use crate::api::subscriptions::items::tax_rates;
use crate::http::error::StripeError;
use crate::lives::payment;
use crate::lives::subscription::trial;

/// The parameters that become members as they are sent.
const PLAIN: &[&str] = &[
    "application_fee_percent",
    "description",
    "on_behalf_of",
    "pending_invoice_item_interval",
];

/// A time that is sent as a number or as digits.
pub(crate) fn time_of(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

/// Members that a request sets without further ado.
pub(crate) fn plain_members(
    call: &mut Call<'_>,
) -> Result<Vec<(&'static str, Value)>, StripeError> {
    let mut members = Vec::new();
    for name in PLAIN {
        if call.params.has(name) {
            members.push((*name, call.params.or_null(&format!("/{name}"))));
        }
    }
    if call.params.has("trial_settings") {
        let sent = call.params.or_null("/trial_settings");
        members.push(("trial_settings", trial::settings(&sent)));
    }
    if call.params.has("default_tax_rates") {
        let sent = call.params.or_null("/default_tax_rates");
        let rates = tax_rates(call.account, &sent, "default_tax_rates")?;
        members.push(("default_tax_rates", rates));
    }
    if let Some(id) = call
        .params
        .text("/default_payment_method")
        .map(str::to_owned)
    {
        let method = payment::resolve_method(call.account, &id, "default_payment_method")?;
        members.push(("default_payment_method", json!(method)));
    } else if call.params.has("default_payment_method") {
        members.push(("default_payment_method", Value::Null));
    }
    if call.params.has("default_source") {
        members.push(("default_source", call.params.or_null("/default_source")));
    }
    if let Some(is_on) = call.params.flag("/automatic_tax/enabled") {
        let liability = call.params.at("/automatic_tax/liability").cloned();
        members.push((
            "automatic_tax",
            json!({
                "disabled_reason": null, "enabled": is_on,
                "liability": is_on.then(|| liability.unwrap_or(json!({ "type": "self" }))),
            }),
        ));
    }
    Ok(members)
}

/// Settings with several members, of which those that were sent replace those that are there.
pub(crate) fn merged(old: &Value, sent: Option<&Value>) -> Value {
    let mut merged = old.as_object().cloned().unwrap_or_default();
    for (name, value) in sent.and_then(Value::as_object).into_iter().flatten() {
        merged.insert(name.clone(), value.clone());
    }
    Value::Object(merged)
}

/// `collection_method` and `days_until_due`, which need one another.
pub(crate) fn collection(call: &Call<'_>, before: &Value) -> Result<(Value, Value), StripeError> {
    let method = call
        .params
        .text("/collection_method")
        .or(before["collection_method"].as_str())
        .unwrap_or("charge_automatically");
    let days = call.params.int("/days_until_due");
    let known = before["days_until_due"].as_i64();
    if method == "charge_automatically" && days.is_some() {
        return Err(StripeError::invalid(
            "You can only specify 'days_until_due' if invoice collection method is 'send_invoice'.",
        ));
    }
    if method == "send_invoice" && days.or(known).is_none() {
        return Err(StripeError::invalid(
            "If invoice collection method is 'send_invoice', you must specify 'days_until_due'.",
        ));
    }
    let days = if method == "send_invoice" {
        json!(days.or(known))
    } else {
        Value::Null
    };
    Ok((json!(method), days))
}

/// The end of a trial in the future, as it is sent.
pub(crate) fn trial_end(sent: &Value, now: i64) -> Result<Option<i64>, StripeError> {
    let Some(at) = time_of(sent) else {
        if sent == "now" || sent.is_null() {
            return Ok(None);
        }
        return Err(StripeError::invalid(format!(
            "Invalid timestamp: must be an integer Unix time in seconds or `now`, got {sent}"
        ))
        .param("trial_end"));
    };
    if at <= now {
        return Err(StripeError::invalid(format!(
            "The parameter `trial_end` expects a unix timestamp representing a date and time in \
             the future. You specified the value `{at}` which is in the past."
        ))
        .param("trial_end"));
    }
    if at > trial::end_after(now, trial::DAYS_MAX) {
        return Err(StripeError::invalid(
            "Invalid timestamp: can be no more than two years in the future",
        )
        .param("trial_end"));
    }
    Ok(Some(at))
}

/// The days of a trial.
pub(crate) fn trial_days(days: i64) -> Result<Option<i64>, StripeError> {
    if (0..=trial::DAYS_MAX).contains(&days) {
        return Ok((days > 0).then_some(days));
    }
    Err(StripeError::coded(
        "parameter_invalid_integer",
        format!("This value must be between 0 and {}.", trial::DAYS_MAX),
    )
    .param("trial_period_days"))
}

/// Discounts as sent: the list, or the one coupon or code of older versions; and the parameter.
/// `None` when nothing is said about them.
pub(crate) fn discounts(call: &Call<'_>) -> Option<(Vec<Value>, &'static str)> {
    for (name, wrapped) in [("coupon", "coupon"), ("promotion_code", "promotion_code")] {
        if let Some(id) = call.params.text(&format!("/{name}")) {
            return Some((vec![json!({ wrapped: id })], wrapped));
        }
        if call.params.has(name) {
            return Some((Vec::new(), wrapped));
        }
    }
    call.params
        .has("discounts")
        .then(|| (call.params.list("/discounts").to_vec(), "discounts"))
}

/// The customer of a request that must name one.
pub(crate) fn customer(call: &Call<'_>) -> Result<String, StripeError> {
    let id = call.params.require("customer")?.to_owned();
    if call.account.get(&id)["object"] == "customer" && call.account.get(&id)["deleted"] != true {
        return Ok(id);
    }
    Err(StripeError::no_such_param("customer", &id, "customer"))
}

/// A customer pays in one currency while anything of theirs is alive in it.
pub(crate) fn check_customer_currency(
    account: &Account,
    customer: &str,
    currency: &Value,
) -> Result<(), StripeError> {
    let mut live = account
        .rows_by("subscription", "customer", customer)
        .filter(|row| row["ended_at"].is_null());
    match live.find(|row| row["currency"] != *currency) {
        None => Ok(()),
        Some(other) => Err(StripeError::invalid(format!(
            "You cannot combine currencies on a single customer. This customer has an active \
             subscription, subscription schedule, discount, quote, invoice item or active \
             subscription mode checkout session with currency {}.",
            other["currency"].as_str().unwrap_or_default()
        ))),
    }
}
