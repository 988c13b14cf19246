//! Previews: `create_preview`, and `upcoming` in versions before basil.

mod change;

use crate::json::{Map, Value, json};

use crate::api::invoice_items::ItemChange;
use crate::api::invoices::{customer_named, tax_rates};
use crate::api::{Answer, Call, list};
use crate::http::error::StripeError;
use crate::lives::invoice::preview::{self, Wanted};
use crate::lives::invoice::{Line, item, lines_of};
use crate::lives::subscription::{self, cycle};
use crate::lives::{discount, money};

/// Schedules, pauses, Stripe Tax, thresholds.
pub(crate) const UNSIMULATED: &str = "account automatic_tax billing_schedules billing_thresholds \
    clear_usage current_trial invoiceitem pause resume_at schedule schedule_details start_date \
    subscription_resume_at subscription_start_date subscription_trial_from_plan";

/// What the versions before 2024-06-20 name beside the subscription.
const OLD_NAMES: &[(&str, &str)] = &[
    ("subscription_billing_cycle_anchor", "billing_cycle_anchor"),
    ("subscription_cancel_at", "cancel_at"),
    ("subscription_cancel_at_period_end", "cancel_at_period_end"),
    ("subscription_cancel_now", "cancel_now"),
    ("subscription_default_tax_rates", "default_tax_rates"),
    ("subscription_items", "items"),
    ("subscription_proration_behavior", "proration_behavior"),
    ("subscription_proration_date", "proration_date"),
    ("subscription_trial_end", "trial_end"),
];

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    previewed(call)
}

pub(crate) fn lines(call: &mut Call<'_>) -> Answer {
    let invoice = previewed(call)?;
    let rows: Vec<&Value> = lines_of(&invoice).iter().collect();
    list::cut(call, &rows, "line_item", "/v1/invoices/upcoming/lines")
}

/// A preview redeems coupons only in appearance: what it counted is taken back.
fn previewed(call: &mut Call<'_>) -> Answer {
    let touched = redeemed(call);
    let answer = wanted(call).and_then(|wanted| {
        let made = preview::preview(call.account, &wanted);
        for id in wanted.discounts.iter().flatten() {
            if call.params.has("discounts") || call.params.has("coupon") {
                call.account.delete("discount", id, None);
            }
        }
        made.ok_or_else(|| nothing(call, &wanted))
    });
    for (id, before) in touched {
        if let Some(stored) = call.account.edit(&id) {
            *stored = Value::clone(&before);
        }
    }
    answer
}

fn nothing(call: &Call<'_>, wanted: &Wanted) -> StripeError {
    if !call.version.is_before("2025-03-31") {
        return StripeError::coded(
            "invoice_no_customer_line_items",
            "Nothing to invoice for customer",
        );
    }
    StripeError::coded(
        "invoice_upcoming_none",
        format!("No upcoming invoices for customer: {}", wanted.customer),
    )
    .status(404)
}

/// Coupons and promotion codes that are named, as they are.
fn redeemed(call: &Call<'_>) -> Vec<(String, Value)> {
    let mut ids = Vec::new();
    let named = call.params.list("/discounts").iter().chain(
        call.params
            .list("/invoice_items")
            .iter()
            .filter_map(|entry| entry["discounts"].as_array())
            .flatten(),
    );
    for entry in named {
        ids.extend(entry["coupon"].as_str().map(str::to_owned));
        if let Some(code) = entry["promotion_code"].as_str() {
            ids.push(code.to_owned());
            let coupon = &call.account.get(code)["promotion"]["coupon"];
            ids.extend(coupon.as_str().map(str::to_owned));
        }
    }
    ids.extend(call.params.text("/coupon").map(str::to_owned));
    ids.into_iter()
        .map(|id| {
            let before = call.account.snapshot(&id);
            (id, before)
        })
        .filter(|(_, before)| !before.is_null())
        .collect()
}

/// The details of the subscription, by their newest names.
fn details(call: &Call<'_>) -> Value {
    let mut details = match call.params.at("/subscription_details") {
        Some(Value::Object(members)) => members.clone(),
        _ => Map::new(),
    };
    for (old, new) in OLD_NAMES {
        if let Some(value) = call.params.0.get(*old) {
            details.insert((*new).into(), value.clone());
        }
    }
    Value::Object(details)
}

