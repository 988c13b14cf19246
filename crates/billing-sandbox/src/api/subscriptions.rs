//! Subscriptions and their items.

use serde_json::{Value, json};

use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::money::QUANTITY_MAX;
use crate::lives::quantity::{self, Proration};
use crate::lives::{invoice, payment, subscription};

const UNSIMULATED: &str = "add_invoice_items adjustable_quantity after_expiration application_fee_amount \
    application_fee_percent backdate_start_date billing_cycle_anchor \
    billing_cycle_anchor_config billing_schedules billing_thresholds cancel_at \
    consent_collection coupon currency_options custom_fields custom_unit_amount \
    default_tax_rates discounts hooks invoice_creation on_behalf_of optional_items \
    paid_out_of_band pause_collection pending_invoice_item_interval phone_number_collection \
    promotion_code proration_date shipping_address_collection shipping_options \
    tax_id_collection tax_id_data tax_rates test_clock tiers transfer_data transform_quantity \
    trial_from_plan classic automatic_tax";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/subscriptions", create).lacks(UNSIMULATED),
    route("GET /v1/subscriptions", list),
    route("GET /v1/subscriptions/{}", retrieve),
    route("POST /v1/subscriptions/{}", update).lacks(UNSIMULATED),
    route("DELETE /v1/subscriptions/{}", cancel),
    route("GET /v1/subscription_items", list_items),
    route("GET /v1/subscription_items/{}", retrieve_item),
];

/// Two years.
const TRIAL_DAYS_MAX: i64 = 730;
pub(crate) const NO_METHOD: &str = "This customer has no attached payment source or default payment method. \
    Please consider adding a default payment method. For more information, visit \
    https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.";

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let customer = call.params.require("customer")?.to_owned();
    if call.account.get(&customer)["object"] != "customer" {
        return Err(StripeError::no_such_param(
            "customer", &customer, "customer",
        ));
    }
    if call.params.text("/collection_method") == Some("send_invoice") {
        return Err(StripeError::not_simulated("collection_method send_invoice"));
    }
    let behaviour = call
        .params
        .text("/payment_behavior")
        .unwrap_or("allow_incomplete")
        .to_owned();
    if behaviour == "pending_if_incomplete" {
        return Err(StripeError::invalid(
            "Setting `payment_behavior` to `pending_if_incomplete` has no effect when creating a \
             subscription.",
        )
        .param("payment_behavior"));
    }
    let items = items_of(call)?;
    let trial_end = trial_of(call)?;
    let method = match call
        .params
        .text("/default_payment_method")
        .map(str::to_owned)
    {
        Some(id) => Some(payment::resolve_method(
            call.account,
            &id,
            "default_payment_method",
        )?),
        None => None,
    };
    let probe = json!({ "customer": customer, "default_payment_method": method });
    let pays_with = quantity::method_of(call.account, &probe);
    let total: i64 = items
        .iter()
        .map(|(price, n)| {
            price["unit_amount"]
                .as_i64()
                .unwrap_or(0)
                .saturating_mul(*n)
        })
        .sum();
    let is_due = trial_end.is_none() && total > 0;
    let is_attempted = is_due && behaviour != "default_incomplete";
    if is_attempted && pays_with.is_none() {
        return Err(StripeError::coded("resource_missing", NO_METHOD));
    }
    if let (true, "error_if_incomplete", Some(method)) =
        (is_attempted, behaviour.as_str(), &pays_with)
    {
        let outcome = payment::behaviour_of(call.account, method);
        if let crate::lives::card::Behaviour::FailsWhenCharged(decline) = outcome {
            return Err(payment::card_error(&decline, Value::Null));
        }
    }
    let metadata = merged_metadata(&json!({}), call.params.0.get("metadata"))?;
    let currency = items
        .first()
        .map_or(Value::Null, |(price, _)| price["currency"].clone());
    let terms = subscription::Terms {
        customer: customer.clone(),
        items,
        metadata,
        description: call.params.or_null("/description"),
        trial_end,
        trial_settings: call.params.or_null("/trial_settings"),
        default_payment_method: json!(method),
        status: match (trial_end, is_due) {
            (Some(_), _) => "trialing",
            (None, true) => "incomplete",
            (None, false) => "active",
        },
    };
    let id = begin(
        call,
        &terms,
        &currency,
        is_due,
        pays_with.filter(|_| is_attempted),
    );
    Ok(call.account.get(&id).clone())
}

