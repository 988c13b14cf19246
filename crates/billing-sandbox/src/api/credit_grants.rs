//! Billing credits: grants, what came of them, and what is left.

use crate::json::{Value, json};

use crate::api::customers::known;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::credit;
use crate::lives::money::currency;

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/billing/credit_grants", create),
    route("GET /v1/billing/credit_grants", list),
    route("GET /v1/billing/credit_grants/{}", retrieve),
    route("POST /v1/billing/credit_grants/{}", update),
    route("POST /v1/billing/credit_grants/{}/expire", expire),
    route("POST /v1/billing/credit_grants/{}/void", void),
    route("GET /v1/billing/credit_balance_summary", summary),
    route("GET /v1/billing/credit_balance_transactions", transactions),
    route(
        "GET /v1/billing/credit_balance_transactions/{}",
        retrieve_transaction,
    ),
];

const GRANT: &str = "billing.credit_grant";
const TRANSACTION: &str = "billing.credit_balance_transaction";
const PRIORITY: i64 = 50;
const PRIORITY_MAX: i64 = 100;

fn create(call: &mut Call<'_>) -> Answer {
    let customer = call.params.require("customer")?.to_owned();
    known(call.account, &customer, "customer")?;
    let value = call.params.int("/amount/monetary/value").unwrap_or(0);
    if value < 1 {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            "This value must be greater than or equal to 1.",
        )
        .param("amount[monetary][value]"));
    }
    let code = call
        .params
        .text("/amount/monetary/currency")
        .unwrap_or_default();
    let code = currency(code).map_err(|error| error.param("amount[monetary][currency]"))?;
    let priority = call.params.int("/priority").unwrap_or(PRIORITY);
    if !(0..=PRIORITY_MAX).contains(&priority) {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            format!("This value must be between 0 and {PRIORITY_MAX}."),
        )
        .param("priority"));
    }
    let now = call.account.now;
    let expires_at = call.params.int("/expires_at");
    if expires_at.is_some_and(|at| at <= now) {
        return Err(StripeError::invalid("`expires_at` must be in the future.").param("expires_at"));
    }
    let scope = scope(call)?;
    let grant = json!({
        "id": call.account.ids.next("credgr_test_"),
        "object": GRANT,
        "amount": { "monetary": { "currency": code, "value": value }, "type": "monetary" },
        "applicability_config": { "scope": scope },
        "category": call.params.text("/category").unwrap_or("paid"),
        "created": now,
        "customer": customer,
        "customer_account": null,
        "effective_at": call.params.int("/effective_at").unwrap_or(now),
        "expires_at": expires_at,
        "livemode": false,
        "metadata": merged_metadata(&json!({}), call.params.0.get("metadata"))?,
        "name": call.params.or_null("/name"),
        "priority": priority,
        "test_clock": call.account.get(&customer)["test_clock"],
        "updated": now,
        "voided_at": null,
        "_left": 0,
    });
    let id = call.account.insert(grant);
    call.account.raise("billing.credit_grant.created", &id);
    let reason = json!({ "credits_application_invoice_voided": null, "type": "credits_granted" });
    credit::enter(call.account, &id, value, "credit", reason);
    if let Some(at) = expires_at {
        call.account.when(at, "credit_grant.expire", &id);
    }
    Ok(call.account.get(&id).clone())
}

/// All metered prices, or some that exist.
fn scope(call: &Call<'_>) -> Result<Value, StripeError> {
    let at = "/applicability_config/scope";
    let prices = call.params.list(&format!("{at}/prices"));
    let kind = call.params.text(&format!("{at}/price_type"));
    if prices.is_empty() == kind.is_none() {
        return Err(StripeError::invalid(
            "You must pass either `price_type` or `prices` in `applicability_config[scope]`.",
        )
        .param("applicability_config[scope]"));
    }
    for (index, price) in prices.iter().enumerate() {
        let id = price["id"].as_str().unwrap_or_default();
        if call.account.get(id)["object"] != "price" {
            let param = format!("applicability_config[scope][prices][{index}][id]");
            return Err(StripeError::no_such_param("price", id, &param));
        }
    }
    Ok(match kind {
        Some(kind) => json!({ "price_type": kind }),
        None => json!({ "prices": prices }),
    })
}

fn fetch<'a>(call: &'a Call<'_>) -> Result<&'a Value, StripeError> {
    let id = call.id();
    let found = call.account.get(&id);
    if found["object"] == GRANT {
        return Ok(found);
    }
    Err(StripeError::no_such("credit grant", &id, "id"))
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    fetch(call).cloned()
}

fn list(call: &mut Call<'_>) -> Answer {
    list::page(call, GRANT, "/v1/billing/credit_grants", |row| {
        list::is(call, "customer", row, "customer")
    })
}

