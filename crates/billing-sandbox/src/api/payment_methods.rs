//! Payment methods: made of raw cards and tokens, listed, changed, attached and detached.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::card::{self, TestCard};
use crate::lives::checkout::CardEntry;
use crate::lives::payment::{self, method};

const NOT_SIMULATED: &str = "customer_account us_bank_account sepa_debit payment_method networks";

pub(crate) static ROUTES: &[Route] = &[
    route("GET /v1/customers/{}/payment_methods", list_of_customer),
    route(
        "GET /v1/customers/{}/payment_methods/{}",
        retrieve_of_customer,
    ),
    route("POST /v1/payment_methods", create).lacks(NOT_SIMULATED),
    route("GET /v1/payment_methods", list_all),
    route("GET /v1/payment_methods/{}", retrieve),
    route("POST /v1/payment_methods/{}", update).lacks(NOT_SIMULATED),
    route("POST /v1/payment_methods/{}/attach", attach).lacks(NOT_SIMULATED),
    route("POST /v1/payment_methods/{}/detach", detach),
];

/// A text or a number, as text.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A refusal of what was typed, before any bank is asked.
fn mistyped(code: &str, param: &str, message: &str) -> StripeError {
    let mut error = StripeError::coded(code, message).param(param).status(402);
    error.kind = "card_error";
    error
}

/// Checks a raw card as Stripe does before it looks at the number's owner.
pub(crate) fn check_card(
    account: &Account,
    data: &Value,
    at: &str,
) -> Result<(&'static TestCard, CardEntry), StripeError> {
    for name in ["number", "exp_month", "exp_year"] {
        if data[name].is_null() {
            return Err(StripeError::missing(&format!("{at}[{name}]")));
        }
    }
    let entry = CardEntry {
        number: text(&data["number"]),
        exp_month: text(&data["exp_month"]),
        exp_year: text(&data["exp_year"]),
        cvc: text(&data["cvc"]),
        ..CardEntry::default()
    };
    let card = card::by_number(&entry.number).map_err(|decline| {
        let error = payment::card_error(&decline, Value::Null);
        if decline.param.is_empty() {
            error
        } else {
            error.param(decline.param)
        }
    })?;
    let now = time::OffsetDateTime::from_unix_timestamp(account.now).ok();
    let (this_year, this_month) = now.map_or((0, 0), |now| {
        (i64::from(now.year()), i64::from(u8::from(now.month())))
    });
    let month: i64 = entry.exp_month.parse().unwrap_or(0);
    let year = payment::full_year(&entry.exp_year)
        .filter(|year| (this_year..this_year.saturating_add(51)).contains(year));
    if !(1..=12).contains(&month) {
        return Err(mistyped(
            "invalid_expiry_month",
            "exp_month",
            "Your card's expiration month is invalid.",
        ));
    }
    let Some(year) = year else {
        return Err(mistyped(
            "invalid_expiry_year",
            "exp_year",
            "Your card's expiration year is invalid.",
        ));
    };
    if year == this_year && month < this_month {
        return Err(mistyped(
            "invalid_expiry_month",
            "exp_month",
            "Your card's expiration month is invalid.",
        ));
    }
    let is_cvc = matches!(entry.cvc.len(), 3 | 4) && entry.cvc.bytes().all(|b| b.is_ascii_digit());
    if !entry.cvc.is_empty() && !is_cvc {
        return Err(mistyped(
            "invalid_cvc",
            "cvc",
            "Your card's security code is invalid.",
        ));
    }
    Ok((card, entry))
}

