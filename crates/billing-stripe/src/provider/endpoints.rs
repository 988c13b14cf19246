//! The webhook endpoints that are registered at Stripe
//! (<https://docs.stripe.com/api/webhook_endpoints>).

use async_trait::async_trait;
use billing_domain::deliveries::endpoint::{EndpointOrder, SigningSecret, WebhookEndpoint};
use billing_domain::deliveries::ports::{CreatedEndpoint, EndpointRegistry, WantedEndpoint};
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::text::ProviderRef;
use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{StripeProvider, is_plain, outcome, read_answer};
use crate::fields::{Fields, ReadError};
use crate::webhook::EVENT_TYPES;

const ENDPOINTS: &str = "/webhook_endpoints";

/// An account has at most 16 endpoints in each mode, so one page holds them all.
const PAGE: &str = "limit=100";

#[derive(Serialize)]
struct EndpointForm<'a> {
    enabled_events: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<bool>,
}

#[async_trait]
impl EndpointRegistry for StripeProvider {
    fn wanted(&self) -> WantedEndpoint {
        WantedEndpoint {
            event_types: EVENT_TYPES.iter().map(|name| (*name).to_owned()).collect(),
            api_version: self.transport.version().to_owned(),
        }
    }

    async fn endpoints(&self) -> Result<Vec<WebhookEndpoint>, ProviderError> {
        let mut request = RequestBuilder::new(StripeMethod::Get, ENDPOINTS);
        request.query = Some(PAGE.to_owned());
        let answer = self.call(request).await.map_err(outcome::failure)?;
        read_answer(&answer, |list| {
            let elements = list.needed("data", list.elements()?)?;
            elements.iter().map(read_endpoint).collect()
        })
    }

    async fn create_endpoint(
        &self,
        order: &EndpointOrder,
        idempotency_key: &str,
    ) -> Result<CreatedEndpoint, ProviderError> {
        let form = EndpointForm {
            enabled_events: &order.event_types,
            url: Some(&order.url),
            api_version: Some(&order.api_version),
            disabled: None,
        };
        let request = RequestBuilder::new(StripeMethod::Post, ENDPOINTS).form(&form);
        let answer = self.call_once(request, idempotency_key).await;
        let answer = answer.map_err(outcome::failure)?;
        read_answer(&answer, |object| {
            let secret = object.needed("secret", object.text("secret")?)?;
            Ok(CreatedEndpoint {
                endpoint: read_endpoint(object)?,
                secret: SigningSecret::new(secret.to_owned()),
            })
        })
    }

    async fn update_endpoint(
        &self,
        id: &ProviderRef,
        order: &EndpointOrder,
    ) -> Result<WebhookEndpoint, ProviderError> {
        if !is_plain(id) {
            return Err(outcome::rejected("resource_missing", "not an id"));
        }
        let form = EndpointForm {
            enabled_events: &order.event_types,
            url: None,
            api_version: None,
            disabled: Some(false),
        };
        let path = format!("{ENDPOINTS}/{id}");
        let request = RequestBuilder::new(StripeMethod::Post, path).form(&form);
        let answer = self.call(request).await.map_err(outcome::failure)?;
        read_answer(&answer, read_endpoint)
    }
}

fn read_endpoint(object: &Fields<'_>) -> Result<WebhookEndpoint, ReadError> {
    Ok(WebhookEndpoint {
        id: object.needed("id", object.reference("id")?)?,
        url: object.needed("url", object.text("url")?)?.to_owned(),
        is_enabled: object.text("status")? == Some("enabled"),
        api_version: object.text("api_version")?.map(str::to_owned),
        event_types: object.needed("enabled_events", object.texts("enabled_events")?)?,
    })
}