/// Changes a grant, and raises that it was.
fn change(call: &mut Call<'_>, change: impl FnOnce(&mut Value)) -> Value {
    let id = call.id();
    let before = call.account.snapshot(&id);
    let now = call.account.now;
    if let Some(grant) = call.account.edit(&id) {
        change(grant);
        grant["updated"] = json!(now);
    }
    call.account
        .raise_update("billing.credit_grant.updated", &id, &before);
    call.account.get(&id).clone()
}

fn update(call: &mut Call<'_>) -> Answer {
    let old = fetch(call)?["metadata"].clone();
    let metadata = merged_metadata(&old, call.params.0.get("metadata"))?;
    let expires_at = call
        .params
        .has("expires_at")
        .then(|| call.params.or_null("/expires_at"));
    if let Some(at) = expires_at.as_ref().and_then(Value::as_i64) {
        let id = call.id();
        call.account.when(at, "credit_grant.expire", &id);
    }
    Ok(change(call, |grant| {
        grant["metadata"] = metadata;
        if let Some(at) = expires_at {
            grant["expires_at"] = at;
        }
    }))
}

fn refuse_over(call: &Call<'_>) -> Result<(), StripeError> {
    let grant = fetch(call)?;
    let now = call.account.now;
    if !grant["voided_at"].is_null() {
        return Err(StripeError::invalid("This credit grant is already voided."));
    }
    if grant["expires_at"].as_i64().is_some_and(|at| at <= now) {
        return Err(StripeError::invalid(
            "This credit grant is already expired.",
        ));
    }
    Ok(())
}

fn expire(call: &mut Call<'_>) -> Answer {
    refuse_over(call)?;
    let (id, now) = (call.id(), call.account.now);
    credit::empty(call.account, &id, "credits_expired");
    Ok(change(call, |grant| grant["expires_at"] = json!(now)))
}

/// Takes a grant back, unless some of it was used.
fn void(call: &mut Call<'_>) -> Answer {
    refuse_over(call)?;
    let grant = fetch(call)?;
    if grant["amount"]["monetary"]["value"] != credit::left(grant) {
        return Err(StripeError::invalid(
            "A credit grant that was applied to an invoice cannot be voided.",
        ));
    }
    let (id, now) = (call.id(), call.account.now);
    credit::empty(call.account, &id, "credits_voided");
    Ok(change(call, |grant| grant["voided_at"] = json!(now)))
}

/// What a customer has left, by currency.
fn summary(call: &mut Call<'_>) -> Answer {
    let customer = call.params.require("customer")?.to_owned();
    known(call.account, &customer, "customer")?;
    let now = call.account.now;
    let only = call.params.text("/filter/credit_grant");
    let prices = call.params.list("/filter/applicability_scope/prices");
    let mut balances: Vec<(String, i64, i64)> = Vec::new();
    for grant in call.account.rows_by(GRANT, "customer", &customer) {
        let is_covered = prices.iter().all(|price| {
            let price = call.account.get(price["id"].as_str().unwrap_or_default());
            credit::covers(grant, price)
        });
        if only.is_some_and(|id| grant["id"] != id) || !is_covered {
            continue;
        }
        let own = grant["amount"]["monetary"]["currency"]
            .as_str()
            .unwrap_or_default();
        let left = credit::left(grant);
        let usable = if credit::is_usable(grant, now) {
            left
        } else {
            0
        };
        match balances.iter_mut().find(|(code, ..)| code == own) {
            Some((_, available, ledger)) => {
                *available = available.saturating_add(usable);
                *ledger = ledger.saturating_add(left);
            }
            None => balances.push((own.to_owned(), usable, left)),
        }
    }
    let monetary = |code: &str, value: i64| json!({ "monetary": { "currency": code, "value": value }, "type": "monetary" });
    let balances: Vec<Value> = balances
        .iter()
        .map(|(code, available, ledger)| {
            json!({
                "available_balance": monetary(code, *available),
                "ledger_balance": monetary(code, *ledger),
            })
        })
        .collect();
    Ok(json!({
        "object": "billing.credit_balance_summary",
        "balances": balances,
        "customer": customer,
        "customer_account": null,
        "livemode": false,
    }))
}

fn transactions(call: &mut Call<'_>) -> Answer {
    let customer = call.params.require("customer")?.to_owned();
    known(call.account, &customer, "customer")?;
    list::page(
        call,
        TRANSACTION,
        "/v1/billing/credit_balance_transactions",
        |row| {
            row["_customer"] == customer.as_str()
                && list::is(call, "credit_grant", row, "credit_grant")
        },
    )
}

fn retrieve_transaction(call: &mut Call<'_>) -> Answer {
    call.account.fetch(TRANSACTION, &call.id(), "id").cloned()
}