/// Makes a payment method of `{type, card: {number… or token}, billing_details}`; `at` is what the
/// parameter is called.
pub(crate) fn from_data(
    account: &mut Account,
    data: &Value,
    at: &str,
) -> Result<String, StripeError> {
    let path = |name: &str| {
        if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}[{name}]")
        }
    };
    let kind = data["type"].as_str().unwrap_or("card");
    if kind != "card" {
        return Err(StripeError::not_simulated(
            "payment methods other than cards",
        ));
    }
    let given = &data["card"];
    if given.is_null() {
        return Err(StripeError::missing(&path("card")));
    }
    let id = if let Some(token) = given["token"].as_str() {
        from_token(account, token, &format!("{}[token]", path("card")))?
    } else {
        let (card, entry) = check_card(account, given, &path("card"))?;
        payment::insert_method(account, card, &entry)
    };
    let metadata = merged_metadata(&json!({}), data.get("metadata"))?;
    if let Some(method) = account.edit(&id) {
        write_billing(method, &data["billing_details"]);
        method["metadata"] = metadata;
        if let Some(display) = data["allow_redisplay"].as_str()
            && matches!(display, "always" | "limited" | "unspecified")
        {
            method["allow_redisplay"] = json!(display);
        }
    }
    Ok(id)
}

const ADDRESS: &[&str] = &["city", "country", "line1", "line2", "postal_code", "state"];

/// Writes what was sent of the billing details; what is no text is no name, street or number.
fn write_billing(method: &mut Value, sent: &Value) {
    for name in ["email", "name", "phone", "tax_id"] {
        if let Some(value) = sent.get(name).filter(|value| is_text(value)) {
            method["billing_details"][name] = value.clone();
        }
    }
    let Some(address) = sent.get("address") else {
        return;
    };
    for part in ADDRESS {
        if address.is_null() {
            method["billing_details"]["address"][*part] = Value::Null;
        } else if let Some(value) = address.get(part).filter(|value| is_text(value)) {
            method["billing_details"]["address"][*part] = value.clone();
        }
    }
}

fn is_text(value: &Value) -> bool {
    value.is_string() || value.is_null()
}

/// Makes a payment method of a stored or a named token; a stored one works once.
pub(crate) fn from_token(
    account: &mut Account,
    token: &str,
    param: &str,
) -> Result<String, StripeError> {
    if let Some(card) = token.strip_prefix("tok_").and_then(card::by_name) {
        return Ok(payment::insert_method(account, card, &CardEntry::default()));
    }
    let known = account.snapshot(token);
    if known["object"] != "token" || known["card"].is_null() {
        return Err(StripeError::no_such_param("token", token, param));
    }
    if known["used"] == true {
        return Err(StripeError::coded(
            "token_already_used",
            format!("You cannot use a Stripe token more than once: {token}."),
        ));
    }
    let number = known["_number"].as_str().unwrap_or_default();
    let card =
        card::by_number(number).map_err(|decline| payment::card_error(&decline, Value::Null))?;
    account.set(token, "used", json!(true));
    let sent = &known["card"];
    let entry = CardEntry {
        number: number.to_owned(),
        exp_month: text(&sent["exp_month"]),
        exp_year: text(&sent["exp_year"]),
        cvc: text(&known["_cvc"]),
        name: text(&sent["name"]),
        ..CardEntry::default()
    };
    let id = payment::insert_method(account, card, &entry);
    if let Some(method) = account.edit(&id) {
        let address = &mut method["billing_details"]["address"];
        for (part, name) in [
            ("city", "address_city"),
            ("country", "address_country"),
            ("line1", "address_line1"),
            ("line2", "address_line2"),
            ("postal_code", "address_zip"),
            ("state", "address_state"),
        ] {
            address[part] = sent[name].clone();
        }
    }
    Ok(id)
}

fn create(call: &mut Call<'_>) -> Answer {
    if call.params.has("customer") {
        return Err(StripeError::invalid(
            "You cannot attach a PaymentMethod to a Customer during PaymentMethod creation. Please \
             instead create the PaymentMethod and then attach it using the attachment method of \
             the PaymentMethods API.",
        ));
    }
    if call.params.text("/type").is_none() {
        return Err(StripeError::missing("type"));
    }
    let data = call.params.0.clone();
    let id = from_data(call.account, &data, "")?;
    Ok(call.account.get(&id).clone())
}

fn fetch<'a>(account: &'a Account, id: &str) -> Result<&'a Value, StripeError> {
    account.fetch("payment_method", id, "payment_method")
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    // A named test card is as good as one that was made of it.
    if id.starts_with("pm_card_")
        && let Ok(made) = payment::resolve_method(call.account, &id, "payment_method")
    {
        return Ok(call.account.get(&made).clone());
    }
    fetch(call.account, &id).cloned()
}

