//! The ports against a scripted server: what is asked, and what the answers become.

use std::sync::Arc;

use billing_domain::checkout::intent::{CheckoutRequest, CheckoutUi, Quantity, Reservation};
use billing_domain::checkout::ports::{CheckoutOrder, CustomerOrder};
use billing_domain::kernel::email::Email;
use billing_domain::kernel::id::{CustomerId, IntentId, PriceId, UserId};
use billing_domain::kernel::ports::Clock;
use billing_domain::kernel::text::{CompanyName, ProviderRef, Slug};
use billing_domain::kernel::timestamp::Timestamp;

use super::StripeProvider;
use crate::stub_stripe::StubStripe;

mod customers;
mod deliveries;
mod reads;
mod sessions;

const REQUESTED_AT: i64 = 1_790_000_000;
const HOUR: i64 = 3_600;

struct StoppedClock(i64);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0).unwrap()
    }
}

/// A provider at the stub, some seconds after the request.
fn provider_after(stub: &StubStripe, seconds: i64) -> StripeProvider {
    let clock = Arc::new(StoppedClock(REQUESTED_AT + seconds));
    StripeProvider::new(&stub.config(), clock).unwrap()
}

fn provider(stub: &StubStripe) -> StripeProvider {
    provider_after(stub, 1)
}

fn id(text: &str) -> ProviderRef {
    ProviderRef::parse(text).unwrap()
}

const CUSTOMER: &str = "cust_0192f0c1a2b37c4d8e5f60718293a4b5";
const INTENT: &str = "chk_0192f0c1a2b37c4d8e5f60718293a4b5";
const USER: &str = "user_0192f0c1a2b37c4d8e5f60718293a4b5";

fn customer_order() -> CustomerOrder {
    CustomerOrder {
        customer_id: CustomerId::parse(CUSTOMER).unwrap(),
        email: Email::parse("ada@example.com").unwrap(),
        name: Some(CompanyName::parse("Acme & Söhne").unwrap()),
        idempotency_key: "customer:1".to_owned(),
    }
}

fn checkout_order() -> CheckoutOrder {
    CheckoutOrder {
        intent_id: IntentId::parse(INTENT).unwrap(),
        user_id: UserId::parse(USER).unwrap(),
        reservation: Some(Reservation {
            slug: Slug::parse("acme").unwrap(),
            name: CompanyName::parse("Acme").unwrap(),
        }),
        customer: id("cus_1"),
        request: CheckoutRequest {
            price_id: PriceId::parse("price_0192f0c1a2b37c4d8e5f60718293a4b5").unwrap(),
            price: id("price_stripe"),
            is_recurring: true,
            quantity: Quantity::parse(3).unwrap(),
            admin_email: Email::parse("ada@example.com").unwrap(),
            ui: CheckoutUi::Hosted,
            success_url: "https://shop.example/done".to_owned(),
            cancel_url: "https://shop.example/back".to_owned(),
            trial_days: 14,
        },
        idempotency_key: "checkout:1:1".to_owned(),
        requested_at: Timestamp::from_unix_seconds(REQUESTED_AT).unwrap(),
    }
}
