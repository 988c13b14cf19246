//! A webhook endpoint at the provider, and what about it is not as it should be.

use std::collections::BTreeSet;
use std::fmt;

use super::ports::WantedEndpoint;
use crate::kernel::text::ProviderRef;

#[cfg(test)]
mod tests;

/// Stands for every type.
const EVERY_TYPE: &str = "*";

/// Signs deliveries; whoever has it can make up events.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(String);

impl SigningSecret {
    /// Keeps a secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, to be shown once to whoever configures it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// An endpoint as it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// The provider's id.
    pub id: ProviderRef,
    /// Where deliveries go.
    pub url: String,
    /// Whether anything is delivered.
    pub is_enabled: bool,
    /// In which shape payloads are; absent for the account's own version.
    pub api_version: Option<String>,
    /// Which events are delivered.
    pub event_types: Vec<String>,
}

/// What an endpoint is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointOrder {
    /// Where deliveries go.
    pub url: String,
    /// Which events are delivered.
    pub event_types: Vec<String>,
    /// In which shape payloads are; settled when the endpoint is made, and never changed.
    pub api_version: String,
}

impl EndpointOrder {
    /// What we want, at this address.
    pub fn at(url: &str, wanted: WantedEndpoint) -> Self {
        let WantedEndpoint {
            event_types,
            api_version,
        } = wanted;
        Self {
            url: url.to_owned(),
            event_types,
            api_version,
        }
    }
}

/// One thing about an endpoint that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointFlaw {
    /// There is none with this address.
    NotRegistered,
    /// There are several, so every event comes several times.
    Several {
        /// The others.
        others: Vec<ProviderRef>,
    },
    /// It is switched off; the provider does that too, after days of failures.
    Disabled,
    /// Payloads have another shape than our own calls. They are read all the same.
    OtherVersion {
        /// The endpoint's; absent for the account's own.
        found: Option<String>,
    },
    /// Events of these types never come.
    MissingTypes(Vec<String>),
    /// Events of these types come and are skipped.
    ExtraTypes(Vec<String>),
}

impl EndpointFlaw {
    /// Whether registering again mends it.
    pub fn is_mended_by_registering(&self) -> bool {
        match self {
            Self::NotRegistered | Self::Disabled | Self::MissingTypes(_) | Self::ExtraTypes(_) => {
                true
            }
            Self::Several { .. } | Self::OtherVersion { .. } => false,
        }
    }
}

/// The endpoint with an address, and its flaws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointReport {
    /// The endpoint, if there is one; of several the one that fits best.
    pub endpoint: Option<WebhookEndpoint>,
    /// What is not as it should be; nothing if all is well.
    pub flaws: Vec<EndpointFlaw>,
}

impl EndpointReport {
    /// Compares what is registered with what is wanted.
    pub fn of(endpoints: Vec<WebhookEndpoint>, order: &EndpointOrder) -> Self {
        let mut here: Vec<WebhookEndpoint> = endpoints
            .into_iter()
            .filter(|endpoint| is_same_url(&endpoint.url, &order.url))
            .collect();
        here.sort_by_cached_key(|endpoint| {
            let flaws = flaws(endpoint, order).len();
            (!endpoint.is_enabled, flaws, endpoint.id.to_string())
        });
        let mut rest = here.into_iter();
        let Some(endpoint) = rest.next() else {
            return Self {
                endpoint: None,
                flaws: vec![EndpointFlaw::NotRegistered],
            };
        };
        let mut flaws = flaws(&endpoint, order);
        let others: Vec<ProviderRef> = rest.map(|other| other.id).collect();
        if !others.is_empty() {
            flaws.push(EndpointFlaw::Several { others });
        }
        Self {
            endpoint: Some(endpoint),
            flaws,
        }
    }
}

fn is_same_url(left: &str, right: &str) -> bool {
    left.trim_end_matches('/') == right.trim_end_matches('/')
}

fn flaws(endpoint: &WebhookEndpoint, order: &EndpointOrder) -> Vec<EndpointFlaw> {
    let mut flaws = Vec::new();
    if !endpoint.is_enabled {
        flaws.push(EndpointFlaw::Disabled);
    }
    if endpoint.api_version.as_deref() != Some(order.api_version.as_str()) {
        flaws.push(EndpointFlaw::OtherVersion {
            found: endpoint.api_version.clone(),
        });
    }
    let registered: BTreeSet<&String> = endpoint.event_types.iter().collect();
    let wanted: BTreeSet<&String> = order.event_types.iter().collect();
    let names = |types: Vec<&&String>| types.into_iter().map(|name| (*name).clone()).collect();
    let has_every = endpoint.event_types.iter().any(|name| name == EVERY_TYPE);
    let missing: Vec<&&String> = wanted.difference(&registered).collect();
    if !missing.is_empty() && !has_every {
        flaws.push(EndpointFlaw::MissingTypes(names(missing)));
    }
    let extra: Vec<&&String> = registered.difference(&wanted).collect();
    if !extra.is_empty() {
        flaws.push(EndpointFlaw::ExtraTypes(names(extra)));
    }
    flaws
}
