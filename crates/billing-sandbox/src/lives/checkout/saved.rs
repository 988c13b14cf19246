//! The cards of a returning customer that a session's page offers.

use crate::json::Value;

use crate::account::Account;
use crate::lives::checkout::totals;

/// The cards of the session's customer that may be shown again, newest first.
pub(crate) fn offered<'a>(account: &'a Account, session: &Value) -> Vec<&'a Value> {
    let options = &session["saved_payment_method_options"];
    let filters = totals::texts(&options["allow_redisplay_filters"]);
    let takes_cards = totals::texts(&session["payment_method_types"])
        .iter()
        .any(|kind| kind == "card");
    let customer = session["customer"].as_str();
    if filters.is_empty() || !takes_cards || customer.is_none() {
        return Vec::new();
    }
    account
        .rows("payment_method")
        .rev()
        .filter(|row| {
            row["type"] == "card"
                && row["customer"].as_str() == customer
                && filters
                    .iter()
                    .any(|filter| row["allow_redisplay"] == filter.as_str())
        })
        .collect()
}

/// Whether a payment method is one of those that the page offers.
pub(crate) fn is_offered(account: &Account, session: &Value, method_id: &str) -> bool {
    offered(account, session)
        .iter()
        .any(|row| row["id"] == method_id)
}
