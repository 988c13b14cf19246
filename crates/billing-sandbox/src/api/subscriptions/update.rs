//! `POST /v1/subscriptions/{}`: everything that can be changed of a subscription.

use crate::json::{Value, json};

use crate::api::metadata::merged_metadata;
use crate::api::subscriptions::create::cancel_at;
use crate::api::subscriptions::{items, terms};
use crate::api::{Answer, Call};
use crate::http::error::StripeError;
use crate::lives::discount::{self, Owner};
use crate::lives::proration::ids;
use crate::lives::reaction;
use crate::lives::subscription::change::{self, Change, Payment, Proration};
use crate::lives::subscription::{self, begin, collection, ending};

/// What may still change when a subscription is canceled.
const AFTER_THE_END: &[&str] = &["cancellation_details", "expand", "metadata"];

/// What may change before the first payment. The words of the refusal are our own: Stripe's are not
/// recorded.
const BEFORE_PAYMENT: &[&str] = &[
    "default_payment_method",
    "default_source",
    "description",
    "expand",
    "metadata",
];

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch("subscription", &id, "id")?;
    update_subscription(call, &id)?;
    Ok(call.account.get(&id).clone())
}

/// Changes a subscription by the parameters of a call, and raises what that raises.
pub(crate) fn update_subscription(call: &mut Call<'_>, id: &str) -> Result<(), StripeError> {
    let before = call.account.snapshot(id);
    refuse_by_state(call, &before)?;
    if ends_by_trial(call, &before)? {
        return Ok(());
    }
    let change = planned(call, &before)?;
    let resumes_at = change.after["pause_collection"]["resumes_at"].as_i64();
    change::apply(call.account, id, &change)?;
    schedule_end(call, id, &before)?;
    if call.account.get(id)["cancel_at"] != before["cancel_at"] {
        let now = call.account.snapshot(id);
        subscription::cut::settle(call.account, id, &now, change.proration);
    }
    if change.after["pending_invoice_item_interval"] != before["pending_invoice_item_interval"] {
        subscription::pending::expect_invoice(call.account, id);
    }
    if let Some(at) = resumes_at {
        call.account.when(at, "subscription.unpause", id);
    }
    call.account
        .raise_update("customer.subscription.updated", id, &before);
    let now = call.account.snapshot(id);
    if now["status"] == "trialing" && now["trial_end"] != before["trial_end"] {
        subscription::trial::announce_if_near(call.account, id);
    }
    if now["items"] != before["items"] || now["status"] != before["status"] {
        let customer = now["customer"].as_str().unwrap_or_default().to_owned();
        reaction::subscriptions_changed(call.account, &customer);
    }
    Ok(())
}

fn refuse_by_state(call: &Call<'_>, before: &Value) -> Result<(), StripeError> {
    let sent = call.params.0.as_object();
    let mut names = sent.into_iter().flatten().map(|(name, _)| name.as_str());
    match before["status"].as_str() {
        Some("canceled" | "incomplete_expired") if names.any(|n| !AFTER_THE_END.contains(&n)) => {
            Err(StripeError::coded(
                "invalid_canceled_subscription_fields",
                "A canceled subscription can only update its cancellation_details and metadata.",
            ))
        }
        Some("incomplete") if names.any(|n| !BEFORE_PAYMENT.contains(&n)) => {
            Err(StripeError::invalid(
                "This subscription is `incomplete`: until its first invoice is paid, only its \
                 metadata, description and default payment method can be updated.",
            ))
        }
        Some("paused") if call.params.at("/trial_end").is_some() => Err(StripeError::invalid(
            "You cannot set `trial_end` while a subscription is `paused`. Resume the subscription \
             first before setting `trial_end`.",
        )),
        _ => refuse_if_scheduled(call, before),
    }
}

/// What a schedule manages is changed by the schedule.
fn refuse_if_scheduled(call: &Call<'_>, before: &Value) -> Result<(), StripeError> {
    let Some(schedule) = before["schedule"].as_str() else {
        return Ok(());
    };
    if call.params.has("cancel_at") || call.params.has("cancel_at_period_end") {
        return Err(StripeError::invalid(format!(
            "The subscription is managed by the subscription schedule `{schedule}`, and updating \
             any cancelation behavior directly is not allowed. Please update the schedule instead."
        )));
    }
    Ok(())
}

