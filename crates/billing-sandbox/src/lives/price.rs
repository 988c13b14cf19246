//! What a price asks for a quantity: per unit, tiers, packages, fractions of a cent.

use crate::json::Value;

use crate::lives::decimal::Decimal;

/// The amount in the currency's smallest unit for a quantity, rounded once at the end.
/// `price` is the whole price as the account keeps it, because its tiers are private there.
pub(crate) fn amount_of(price: &Value, quantity: i64) -> i64 {
    match tiers(price) {
        [] => unit(price).times(packages(price, quantity)).rounded(),
        tiers if price["tiers_mode"] == "volume" => volume(tiers, quantity).rounded(),
        tiers => graduated(tiers, quantity).rounded(),
    }
}

/// The price as it is in a currency: its own, or one of its options. None if it has no such option.
pub(crate) fn in_currency(price: &Value, currency: &str) -> Option<Value> {
    if price["currency"] == currency {
        return Some(price.clone());
    }
    let option = price["_currency_options"].get(currency)?;
    let mut other = price.clone();
    other["currency"] = crate::json::ToValue::to_value(currency);
    for (name, own) in [
        ("custom_unit_amount", "custom_unit_amount"),
        ("tax_behavior", "tax_behavior"),
        ("unit_amount", "unit_amount"),
        ("unit_amount_decimal", "unit_amount_decimal"),
        ("tiers", "_tiers"),
    ] {
        other[own] = option[name].clone();
    }
    Some(other)
}

/// The tiers of a tiered price, the lowest first.
pub(crate) fn tiers(price: &Value) -> &[Value] {
    let own = price["_tiers"].as_array();
    own.or_else(|| price["tiers"].as_array())
        .map_or(&[], Vec::as_slice)
}

fn unit(of: &Value) -> Decimal {
    amount(of, "unit_amount", "unit_amount_decimal")
}

fn amount(of: &Value, whole: &str, decimal: &str) -> Decimal {
    Decimal::of(&of[decimal])
        .or_else(|| Decimal::of(&of[whole]))
        .unwrap_or_default()
}

/// The quantity that is billed: of packages, if the price is for packages.
fn packages(price: &Value, quantity: i64) -> i64 {
    let transform = &price["transform_quantity"];
    let divide_by = transform["divide_by"].as_i64().unwrap_or(1).max(1);
    let whole = quantity.div_euclid(divide_by);
    if transform["round"] == "up" && quantity.rem_euclid(divide_by) > 0 {
        whole.saturating_add(1)
    } else {
        whole
    }
}

/// Everything at the price of the tier that the quantity reaches, and that tier's flat amount.
fn volume(tiers: &[Value], quantity: i64) -> Decimal {
    let reached = tiers
        .iter()
        .find(|tier| tier["up_to"].as_i64().is_none_or(|end| quantity <= end))
        .or_else(|| tiers.last());
    reached.map_or(Decimal::default(), |tier| {
        unit(tier).times(quantity).plus(flat(tier))
    })
}

/// Each band at its own price, and the flat amount of each band that is entered. The first band is
/// entered even by nothing.
fn graduated(tiers: &[Value], quantity: i64) -> Decimal {
    let mut total = Decimal::default();
    let mut below = 0_i64;
    for (index, tier) in tiers.iter().enumerate() {
        if index > 0 && quantity <= below {
            break;
        }
        let end = tier["up_to"].as_i64().unwrap_or(i64::MAX);
        let in_band = quantity.min(end).saturating_sub(below).max(0);
        total = total.plus(unit(tier).times(in_band)).plus(flat(tier));
        below = end;
    }
    total
}

