//! What a new subscription is made of.

use crate::json::Value;

/// What one item is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct ItemTerms {
    /// The whole price.
    pub(crate) price: Value,
    pub(crate) quantity: i64,
    pub(crate) metadata: Value,
    /// Whole tax rates.
    pub(crate) tax_rates: Value,
    /// Discounts as they were sent, to be attached once the item has an id.
    pub(crate) discounts: Vec<Value>,
}

impl From<(Value, i64)> for ItemTerms {
    fn from((price, quantity): (Value, i64)) -> Self {
        Self {
            price,
            quantity,
            ..Self::default()
        }
    }
}

/// What a new subscription is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(crate) customer: String,
    /// Prices (whole objects) and quantities; `item_terms` instead says more about each.
    pub(crate) items: Vec<(Value, i64)>,
    pub(crate) item_terms: Vec<ItemTerms>,
    pub(crate) metadata: Value,
    pub(crate) description: Value,
    pub(crate) trial_end: Option<i64>,
    pub(crate) trial_settings: Value,
    pub(crate) default_payment_method: Value,
    pub(crate) status: &'static str,
    /// Classic billing mode, which was the only one before clover.
    pub(crate) is_classic: bool,
    /// When the cycle begins to be counted, if not now (or at the end of the trial).
    pub(crate) anchor: Option<i64>,
    /// An end inside the first period, which then ends there and is billed in part.
    pub(crate) until: Option<i64>,
    /// A start in the past.
    pub(crate) start: Option<i64>,
    /// Further members of the object, as they are in the state.
    pub(crate) members: Vec<(&'static str, Value)>,
}
