//! Sends requests to Stripe: pinned version, idempotency key, time-out, bounded retries, and
//! connections that are used again. It never logs a body, a query or a key.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use stripe_client_core::{CustomizedStripeRequest, RequestBuilder, StripeClient, StripeMethod};

use crate::config::{SetupError, StripeConfig};

mod answer;
mod retry;

pub(crate) use answer::Answer;
pub use answer::{ApiError, CallError};

const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
const STRIPE_ACCOUNT: HeaderName = HeaderName::from_static("stripe-account");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Stripe's largest answers (100 expanded objects) stay well below this many bytes.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Below the 60 s after which common balancers drop an idle connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// More idle connections than a busy worker uses at once.
const IDLE_CONNECTIONS_MAX: usize = 32;

/// One client with its key, version and limits.
pub struct StripeTransport {
    http: Client,
    root: String,
    authorization: Option<HeaderValue>,
    version: HeaderValue,
    timeout: Duration,
    retries_max: u32,
    backoff_base: Duration,
}

/// Never shows the key (B-096).
impl fmt::Debug for StripeTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeTransport")
            .field("root", &self.root)
            .field("authorization", &self.authorization.as_ref().map(|_| "***"))
            .field("version", &self.version)
            .field("timeout", &self.timeout)
            .field("retries_max", &self.retries_max)
            .finish_non_exhaustive()
    }
}

/// What one call adds to the configuration.
#[derive(Debug, Default)]
pub(crate) struct CallOptions {
    /// Of a POST; one is generated where none is given.
    pub(crate) idempotency_key: Option<String>,
    /// The connected account to act for.
    pub(crate) account: Option<String>,
    /// Instead of the configured time-out.
    pub(crate) timeout: Option<Duration>,
}

impl StripeTransport {
    /// Builds the client.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(config: &StripeConfig) -> Result<Self, SetupError> {
        let base = config.checked_base()?;
        // `reqwest` is built without a provider; an error says that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("billing-stripe/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(config.timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
        if base.scheme() == "http" {
            // A sandbox needs neither certificates nor somebody in between.
            builder = builder.tls_certs_only([]).no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| SetupError::HttpClient(Box::new(error)))?;
        let authorization = match config.key() {
            None => None,
            Some(key) => {
                let mut value = HeaderValue::try_from(format!("Bearer {key}"))
                    .map_err(|_| SetupError::InvalidHeader("key"))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let version = config
            .api_version
            .as_deref()
            .unwrap_or(stripe_client_core::VERSION.as_str());
        Ok(Self {
            http,
            root: format!("{}/v1", base.as_str().trim_end_matches('/')),
            authorization,
            version: HeaderValue::try_from(version)
                .map_err(|_| SetupError::InvalidHeader("version"))?,
            timeout: config.timeout,
            retries_max: config.retries_max,
            backoff_base: config.backoff_base,
        })
    }

    /// The pinned version.
    pub(crate) fn version(&self) -> &str {
        self.version.to_str().unwrap_or_default()
    }

    /// Sends a request until it is answered or the attempts are used up. Every attempt carries
    /// the same idempotency key.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        options: CallOptions,
    ) -> Result<Answer, CallError> {
        let authorization = self
            .authorization
            .as_ref()
            .ok_or(CallError::NotConfigured)?;
        let headers = self.headers(authorization, &request, &options)?;
        let timeout = options.timeout.unwrap_or(self.timeout);
        let mut attempt = 0;
        loop {
            let outcome = self.attempt(&request, &headers, timeout).await;
            report(&request, &outcome, attempt);
            if attempt >= self.retries_max {
                return outcome;
            }
            match retry::pause_after(&outcome, attempt, self.backoff_base) {
                None => return outcome,
                Some(pause) => tokio::time::sleep(pause).await,
            }
            attempt += 1;
        }
    }

    fn headers(
        &self,
        authorization: &HeaderValue,
        request: &RequestBuilder,
        options: &CallOptions,
    ) -> Result<HeaderMap, CallError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.clone());
        headers.insert(STRIPE_VERSION, self.version.clone());
        if let Some(account) = &options.account {
            headers.insert(STRIPE_ACCOUNT, header_value(account)?);
        }
        if let StripeMethod::Post = request.method {
            let key = match &options.idempotency_key {
                Some(key) => header_value(key)?,
                None => header_value(&retry::random_key()?)?,
            };
            headers.insert(IDEMPOTENCY_KEY, key);
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            );
        }
        Ok(headers)
    }

    async fn attempt(
        &self,
        request: &RequestBuilder,
        headers: &HeaderMap,
        timeout: Duration,
    ) -> Result<Answer, CallError> {
        let method = match request.method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        let mut url = format!("{}{}", self.root, request.path);
        if let Some(query) = request.query.as_deref().filter(|query| !query.is_empty()) {
            url.push('?');
            url.push_str(query);
        }
        let mut outgoing = self
            .http
            .request(method, url)
            .headers(headers.clone())
            .timeout(timeout);
        if let Some(body) = &request.body {
            outgoing = outgoing.body(in_order(body));
        }
        // Without its URL, because a query may hold an address.
        let mut response = outgoing
            .send()
            .await
            .map_err(|error| CallError::unreachable(error.without_url()))?;
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| CallError::unreachable(error.without_url()))?
        {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(CallError::broken("the answer is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        answer::judge(response.status(), response.headers(), Bytes::from(body))
    }
}

/// The same form with its pairs in order. The builders keep metadata in hash maps, and a retry
/// after a restart must be the same request under the same key.
fn in_order(form: &str) -> String {
    let mut pairs: Vec<&str> = form.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    pairs.join("&")
}

fn header_value(text: &str) -> Result<HeaderValue, CallError> {
    HeaderValue::try_from(text).map_err(|_| CallError::broken("a value cannot be sent in a header"))
}

/// Says what became of an attempt: the path and Stripe's request id, nothing of the content.
fn report(request: &RequestBuilder, outcome: &Result<Answer, CallError>, attempt: u32) {
    match outcome {
        Ok(answer) => tracing::debug!(
            stripe.path = request.path,
            stripe.request_id = answer.request_id,
            attempt,
            "stripe answered"
        ),
        Err(CallError::Refused(error)) => tracing::info!(
            stripe.path = request.path,
            stripe.request_id = error.request_id,
            stripe.status = error.status,
            stripe.code = error.code,
            stripe.param = error.param,
            attempt,
            "stripe refused a request"
        ),
        Err(error @ (CallError::Unreachable(_) | CallError::NotConfigured)) => tracing::info!(
            stripe.path = request.path,
            error = error as &dyn std::error::Error,
            attempt,
            "stripe gave no answer"
        ),
    }
}

impl StripeClient for StripeTransport {
    type Err = CallError;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, CallError> {
        let (request, overrides) = request.into_pieces();
        let options = CallOptions {
            idempotency_key: overrides
                .request_strategy
                .and_then(|strategy| strategy.get_key())
                .map(stripe_client_core::IdempotencyKey::into_inner),
            account: overrides
                .account_id
                .map(|account| account.as_str().to_owned()),
            timeout: overrides.timeout,
        };
        Ok(self.send(request, options).await?.body)
    }
}

#[cfg(test)]
mod tests;
