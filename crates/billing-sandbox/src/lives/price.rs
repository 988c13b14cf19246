//! What a price asks for a quantity: per unit, tiers, packages, fractions of a cent.

use serde_json::Value;

/// The amount in the currency's smallest unit for a quantity, rounded once at the end.
pub(crate) fn amount_of(price: &Value, quantity: i64) -> i64 {
    price["unit_amount"]
        .as_i64()
        .unwrap_or(0)
        .saturating_mul(quantity)
}
