//! `POST /v1/subscriptions`.

use crate::json::{Value, json};

use crate::api::metadata::merged_metadata;
use crate::api::subscriptions::{items, terms};
use crate::api::{Answer, Call};
use crate::http::error::StripeError;
use crate::lives::calendar::{self, Interval};
use crate::lives::subscription::begin::{self, Beginning, FirstPayment};
use crate::lives::subscription::{ItemTerms, Terms, trial};

/// Flexible billing is the default since then.
const FLEXIBLE_SINCE: &str = "2025-09-30";

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    // Recorded as 404, unlike any other id inside a request.
    let customer = terms::customer(call).map_err(|error| match &error.code {
        Some(code) if code == "resource_missing" => error.status(404),
        _ => error,
    })?;
    let (collection_method, days_until_due) = terms::collection(call, &Value::Null)?;
    let payment = payment_of(call)?;
    let sent = call.params.list("/items").to_vec();
    let mut item_terms = items::new_items(call.account, &sent, "items")?;
    if let Some(wanted) = call.params.text("/currency").map(str::to_lowercase) {
        items::take_currency(&mut item_terms, &wanted)?;
    }
    let currency = item_terms
        .first()
        .map_or(Value::Null, |item| item.price["currency"].clone());
    terms::check_customer_currency(call.account, &customer, &currency)?;
    let one_time = call.params.list("/add_invoice_items").to_vec();
    let one_time = items::one_time(call.account, &one_time, "add_invoice_items")?;
    let (discounts, discounts_param) = terms::discounts(call).unwrap_or((Vec::new(), "discounts"));
    let trial_end = trial_of(call, &item_terms)?;
    let anchor = anchor_of(call, &item_terms, trial_end)?;
    let mut members = terms::plain_members(call)?;
    members.push(("collection_method", collection_method));
    members.push(("days_until_due", days_until_due));
    members.extend(settings(call));
    if let (Some(_), Some("none")) = (
        anchor.or(call.params.int("/backdate_start_date")),
        call.params.text("/proration_behavior"),
    ) {
        members.push(("_stub", json!("none")));
    }
    let start = start_of(call)?;
    members.extend(ending(call, &item_terms, trial_end, anchor)?);
    let is_prorated = call.params.text("/proration_behavior") != Some("none");
    let until = member(&members, "cancel_at")
        .as_i64()
        .filter(|_| is_prorated && trial_end.is_none());
    let beginning = Beginning {
        terms: Terms {
            customer,
            item_terms,
            metadata: merged_metadata(&json!({}), call.params.0.get("metadata"))?,
            trial_end,
            trial_settings: call.params.or_null("/trial_settings"),
            default_payment_method: member(&members, "default_payment_method"),
            description: call.params.or_null("/description"),
            is_classic: is_classic(call),
            anchor,
            until,
            start,
            members,
            ..Terms::default()
        },
        one_time,
        discounts,
        discounts_param,
        payment,
        is_off_session: call.params.flag("/off_session") == Some(true),
        is_draft: false,
    };
    let id = begin::begin(call.account, &beginning)?;
    Ok(call.account.get(&id).clone())
}

