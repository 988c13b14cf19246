//! Customers: create, retrieve, update, list, search, delete.

use serde_json::{Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::search::Query;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;

const UNSIMULATED: &str = "add_invoice_items adjustable_quantity after_expiration application_fee_amount \
    application_fee_percent backdate_start_date billing_cycle_anchor \
    billing_cycle_anchor_config billing_schedules billing_thresholds cancel_at \
    consent_collection coupon currency_options custom_fields custom_unit_amount \
    default_tax_rates discounts hooks invoice_creation on_behalf_of optional_items \
    paid_out_of_band pause_collection pending_invoice_item_interval phone_number_collection \
    promotion_code proration_date shipping_address_collection shipping_options \
    tax_id_collection tax_id_data tax_rates tiers transfer_data transform_quantity \
    trial_from_plan classic automatic_tax";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/customers", create).lacks(UNSIMULATED),
    route("GET /v1/customers", list),
    route("GET /v1/customers/search", search),
    route("GET /v1/customers/{}", retrieve),
    route("POST /v1/customers/{}", update).lacks(UNSIMULATED),
    route("DELETE /v1/customers/{}", delete),
];

const SETTABLE: &[&str] = &[
    "address",
    "description",
    "email",
    "name",
    "phone",
    "shipping",
    "tax_exempt",
];

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let mut customer = blank(call.account);
    customer["metadata"] = merged_metadata(&json!({}), call.params.0.get("metadata"))?;
    apply(call, &mut customer)?;
    put_on_clock(call, &mut customer)?;
    let id = call.account.insert(customer);
    call.account.raise("customer.created", &id);
    Ok(call.account.get(&id).clone())
}

/// How many customers a test clock can have.
const CUSTOMERS_PER_CLOCK_MAX: usize = 3;

fn put_on_clock(call: &Call<'_>, customer: &mut Value) -> Result<(), StripeError> {
    let Some(clock) = call.params.text("/test_clock") else {
        return Ok(());
    };
    let known = call.account.get(clock);
    if known["object"] != "test_helpers.test_clock" || known["deleted"] == true {
        let what = "test_helpers.test_clock";
        return Err(StripeError::no_such_param(what, clock, "test_clock"));
    }
    let others = call.account.rows("customer");
    if others.filter(|row| row["test_clock"] == clock).count() >= CUSTOMERS_PER_CLOCK_MAX {
        return Err(StripeError::invalid(format!(
            "You can only add up to {CUSTOMERS_PER_CLOCK_MAX} customers to a test clock."
        ))
        .param("test_clock"));
    }
    customer["test_clock"] = json!(clock);
    Ok(())
}

/// A customer about whom nothing is known yet; not stored.
pub(crate) fn blank(account: &mut Account) -> Value {
    json!({
        "id": account.ids.next("cus_"),
        "object": "customer",
        "address": null,
        "balance": 0,
        "created": account.now,
        "currency": null,
        "customer_account": null,
        "default_source": null,
        "delinquent": false,
        "description": null,
        "discount": null,
        "email": null,
        "invoice_prefix": account.ids.invoice_prefix(),
        "invoice_settings": {
            "custom_fields": null,
            "default_payment_method": null,
            "footer": null,
            "rendering_options": null,
        },
        "livemode": false,
        "metadata": {},
        "name": null,
        "next_invoice_sequence": 1,
        "phone": null,
        "preferred_locales": [],
        "shipping": null,
        "tax_exempt": "none",
        "test_clock": null,
    })
}

