//! Test clocks: a time of their own for the customers on them.

use crate::json::Value;

use crate::account::Account;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::test_clock;

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/test_helpers/test_clocks", create),
    route("GET /v1/test_helpers/test_clocks", list_clocks),
    route("GET /v1/test_helpers/test_clocks/{}", retrieve),
    route("DELETE /v1/test_helpers/test_clocks/{}", delete),
    route("POST /v1/test_helpers/test_clocks/{}/advance", advance),
];

fn create(call: &mut Call<'_>) -> Answer {
    let at = call
        .params
        .int("/frozen_time")
        .ok_or_else(|| StripeError::missing("frozen_time"))?;
    let customer = call.params.text("/customer").map(str::to_owned);
    if let Some(id) = &customer {
        let known = call.account.get(id);
        if known["object"] != "customer" || known["deleted"] == true {
            return Err(StripeError::no_such_param("customer", id, "customer"));
        }
        if !known["test_clock"].is_null() {
            return Err(StripeError::invalid(format!(
                "The customer {id} is already attached to a test clock."
            ))
            .param("customer"));
        }
        if at < call.account.now {
            return Err(StripeError::invalid(
                "The frozen time of a test clock with an existing customer cannot be in the past.",
            )
            .param("frozen_time"));
        }
    }
    let name = call.params.or_null("/name");
    let id = test_clock::insert(call.account, at, &name);
    if let Some(customer) = customer {
        test_clock::attach(call.account, &id, &customer);
    }
    Ok(call.account.get(&id).clone())
}

/// The clock of the path, once it has arrived.
fn fetch(call: &mut Call<'_>) -> Result<(String, Value), StripeError> {
    let id = call.id();
    let clock = call
        .account
        .fetch(test_clock::KIND, &id, "clock")
        .map_err(|error| {
            if call.account.get(&id)["deleted"] == true {
                no_such(&id)
            } else {
                error
            }
        })?;
    if clock["deleted"] == true {
        return Err(no_such(&id));
    }
    Ok((id.clone(), clock.clone()))
}

fn no_such(id: &str) -> StripeError {
    StripeError::no_such(test_clock::KIND, id, "clock")
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    fetch(call).map(|(_, clock)| clock)
}

fn list_clocks(call: &mut Call<'_>) -> Answer {
    list::page(
        call,
        test_clock::KIND,
        "/v1/test_helpers/test_clocks",
        |_| true,
    )
}

fn delete(call: &mut Call<'_>) -> Answer {
    let (id, _) = fetch(call)?;
    Ok(test_clock::delete(call.account, &id))
}

fn advance(call: &mut Call<'_>) -> Answer {
    let (id, clock) = fetch(call)?;
    let to = call
        .params
        .int("/frozen_time")
        .ok_or_else(|| StripeError::missing("frozen_time"))?;
    let now = clock["frozen_time"].as_i64().unwrap_or(0);
    if to <= now {
        return Err(StripeError::invalid(format!(
            "You can only advance a test clock to a time after its current frozen time ({now})."
        ))
        .param("frozen_time"));
    }
    let reach = test_clock::reach(call.account, &id);
    if to > reach {
        return Err(StripeError::invalid(format!(
            "You can advance a test clock by at most two intervals of the shortest subscription \
             on it, or by two years if there is none: {reach} is the latest time that this one \
             can be advanced to."
        ))
        .param("frozen_time"));
    }
    test_clock::advance(call.account, &id, to);
    Ok(call.account.get(&id).clone())
}

/// The refusal of a write while a clock is advancing.
pub(crate) fn refuse_while_advancing(account: &Account, id: &str) -> Result<(), StripeError> {
    let clock = account.clock_of(id);
    if clock.is_empty() || !test_clock::is_advancing(account, &clock) {
        return Ok(());
    }
    Err(StripeError::coded(
        "rate_limit",
        format!("Test clock advancement underway - cannot perform modifications: {clock}"),
    )
    .status(429)
    .validation())
}
