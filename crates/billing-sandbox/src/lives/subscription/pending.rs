//! Lines that wait for a subscription's next invoice.

use serde_json::{Value, json};

use crate::account::Account;
use crate::lives::invoice::Line;

/// Keeps lines for the next invoice.
pub(crate) fn keep(account: &mut Account, id: &str, lines: &[Line]) {
    let mut kept = account.get(id)["_kept"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    kept.extend(lines.iter().map(|line| {
        json!({
            "amount": line.amount, "description": line.description, "price": line.price,
            "quantity": line.quantity, "start": line.period.0, "end": line.period.1,
            "subscription_item": line.subscription_item,
        })
    }));
    account.set(id, "_kept", json!(kept));
}

/// Takes what waits, to be billed now.
pub(crate) fn take(account: &mut Account, id: &str) -> Vec<Line> {
    let kept = account.get(id)["_kept"].clone();
    if kept.as_array().is_none_or(Vec::is_empty) {
        return Vec::new();
    }
    account.set(id, "_kept", json!([]));
    kept.as_array()
        .into_iter()
        .flatten()
        .map(|line| Line {
            amount: line["amount"].as_i64().unwrap_or(0),
            description: line["description"].as_str().unwrap_or_default().to_owned(),
            price: line["price"].clone(),
            quantity: line["quantity"].as_i64().unwrap_or(1),
            period: (whole(&line["start"]), whole(&line["end"])),
            subscription_item: line["subscription_item"].clone(),
            is_proration: true,
            ..Line::default()
        })
        .collect()
}

fn whole(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}