fn apply(call: &mut Call<'_>, customer: &mut Value) -> Result<(), StripeError> {
    for name in SETTABLE {
        if call.params.has(name) {
            customer[*name] = call.params.or_null(&format!("/{name}"));
        }
    }
    if let Some(email) = call.params.text("/email")
        && !email.contains('@')
    {
        return Err(
            StripeError::coded("email_invalid", format!("Invalid email address: {email}"))
                .param("email"),
        );
    }
    if call.params.has("tax_exempt") && customer["tax_exempt"].is_null() {
        customer["tax_exempt"] = json!("none");
    }
    if let Some(balance) = call.params.int("/balance") {
        customer["balance"] = json!(balance);
    }
    if let Some(prefix) = call.params.text("/invoice_prefix") {
        customer["invoice_prefix"] = json!(prefix);
    }
    if let Some(locales) = call.params.at("/preferred_locales") {
        customer["preferred_locales"] = locales.clone();
    }
    if let Some(method) = call.params.text("/invoice_settings/default_payment_method") {
        let is_theirs = call.account.get(method)["customer"] == customer["id"];
        if !is_theirs {
            return Err(StripeError::coded(
                "resource_missing",
                format!(
                    "The customer does not have a payment method with the ID {method}. The payment \
                     method must be attached to the customer."
                ),
            )
            .param("invoice_settings[default_payment_method]"));
        }
        customer["invoice_settings"]["default_payment_method"] = json!(method);
    }
    if let Some(method) = call.params.text("/payment_method").map(str::to_owned) {
        let customer_id = customer["id"].as_str().unwrap_or_default();
        let id = crate::lives::payment::resolve_method(call.account, &method, "payment_method")?;
        crate::lives::payment::refuse_declining(call.account, &id)?;
        call.account.set(&id, "customer", json!(customer_id));
    }
    Ok(())
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account.fetch("customer", &call.id(), "id").cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    live(call.account, &id)?;
    let before = call.account.snapshot(&id);
    let mut customer = Value::clone(&before);
    customer["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    apply(call, &mut customer)?;
    if let Some(stored) = call.account.edit(&id) {
        *stored = customer;
    }
    call.account.raise_update("customer.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

/// The customer, unless it is unknown or deleted.
fn live<'a>(account: &'a Account, id: &str) -> Result<&'a Value, StripeError> {
    let customer = account.fetch("customer", id, "id")?;
    if customer["deleted"] == true {
        return Err(StripeError::no_such("customer", id, "id"));
    }
    Ok(customer)
}

/// Makes sure that a customer whom a parameter names exists.
pub(crate) fn known(account: &Account, id: &str, param: &str) -> Result<(), StripeError> {
    let customer = account.get(id);
    if customer["object"] == "customer" && customer["deleted"] != true {
        return Ok(());
    }
    Err(StripeError::no_such_param("customer", id, param))
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    live(call.account, &id)?;
    let customer = call.account.snapshot(&id);
    let owned: Vec<String> = call
        .account
        .rows("subscription")
        .filter(|row| row["customer"] == id.as_str() && row["ended_at"].is_null())
        .filter_map(|row| row["id"].as_str().map(str::to_owned))
        .collect();
    for subscription_id in owned {
        crate::lives::subscription::cancel_now(call.account, &subscription_id);
    }
    let tombstone = json!({ "id": id, "object": "customer", "deleted": true });
    call.account
        .delete("customer", &id, Some(tombstone.clone()));
    call.account.raise_with("customer.deleted", customer, None);
    Ok(tombstone)
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    // Customers on test clocks are in the list of their clock only.
    let clock = call.params.or_null("/test_clock");
    list::page(call, "customer", "/v1/customers", |row| {
        row["test_clock"] == clock && list::is(call, "email", row, "email")
    })
}

pub(crate) fn search(call: &mut Call<'_>) -> Answer {
    let text = call.params.require("query")?;
    let query = Query::parse(
        text,
        &["created", "email", "metadata", "name", "phone"],
        "customers",
    )?;
    let limit = call.params.int("/limit").unwrap_or(10);
    if !(1..=100).contains(&limit) {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            "This value must be between 1 and 100.",
        )
        .param("limit"));
    }
    let page: usize = match call.params.text("/page") {
        None => 0,
        Some(page) => page
            .parse()
            .map_err(|_| StripeError::invalid(format!("{page} is an invalid page.")))?,
    };
    let limit = usize::try_from(limit).unwrap_or(1);
    let rows: Vec<&Value> = call
        .account
        .rows("customer")
        .rev()
        .filter(|row| query.matches(row))
        .collect();
    let start = rows.len().min(page.saturating_mul(limit));
    let end = rows.len().min(start + limit);
    let has_more = end < rows.len();
    Ok(json!({
        "object": "search_result",
        "data": rows[start..end],
        "has_more": has_more,
        "next_page": has_more.then(|| (page + 1).to_string()),
        "url": "/v1/customers/search",
    }))
}
