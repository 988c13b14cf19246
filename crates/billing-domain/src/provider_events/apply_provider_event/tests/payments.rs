//! What a payment by itself means here: nothing yet, and an invoice's payment never anything.

use super::*;
use crate::kernel::currency::Currency;
use crate::kernel::money::Money;
use crate::provider_events::reports::{InvoiceLink, PaymentReport, PaymentStatus};

#[tokio::test]
async fn e_072_a_payment_that_pays_an_invoice_buys_nothing() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let amount = Money::from_minor(10_000, Currency::USD);
    let paid = PaymentReport {
        id: provider_ref("pi_1"),
        status: PaymentStatus::Succeeded,
        customer: payment.session.customer.clone(),
        intent_id: Some(bench.intent().id()),
        invoice: InvoiceLink::Of(invoice_of(&payment).id),
        amount,
        received: amount,
        failure: None,
    };
    let audit_count = bench.store.audit().len();
    // Since basil a payment does not tell whether it is for an invoice.
    for (id, invoice) in [
        ("evt_told", paid.invoice.clone()),
        ("evt_untold", InvoiceLink::NotTold),
    ] {
        let report = PaymentReport {
            invoice,
            ..paid.clone()
        };
        let event = ProviderEvent::PaymentChanged(Payload::Read(report));
        let status = told(&bench, id, event).await;
        assert!(matches!(status, InboxStatus::Skipped { .. }), "{status:?}");
    }
    assert_eq!(bench.intent().state().name(), "created");
    assert_eq!(bench.store.workflows(), []);
    assert_eq!(bench.store.entitlements(), []);
    assert_eq!(bench.store.audit().len(), audit_count);
}
