//! A customer's balance: what invoices take from it and leave on it, entry by entry.

use crate::json::{Value, json};

use crate::account::Account;

/// Why a balance changes, and for which objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    /// Negative amounts are owed to the customer.
    pub(crate) amount: i64,
    /// `applied_to_invoice`, `adjustment`, `credit_note` …
    pub(crate) kind: &'static str,
    pub(crate) invoice: Value,
    pub(crate) credit_note: Value,
    pub(crate) description: Value,
}

/// Changes a customer's balance, and answers the id of the transaction that tells it.
pub(crate) fn enter(
    account: &mut Account,
    customer_id: &str,
    entry: &Entry,
    currency: &str,
) -> String {
    let before = account.get(customer_id)["balance"].as_i64().unwrap_or(0);
    let after = before.saturating_add(entry.amount);
    account.set(customer_id, "balance", json!(after));
    let transaction = json!({
        "id": account.ids.next("cbtxn_"),
        "object": "customer_balance_transaction",
        "amount": entry.amount,
        "checkout_session": null,
        "created": account.now,
        "credit_note": entry.credit_note,
        "currency": currency,
        "customer": customer_id,
        "customer_account": null,
        "description": entry.description,
        "ending_balance": after,
        "invoice": entry.invoice,
        "livemode": false,
        "metadata": {},
        "type": entry.kind,
    });
    account.insert(transaction)
}