fn begin(
    call: &mut Call<'_>,
    terms: &subscription::Terms,
    currency: &Value,
    is_due: bool,
    pays_with: Option<String>,
) -> String {
    let id = subscription::insert(call.account, terms);
    let before = subscription::fix_currency(call.account, &terms.customer, currency);
    let invoice_id = subscription::insert_first_invoice(call.account, &id, &[]);
    call.account.raise("invoice.created", &invoice_id);
    invoice::finalize(call.account, &invoice_id);
    call.account.raise("invoice.finalized", &invoice_id);
    if !is_due {
        invoice::mark_paid(call.account, &invoice_id);
        call.account.raise("invoice.paid", &invoice_id);
        call.account.raise("invoice.payment_succeeded", &invoice_id);
    } else if let Some(method) = pays_with
        && invoice::attempt(call.account, &invoice_id, &method, "Subscription creation").is_ok()
    {
        call.account.set(&id, "status", json!("active"));
        subscription::cycle::expect_next(call.account, &id);
    } else {
        let at = call
            .account
            .now
            .saturating_add(subscription::FIRST_PAYMENT_SECONDS);
        call.account.when(at, "subscription.incomplete", &id);
    }
    if let Some(before) = before {
        call.account
            .raise_update("customer.updated", &terms.customer, &before);
    }
    call.account.raise("customer.subscription.created", &id);
    id
}

fn items_of(call: &Call<'_>) -> Result<Vec<(Value, i64)>, StripeError> {
    let sent = call.params.list("/items");
    if sent.is_empty() {
        return Err(StripeError::missing("items"));
    }
    let mut items: Vec<(Value, i64)> = Vec::new();
    for (index, item) in sent.iter().enumerate() {
        let at = format!("items[{index}][price]");
        let Some(id) = item["price"].as_str() else {
            return Err(StripeError::not_simulated(
                "subscription items without a price id",
            ));
        };
        let price = call.account.get(id);
        if price["object"] != "price" {
            return Err(StripeError::no_such_param("price", id, &at));
        }
        if price["recurring"].is_null() {
            return Err(StripeError::invalid(
                "The price specified is set to `type=one_time` but this field only accepts prices \
                 with `type=recurring`."
                    .to_string(),
            )
            .param(&at));
        }
        if items.iter().any(|(other, _)| other["id"] == id) {
            return Err(StripeError::invalid(format!(
                "Cannot create a Subscription with multiple Subscription Items with the same \
                 Price: {id}"
            ))
            .param("plan"));
        }
        let quantity = item["quantity"].as_i64().unwrap_or(1);
        check_quantity(quantity, &format!("items[{index}][quantity]"))?;
        items.push((price.clone(), quantity));
    }
    Ok(items)
}

fn check_quantity(quantity: i64, param: &str) -> Result<(), StripeError> {
    if (0..=QUANTITY_MAX).contains(&quantity) {
        return Ok(());
    }
    Err(StripeError::coded(
        "parameter_invalid_integer",
        format!("This value must be between 0 and {QUANTITY_MAX}."),
    )
    .param(param))
}

fn trial_of(call: &Call<'_>) -> Result<Option<i64>, StripeError> {
    let now = call.account.now;
    if let Some(days) = call.params.int("/trial_period_days") {
        if !(0..=TRIAL_DAYS_MAX).contains(&days) {
            return Err(StripeError::coded(
                "parameter_invalid_integer",
                format!("This value must be between 0 and {TRIAL_DAYS_MAX}."),
            )
            .param("trial_period_days"));
        }
        if days == 0 {
            return Ok(None);
        }
        return Ok(Some(subscription::trial_end(now, days)));
    }
    let sent = call.params.at("/trial_end");
    let at = sent.and_then(|v| {
        v.as_i64()
            .or_else(|| v.as_str().and_then(|text| text.parse().ok()))
    });
    match at {
        Some(at) if at <= now => Err(StripeError::invalid(format!(
            "The parameter `trial_end` expects a unix timestamp representing a date and time in \
             the future. You specified the value `{at}` which is in the past."
        ))
        .param("trial_end")),
        other => Ok(other),
    }
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("subscription", &call.id(), "id")
        .cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let status = call.params.text("/status");
    let price = call.params.text("/price");
    list::page(call, "subscription", "/v1/subscriptions", |row| {
        let is_status = match status {
            None => row["status"] != "canceled",
            Some("all") => true,
            Some("ended") => row["status"] == "canceled" || row["status"] == "incomplete_expired",
            Some(wanted) => row["status"] == wanted,
        };
        let has_price = |wanted: &str| {
            subscription::items(row)
                .iter()
                .any(|item| item["price"]["id"] == wanted)
        };
        is_status && list::is(call, "customer", row, "customer") && price.is_none_or(has_price)
    })
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("subscription", &id, "id")?;
    if before["status"] == "canceled"
        && (call.params.has("items") || call.params.has("cancel_at_period_end"))
    {
        return Err(StripeError::coded(
            "invalid_canceled_subscription_fields",
            "A canceled subscription can only update its cancellation_details and metadata.",
        ));
    }
    for name in [
        "trial_end",
        "trial_period_days",
        "collection_method",
        "pause_collection",
    ] {
        if call.params.has(name) {
            return Err(StripeError::not_simulated(&format!("changing {name}")).param(name));
        }
    }
    let quantities = quantities_of(call, &before)?;
    let metadata = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    if let Some(method) = call
        .params
        .text("/default_payment_method")
        .map(str::to_owned)
    {
        let method = payment::resolve_method(call.account, &method, "default_payment_method")?;
        call.account
            .set(&id, "default_payment_method", json!(method));
    }
    call.account.set(&id, "metadata", metadata);
    if call.params.has("description") {
        let description = call.params.or_null("/description");
        call.account.set(&id, "description", description);
    }
    if let Some(is_wanted) = call.params.flag("/cancel_at_period_end")
        && before["cancel_at_period_end"] != is_wanted
    {
        subscription::cancel_at_period_end(call.account, &id, is_wanted);
    }
    let outcome = if quantities.is_empty() {
        Ok(())
    } else {
        change(call, &id, &quantities, &before)
    };
    call.account
        .raise_update("customer.subscription.updated", &id, &before);
    outcome?;
    Ok(call.account.get(&id).clone())
}

