//! Registers our endpoint at the provider, or brings the one that is there in line; never a second
//! one for the same address.

use std::sync::Arc;

use super::endpoint::{EndpointFlaw, EndpointOrder, EndpointReport, SigningSecret};
use super::ports::{CreatedEndpoint, EndpointRegistry};
use crate::kernel::provider::ProviderError;

/// How often an endpoint is asked for that somebody deletes at the same time.
const ATTEMPTS_MAX: u32 = 3;

/// Why nothing was registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterWebhookError {
    /// The provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Somebody deletes what is made.
    #[error("the endpoint is gone as soon as it is made; is somebody else changing it?")]
    Gone,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// There is a new endpoint.
    Created(SigningSecret),
    /// The one that was there is changed.
    Updated,
    /// The one that was there is as it should be, as far as it can be changed.
    Unchanged,
    /// Nothing: it was a rehearsal, and this would be done.
    Rehearsed(PlannedStep),
}

/// What registering comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedStep {
    /// An endpoint is made.
    Create,
    /// The one that is there is changed.
    Update,
    /// Nothing is to be done.
    Nothing,
}

/// What was done, and how things stand afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredWebhook {
    /// What was done.
    pub registration: Registration,
    /// The endpoint, and what registering could not mend; of a rehearsal, what is there now.
    pub report: EndpointReport,
}

/// Registers.
pub struct RegisterWebhook {
    /// The provider's endpoints.
    pub registry: Arc<dyn EndpointRegistry>,
}

impl RegisterWebhook {
    /// Makes sure that the events we know are delivered to this address.
    ///
    /// # Errors
    /// [`RegisterWebhookError`].
    pub async fn run(
        &self,
        url: &str,
        is_rehearsal: bool,
    ) -> Result<RegisteredWebhook, RegisterWebhookError> {
        let order = EndpointOrder::at(url, self.registry.wanted());
        let report = EndpointReport::of(self.registry.endpoints().await?, &order);
        let step = step(&report);
        let registration = match step {
            _ if is_rehearsal => Registration::Rehearsed(step),
            PlannedStep::Nothing => Registration::Unchanged,
            PlannedStep::Update => {
                if let Some(endpoint) = &report.endpoint {
                    self.registry.update_endpoint(&endpoint.id, &order).await?;
                }
                Registration::Updated
            }
            PlannedStep::Create => Registration::Created(self.create(&order).await?),
        };
        if is_rehearsal || step == PlannedStep::Nothing {
            return Ok(RegisteredWebhook {
                registration,
                report,
            });
        }
        let report = EndpointReport::of(self.registry.endpoints().await?, &order);
        Ok(RegisteredWebhook {
            registration,
            report,
        })
    }

    /// Two calls at the same time see the same list, so they derive the same key and get the same
    /// endpoint. The provider remembers a key for a day, also of an endpoint that was deleted since;
    /// then the next key follows from that one.
    async fn create(&self, order: &EndpointOrder) -> Result<SigningSecret, RegisterWebhookError> {
        let mut key = format!("webhook_endpoint:{}:{}", order.url, order.api_version);
        for _ in 0..ATTEMPTS_MAX {
            let CreatedEndpoint { endpoint, secret } =
                self.registry.create_endpoint(order, &key).await?;
            let all = self.registry.endpoints().await?;
            if all.iter().any(|known| known.id == endpoint.id) {
                return Ok(secret);
            }
            key = format!("{key}:{}", endpoint.id);
        }
        Err(RegisterWebhookError::Gone)
    }
}

fn step(report: &EndpointReport) -> PlannedStep {
    let is_mended = |flaw: &EndpointFlaw| flaw.is_mended_by_registering();
    match &report.endpoint {
        None => PlannedStep::Create,
        Some(_) if report.flaws.iter().any(is_mended) => PlannedStep::Update,
        Some(_) => PlannedStep::Nothing,
    }
}

#[cfg(test)]
mod tests;
