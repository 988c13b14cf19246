//! What waits for a subscription's next invoice: prorations, and items that were added by hand.

use serde_json::{Value, json};

use crate::account::Account;
use crate::lives::invoice::Line;
use crate::lives::invoice::item::{self, ItemTerms};

/// Keeps lines as invoice items for the next invoice, so that the first is billed first.
pub(crate) fn keep(account: &mut Account, id: &str, lines: &[Line]) {
    insert(account, id, lines, true);
}

/// Keeps what a subscription that ends gives back: for its customer, as it has no next invoice.
pub(crate) fn leave(account: &mut Account, id: &str, lines: &[Line]) {
    insert(account, id, lines, false);
}

fn insert(account: &mut Account, id: &str, lines: &[Line], is_its_own: bool) {
    let subscription = account.snapshot(id);
    let its_own = |value: Value| if is_its_own { value } else { Value::Null };
    // Newer items come first on an invoice.
    for line in lines.iter().rev() {
        let item_id = item::insert(
            account,
            &ItemTerms {
                customer: text(&subscription["customer"]),
                currency: text(&subscription["currency"]),
                amount: line.amount,
                quantity: line.quantity,
                price: line.price.clone(),
                description: json!(line.description),
                period: Some(line.period),
                is_discountable: !line.is_proration,
                discounts: line.discounts.clone(),
                tax_rates: line.tax_rates.clone(),
                invoice: Value::Null,
                subscription: its_own(json!(id)),
                subscription_item: its_own(line.subscription_item.clone()),
                is_proration: line.is_proration,
                credited_items: line.credited_items.clone(),
                metadata: line.metadata.clone(),
            },
        );
        account.raise("invoiceitem.created", &item_id);
    }
}

/// The lines of what waits: the items of this subscription, and those of its customer that are for
/// no subscription.
pub(crate) fn lines(account: &Account, id: &str) -> Vec<Line> {
    let subscription = account.get(id);
    let customer = subscription["customer"].as_str().unwrap_or_default();
    let currency = subscription["currency"].as_str().unwrap_or("usd");
    item::pending(account, customer, currency, None)
        .iter()
        .filter(|row| {
            let own = &row["parent"]["subscription_details"]["subscription"];
            own.is_null() || *own == id
        })
        .map(item::as_line)
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