fn change(
    call: &mut Call<'_>,
    id: &str,
    quantities: &quantity::Quantities,
    before: &Value,
) -> Result<(), StripeError> {
    let proration = match call.params.text("/proration_behavior") {
        Some("none") => Proration::None,
        Some("always_invoice") => Proration::Invoiced,
        _ => Proration::Kept,
    };
    let behaviour = call
        .params
        .text("/payment_behavior")
        .unwrap_or("allow_incomplete");
    if proration == Proration::Invoiced
        && quantity::method_of(call.account, call.account.get(id)).is_none()
    {
        return Err(StripeError::coded("resource_missing", NO_METHOD));
    }
    let (waits, is_error) = (
        behaviour == "pending_if_incomplete",
        behaviour == "error_if_incomplete",
    );
    let method = quantity::method_of(call.account, call.account.get(id)).unwrap_or_default();
    if let (true, Proration::Invoiced, crate::lives::card::Behaviour::FailsWhenCharged(decline)) = (
        is_error,
        proration,
        payment::behaviour_of(call.account, &method),
    ) {
        if let Some(stored) = call.account.edit(id) {
            *stored = Value::clone(&before);
        }
        return Err(payment::card_error(&decline, Value::Null));
    }
    // A decline is told by the subscription's status or pending update, not by an error.
    let _ = quantity::change(call.account, id, quantities, proration, waits);
    Ok(())
}

fn quantities_of(
    call: &Call<'_>,
    subscription: &Value,
) -> Result<quantity::Quantities, StripeError> {
    let mut out = Vec::new();
    for (index, sent) in call.params.list("/items").iter().enumerate() {
        let Some(item_id) = sent["id"].as_str() else {
            return Err(StripeError::not_simulated("adding subscription items"));
        };
        let known = subscription::items(subscription)
            .iter()
            .find(|item| item["id"] == item_id);
        let Some(item) = known else {
            return Err(StripeError::no_such_param(
                "subscription_item",
                item_id,
                &format!("items[{index}][id]"),
            ));
        };
        let is_other_price = sent["price"]
            .as_str()
            .is_some_and(|price| item["price"]["id"] != price);
        if is_other_price || sent["deleted"] == true || !sent["price_data"].is_null() {
            return Err(StripeError::not_simulated(
                "changing a subscription item's price",
            ));
        }
        if let Some(quantity) = sent["quantity"].as_i64() {
            check_quantity(quantity, &format!("items[{index}][quantity]"))?;
            out.push((item_id.to_owned(), quantity));
        }
    }
    Ok(out)
}

pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let subscription = call.account.fetch("subscription", &id, "id")?;
    if !subscription["ended_at"].is_null() {
        return Err(StripeError::no_such("subscription", &id, "id"));
    }
    if call.params.flag("/prorate") == Some(true) || call.params.flag("/invoice_now") == Some(true)
    {
        return Err(StripeError::not_simulated(
            "cancellation with proration or a final invoice",
        ));
    }
    for name in ["comment", "feedback"] {
        let value = call
            .params
            .or_null(&format!("/cancellation_details/{name}"));
        if let (false, Some(stored)) = (value.is_null(), call.account.edit(&id)) {
            stored["cancellation_details"][name] = value;
        }
    }
    subscription::cancel_now(call.account, &id);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn list_items(call: &mut Call<'_>) -> Answer {
    let id = call.params.require("subscription")?.to_owned();
    let subscription = call.account.fetch("subscription", &id, "subscription")?;
    let rows: Vec<&Value> = subscription::items(subscription).iter().collect();
    list::cut(call, &rows, "subscription_item", "/v1/subscription_items")
}

pub(crate) fn retrieve_item(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let mut all = call
        .account
        .rows("subscription")
        .flat_map(subscription::items);
    all.find(|item| item["id"] == id.as_str())
        .cloned()
        .ok_or_else(|| {
            StripeError::coded(
                "resource_missing",
                format!("Invalid subscription_item id: {id}"),
            )
            .param("id")
            .status(404)
        })
}