/// A trial that is ended now, with nothing to pay with: the subscription ends, pauses, or the
/// request is refused, as its settings say. Answers whether it ended or paused.
fn ends_by_trial(call: &mut Call<'_>, before: &Value) -> Result<bool, StripeError> {
    let is_now = call.params.text("/trial_end") == Some("now") && before["status"] == "trialing";
    let is_charged = before["collection_method"] == "charge_automatically";
    if !is_now || !is_charged || collection::method_of(call.account, before).is_some() {
        return Ok(false);
    }
    if call.params.at("/default_payment_method").is_some() {
        return Ok(false);
    }
    let sent = call
        .params
        .text("/trial_settings/end_behavior/missing_payment_method");
    let known = before["trial_settings"]["end_behavior"]["missing_payment_method"].as_str();
    let id = before["id"].as_str().unwrap_or_default();
    match sent.or(known) {
        Some("cancel") => {
            ending::end_now(call.account, id, "cancellation_requested");
            Ok(true)
        }
        Some("pause") => {
            let why = "trial_end_without_payment_method";
            subscription::trial::cut(call.account, id);
            subscription::trial::pause(call.account, id, why, before);
            Ok(true)
        }
        _ => Err(begin::no_method()),
    }
}

/// The change that the parameters ask for.
pub(crate) fn planned(call: &mut Call<'_>, before: &Value) -> Result<Change, StripeError> {
    let now = call.account.now;
    let mut after = Value::clone(before);
    for (name, value) in terms::plain_members(call)? {
        after[name] = value;
    }
    let (collection_method, days_until_due) = terms::collection(call, before)?;
    after["collection_method"] = collection_method;
    if !days_until_due.is_null() || !before["days_until_due"].is_null() {
        after["days_until_due"] = days_until_due;
    }
    after["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    for name in [
        "payment_settings",
        "invoice_settings",
        "cancellation_details",
    ] {
        if let Some(sent) = call.params.0.get(name) {
            after[name] = terms::merged(&before[name], Some(sent));
        }
    }
    if call.params.has("pause_collection") {
        after["pause_collection"] = pause_of(call)?;
    }
    let proration = match call.params.text("/proration_behavior") {
        Some("none") => Proration::None,
        Some("always_invoice") => Proration::Invoiced,
        _ => Proration::Kept,
    };
    let payment = match call.params.text("/payment_behavior") {
        Some("default_incomplete") => Payment::Deferred,
        Some("error_if_incomplete") => Payment::Required,
        Some("pending_if_incomplete") => Payment::Pending,
        _ => Payment::Allowed,
    };
    let at = proration_date(call, before)?.unwrap_or(now);
    set_trial(call, before, &mut after)?;
    let sent = call.params.list("/items").to_vec();
    let mut item_discounts = Vec::new();
    if !sent.is_empty() {
        let changed = items::changed_items(call.account, before, &sent, "items")?;
        after["items"]["data"] = json!(changed.items);
        item_discounts = changed.discounts;
    }
    let one_time = call.params.list("/add_invoice_items").to_vec();
    let one_time = items::one_time(call.account, &one_time, "add_invoice_items")?;
    set_discounts(call, before, &mut after)?;
    set_item_discounts(call, &mut after, item_discounts)?;
    Ok(Change {
        after,
        proration,
        at,
        resets_anchor: resets_anchor(call),
        one_time,
        payment,
        is_off_session: call.params.flag("/off_session") == Some(true),
    })
}

/// `now`, as a text before endive and as an object since.
pub(crate) fn resets_anchor(call: &Call<'_>) -> bool {
    let sent = call.params.at("/billing_cycle_anchor");
    sent.is_some_and(|sent| sent == "now" || sent["type"] == "now")
}

