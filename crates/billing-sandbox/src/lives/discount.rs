//! Discounts: what coupons take off, for how long, and for whom.

use serde_json::Value;

use crate::account::Account;
use crate::http::error::StripeError;

/// What a discount is tied to; ids, or null.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owner {
    pub(crate) customer: Value,
    pub(crate) subscription: Value,
    pub(crate) subscription_item: Value,
    pub(crate) invoice: Value,
    pub(crate) invoice_item: Value,
    pub(crate) checkout_session: Value,
}

/// One line that discounts may apply to.
#[derive(Debug, Clone)]
pub(crate) struct Discountable {
    pub(crate) amount: i64,
    /// The id of the product, for coupons that apply to some products only.
    pub(crate) product: String,
}

/// Makes discounts of `[{ coupon | promotion_code | discount }]` as sent in the parameter `param`,
/// counts the redemptions, and answers their ids in the order sent. Refused when a coupon is
/// unknown, expired, used up, or not for this customer.
pub(crate) fn attach(
    account: &mut Account,
    sent: &[Value],
    owner: &Owner,
    param: &str,
) -> Result<Vec<String>, StripeError> {
    let _ = (account, owner);
    match sent {
        [] => Ok(Vec::new()),
        [..] => Err(StripeError::not_simulated("discounts").param(param)),
    }
}

/// What each discount takes off each line: `[discount][line]`, positive, in the order in which the
/// discounts are given, each on what the ones before have left.
pub(crate) fn amounts(
    account: &Account,
    discounts: &[String],
    lines: &[Discountable],
) -> Vec<Vec<i64>> {
    let _ = account;
    discounts.iter().map(|_| vec![0; lines.len()]).collect()
}

/// Whether a discount still applies to what is billed at a time (seconds).
pub(crate) fn is_live(account: &Account, discount: &str, at: i64) -> bool {
    account.get(discount)["end"]
        .as_i64()
        .is_none_or(|end| at < end)
}

/// Whether a discount is used up by one invoice.
pub(crate) fn is_once(account: &Account, discount: &str) -> bool {
    account.get(discount)["source"]["coupon"]
        .as_str()
        .is_some_and(|coupon| account.get(coupon)["duration"] == "once")
}
