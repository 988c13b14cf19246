//! What releases changed in the catalogue: prices, plans, discounts and promotion codes.

use crate::json::{Map, Value};

use crate::shape::moves::{get, put};

/// Since clover a discount and a promotion code name their coupon where it came from; before, the
/// whole coupon was inside.
pub(super) fn whole_coupon(members: &mut Map) {
    put(members, "coupon", get(members, "_coupon"));
}

/// Old prices said how usage is added up; newer ones leave it to their meter.
pub(super) fn old_price(members: &mut Map) {
    let usage = get(members, "_aggregate_usage");
    if let Some(Value::Object(recurring)) = members.get_mut("recurring") {
        recurring.insert("aggregate_usage".into(), usage);
    }
}

pub(super) fn old_plan(members: &mut Map) {
    put(members, "aggregate_usage", get(members, "_aggregate_usage"));
}