/// The moment to prorate from, which must lie in the current period.
pub(crate) fn proration_date(call: &Call<'_>, before: &Value) -> Result<Option<i64>, StripeError> {
    let Some(at) = call.params.int("/proration_date") else {
        return Ok(None);
    };
    let is_inside = subscription::items(before).iter().all(|item| {
        item["current_period_start"]
            .as_i64()
            .is_none_or(|start| start <= at)
            && item["current_period_end"]
                .as_i64()
                .is_none_or(|end| at <= end)
    });
    if is_inside {
        return Ok(Some(at));
    }
    Err(StripeError::invalid(
        "Cannot specify proration date outside of current subscription period",
    )
    .param("proration_date"))
}

fn pause_of(call: &Call<'_>) -> Result<Value, StripeError> {
    let Some(sent) = call.params.at("/pause_collection") else {
        return Ok(Value::Null);
    };
    let resumes_at = sent["resumes_at"].as_i64();
    if resumes_at.is_some_and(|at| at <= call.account.now) {
        return Err(
            StripeError::invalid("The `resumes_at` timestamp must be in the future.")
                .param("pause_collection[resumes_at]"),
        );
    }
    Ok(json!({ "behavior": sent["behavior"], "resumes_at": resumes_at }))
}

/// A trial that begins, ends elsewhere, or ends now. `now` outside a trial changes nothing.
fn set_trial(call: &Call<'_>, before: &Value, after: &mut Value) -> Result<(), StripeError> {
    let now = call.account.now;
    let Some(sent) = call.params.at("/trial_end") else {
        return Ok(());
    };
    match terms::trial_end(sent, now)? {
        Some(end) => after["trial_end"] = json!(end),
        None if before["status"] == "trialing" => after["trial_end"] = json!(now),
        None => {}
    }
    Ok(())
}

/// The discounts of the subscription: all that are not sent again are taken away.
fn set_discounts(
    call: &mut Call<'_>,
    before: &Value,
    after: &mut Value,
) -> Result<(), StripeError> {
    let Some((sent, param)) = terms::discounts(call) else {
        return Ok(());
    };
    let owner = Owner {
        customer: before["customer"].clone(),
        subscription: before["id"].clone(),
        ..Owner::default()
    };
    let made = discount::attach(call.account, &sent, &owner, param)?;
    let gone: Vec<String> = ids(&before["discounts"])
        .into_iter()
        .filter(|id| !made.contains(id))
        .collect();
    discount::detach(call.account, &gone);
    if let Some(first) = made.first() {
        after["_discount"] = call.account.get(first).clone();
    }
    after["discounts"] = json!(made);
    after["_discount"] = discount::leave::first_of(call.account, after);
    Ok(())
}

fn set_item_discounts(
    call: &mut Call<'_>,
    after: &mut Value,
    sent: Vec<(String, Value)>,
) -> Result<(), StripeError> {
    for (item_id, entries) in sent {
        let owner = Owner {
            customer: after["customer"].clone(),
            subscription: after["id"].clone(),
            subscription_item: json!(item_id),
            ..Owner::default()
        };
        let entries = entries.as_array().cloned().unwrap_or_default();
        let made = discount::attach(call.account, &entries, &owner, "items[0][discounts]")?;
        let members = after["items"]["data"].as_array_mut();
        for item in members.into_iter().flatten() {
            if item["id"] == item_id.as_str() {
                item["discounts"] = json!(made);
            }
        }
    }
    Ok(())
}

/// An end that is asked for or taken back.
fn schedule_end(call: &mut Call<'_>, id: &str, before: &Value) -> Result<(), StripeError> {
    let now = call.account.now;
    if let Some(is_wanted) = call.params.flag("/cancel_at_period_end") {
        if before["cancel_at_period_end"] != is_wanted
            || (is_wanted != before["cancel_at"].is_i64())
        {
            ending::at_period_end(call.account, id, is_wanted);
        }
        return Ok(());
    }
    if !call.params.has("cancel_at") {
        return Ok(());
    }
    let at = match call.params.at("/cancel_at") {
        None => None,
        Some(sent) => {
            let current = call.account.get(id);
            let ends = subscription::items(current)
                .iter()
                .filter_map(|item| item["current_period_end"].as_i64());
            let first = ends.clone().min().unwrap_or(now);
            Some(cancel_at(sent, now, first, ends.max().unwrap_or(now))?)
        }
    };
    call.account.set(id, "cancel_at_period_end", json!(false));
    ending::at(call.account, id, at);
    Ok(())
}
