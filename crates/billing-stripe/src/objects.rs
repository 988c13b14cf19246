//! Stripe's objects in the domain's words, read the same way in every API version.

mod invoice;
mod metadata;
mod money;
mod party;
mod payment;
mod price;
mod session;
mod subscription;

pub(crate) use invoice::{read_invoice, read_invoice_report};
pub(crate) use metadata::{CUSTOMER_KEY, ENTERPRISE_NAME_KEY, ENTERPRISE_SLUG_KEY, INTENT_KEY};
pub(crate) use metadata::{REQUEST_KEY, USER_KEY, has_metadata};
pub(crate) use party::{read_catalogue, read_customer};
pub(crate) use payment::{
    read_charge_refund, read_dispute, read_payment, read_payment_method, read_refund, read_setup,
};
pub(crate) use price::read_price;
pub(crate) use session::{read_opened_session, read_session};
pub(crate) use subscription::read_subscription;

/// An object, and whether every needed fact was where some version keeps it. An incomplete one
/// in an event is read again from the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading<T> {
    pub(crate) value: T,
    pub(crate) is_complete: bool,
}