fn flat(tier: &Value) -> Decimal {
    amount(tier, "flat_amount", "flat_amount_decimal")
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    /// The fonts of Stripe's page on tiered pricing: 1–5 at 7.00, 6–10 at 6.50, from 11 at 6.00.
    fn fonts(mode: &str) -> Value {
        json!({ "billing_scheme": "tiered", "tiers_mode": mode, "unit_amount": null, "_tiers": [
            { "up_to": 5, "unit_amount": 700, "unit_amount_decimal": "700", "flat_amount": null },
            { "up_to": 10, "unit_amount": 650, "unit_amount_decimal": "650", "flat_amount": null },
            { "up_to": null, "unit_amount": 600, "unit_amount_decimal": "600", "flat_amount": null },
        ] })
    }

    #[test]
    fn a_price_per_unit_is_multiplied_and_rounded_once() {
        let whole = json!({ "unit_amount": 1999, "unit_amount_decimal": "1999" });
        assert_eq!(amount_of(&whole, 3), 5997);
        // 0.05 cents a call: 9 calls are 0.45, 10 calls 0.5, 1,001 calls 50.05 cents.
        let fraction = json!({ "unit_amount": null, "unit_amount_decimal": "0.05" });
        assert_eq!(amount_of(&fraction, 9), 0);
        assert_eq!(amount_of(&fraction, 10), 1);
        assert_eq!(amount_of(&fraction, 1_001), 50);
    }

    #[test]
    fn volume_bills_everything_at_the_tier_reached() {
        let price = fonts("volume");
        assert_eq!(amount_of(&price, 1), 700);
        assert_eq!(amount_of(&price, 5), 3_500); // 5 × 7.00
        assert_eq!(amount_of(&price, 6), 3_900); // 6 × 6.50
        assert_eq!(amount_of(&price, 20), 12_000); // 20 × 6.00
    }

    #[test]
    fn graduated_bills_each_band_at_its_own_price() {
        let price = fonts("graduated");
        assert_eq!(amount_of(&price, 5), 3_500);
        assert_eq!(amount_of(&price, 6), 4_150); // 5 × 7.00 + 1 × 6.50
        assert_eq!(amount_of(&price, 20), 12_750); // 5 × 7.00 + 5 × 6.50 + 10 × 6.00
    }

    #[test]
    fn the_flat_amount_of_each_band_entered_is_added() {
        let price = json!({ "tiers_mode": "graduated", "_tiers": [
            { "up_to": 10, "unit_amount": 0, "flat_amount": 1_000 },
            { "up_to": null, "unit_amount": 50, "flat_amount": 200 },
        ] });
        assert_eq!(amount_of(&price, 0), 1_000);
        assert_eq!(amount_of(&price, 10), 1_000);
        assert_eq!(amount_of(&price, 13), 1_350); // 10.00 + 2.00 + 3 × 0.50
        let mut volume = price;
        volume["tiers_mode"] = json!("volume");
        assert_eq!(amount_of(&volume, 13), 850); // 13 × 0.50 + 2.00
    }

    #[test]
    fn packages_are_counted_up_or_down() {
        let price = |round: &str| json!({ "unit_amount": 500, "transform_quantity": { "divide_by": 5, "round": round } });
        assert_eq!(amount_of(&price("up"), 8), 1_000); // 2 packages of 5
        assert_eq!(amount_of(&price("down"), 8), 500);
        assert_eq!(amount_of(&price("up"), 0), 0);
    }

    #[test]
    fn another_currency_has_its_own_amount_or_none() {
        let price = json!({ "currency": "usd", "unit_amount": 1_000, "unit_amount_decimal": "1000",
            "_currency_options": { "eur": { "unit_amount": 900, "unit_amount_decimal": "900" } } });
        assert_eq!(amount_of(&in_currency(&price, "eur").unwrap(), 2), 1_800);
        assert_eq!(amount_of(&in_currency(&price, "usd").unwrap(), 2), 2_000);
        assert!(in_currency(&price, "jpy").is_none());
    }

    #[test]
    fn no_quantity_is_too_large() {
        let price = json!({ "unit_amount": 99_999_999, "unit_amount_decimal": "99999999" });
        assert_eq!(amount_of(&price, i64::MAX), i64::MAX);
        assert_eq!(amount_of(&fonts("graduated"), i64::MIN), 0);
    }
}
