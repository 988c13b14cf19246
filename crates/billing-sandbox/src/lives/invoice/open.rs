//! Opening a draft: its number, what the customer's balance covers, and its addresses.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::credit;
use crate::lives::discount;
use crate::lives::invoice::balance::{self, Entry};
use crate::lives::invoice::{collect, dunning, end, totals};
use crate::lives::settings;

/// The smallest amount that Stripe charges, by currency; others are as the dollar.
const SMALLEST: &[(&str, i64)] = &[
    ("gbp", 30),
    ("sek", 300),
    ("nok", 300),
    ("dkk", 250),
    ("hkd", 400),
    ("mxn", 1_000),
    ("czk", 1_500),
    ("huf", 17_500),
    ("pln", 200),
];

fn smallest(currency: &str) -> i64 {
    SMALLEST
        .iter()
        .find(|(known, _)| *known == currency)
        .map_or(50, |(_, amount)| *amount)
}

/// Gives a draft its number and opens it; what the customer's balance covers is taken from it, and
/// what is too little to charge is left on the balance. Raises nothing of the invoice itself.
pub(crate) fn finalize(account: &mut Account, id: &str) {
    if account.get(id)["status"] != "draft" {
        return;
    }
    renew_if_balance_moved(account, id);
    credit::apply(account, id);
    let now = account.now;
    let invoice = account.snapshot(id);
    let customer_id = invoice["customer"].as_str().unwrap_or_default().to_owned();
    let number = number_of(account, &invoice, &customer_id);
    let (due, ending) = settle_balance(account, id, &invoice, &customer_id);
    let url = format!("{}/i/{id}", account.public_url);
    if let Some(invoice) = account.edit(id) {
        invoice["number"] = json!(number);
        invoice["status"] = json!("open");
        invoice["amount_due"] = json!(due);
        invoice["amount_remaining"] = json!(due);
        invoice["ending_balance"] = json!(ending);
        if invoice["rendering"]["pdf"]["page_size"] == "auto" {
            invoice["rendering"]["pdf"]["page_size"] = json!("letter");
        }
        if invoice["effective_at"].is_null() {
            invoice["effective_at"] = json!(now);
        }
        invoice["automatically_finalizes_at"] = Value::Null;
        invoice["next_payment_attempt"] = Value::Null;
        invoice["status_transitions"]["finalized_at"] = json!(now);
        invoice["hosted_invoice_url"] = json!(url);
        invoice["invoice_pdf"] = json!(format!("{url}/pdf"));
    }
    use_up_discounts(account, &invoice);
    if let Some(due_date) = invoice["due_date"].as_i64() {
        account.when(due_date.max(now), "invoice.overdue", id);
    }
}

/// A draft is worked out whenever it changes; only its customer's balance moves by itself.
fn renew_if_balance_moved(account: &mut Account, id: &str) {
    let invoice = account.get(id);
    let customer = account.get(invoice["customer"].as_str().unwrap_or_default());
    let balance = customer["balance"].as_i64().unwrap_or(0);
    if invoice["starting_balance"] != balance {
        totals::renew(account, id);
    }
}

/// The number that was asked for, or the customer's next one.
fn number_of(account: &mut Account, invoice: &Value, customer_id: &str) -> String {
    if let Some(own) = invoice["number"].as_str() {
        return own.to_owned();
    }
    let customer = account.get(customer_id);
    let sequence = customer["next_invoice_sequence"].as_i64().unwrap_or(1);
    let prefix = customer["invoice_prefix"].as_str().unwrap_or("SANDBOX");
    let number = format!("{prefix}-{sequence:04}");
    let next = json!(sequence.saturating_add(1));
    account.set(customer_id, "next_invoice_sequence", next);
    number
}

