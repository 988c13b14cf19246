//! Customers: create, retrieve, update, list, search, delete.

use crate::json::{Map, Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, customer_balance, list, route, tax};
use crate::http::error::StripeError;
use crate::lives::discount::{self, Owner};
use crate::lives::payment::method;

/// Sources are of the time before payment methods, and cash balances of bank transfers.
const UNSIMULATED: &str = "cash_balance default_source source";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/customers", create).lacks(UNSIMULATED),
    route("GET /v1/customers", list),
    route("GET /v1/customers/{}", retrieve),
    route("POST /v1/customers/{}", update).lacks(UNSIMULATED),
    route("DELETE /v1/customers/{}", delete),
    route("DELETE /v1/customers/{}/discount", delete_discount),
];

/// How many customers a test clock can have.
const CLOCK_CUSTOMERS_MAX: usize = 3;

const SETTABLE: &[&str] = &[
    "business_name",
    "description",
    "email",
    "individual_name",
    "name",
    "phone",
    "tax_exempt",
];
const ADDRESS: &[&str] = &["city", "country", "line1", "line2", "postal_code", "state"];

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let clock = test_clock(call)?;
    let tax_ids = tax::read_ids(&call.params.or_null("/tax_id_data"), call.version)?;
    let mut customer = blank(call.account);
    customer["test_clock"] = clock;
    customer["metadata"] = merged_metadata(&json!({}), call.params.0.get("metadata"))?;
    apply(call, &mut customer)?;
    let balance = customer["balance"].take();
    customer["balance"] = json!(0);
    let id = call.account.insert(customer);
    let readied = redeem(call, &id).and_then(|()| method_to_attach(call));
    let method = match readied {
        Ok(method) => method,
        Err(error) => {
            call.account.delete("customer", &id, None);
            return Err(error);
        }
    };
    if let Some(balance) = balance.as_i64() {
        customer_balance::start(call.account, &id, balance);
    }
    if let Some(method_id) = &method {
        make_default(call, &id, method_id);
    }
    call.account.raise("customer.created", &id);
    if let Some(method_id) = method {
        method::attach(call.account, &method_id, &id);
    }
    for (kind, value) in tax_ids {
        let param = "tax_id_data[0][value]";
        tax::insert_id(call.account, &kind, &value, &tax::owned_by(&id), param)?;
    }
    Ok(call.account.get(&id).clone())
}

/// The test clock that the customer is put on.
fn test_clock(call: &Call<'_>) -> Result<Value, StripeError> {
    let Some(clock) = call.params.text("/test_clock") else {
        return Ok(Value::Null);
    };
    let known = call.account.get(clock);
    if known["object"] != "test_helpers.test_clock" || known["deleted"] == true {
        return Err(StripeError::no_such_param(
            "test clock",
            clock,
            "test_clock",
        ));
    }
    let count = call
        .account
        .rows("customer")
        .filter(|row| row["test_clock"] == clock)
        .count();
    if count >= CLOCK_CUSTOMERS_MAX {
        return Err(StripeError::invalid(format!(
            "Test clocks can have at most {CLOCK_CUSTOMERS_MAX} customers. `{clock}` already has \
             {count}."
        ))
        .param("test_clock"));
    }
    Ok(json!(clock))
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
    let params = &call.params;
    for name in SETTABLE {
        if params.has(name) {
            customer[*name] = params.or_null(&format!("/{name}"));
        }
    }
    if let Some(email) = params.text("/email")
        && !email.contains('@')
    {
        return Err(
            StripeError::coded("email_invalid", format!("Invalid email address: {email}"))
                .param("email"),
        );
    }
    if params.has("tax_exempt") && customer["tax_exempt"].is_null() {
        customer["tax_exempt"] = json!("none");
    }
    if params.has("address") {
        let sent = params.or_null("/address");
        customer["address"] = merged_address(&customer["address"], &sent);
    }
    if params.has("shipping") {
        let sent = params.or_null("/shipping");
        customer["shipping"] = merged_shipping(&customer["shipping"], &sent);
    }
    if let Some(balance) = params.int("/balance") {
        customer["balance"] = json!(balance);
    }
    if let Some(sequence) = params.int("/next_invoice_sequence") {
        if sequence < 1 {
            return Err(StripeError::coded(
                "parameter_invalid_integer",
                "This value must be greater than or equal to 1.",
            )
            .param("next_invoice_sequence"));
        }
        customer["next_invoice_sequence"] = json!(sequence);
    }
    if let Some(prefix) = params.text("/invoice_prefix") {
        customer["invoice_prefix"] = free_prefix(call.account, prefix, &customer["id"])?;
    }
    if let Some(address) = params.0.pointer("/tax/ip_address") {
        customer["_ip_address"] = address.clone();
    }
    if let Some(locales) = params.at("/preferred_locales") {
        customer["preferred_locales"] = locales.clone();
    }
    invoice_settings(call, customer)
}

