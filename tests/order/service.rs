//! The service around a record: it is told of events and asks one provider or another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration as StdDuration;

use billing_app::wiring::{Application, Provider, Storage, build};
use billing_domain::catalog::ports::PriceProvider;
use billing_domain::checkout::ports::CheckoutProvider;
use billing_domain::deliveries::ports::{MockEndpointRegistry, MockEventSource};
use billing_domain::kernel::page::PageRequest;
use billing_domain::kernel::principal::Principal;
use billing_domain::kernel::request::Request;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::licensing::license::LicenseState;
use billing_domain::provider_events::delivery::Delivery;
use billing_domain::provider_events::ports::{
    Envelope, PartyProvider, VerifyError, WebhookVerifier,
};
use billing_domain::testing::fixtures::World;
use billing_sandbox::SignedDelivery;
use billing_stripe::{
    StripeEventDecoder, StripeMode, StripePayloadScrubber, StripeWebhookVerifier,
};
use billing_tests::stage::hasher::PlainHasher;
use billing_tests::stage::rules::of_a_quiet_shop;

/// Signatures of a whole history are good at each of its moments.
const TOLERANCE: StdDuration = StdDuration::from_hours(24 * 3_650);

/// What signs deliveries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    pub(crate) secrets: Vec<String>,
    verified: Arc<Mutex<HashMap<String, Envelope>>>,
}

/// Verifies each delivery once: the same bytes come in thousands of runs.
struct Remembering {
    verifier: StripeWebhookVerifier,
    verified: Arc<Mutex<HashMap<String, Envelope>>>,
}

impl WebhookVerifier for Remembering {
    fn verify<'a>(
        &self,
        payload: &'a [u8],
        signature: Option<&'a str>,
        now: Timestamp,
    ) -> Result<Envelope, VerifyError> {
        let key = signature.unwrap_or_default();
        let known = self.verified.lock().expect("no panic").get(key).cloned();
        if let Some(envelope) = known {
            return Ok(envelope);
        }
        let envelope = self.verifier.verify(payload, signature, now)?;
        let mut verified = self.verified.lock().expect("no panic");
        verified.insert(key.to_owned(), envelope.clone());
        Ok(envelope)
    }
}

impl Words {
    /// Somebody who understands what these endpoints are told.
    pub(crate) fn listener(&self, world: &World, storage: Storage) -> Listener {
        Listener {
            words: self.clone(),
            world: world.clone(),
            storage,
            trial_days: 0,
            provider: None,
        }
    }
}

/// One provider by each of its ports.
struct Asked {
    checkout: Arc<dyn CheckoutProvider>,
    prices: Arc<dyn PriceProvider>,
    parties: Arc<dyn PartyProvider>,
}

/// The parts of a service.
pub(crate) struct Listener {
    words: Words,
    world: World,
    storage: Storage,
    pub(crate) trial_days: u16,
    provider: Option<Asked>,
}

impl Listener {
    /// Whom it asks.
    pub(crate) fn provider<P>(mut self, asked: &Arc<P>) -> Self
    where
        P: CheckoutProvider + PriceProvider + PartyProvider + 'static,
    {
        self.provider = Some(Asked {
            checkout: asked.clone(),
            prices: asked.clone(),
            parties: asked.clone(),
        });
        self
    }

    /// The service.
    pub(crate) fn application(self) -> Application {
        let rules = of_a_quiet_shop(self.trial_days);
        let secrets = self.words.secrets.iter();
        let secrets = secrets.map(|secret| secret.as_str().into()).collect();
        let verifier = StripeWebhookVerifier::try_new(secrets, StripeMode::Test, TOLERANCE);
        let verifier = Remembering {
            verifier: verifier.expect("secrets"),
            verified: self.words.verified.clone(),
        };
        let Asked {
            checkout,
            prices,
            parties,
        } = self.provider.expect("somebody to ask");
        let provider = Provider {
            checkout,
            prices,
            parties,
            verifier: Arc::new(verifier),
            decoder: Arc::new(StripeEventDecoder),
            scrubber: Arc::new(StripePayloadScrubber),
            event_source: Arc::new(MockEventSource::new()),
            endpoints: Arc::new(MockEndpointRegistry::new()),
        };
        build(
            &rules,
            Arc::new(self.world.clock.clone()),
            Arc::new(self.world.ids.clone()),
            Arc::new(PlainHasher),
            &provider,
            &self.storage,
        )
    }
}

/// Somebody uses a licence as soon as there is one: events meet what people did meanwhile.
pub(crate) async fn use_a_licence(application: &Application, storage: &Storage, buyer: &Principal) {
    let Principal::User { user_id, email, .. } = buyer else {
        return;
    };
    let page = PageRequest::first();
    let intents = storage.intent_listing.intents(Some(*user_id), &page);
    for intent in intents.await.expect("intents are read").items {
        let Some(tenant) = intent.value.parts().tenant_id else {
            continue;
        };
        for plan in storage
            .licenses
            .plans_of(tenant)
            .await
            .expect("plans are read")
        {
            let counts = storage.licensing.license_counts(plan.value.id).await;
            let counts = counts.expect("licences are read");
            if counts.unassigned == 0 || counts.activated > 0 {
                continue;
            }
            let emails = email.iter().cloned().collect();
            let assign = &application.use_cases.assign_licenses;
            let assigned = assign
                .run(&Request::new(buyer), plan.value.id, &emails)
                .await;
            assigned.expect("the buyer administers the licences");
            let licenses = storage.licenses.licenses(plan.value.id, &page);
            for license in licenses.await.expect("licences are read").items {
                if let LicenseState::Assigned(assignment) = license.value.state {
                    let activate = &application.use_cases.activate_license;
                    let key = assignment.activation_key;
                    let activated = activate.run(&Request::new(buyer), &key).await;
                    activated.expect("the licence is good");
                }
            }
        }
    }
}

/// Delivers once; the service acknowledges.
pub(crate) async fn deliver(application: &Application, delivery: &SignedDelivery) {
    let signature = delivery.headers.iter();
    let signature = signature
        .clone()
        .find(|(name, _)| name.eq_ignore_ascii_case("stripe-signature"))
        .map(|(_, value)| value.as_str());
    let received = application
        .use_cases
        .receive_webhook
        .run(
            delivery.body.clone().into_bytes(),
            signature,
            Delivery::default(),
            None,
        )
        .await;
    received.expect("it is acknowledged");
}
