//! Subscription schedules.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::subscriptions::{create, items, terms};
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::calendar::{self, Interval};
use crate::lives::subscription::ending::Cancellation;
use crate::lives::{schedule, subscription};

/// How many phases a schedule can have.
const PHASES_MAX: usize = 10;

const UNSIMULATED: &str = "application_fee_percent billing_thresholds on_behalf_of pause_schedules \
    transfer_data";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/subscription_schedules", create).lacks(UNSIMULATED),
    route("GET /v1/subscription_schedules", list_schedules),
    route("GET /v1/subscription_schedules/{}", retrieve),
    route("POST /v1/subscription_schedules/{}", update).lacks(UNSIMULATED),
    route("POST /v1/subscription_schedules/{}/cancel", cancel),
    route("POST /v1/subscription_schedules/{}/release", release),
];

fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("subscription_schedule", &call.id(), "schedule")
        .cloned()
}

fn list_schedules(call: &mut Call<'_>) -> Answer {
    let scheduled = call.params.flag("/scheduled");
    let range = |name: &str| call.params.at(&format!("/{name}"));
    let (canceled, completed, released) = (
        range("canceled_at"),
        range("completed_at"),
        range("released_at"),
    );
    list::page(
        call,
        "subscription_schedule",
        "/v1/subscription_schedules",
        |row| {
            list::is(call, "customer", row, "customer")
                && list::within(canceled, row["canceled_at"].as_i64())
                && list::within(completed, row["completed_at"].as_i64())
                && list::within(released, row["released_at"].as_i64())
                && (scheduled != Some(true) || row["status"] == "not_started")
        },
    )
}

fn create(call: &mut Call<'_>) -> Answer {
    if let Some(id) = call.params.text("/from_subscription").map(str::to_owned) {
        return from_subscription(call, &id);
    }
    let customer = terms::customer(call)?;
    let now = call.account.now;
    let start = match call.params.at("/start_date") {
        None => now,
        Some(sent) if sent == "now" => now,
        Some(sent) => terms::time_of(sent).ok_or_else(|| {
            StripeError::invalid("Invalid timestamp: must be an integer Unix time or `now`")
                .param("start_date")
        })?,
    };
    let sent = call.params.list("/phases").to_vec();
    if sent.is_empty() {
        return Err(StripeError::missing("phases"));
    }
    let phases = phases_of(call.account, &sent, start)?;
    let mut object = blank(call, &customer);
    object["phases"] = json!(phases);
    object["metadata"] = merged_metadata(&json!({}), call.params.0.get("metadata"))?;
    apply_settings(call, &mut object);
    let id = schedule::insert(call.account, object);
    Ok(call.account.get(&id).clone())
}

/// A schedule that takes over a subscription as it is.
fn from_subscription(call: &mut Call<'_>, id: &str) -> Answer {
    for name in [
        "phases",
        "metadata",
        "customer",
        "start_date",
        "end_behavior",
    ] {
        if call.params.has(name) {
            return Err(StripeError::invalid(format!(
                "You cannot set `{name}` if `from_subscription` is set."
            ))
            .param(name));
        }
    }
    call.account.enter_clock_of(id);
    let known = call.account.get(id);
    if known["object"] != "subscription" {
        return Err(StripeError::no_such_param(
            "subscription",
            id,
            "from_subscription",
        ));
    }
    if let Some(other) = known["schedule"].as_str() {
        return Err(StripeError::invalid(format!(
            "The subscription {id} is already attached to the subscription schedule {other}."
        ))
        .param("from_subscription"));
    }
    if !known["ended_at"].is_null() {
        return Err(StripeError::invalid(
            "You cannot create a schedule from a subscription that has been canceled.",
        )
        .param("from_subscription"));
    }
    let before = call.account.snapshot(id);
    let phase = schedule::phase_of(&before);
    let mut object = blank(call, before["customer"].as_str().unwrap_or_default());
    object["billing_mode"] = before["billing_mode"].clone();
    object["status"] = json!("active");
    object["subscription"] = json!(id);
    object["current_phase"] =
        json!({ "start_date": phase["start_date"], "end_date": phase["end_date"] });
    object["default_settings"]["default_payment_method"] = before["default_payment_method"].clone();
    object["default_settings"]["collection_method"] = before["collection_method"].clone();
    object["phases"] = json!([phase]);
    let schedule_id = schedule::insert(call.account, object);
    call.account.set(id, "schedule", json!(schedule_id));
    call.account
        .raise_update("customer.subscription.updated", id, &before);
    Ok(call.account.get(&schedule_id).clone())
}