/// What is due, and the balance that the invoice leaves behind.
fn settle_balance(
    account: &mut Account,
    id: &str,
    invoice: &Value,
    customer_id: &str,
) -> (i64, i64) {
    let total = invoice["total"].as_i64().unwrap_or(0);
    let starting = invoice["starting_balance"].as_i64().unwrap_or(0);
    let currency = invoice["currency"].as_str().unwrap_or("usd").to_owned();
    let open = total.saturating_add(starting);
    let before = account.snapshot(customer_id);
    let mut entries = vec![("applied_to_invoice", open.min(0).saturating_sub(starting))];
    let is_too_small = open > 0 && open < smallest(&currency);
    if is_too_small {
        entries.push(("invoice_too_small", open));
    }
    for (kind, amount) in entries.into_iter().filter(|(_, amount)| *amount != 0) {
        let entry = Entry {
            amount,
            kind,
            invoice: json!(id),
            ..Entry::default()
        };
        balance::enter(account, customer_id, &entry, &currency);
    }
    account.raise_update("customer.updated", customer_id, &before);
    if is_too_small {
        (0, open)
    } else {
        (open.max(0), open.min(0))
    }
}

/// Discounts for one invoice leave their subscription or customer once they took something off.
fn use_up_discounts(account: &mut Account, invoice: &Value) {
    for entry in invoice["total_discount_amounts"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let Some(discount_id) = entry["discount"].as_str() else {
            continue;
        };
        if entry["amount"] == 0 || !discount::is_once(account, discount_id) {
            continue;
        }
        let discount = account.snapshot(discount_id);
        let subscription_id = discount["subscription"].as_str().unwrap_or_default();
        let before = account.snapshot(subscription_id);
        discount::leave::take_back(account, discount_id);
        // A subscription that is being made tells of itself when it is done.
        if before.is_object() && invoice["billing_reason"] != "subscription_create" {
            account.raise_update("customer.subscription.updated", subscription_id, &before);
        }
        if discount["invoice"].is_null() && discount["invoice_item"].is_null() {
            discount::detach(account, &[discount_id.to_owned()]);
        }
        discount::detach(account, &[discount_id.to_owned()]);
    }
}

/// Opens a draft and raises what Stripe raises. What comes to nothing is paid at once; for the rest
/// there is a payment intent to be confirmed.
pub(crate) fn open(account: &mut Account, id: &str) {
    finalize(account, id);
    account.raise("invoice.finalized", id);
    if account.get(id)["amount_due"] == 0 {
        collect::settle_free(account, id);
    } else {
        collect::ensure_intent(account, id);
    }
}

/// The hour of a draft is over: it is opened, and collected or sent.
pub(crate) fn advance(account: &mut Account, id: &str) {
    let invoice = account.get(id);
    let is_due = invoice["status"] == "draft"
        && invoice["auto_advance"] == true
        && invoice["automatically_finalizes_at"]
            .as_i64()
            .is_none_or(|at| at <= account.now.saturating_add(1));
    if !is_due || waits_for_webhooks(account, id) {
        return;
    }
    open(account, id);
    if account.get(id)["status"] != "open" {
        return;
    }
    if account.get(id)["collection_method"] == "send_invoice" {
        end::sent(account, id);
    } else {
        dunning::attempt_automatically(account, id);
    }
}

/// How long a draft waits at most for its webhooks, and how often that is looked at.
const HELD_SECONDS: i64 = 72 * 3_600;
const LOOKED_AFTER_SECONDS: i64 = 3_600;

/// Puts off a draft of which an endpoint has not yet answered that it knows, where that is wanted.
fn waits_for_webhooks(account: &mut Account, id: &str) -> bool {
    if !settings::waits_for_webhooks(account) || !account.outbox.owes("invoice.created", id) {
        return false;
    }
    let now = account.now;
    let created = account.get(id)["created"].as_i64().unwrap_or(now);
    let last = created.saturating_add(HELD_SECONDS);
    if now >= last {
        return false;
    }
    let at = now.saturating_add(LOOKED_AFTER_SECONDS).min(last);
    if let Some(invoice) = account.edit(id) {
        invoice["automatically_finalizes_at"] = json!(at);
        if invoice["next_payment_attempt"].is_i64() {
            invoice["next_payment_attempt"] = json!(at);
        }
    }
    account.when(at, "invoice.advance", id);
    true
}

#[cfg(test)]
mod tests {
    use super::smallest;

    #[test]
    fn the_smallest_charge_depends_on_the_currency() {
        assert_eq!(smallest("usd"), 50);
        assert_eq!(smallest("gbp"), 30);
    }
}
