//! The balance and what moved it.

use std::collections::BTreeMap;

use crate::json::{Value, json};

use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;

pub(crate) static ROUTES: &[Route] = &[
    route("GET /v1/balance", retrieve),
    route("GET /v1/balance_transactions", list_all),
    route("GET /v1/balance_transactions/{}", retrieve_transaction),
];

#[expect(clippy::unnecessary_wraps, reason = "every endpoint answers so")]
fn retrieve(call: &mut Call<'_>) -> Answer {
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    sums.insert("usd".to_owned(), (0, 0));
    for row in call.account.rows("balance_transaction") {
        let currency = row["currency"].as_str().unwrap_or("usd");
        let net = row["net"].as_i64().unwrap_or(0);
        let sum = sums.entry(currency.to_owned()).or_default();
        if row["status"] == "available" {
            sum.0 = sum.0.saturating_add(net);
        } else {
            sum.1 = sum.1.saturating_add(net);
        }
    }
    let fund = |amount: i64, currency: &str| json!({ "amount": amount, "currency": currency, "source_types": { "card": amount } });
    let available: Vec<Value> = sums.iter().map(|(c, sum)| fund(sum.0, c)).collect();
    let pending: Vec<Value> = sums.iter().map(|(c, sum)| fund(sum.1, c)).collect();
    Ok(json!({
        "object": "balance",
        "available": available,
        "livemode": false,
        "pending": pending,
        "refund_and_dispute_prefunding": {
            "available": [{ "amount": 0, "currency": "usd" }],
            "pending": [{ "amount": 0, "currency": "usd" }],
        },
    }))
}

fn list_all(call: &mut Call<'_>) -> Answer {
    // Nothing is ever paid out here.
    if let Some(payout) = call.params.text("/payout") {
        return Err(StripeError::no_such_param("payout", payout, "payout"));
    }
    list::page(
        call,
        "balance_transaction",
        "/v1/balance_transactions",
        |row| {
            // Stripe does not find the movements of a dispute by its id.
            (row["type"] != "adjustment" || !call.params.has("source"))
                && ["currency", "source", "type"]
                    .iter()
                    .all(|name| list::is(call, name, row, name))
        },
    )
}

fn retrieve_transaction(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("balance_transaction", &call.id(), "id")
        .cloned()
}
