//! One-time purchases: an order, its items, its payment and its refunds (spec C).

pub mod item;
pub mod order;
pub mod refund;
