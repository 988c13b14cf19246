//! One endpoint for one address, whatever was there before.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::deliveries::endpoint::WebhookEndpoint;
use crate::deliveries::ports::WantedEndpoint;
use crate::kernel::text::ProviderRef;
use crate::testing::fixtures::provider_ref;

const URL: &str = "https://billing.example/hooks";

/// Remembers keys as the provider does, also of endpoints that are gone.
#[derive(Default)]
struct Registry {
    endpoints: Mutex<Vec<WebhookEndpoint>>,
    by_key: Mutex<Vec<(String, WebhookEndpoint)>>,
}

impl Registry {
    fn all(&self) -> Vec<WebhookEndpoint> {
        self.endpoints.lock().unwrap().clone()
    }
}

fn endpoint(id: &str, order: &EndpointOrder) -> WebhookEndpoint {
    WebhookEndpoint {
        id: provider_ref(id),
        url: order.url.clone(),
        is_enabled: true,
        api_version: Some(order.api_version.clone()),
        event_types: order.event_types.clone(),
    }
}

#[async_trait]
impl EndpointRegistry for Registry {
    fn wanted(&self) -> WantedEndpoint {
        WantedEndpoint {
            event_types: vec!["invoice.paid".to_owned()],
            api_version: "2026-09-30.endive".to_owned(),
        }
    }

    async fn endpoints(&self) -> Result<Vec<WebhookEndpoint>, ProviderError> {
        Ok(self.all())
    }

    async fn create_endpoint(
        &self,
        order: &EndpointOrder,
        key: &str,
    ) -> Result<CreatedEndpoint, ProviderError> {
        let mut by_key = self.by_key.lock().unwrap();
        let known = by_key.iter().find(|(known, _)| known == key);
        let endpoint = match known {
            Some((_, endpoint)) => endpoint.clone(),
            None => {
                let made = endpoint(&format!("we_{}", by_key.len()), order);
                by_key.push((key.to_owned(), made.clone()));
                self.endpoints.lock().unwrap().push(made.clone());
                made
            }
        };
        let secret = SigningSecret::new("whsec_1".to_owned());
        Ok(CreatedEndpoint { endpoint, secret })
    }

    async fn update_endpoint(
        &self,
        id: &ProviderRef,
        order: &EndpointOrder,
    ) -> Result<WebhookEndpoint, ProviderError> {
        let mut endpoints = self.endpoints.lock().unwrap();
        let known = endpoints.iter_mut().find(|known| known.id == *id);
        let known = known.expect("a test updates what is there");
        known.event_types.clone_from(&order.event_types);
        known.is_enabled = true;
        Ok(known.clone())
    }
}

fn register() -> (Arc<Registry>, RegisterWebhook) {
    let registry = Arc::new(Registry::default());
    let shared = registry.clone();
    (registry, RegisterWebhook { registry: shared })
}

#[tokio::test]
async fn an_endpoint_is_made_once_and_its_secret_is_given_once() {
    let (registry, register) = register();
    let first = register.run(URL, false).await.unwrap();
    assert!(matches!(first.registration, Registration::Created(_)));
    assert_eq!(first.report.flaws, []);
    let again = register.run(URL, false).await.unwrap();
    assert_eq!(again.registration, Registration::Unchanged);
    assert_eq!(registry.all().len(), 1);
}

#[tokio::test]
async fn a_rehearsal_changes_nothing() {
    let (registry, register) = register();
    let planned = register.run(URL, true).await.unwrap();
    let create = Registration::Rehearsed(PlannedStep::Create);
    assert_eq!(planned.registration, create);
    assert!(registry.all().is_empty());
}

#[tokio::test]
async fn what_is_there_is_brought_in_line() {
    let (registry, register) = register();
    register.run(URL, false).await.unwrap();
    {
        let mut endpoints = registry.endpoints.lock().unwrap();
        endpoints[0].is_enabled = false;
        endpoints[0].event_types = vec!["payout.paid".to_owned()];
    }
    let planned = register.run(URL, true).await.unwrap().registration;
    assert_eq!(planned, Registration::Rehearsed(PlannedStep::Update));
    let updated = register.run(URL, false).await.unwrap();
    assert_eq!(updated.registration, Registration::Updated);
    assert_eq!(updated.report.flaws, []);
    assert_eq!(registry.all().len(), 1);
}

/// The version is settled when the endpoint is made; a second endpoint would double every event.
#[tokio::test]
async fn an_endpoint_of_another_version_is_told_and_not_doubled() {
    let (registry, register) = register();
    register.run(URL, false).await.unwrap();
    registry.endpoints.lock().unwrap()[0].api_version = Some("2023-10-16".to_owned());
    let told = register.run(URL, false).await.unwrap();
    assert_eq!(told.registration, Registration::Unchanged);
    let found = Some("2023-10-16".to_owned());
    assert_eq!(told.report.flaws, [EndpointFlaw::OtherVersion { found }]);
    assert_eq!(registry.all().len(), 1);
}

#[tokio::test]
async fn two_calls_at_the_same_time_make_one_endpoint() {
    let (registry, register) = register();
    let order = EndpointOrder::at(URL, registry.wanted());
    // Both have seen the empty list.
    register.create(&order).await.unwrap();
    register.create(&order).await.unwrap();
    assert_eq!(registry.all().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_was_deleted_is_made_anew() {
    let (registry, register) = register();
    register.run(URL, false).await.unwrap();
    registry.endpoints.lock().unwrap().clear();
    let again = register.run(URL, false).await.unwrap();
    assert!(matches!(again.registration, Registration::Created(_)));
    assert_eq!(registry.all().len(), 1);
}