fn retrieve_of_customer(call: &mut Call<'_>) -> Answer {
    let customer = call.id();
    call.account.fetch("customer", &customer, "id")?;
    let id = call.ids.get(1).cloned().unwrap_or_default();
    let method = fetch(call.account, &id)?;
    if method["customer"] != customer.as_str() {
        return Err(StripeError::invalid("Invalid request")
            .param("customer")
            .status(404));
    }
    Ok(method.clone())
}

fn list_all(call: &mut Call<'_>) -> Answer {
    let Some(customer) = call.params.text("/customer").map(str::to_owned) else {
        return list::page(call, "payment_method", "/v1/payment_methods", |_| false);
    };
    let known = call.account.get(&customer);
    if known["object"] != "customer" || known["deleted"] == true {
        return Err(StripeError::no_such_param(
            "customer", &customer, "customer",
        ));
    }
    list::page(call, "payment_method", "/v1/payment_methods", |row| {
        is_listed(call, row, &customer)
    })
}

fn is_listed(call: &Call<'_>, row: &Value, customer: &str) -> bool {
    row["customer"] == customer
        && list::is(call, "type", row, "type")
        && list::is(call, "allow_redisplay", row, "allow_redisplay")
}

fn list_of_customer(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch("customer", &id, "id")?;
    list::page(
        call,
        "payment_method",
        &format!("/v1/customers/{id}/payment_methods"),
        |row| is_listed(call, row, &id),
    )
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call
        .account
        .fetch_snapshot("payment_method", &id, "payment_method")?;
    if before["customer"].is_null() {
        return Err(StripeError::invalid(
            "You must save this PaymentMethod to a customer before you can update it.",
        ));
    }
    let metadata = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    if let Some(month) = call.params.int("/card/exp_month")
        && !(1..=12).contains(&month)
    {
        return Err(mistyped(
            "invalid_expiry_month",
            "exp_month",
            "Your card's expiration month is invalid.",
        ));
    }
    let sent = call.params.0.clone();
    if let Some(method) = call.account.edit(&id) {
        method["metadata"] = metadata;
        write_billing(method, &sent["billing_details"]);
        for name in ["exp_month", "exp_year"] {
            if let Some(value) = sent["card"][name].as_i64() {
                method["card"][name] = json!(value);
            }
        }
        if let Some(display) = sent["allow_redisplay"].as_str() {
            method["allow_redisplay"] = json!(display);
        }
    }
    call.account
        .raise_update("payment_method.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

fn attach(call: &mut Call<'_>) -> Answer {
    let customer = call
        .params
        .text("/customer")
        .map(str::to_owned)
        .ok_or_else(|| {
            StripeError::coded(
                "parameter_missing",
                "Must provide customer or customer_account.",
            )
        })?;
    let sent = call.id();
    let known = call.account.get(&customer);
    if known["object"] != "customer" || known["deleted"] == true {
        return Err(StripeError::no_such_param(
            "customer", &customer, "customer",
        ));
    }
    let id = payment::resolve_method(call.account, &sent, "payment_method")
        .map_err(|error| error.status(404))?;
    let before = call.account.get(&id);
    if before["customer"] == customer.as_str() {
        return Ok(before.clone());
    }
    if !before["customer"].is_null() {
        return Err(StripeError::invalid(
            "The payment method you provided has already been attached to a customer.",
        ));
    }
    method::refuse_unusable(call.account, &id, &json!(customer), "PaymentIntent")?;
    payment::refuse_declining(call.account, &id)?;
    method::attach(call.account, &id, &customer);
    Ok(call.account.get(&id).clone())
}

fn detach(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call
        .account
        .fetch_snapshot("payment_method", &id, "payment_method")?;
    if before["customer"].is_null() {
        return Err(StripeError::invalid(
            "The payment method you provided is not attached to a customer so detachment is \
             impossible.",
        ));
    }
    method::detach(call.account, &id, &before);
    Ok(call.account.get(&id).clone())
}