fn member(members: &[(&'static str, Value)], name: &str) -> Value {
    let found = members.iter().find(|(known, _)| *known == name);
    found.map_or(Value::Null, |(_, value)| value.clone())
}

/// Classic before clover, unless the request says otherwise.
pub(crate) fn is_classic(call: &Call<'_>) -> bool {
    match call.params.text("/billing_mode/type") {
        Some(kind) => kind == "classic",
        None => call.version.is_before(FLEXIBLE_SINCE),
    }
}

fn payment_of(call: &Call<'_>) -> Result<FirstPayment, StripeError> {
    match call.params.text("/payment_behavior") {
        Some("default_incomplete") => Ok(FirstPayment::Deferred),
        Some("error_if_incomplete") => Ok(FirstPayment::Required),
        Some("pending_if_incomplete") => Err(StripeError::invalid(
            "Setting `payment_behavior` to `pending_if_incomplete` has no effect when creating a \
             subscription.",
        )
        .param("payment_behavior")),
        _ => Ok(FirstPayment::Allowed),
    }
}

/// Settings that keep their defaults where nothing is sent.
fn settings(call: &Call<'_>) -> Vec<(&'static str, Value)> {
    let mut members = Vec::new();
    if let Some(sent) = call.params.at("/payment_settings") {
        let defaults = json!({ "save_default_payment_method": "off" });
        members.push(("payment_settings", terms::merged(&defaults, Some(sent))));
    }
    if let Some(sent) = call.params.at("/invoice_settings") {
        let defaults = json!({ "issuer": { "type": "self" } });
        members.push(("invoice_settings", terms::merged(&defaults, Some(sent))));
    }
    members
}

fn trial_of(call: &Call<'_>, items: &[ItemTerms]) -> Result<Option<i64>, StripeError> {
    let now = call.account.now;
    let days = call.params.int("/trial_period_days");
    if let (Some(_), Some(_)) = (days, call.params.at("/trial_end")) {
        return Err(StripeError::invalid(
            "You may only specify one of these parameters: trial_end, trial_period_days.",
        )
        .param("trial_end"));
    }
    let is_from_plan = call.params.flag("/trial_from_plan") == Some(true);
    if is_from_plan && (days.is_some() || call.params.at("/trial_end").is_some()) {
        return Err(StripeError::invalid(
            "You cannot set `trial_end` or `trial_period_days` when `trial_from_plan=true`.",
        ));
    }
    if let Some(days) = days {
        let days = terms::trial_days(days)?;
        return Ok(days.map(|days| trial::end_after(now, days)));
    }
    if let Some(sent) = call.params.at("/trial_end") {
        return terms::trial_end(sent, now);
    }
    if is_from_plan {
        let days = items
            .iter()
            .filter_map(|item| item.price["recurring"]["trial_period_days"].as_i64())
            .max();
        return Ok(days
            .filter(|days| *days > 0)
            .map(|days| trial::end_after(now, days)));
    }
    Ok(None)
}

/// When the cycle begins to be counted, if that was said.
fn anchor_of(
    call: &Call<'_>,
    items: &[ItemTerms],
    trial_end: Option<i64>,
) -> Result<Option<i64>, StripeError> {
    let now = call.account.now;
    let config = call.params.at("/billing_cycle_anchor_config");
    let sent = call.params.int("/billing_cycle_anchor");
    if config.is_some() && sent.is_some() {
        return Err(StripeError::invalid(
            "You may only specify one of these parameters: billing_cycle_anchor, \
             billing_cycle_anchor_config.",
        )
        .param("billing_cycle_anchor_config"));
    }
    if let Some(config) = config {
        if let Some(day) = config["day_of_month"].as_i64()
            && !(1..=31).contains(&day)
        {
            return Err(StripeError::coded(
                "parameter_invalid_integer",
                "This value must be between 1 and 31.",
            )
            .param("billing_cycle_anchor_config[day_of_month]"));
        }
        return Ok(calendar::next_anchor(trial_end.unwrap_or(now), config));
    }
    let Some(at) = sent else { return Ok(None) };
    if at <= now {
        return Err(StripeError::invalid(
            "billing_cycle_anchor must be a timestamp in the future.",
        )
        .param("billing_cycle_anchor"));
    }
    let natural = items
        .iter()
        .map(|item| Interval::of(&item.price).period_at(now, now).1)
        .min()
        .unwrap_or(at);
    if trial_end.is_none() && at > natural {
        return Err(StripeError::invalid(format!(
            "billing_cycle_anchor cannot be later than next natural billing date ({natural}) for \
             plan"
        ))
        .param("billing_cycle_anchor"));
    }
    Ok(Some(at))
}

fn start_of(call: &Call<'_>) -> Result<Option<i64>, StripeError> {
    match call.params.int("/backdate_start_date") {
        Some(at) if at >= call.account.now => Err(StripeError::invalid(
            "backdate_start_date must be a timestamp in the past.",
        )
        .param("backdate_start_date")),
        other => Ok(other),
    }
}

/// An end that is known from the beginning.
fn ending(
    call: &Call<'_>,
    items: &[ItemTerms],
    trial_end: Option<i64>,
    anchor: Option<i64>,
) -> Result<Vec<(&'static str, Value)>, StripeError> {
    let now = call.account.now;
    let ends = items.iter().map(|item| {
        trial_end.unwrap_or_else(|| {
            Interval::of(&item.price)
                .period_at(anchor.unwrap_or(now), now)
                .1
        })
    });
    let (first, last) = (ends.clone().min().unwrap_or(now), ends.max().unwrap_or(now));
    let at_period_end = call.params.flag("/cancel_at_period_end") == Some(true);
    let at = match call.params.at("/cancel_at") {
        Some(sent) => Some(cancel_at(sent, now, first, last)?),
        None => at_period_end.then_some(last),
    };
    let Some(at) = at else { return Ok(Vec::new()) };
    Ok(vec![
        ("cancel_at", json!(at)),
        ("cancel_at_period_end", json!(at_period_end)),
        ("canceled_at", json!(now)),
        (
            "cancellation_details",
            json!({
                "comment": null, "feedback": null, "feedback_option": null,
                "reason": "cancellation_requested",
            }),
        ),
    ])
}

/// The date of an end: a time, or the end of the period that ends first or last.
pub(crate) fn cancel_at(sent: &Value, now: i64, first: i64, last: i64) -> Result<i64, StripeError> {
    match (sent.as_str(), terms::time_of(sent)) {
        (Some("min_period_end"), _) => Ok(first),
        (Some("max_period_end"), _) => Ok(last),
        (_, Some(at)) if at > now => Ok(at),
        (_, Some(_)) => Err(
            StripeError::invalid("cancel_at must be a timestamp in the future.").param("cancel_at"),
        ),
        _ => Err(StripeError::invalid("Invalid timestamp: must be an integer").param("cancel_at")),
    }
}
