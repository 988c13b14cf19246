//! Search among invoices.

use serde_json::{Value, json};

use crate::api::search::Query;
use crate::api::{Answer, Call};
use crate::http::error::StripeError;
use crate::lives::invoice;

const SEARCHED: &[&str] = &[
    "created",
    "currency",
    "customer",
    "last_finalization_error_code",
    "last_finalization_error_type",
    "metadata",
    "number",
    "receipt_number",
    "status",
    "subscription",
    "total",
];

pub(super) fn search(call: &mut Call<'_>) -> Answer {
    let query = Query::parse(call.params.require("query")?, SEARCHED, "invoices")?;
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
        .rows("invoice")
        .rev()
        .filter(|row| {
            let mut searched = Value::clone(row);
            searched["subscription"] = json!(invoice::subscription_of(row));
            query.matches(&searched)
        })
        .collect();
    let start = rows.len().min(page.saturating_mul(limit));
    let end = rows.len().min(start.saturating_add(limit));
    let has_more = end < rows.len();
    Ok(json!({
        "object": "search_result",
        "data": rows[start..end],
        "has_more": has_more,
        "next_page": has_more.then(|| (page + 1).to_string()),
        "url": "/v1/invoices/search",
    }))
}
