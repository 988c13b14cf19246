//! What is sold: products and their prices.

pub mod ports;
pub mod price;
pub mod product;
pub mod sync_catalog;
