//! Billing credits: what was granted to a customer pays for metered usage before money does.

use crate::json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::lives::invoice::{lines_of, totals};

pub(crate) static DUE: &[Action] = &[("credit_grant.expire", expire)];

const GRANT: &str = "billing.credit_grant";
const TRANSACTION: &str = "billing.credit_balance_transaction";

/// What a grant has left, in the currency's smallest unit.
pub(crate) fn left(grant: &Value) -> i64 {
    grant["_left"].as_i64().unwrap_or(0)
}

fn monetary(amount: i64, currency: &Value) -> Value {
    json!({ "monetary": { "currency": currency, "value": amount }, "type": "monetary" })
}

/// Whether a grant can be used now.
pub(crate) fn is_usable(grant: &Value, now: i64) -> bool {
    left(grant) > 0
        && grant["voided_at"].is_null()
        && grant["effective_at"].as_i64().is_none_or(|at| at <= now)
        && grant["expires_at"].as_i64().is_none_or(|at| now < at)
}

/// Whether a grant pays for a price.
pub(crate) fn covers(grant: &Value, price: &Value) -> bool {
    let scope = &grant["applicability_config"]["scope"];
    match scope["prices"].as_array() {
        Some(prices) if !prices.is_empty() => prices.iter().any(|known| known["id"] == price["id"]),
        _ => price["recurring"]["usage_type"] == "metered",
    }
}

/// Enters a change of a grant: `credit` or `debit` with its reason, of which the other is null.
pub(crate) fn enter(account: &mut Account, grant_id: &str, amount: i64, side: &str, reason: Value) {
    let grant = account.snapshot(grant_id);
    let currency = &grant["amount"]["monetary"]["currency"];
    let mut body = reason;
    body["amount"] = monetary(amount, currency);
    let signed = if side == "credit" { amount } else { -amount };
    account.set(
        grant_id,
        "_left",
        json!(left(&grant).saturating_add(signed)),
    );
    let now = account.now;
    let transaction = json!({
        "id": account.ids.next("cbtxn_"),
        "object": TRANSACTION,
        "created": now,
        "credit": if side == "credit" { body.clone() } else { Value::Null },
        "credit_grant": grant_id,
        "debit": if side == "debit" { body } else { Value::Null },
        "effective_at": grant["effective_at"].as_i64().unwrap_or(now).max(now),
        "livemode": false,
        "test_clock": grant["test_clock"],
        "type": side,
        "_customer": grant["customer"],
    });
    let id = account.insert(transaction);
    account.raise("billing.credit_balance_transaction.created", &id);
}

/// Takes away what a grant has left, because it expired or was voided.
pub(crate) fn empty(account: &mut Account, grant_id: &str, reason: &str) {
    let rest = left(account.get(grant_id));
    if rest > 0 {
        let body = json!({ "credits_applied": null, "type": reason });
        enter(account, grant_id, rest, "debit", body);
    }
}

/// The time of a grant is over.
fn expire(account: &mut Account, grant_id: &str) {
    let grant = account.get(grant_id);
    let is_over = grant["expires_at"]
        .as_i64()
        .is_some_and(|at| at <= account.now);
    if is_over {
        empty(account, grant_id, "credits_expired");
    }
}

/// The grants of a customer that can be used now, in the order in which they are: by priority, the
/// soonest to expire, promotions before what was paid for, the oldest.
fn usable(account: &Account, customer: &str, currency: &str) -> Vec<String> {
    let mut grants: Vec<&Value> = account
        .rows_by(GRANT, "customer", customer)
        .filter(|grant| {
            is_usable(grant, account.now) && grant["amount"]["monetary"]["currency"] == currency
        })
        .collect();
    grants.sort_by_key(|grant| {
        (
            grant["priority"].as_i64().unwrap_or(50),
            grant["expires_at"].as_i64().unwrap_or(i64::MAX),
            grant["category"] == "paid",
            grant["effective_at"].as_i64().unwrap_or(0),
            grant["created"].as_i64().unwrap_or(0),
        )
    });
    let id = |grant: &Value| grant["id"].as_str().unwrap_or_default().to_owned();
    grants.into_iter().map(id).collect()
}

/// Lets credits pay for the usage of a draft that is being finalized, after discounts and before
/// taxes.
pub(crate) fn apply(account: &mut Account, invoice_id: &str) {
    let invoice = account.snapshot(invoice_id);
    let customer = invoice["customer"].as_str().unwrap_or_default();
    let currency = invoice["currency"].as_str().unwrap_or_default();
    let grants = usable(account, customer, currency);
    if grants.is_empty() {
        return;
    }
    let mut applied = Vec::new();
    for (place, line) in lines_of(&invoice).iter().enumerate() {
        let price = &line["pricing"]["price_details"]["price"];
        let price = account.snapshot(price.as_str().unwrap_or_default());
        let mut open = totals::line_net(line);
        for id in &grants {
            let grant = account.get(id);
            let share = left(grant).min(open);
            if share <= 0 || !covers(grant, &price) {
                continue;
            }
            open -= share;
            let body = json!({
                "credits_applied": { "invoice": invoice_id, "invoice_line_item": line["id"] },
                "type": "credits_applied",
            });
            enter(account, id, share, "debit", body);
            let rows = account.rows(TRANSACTION);
            let transaction = rows.last().map_or(Value::Null, |row| row["id"].clone());
            applied.push((place, share, transaction));
        }
    }
    if let Some(lines) = account
        .edit(invoice_id)
        .and_then(|invoice| invoice["lines"]["data"].as_array_mut())
    {
        for (place, share, transaction) in applied {
            let Some(line) = lines.get_mut(place) else {
                continue;
            };
            let entry = json!({
                "amount": share, "credit_balance_transaction": transaction,
                "type": "credit_balance_transaction",
            });
            match line["_credits"].as_array_mut() {
                Some(entries) => entries.push(entry),
                None => line["_credits"] = json!([entry]),
            }
        }
    }
    totals::renew(account, invoice_id);
}

/// Gives back what credits paid for an invoice that is void.
pub(crate) fn give_back(account: &mut Account, invoice: &Value) {
    for line in lines_of(invoice) {
        for entry in line["_credits"].as_array().into_iter().flatten() {
            let transaction = entry["credit_balance_transaction"].as_str();
            let transaction = account.get(transaction.unwrap_or_default());
            let grant = transaction["credit_grant"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let body = json!({
                "credits_application_invoice_voided": {
                    "invoice": invoice["id"], "invoice_line_item": line["id"],
                },
                "type": "credits_application_invoice_voided",
            });
            let amount = entry["amount"].as_i64().unwrap_or(0);
            enter(account, &grant, amount, "credit", body);
        }
    }
}