/// An address with every line, each taken from what was sent or else from what there was.
fn merged_address(old: &Value, sent: &Value) -> Value {
    if sent.is_null() {
        return Value::Null;
    }
    let line = |name: &&str| {
        let value = sent.get(*name).unwrap_or(&old[*name]);
        ((*name).to_owned(), value.clone())
    };
    Value::Object(ADDRESS.iter().map(line).collect())
}

fn merged_shipping(old: &Value, sent: &Value) -> Value {
    if sent.is_null() {
        return Value::Null;
    }
    let mut shipping = old.as_object().cloned().unwrap_or_default();
    let empty = Value::Object(Map::new());
    let address = merged_address(&old["address"], sent.get("address").unwrap_or(&empty));
    shipping.insert("address".into(), address);
    for name in ["name", "phone"] {
        let value = sent.get(name).unwrap_or(&old[name]).clone();
        shipping.insert(name.into(), value);
    }
    Value::Object(shipping)
}

/// An invoice prefix that nobody else has, nor ever had.
fn free_prefix(account: &Account, prefix: &str, own: &Value) -> Result<Value, StripeError> {
    let is_plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    if !(1..=12).contains(&prefix.len()) || !prefix.chars().all(is_plain) {
        return Err(StripeError::invalid(
            "Invoice number prefix must be 1–12 uppercase letters or numbers.",
        ));
    }
    let has = |row: &&Value| row["invoice_prefix"] == prefix && row["id"] != *own;
    // Those who began with it, the deleted among them, or changed to it.
    let holder = account
        .rows_by("customer", "invoice_prefix", prefix)
        .find(has)
        .or_else(|| account.rows("customer").find(has));
    match holder {
        None => Ok(json!(prefix)),
        Some(holder) => Err(StripeError::invalid(format!(
            "This invoice number prefix is taken by customer: {}. Please enter a different prefix.",
            holder["id"].as_str().unwrap_or_default()
        ))
        .param("invoice_prefix")),
    }
}

fn invoice_settings(call: &Call<'_>, customer: &mut Value) -> Result<(), StripeError> {
    let sent = call.params.or_null("/invoice_settings");
    let Some(sent) = sent.as_object() else {
        return Ok(());
    };
    for name in ["custom_fields", "footer"] {
        if let Some(value) = sent.get(name) {
            let is_empty = value.as_array().is_some_and(Vec::is_empty);
            customer["invoice_settings"][name] = if is_empty { Value::Null } else { value.clone() };
        }
    }
    if let Some(options) = sent.get("rendering_options") {
        let shown = |options: &Value| {
            json!({
                "amount_tax_display": options["amount_tax_display"],
                "template": options["template"],
            })
        };
        customer["invoice_settings"]["rendering_options"] = match options {
            Value::Null => Value::Null,
            options => shown(options),
        };
    }
    match sent.get("default_payment_method") {
        None => Ok(()),
        Some(Value::String(method)) => {
            // One that is given by the same request is theirs in a moment; see `make_default`.
            if call.params.text("/payment_method") == Some(method.as_str()) {
                return Ok(());
            }
            let is_theirs = call.account.get(method)["customer"] == customer["id"];
            if !is_theirs {
                return Err(StripeError::coded(
                    "resource_missing",
                    format!(
                        "The customer does not have a payment method with the ID {method}. The \
                         payment method must be attached to the customer."
                    ),
                )
                .param("invoice_settings[default_payment_method]"));
            }
            customer["invoice_settings"]["default_payment_method"] = json!(method);
            Ok(())
        }
        Some(_) => {
            customer["invoice_settings"]["default_payment_method"] = Value::Null;
            Ok(())
        }
    }
}

