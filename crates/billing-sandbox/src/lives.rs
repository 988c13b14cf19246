//! The lives of objects: what a payment, a checkout, a subscription, an invoice go through, and the
//! events that they raise. Nothing here knows of HTTP or of API versions.

pub(crate) mod calendar;
pub(crate) mod card;
pub(crate) mod checkout;
pub(crate) mod invoice;
pub(crate) mod money;
pub(crate) mod payment;
pub(crate) mod quantity;
pub(crate) mod subscription;
