//! Tax by tax rates: after discounts, per line and rate.

use crate::json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::lives::decimal::Decimal;

pub(crate) static DUE: &[Action] = &[("tax_id.verify", verify)];

/// Tax ids that ask for an outcome of verification; all others wait for it for good.
const VERIFIED: &str = "000000000";
const UNVERIFIED: &str = "111111111";

/// The tax of one line by one rate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaxAmount {
    pub(crate) amount: i64,
    pub(crate) is_inclusive: bool,
    /// The id of the tax rate.
    pub(crate) rate: String,
    pub(crate) taxable_amount: i64,
}

/// The taxes of a line's amount (after discounts) by whole tax rates. Inclusive rates are parts of
/// the amount, all of them taken out of it together; exclusive ones come on top of what is left.
/// Each is rounded by itself, halves away from zero, so that a credit takes back what was debited.
pub(crate) fn amounts(rates: &[Value], amount: i64) -> Vec<TaxAmount> {
    let hundred = Decimal::whole(100);
    let percentage = |rate: &Value| Decimal::of(&rate["percentage"]).unwrap_or_default();
    let is_inclusive = |rate: &Value| rate["inclusive"] == true;
    let whole = rates
        .iter()
        .filter(|rate| is_inclusive(rate))
        .fold(hundred, |sum, rate| sum.plus(percentage(rate)));
    let included = |rate: &Value| percentage(rate).share(amount, whole);
    let inside: i64 = rates
        .iter()
        .filter(|rate| is_inclusive(rate))
        .map(included)
        .fold(0, i64::saturating_add);
    let net = amount.saturating_sub(inside);
    let of_rate = |rate: &Value| TaxAmount {
        amount: if is_inclusive(rate) {
            included(rate)
        } else {
            percentage(rate).share(net, hundred)
        },
        is_inclusive: is_inclusive(rate),
        rate: rate["id"].as_str().unwrap_or_default().to_owned(),
        taxable_amount: net,
    };
    rates.iter().map(of_rate).collect()
}

/// The outcome of a verification that was asked for by the value.
fn verify(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    let status = match before["value"].as_str() {
        Some(VERIFIED) => "verified",
        Some(UNVERIFIED) => "unverified",
        _ => return,
    };
    if let Some(tax_id) = account.edit(id) {
        tax_id["verification"]["status"] = json!(status);
    }
    if before["owner"]["type"] == "customer" {
        account.raise_update("customer.tax_id.updated", id, &before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(percentage: f64, is_inclusive: bool) -> Value {
        json!({ "id": "txr_1", "percentage": percentage, "inclusive": is_inclusive })
    }

    fn taxes(rates: &[Value], amount: i64) -> Vec<i64> {
        amounts(rates, amount)
            .iter()
            .map(|tax| tax.amount)
            .collect()
    }

    #[test]
    fn an_exclusive_rate_comes_on_top() {
        // 20.00 less 10 % is 18.00; 5 % of it are 0.90.
        assert_eq!(taxes(&[rate(5.0, false)], 1_800), [90]);
        assert_eq!(taxes(&[rate(5.0, false)], -1_800), [-90]);
        // 8.875 % of 9.99 are 88.66 cents; 2.5 % of 1.00 are 2.5 cents, rounded up.
        assert_eq!(taxes(&[rate(8.875, false)], 999), [89]);
        assert_eq!(taxes(&[rate(2.5, false)], 100), [3]);
    }

    #[test]
    fn an_inclusive_rate_is_part_of_the_amount() {
        // 12.00 with 20 % inside: 1200 × 20 / 120 = 200, of a taxable 10.00.
        let found = amounts(&[rate(20.0, true)], 1_200);
        assert_eq!((found[0].amount, found[0].taxable_amount), (200, 1_000));
        assert!(found[0].is_inclusive);
        // 19 % in 9.99: 999 × 19 / 119 = 159.5, rounded up.
        assert_eq!(taxes(&[rate(19.0, true)], 999), [160]);
    }

    #[test]
    fn several_rates_are_each_of_the_same_net_amount() {
        // 5 % and 9.975 % of 100.00.
        assert_eq!(
            taxes(&[rate(5.0, false), rate(9.975, false)], 10_000),
            [500, 998]
        );
        // Two inclusive ones together: 115.00 with 10 % and 5 % are 100.00 + 10.00 + 5.00.
        assert_eq!(
            taxes(&[rate(10.0, true), rate(5.0, true)], 11_500),
            [1_000, 500]
        );
        // One inside, one on top: 120.00 hold 20.00; 10 % of the other 100.00 come on top.
        assert_eq!(
            taxes(&[rate(20.0, true), rate(10.0, false)], 12_000),
            [2_000, 1_000]
        );
    }
}