fn blank(call: &mut Call<'_>, customer: &str) -> Value {
    let now = call.account.now;
    let is_classic = create::is_classic(call);
    json!({
        "id": call.account.ids.next("sub_sched_"),
        "object": "subscription_schedule",
        "billing_mode": subscription::billing_mode(is_classic, now),
        "canceled_at": null,
        "completed_at": null,
        "created": now,
        "current_phase": null,
        "customer": customer,
        "default_settings": {
            "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
            "billing_cycle_anchor": "automatic",
            "collection_method": "charge_automatically",
            "default_payment_method": null,
            "description": null,
            "invoice_settings": {
                "account_tax_ids": null, "days_until_due": null, "issuer": { "type": "self" },
            },
        },
        "end_behavior": "release",
        "livemode": false,
        "metadata": {},
        "pause_schedules": [],
        "phases": [],
        "released_at": null,
        "released_subscription": null,
        "status": "not_started",
        "subscription": null,
        "test_clock": call.account.get(customer)["test_clock"],
    })
}

/// What creating and updating set alike.
fn apply_settings(call: &Call<'_>, object: &mut Value) {
    if let Some(behaviour) = call.params.text("/end_behavior") {
        // The two older names of release and cancel.
        let behaviour = match behaviour {
            "none" => "release",
            "renew" => "renew",
            other => other,
        };
        object["end_behavior"] = json!(behaviour);
    }
    if let Some(sent) = call.params.at("/default_settings") {
        let settings = terms::merged(&object["default_settings"], Some(sent));
        object["default_settings"] = settings;
        if let Some(sent) = sent.get("invoice_settings") {
            let defaults = json!({
                "account_tax_ids": null, "days_until_due": null, "issuer": { "type": "self" },
            });
            object["default_settings"]["invoice_settings"] = terms::merged(&defaults, Some(sent));
        }
    }
}

/// Phases as they are kept, one after the other from `start`.
fn phases_of(account: &mut Account, sent: &[Value], start: i64) -> Result<Vec<Value>, StripeError> {
    if sent.len() > PHASES_MAX {
        return Err(StripeError::invalid(format!(
            "A subscription schedule can have up to {PHASES_MAX} phases."
        ))
        .param("phases"));
    }
    let mut from = start;
    let mut out: Vec<Value> = Vec::new();
    for (index, entry) in sent.iter().enumerate() {
        let at = format!("phases[{index}]");
        let begins = terms::time_of(&entry["start_date"]).unwrap_or(from);
        let phase = phase_of(account, entry, begins, &at)?;
        if let Some(last) = out.last_mut().filter(|_| begins > from) {
            last["end_date"] = json!(begins);
        }
        from = phase["end_date"].as_i64().unwrap_or(begins);
        out.push(phase);
    }
    Ok(out)
}