/// The payment method that a new customer is to have, if it can be had.
fn method_to_attach(call: &mut Call<'_>) -> Result<Option<String>, StripeError> {
    let Some(sent) = call.params.text("/payment_method").map(str::to_owned) else {
        return Ok(None);
    };
    let found = method::resolve_method(call.account, &sent, "payment_method")?;
    if !call.account.get(&found)["customer"].is_null() {
        return Err(StripeError::invalid(
            "The payment method you provided has already been attached to a customer.",
        ));
    }
    method::refuse_unusable(call.account, &found, &Value::Null, "PaymentIntent")?;
    method::refuse_declining(call.account, &found)?;
    Ok(Some(found))
}

/// Makes that method the customer's default, if the same one was named for that.
fn make_default(call: &mut Call<'_>, id: &str, method_id: &str) {
    let sent = &call.params;
    let default = sent.text("/invoice_settings/default_payment_method");
    if default.is_some()
        && default == sent.text("/payment_method")
        && let Some(customer) = call.account.edit(id)
    {
        customer["invoice_settings"]["default_payment_method"] = json!(method_id);
    }
}

/// Redeems the coupon or promotion code that old versions take; an empty one ends the discount.
fn redeem(call: &mut Call<'_>, id: &str) -> Result<(), StripeError> {
    let owner = Owner {
        customer: json!(id),
        ..Owner::default()
    };
    for name in ["coupon", "promotion_code"] {
        if !call.params.has(name) {
            continue;
        }
        let sent = call.params.or_null(&format!("/{name}"));
        let made = if sent.is_null() {
            Vec::new()
        } else {
            discount::attach(call.account, &[json!({ name: sent })], &owner, name)?
        };
        end_discount(call.account, id);
        if let Some(discount) = made.first() {
            let discount = call.account.get(discount).clone();
            call.account.set(id, "discount", discount);
        }
    }
    Ok(())
}

/// Takes the discount off a customer, if there is one; answers it.
fn end_discount(account: &mut Account, customer: &str) -> Value {
    let ended = account.get(customer)["discount"].clone();
    if let Some(id) = ended["id"].as_str().map(str::to_owned) {
        account.set(customer, "discount", Value::Null);
        discount::detach(account, &[id]);
    }
    ended
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account.fetch("customer", &call.id(), "id").cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    live(call.account, &id, "id")?;
    let before = call.account.snapshot(&id);
    let mut customer = Value::clone(&before);
    customer["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    apply(call, &mut customer)?;
    let balance = customer["balance"].as_i64().unwrap_or(0);
    customer["balance"] = before["balance"].clone();
    redeem(call, &id)?;
    customer["discount"] = call.account.get(&id)["discount"].clone();
    if let Some(stored) = call.account.edit(&id) {
        *stored = customer;
    }
    customer_balance::adjust(call.account, &id, balance);
    call.account.raise_update("customer.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

/// The customer of a path, unless it is unknown or deleted.
pub(crate) fn live<'a>(
    account: &'a Account,
    id: &str,
    param: &str,
) -> Result<&'a Value, StripeError> {
    let customer = account.fetch("customer", id, param)?;
    if customer["deleted"] == true {
        return Err(StripeError::no_such("customer", id, param));
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
    live(call.account, &id, "id")?;
    let owned: Vec<String> = call
        .account
        .rows_by("subscription", "customer", &id)
        .filter(|row| row["ended_at"].is_null())
        .filter_map(|row| row["id"].as_str().map(str::to_owned))
        .collect();
    for subscription_id in owned {
        crate::lives::subscription::cancel_now(call.account, &subscription_id);
    }
    method::release_all(call.account, &id);
    let customer = call.account.snapshot(&id);
    let tombstone = json!({
        "id": id, "object": "customer", "deleted": true,
        // The prefix stays theirs: their invoices keep their numbers.
        "invoice_prefix": customer["invoice_prefix"],
    });
    call.account.delete("customer", &id, Some(tombstone));
    call.account.raise_with("customer.deleted", customer, None);
    Ok(json!({ "id": id, "object": "customer", "deleted": true }))
}

pub(crate) fn delete_discount(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.snapshot(&id);
    if live(call.account, &id, "customer")?["discount"].is_null() {
        return Err(StripeError::coded(
            "resource_missing",
            format!("No active discount for customer: {id}"),
        )
        .status(404));
    }
    let mut ended = end_discount(call.account, &id);
    call.account.raise_update("customer.updated", &id, &before);
    ended["deleted"] = json!(true);
    Ok(ended)
}

/// Lists customers; those on a test clock only if it is asked for.
pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let clock = call.params.text("/test_clock");
    list::page(call, "customer", "/v1/customers", |row| {
        list::is(call, "email", row, "email") && row["test_clock"].as_str() == clock
    })
}
