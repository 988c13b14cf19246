//! The lives of objects: what a payment, a checkout, a subscription, an invoice go through, and the
//! events that they raise. Nothing here knows of HTTP or of API versions.

pub(crate) mod calendar;
pub(crate) mod card;
pub(crate) mod checkout;
pub(crate) mod credit;
pub(crate) mod credit_note;
pub(crate) mod decimal;
pub(crate) mod discount;
pub(crate) mod dispute;
pub(crate) mod entitlement;
pub(crate) mod invoice;
pub(crate) mod ledger;
pub(crate) mod meter;
pub(crate) mod money;
pub(crate) mod payment;
pub(crate) mod portal;
pub(crate) mod price;
pub(crate) mod proration;
pub(crate) mod reaction;
pub(crate) mod refund;
pub(crate) mod schedule;
pub(crate) mod settings;
pub(crate) mod subscription;
pub(crate) mod tax;
pub(crate) mod test_clock;