fn phase_of(
    account: &mut Account,
    entry: &Value,
    start: i64,
    at: &str,
) -> Result<Value, StripeError> {
    let sent = entry["items"].as_array().cloned().unwrap_or_default();
    let own = items::new_items(account, &sent, &format!("{at}[items]"))?;
    let once = entry["add_invoice_items"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let once = items::one_time(account, &once, &format!("{at}[add_invoice_items]"))?;
    let first = own.first().map_or(Value::Null, |item| item.price.clone());
    let end = end_of(entry, start, &first);
    if end <= start {
        return Err(
            StripeError::invalid("The end date of a phase must be after its start date.")
                .param(&format!("{at}[end_date]")),
        );
    }
    let trial_end = match terms::time_of(&entry["trial_end"]) {
        Some(trial_end) => Some(trial_end),
        None => (entry["trial"] == true).then_some(end),
    };
    let rates = items::tax_rates(
        account,
        &entry["default_tax_rates"],
        &format!("{at}[default_tax_rates]"),
    )?;
    let rows: Vec<Value> = own
        .iter()
        .map(|item| {
            let mut row = json!({
                "discounts": discount_rows(&item.discounts),
                "metadata": item.metadata,
                "plan": item.price["id"],
                "price": item.price["id"],
                "tax_rates": item.tax_rates,
            });
            if item.price["recurring"]["usage_type"] != "metered" {
                row["quantity"] = json!(item.quantity);
            }
            row
        })
        .collect();
    let once: Vec<Value> = once
        .iter()
        .map(|(price, quantity)| {
            json!({
                "discounts": [], "price": price["id"], "quantity": quantity, "tax_rates": [],
                "metadata": {},
                "period": {
                    "end": { "type": "phase_start" }, "start": { "type": "phase_start" },
                },
            })
        })
        .collect();
    let mut phase = json!({
        "add_invoice_items": once,
        "currency": first["currency"],
        "default_tax_rates": rates,
        "discounts": discount_rows(&phase_discounts(entry)),
        "end_date": end,
        "items": rows,
        "metadata": merged_metadata(&json!({}), entry.get("metadata"))?,
        "proration_behavior": entry["proration_behavior"].as_str().unwrap_or("create_prorations"),
        "start_date": start,
        "trial_end": trial_end,
    });
    for name in [
        "automatic_tax",
        "billing_cycle_anchor",
        "collection_method",
        "default_payment_method",
        "description",
    ] {
        if !entry[name].is_null() {
            phase[name] = entry[name].clone();
        }
    }
    if let Some(settings) = entry.get("invoice_settings") {
        let defaults = json!({ "account_tax_ids": null, "days_until_due": null, "issuer": null });
        phase["invoice_settings"] = terms::merged(&defaults, Some(settings));
    }
    if phase["automatic_tax"].is_object() {
        let defaults = json!({ "disabled_reason": null, "enabled": false, "liability": null });
        phase["automatic_tax"] = terms::merged(&defaults, Some(&entry["automatic_tax"]));
    }
    Ok(phase)
}

/// The list, or the one coupon of older versions.
fn phase_discounts(entry: &Value) -> Vec<Value> {
    match entry["coupon"].as_str() {
        Some(coupon) => vec![json!({ "coupon": coupon })],
        None => entry["discounts"].as_array().cloned().unwrap_or_default(),
    }
}

fn discount_rows(sent: &[Value]) -> Vec<Value> {
    sent.iter()
        .map(|row| {
            json!({
                "coupon": row["coupon"], "discount": row["discount"],
                "promotion_code": row["promotion_code"],
            })
        })
        .collect()
}

/// When a phase ends: at a date, after a duration, after some periods of its price (one if nothing
/// is said).
fn end_of(entry: &Value, start: i64, price: &Value) -> i64 {
    if let Some(end) = terms::time_of(&entry["end_date"]) {
        return end;
    }
    if entry["duration"].is_object() {
        let unit = entry["duration"]["interval"].as_str().unwrap_or("month");
        let count = entry["duration"]["interval_count"].as_i64().unwrap_or(1);
        return calendar::after(start, unit, count);
    }
    let interval = Interval::of(price);
    let times = entry["iterations"].as_i64().unwrap_or(1);
    calendar::after(start, interval.unit, interval.count.saturating_mul(times))
}

/// Refuses what only a schedule that is not over can do.
fn live(call: &mut Call<'_>, what: &str) -> Result<String, StripeError> {
    let id = call.id();
    let schedule = call
        .account
        .fetch("subscription_schedule", &id, "schedule")?;
    let status = schedule["status"].as_str().unwrap_or_default();
    if matches!(status, "active" | "not_started") {
        return Ok(id);
    }
    Err(StripeError::invalid(format!(
        "You cannot {what} a subscription schedule that is currently in the `{status}` status. It \
         must be in the `active` or `not_started` status."
    )))
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = live(call, "update")?;
    let before = call.account.snapshot(&id);
    let mut after = Value::clone(&before);
    after["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    apply_settings(call, &mut after);
    let sent = call.params.list("/phases").to_vec();
    if !sent.is_empty() {
        let first = schedule::phases(&before).first();
        let known = before["current_phase"]["start_date"]
            .as_i64()
            .or_else(|| first?["start_date"].as_i64());
        let start = known.unwrap_or(call.account.now);
        after["phases"] = json!(phases_of(call.account, &sent, start)?);
        // The current phase is put into effect anew.
        if before["status"] == "active" {
            after["current_phase"] = Value::Null;
        }
    }
    if let Some(stored) = call.account.edit(&id) {
        *stored = after;
    }
    if sent.is_empty() {
        call.account
            .raise_update("subscription_schedule.updated", &id, &before);
        return Ok(call.account.get(&id).clone());
    }
    schedule::put_into_effect(call.account, &id, call.params.text("/proration_behavior"));
    call.account
        .raise_update("subscription_schedule.updated", &id, &before);
    schedule::expect(call.account, &id);
    Ok(call.account.get(&id).clone())
}

fn cancel(call: &mut Call<'_>) -> Answer {
    let id = live(call, "cancel")?;
    let how = Cancellation {
        prorates: call.params.flag("/prorate") != Some(false),
        invoices: call.params.flag("/invoice_now") != Some(false),
    };
    schedule::cancel(call.account, &id, how);
    Ok(call.account.get(&id).clone())
}

fn release(call: &mut Call<'_>) -> Answer {
    let id = live(call, "release")?;
    let keeps_end = call.params.flag("/preserve_cancel_date") == Some(true);
    schedule::release(call.account, &id, keeps_end);
    Ok(call.account.get(&id).clone())
}
