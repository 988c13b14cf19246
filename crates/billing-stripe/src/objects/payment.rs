//! Payments and what follows them: refunds, disputes, ways to pay later.

use billing_domain::provider_events::reports::{
    ChargeRefundReport, DisputeReport, DisputeStatus, InvoiceLink, PaymentMethodReport,
    PaymentReport, PaymentStatus, RefundReport, RefundStatus, SetupReport,
};

use super::metadata::intent_in;
use super::money::{amount, currency};
use crate::fields::{Fields, ReadError};

/// Reads a payment intent. Its invoice stood on it until acacia; since basil the key is absent,
/// which does not say that there is none.
pub(crate) fn read_payment(object: &Fields<'_>) -> Result<PaymentReport, ReadError> {
    let currency = currency(object)?;
    let status = object.needed("status", object.text("status")?)?;
    let invoice = match object.reference("invoice")? {
        Some(id) => InvoiceLink::Of(id),
        None if object.mentions("invoice") => InvoiceLink::None,
        None => InvoiceLink::NotTold,
    };
    let error = object.nullable("last_payment_error", object.child("last_payment_error")?)?;
    let failure = match &error {
        Some(error) => error.text("decline_code")?.or(error.text("code")?),
        None => None,
    };
    Ok(PaymentReport {
        id: object.needed("id", object.reference("id")?)?,
        status: PaymentStatus::parse(status).ok_or_else(|| object.malformed("status"))?,
        customer: object.nullable_reference("customer")?,
        intent_id: intent_in(object)?,
        invoice,
        amount: amount(object, "amount", currency)?,
        received: amount(object, "amount_received", currency)?,
        failure: failure.map(str::to_owned),
    })
}

/// Reads what was paid back of a charge.
pub(crate) fn read_charge_refund(object: &Fields<'_>) -> Result<ChargeRefundReport, ReadError> {
    let currency = currency(object)?;
    Ok(ChargeRefundReport {
        charge: object.needed("id", object.reference("id")?)?,
        payment: object.nullable_reference("payment_intent")?,
        customer: object.nullable_reference("customer")?,
        amount: amount(object, "amount", currency)?,
        refunded: amount(object, "amount_refunded", currency)?,
        is_full: object.needed("refunded", object.flag("refunded")?)?,
    })
}

/// Reads a refund.
pub(crate) fn read_refund(object: &Fields<'_>) -> Result<RefundReport, ReadError> {
    let currency = currency(object)?;
    let status = object.needed("status", object.text("status")?)?;
    Ok(RefundReport {
        id: object.needed("id", object.reference("id")?)?,
        charge: object.nullable_reference("charge")?,
        payment: object.nullable_reference("payment_intent")?,
        amount: amount(object, "amount", currency)?,
        status: RefundStatus::parse(status).ok_or_else(|| object.malformed("status"))?,
        // Stripe leaves it out unless the refund has failed.
        failure: object.text("failure_reason")?.map(str::to_owned),
    })
}

/// Reads a dispute.
pub(crate) fn read_dispute(object: &Fields<'_>) -> Result<DisputeReport, ReadError> {
    let currency = currency(object)?;
    let status = object.needed("status", object.text("status")?)?;
    let evidence = object.needed("evidence_details", object.child("evidence_details")?)?;
    Ok(DisputeReport {
        id: object.needed("id", object.reference("id")?)?,
        charge: object.needed("charge", object.reference("charge")?)?,
        payment: object.nullable_reference("payment_intent")?,
        amount: amount(object, "amount", currency)?,
        status: DisputeStatus::parse(status).ok_or_else(|| object.malformed("status"))?,
        reason: object.needed("reason", object.text("reason")?)?.to_owned(),
        evidence_due_at: evidence.nullable_time("due_by")?,
    })
}

/// Reads a setup intent that came to an end.
pub(crate) fn read_setup(object: &Fields<'_>) -> Result<SetupReport, ReadError> {
    let has_succeeded = match object.needed("status", object.text("status")?)? {
        "succeeded" => true,
        "canceled" => false,
        _ => return Err(object.malformed("status")),
    };
    Ok(SetupReport {
        id: object.needed("id", object.reference("id")?)?,
        has_succeeded,
        customer: object.nullable_reference("customer")?,
        payment_method: object.nullable_reference("payment_method")?,
        intent_id: intent_in(object)?,
    })
}

/// Reads a payment method.
pub(crate) fn read_payment_method(object: &Fields<'_>) -> Result<PaymentMethodReport, ReadError> {
    Ok(PaymentMethodReport {
        id: object.needed("id", object.reference("id")?)?,
        customer: object.nullable_reference("customer")?,
        kind: object.needed("type", object.text("type")?)?.to_owned(),
    })
}