fn wanted(call: &mut Call<'_>) -> Result<Wanted, StripeError> {
    let details = details(call);
    let before = subscription_wanted(call, &details)?;
    let customer = match (call.params.text("/customer"), before["customer"].as_str()) {
        (Some(id), _) => {
            customer_named(call.account, id)?;
            id.to_owned()
        }
        (None, Some(id)) => id.to_owned(),
        (None, None) if call.params.has("customer_details") => String::new(),
        (None, None) => return Err(StripeError::missing("customer")),
    };
    call.account.enter_clock_of(&customer);
    let at = details["proration_date"]
        .as_i64()
        .unwrap_or(call.account.now);
    check_date(&before, at)?;
    let changed = change::change(call, &before, &details, at)?;
    let currency = currency_of(call, &customer, &before, &changed.after)?;
    let extra = extra_lines(call, &customer, &currency)?;
    let discounts = own_discounts(call, &customer)?;
    let rates = match details.get("default_tax_rates") {
        Some(Value::Array(ids)) => Some(tax_rates(call.account, ids, "default_tax_rates")?),
        _ => None,
    };
    Ok(Wanted {
        customer,
        currency,
        change_lines: changed.lines,
        is_invoiced_now: changed.is_invoiced,
        is_recurring_only: call.params.text("/preview_mode") == Some("recurring"),
        before,
        after: changed.after,
        proration_date: at,
        extra,
        discounts,
        default_tax_rates: rates,
        tax_exempt: call
            .params
            .text("/customer_details/tax_exempt")
            .map(str::to_owned),
    })
}

/// The subscription that is named, or the customer's that renews first; null where items ask for a
/// new one.
fn subscription_wanted(call: &Call<'_>, details: &Value) -> Result<Value, StripeError> {
    if let Some(id) = call.params.text("/subscription") {
        let row = call.account.get(id);
        if row["object"] != "subscription" {
            return Err(StripeError::no_such_param(
                "subscription",
                id,
                "subscription",
            ));
        }
        return Ok(row.clone());
    }
    if details["items"]
        .as_array()
        .is_some_and(|items| !items.is_empty())
    {
        return Ok(Value::Null);
    }
    let customer = call.params.text("/customer").unwrap_or_default();
    let first = call
        .account
        .rows_by("subscription", "customer", customer)
        .filter(|row| cycle::is_running(row))
        .min_by_key(|row| cycle::next_end(row));
    Ok(first.cloned().unwrap_or_default())
}

fn check_date(before: &Value, at: i64) -> Result<(), StripeError> {
    let items = subscription::items(before);
    let start = items
        .iter()
        .filter_map(|item| item["current_period_start"].as_i64())
        .min();
    let end = items
        .iter()
        .filter_map(|item| item["current_period_end"].as_i64())
        .max();
    let is_inside = start.is_none_or(|start| start <= at) && end.is_none_or(|end| at <= end);
    if is_inside {
        return Ok(());
    }
    Err(StripeError::invalid(
        "Cannot specify proration date outside of current subscription period",
    )
    .param("subscription_details[proration_date]"))
}

fn currency_of(
    call: &Call<'_>,
    customer: &str,
    before: &Value,
    after: &Value,
) -> Result<String, StripeError> {
    if let Some(sent) = call.params.text("/currency") {
        return money::currency(sent).map_err(|error| error.param("currency"));
    }
    let of_items = subscription::items(after).first();
    let newest = call
        .account
        .rows_by("invoiceitem", "customer", customer)
        .rev()
        .find(|row| row["invoice"].is_null());
    let first_extra = &call
        .params
        .list("/invoice_items")
        .first()
        .map_or(Value::Null, |entry| entry["currency"].clone());
    let found = before["currency"]
        .as_str()
        .or_else(|| of_items?["price"]["currency"].as_str())
        .or_else(|| call.account.get(customer)["currency"].as_str())
        .or_else(|| newest?["currency"].as_str())
        .or_else(|| first_extra.as_str());
    Ok(found.unwrap_or("usd").to_owned())
}

fn extra_lines(
    call: &mut Call<'_>,
    customer: &str,
    currency: &str,
) -> Result<Vec<Line>, StripeError> {
    let sent = call.params.list("/invoice_items").to_vec();
    let mut lines = Vec::new();
    for (index, entry) in sent.iter().enumerate() {
        let change = ItemChange::read(call.account, entry, &format!("invoice_items[{index}]"))?;
        let terms = change.terms(call.account, customer, currency, &Value::Null)?;
        let id = call.account.ids.next("ii_");
        let row = item::object(call.account, &id, &terms);
        lines.insert(0, item::as_line(&row));
    }
    Ok(lines)
}

/// The discounts that were sent, made for the preview only; an empty value wants none.
fn own_discounts(call: &mut Call<'_>, customer: &str) -> Result<Option<Vec<String>>, StripeError> {
    let owner = discount::Owner {
        customer: if customer.is_empty() {
            Value::Null
        } else {
            json!(customer)
        },
        invoice: json!("upcoming"),
        ..discount::Owner::default()
    };
    if let Some(coupon) = call.params.text("/coupon").map(str::to_owned) {
        let sent = [json!({ "coupon": coupon })];
        return discount::attach(call.account, &sent, &owner, "coupon").map(Some);
    }
    if !call.params.has("discounts") {
        return Ok(None);
    }
    let sent = call.params.list("/discounts").to_vec();
    discount::attach(call.account, &sent, &owner, "discounts").map(Some)
}
