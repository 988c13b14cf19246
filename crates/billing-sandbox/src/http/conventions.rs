//! One request to Stripe's API, from the key in its header to the bytes of its answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::account::{Account, Cause};
use crate::faults::FaultKind;
use crate::http::error::StripeError;
use crate::http::exchange::{Reply, Request};
use crate::http::idempotency::{self, Remembered};
use crate::http::{endpoint, keys, publishable, v2};
use crate::shape::version::Version;
use crate::world::World;

/// What a browser is told about every answer.
const CORS: &[(&str, &str)] = &[
    ("access-control-allow-credentials", "true"),
    (
        "access-control-allow-methods",
        "GET, HEAD, PUT, PATCH, POST, DELETE",
    ),
    ("access-control-allow-origin", "*"),
    (
        "access-control-expose-headers",
        "Request-Id, Stripe-Manage-Version, Stripe-Should-Retry, \
         X-Stripe-External-Auth-Required, X-Stripe-Privileged-Session-Required",
    ),
    ("access-control-max-age", "300"),
    ("cache-control", "no-cache, no-store"),
    (
        "strict-transport-security",
        "max-age=63072000; includeSubDomains; preload",
    ),
    ("vary", "Origin"),
];

/// Answers a request below `/v1/` or `/v2/`; `None` means that the connection is to be cut.
pub(crate) async fn answer(world: &Arc<World>, request: &Request) -> Option<Reply> {
    if request.method == "OPTIONS" {
        return Some(preflight(request));
    }
    let of_browser = publishable::as_secret(world, request);
    let request = of_browser.as_ref().unwrap_or(request);
    let key = match keys::secret_key(request) {
        Ok(key) => key,
        Err(error) => {
            let body = if v2::is_path(&request.path) {
                v2::error_body(&error, "", "")
            } else {
                error.body("", "")
            };
            let reply = Reply::json(error.status, &body);
            return Some(reply.header("www-authenticate", "Bearer realm=\"Stripe\""));
        }
    };
    let account = world.account(&key);
    let (request_id, account_id) = {
        let mut account = account.lock().expect("no panic under the lock");
        (account.request_ids.next("req_"), account.id.clone())
    };
    let fault = {
        let mut faults = world.faults.lock().expect("no panic under the lock");
        faults.of_request(&request.method, &request.path)
    };
    let idempotency_key = request
        .header("idempotency-key")
        .filter(|_| request.method == "POST")
        .map(str::to_owned);
    let exchange = Exchange {
        world,
        account,
        account_id,
        request,
        request_id,
        key,
        idempotency_key,
    };
    exchange.run(fault).await
}

/// What a browser asks before a page may send a key: everything is allowed, as at Stripe.
fn preflight(request: &Request) -> Reply {
    let mut reply = Reply {
        status: 200,
        headers: Vec::new(),
        body: String::new(),
    };
    for (name, value) in CORS {
        reply = reply.header(name, *value);
    }
    match request.header("access-control-request-headers") {
        Some(asked) => reply.header("access-control-allow-headers", asked.to_owned()),
        None => reply,
    }
}

struct Exchange<'a> {
    world: &'a Arc<World>,
    account: Arc<Mutex<Account>>,
    account_id: String,
    request: &'a Request,
    request_id: String,
    key: String,
    idempotency_key: Option<String>,
}

impl Exchange<'_> {
    async fn run(&self, fault: Option<FaultKind>) -> Option<Reply> {
        let version = match self.version() {
            Ok(version) => version,
            Err(error) => return Some(self.dressed(self.error(&error), None)),
        };
        let dressed = |reply: Reply| self.dressed(reply, Some(version));
        if let Err(error) = self.refuse_other_account() {
            return Some(dressed(self.error(&error)));
        }
        match self.recall() {
            Ok(None) => {}
            Ok(Some(reply)) => return Some(dressed(reply).header("idempotent-replayed", "true")),
            Err(error) => return Some(dressed(self.error(&error))),
        }
        match &fault {
            Some(FaultKind::Delay { delay_ms }) => {
                tokio::time::sleep(Duration::from_millis(*delay_ms)).await;
            }
            Some(FaultKind::CutBefore) => {
                self.forget();
                return None;
            }
            Some(FaultKind::FailBefore { status }) => {
                self.forget();
                return Some(dressed(self.failure(*status)));
            }
            Some(FaultKind::RateLimit { retry_after_s }) => {
                self.forget();
                let reply = dressed(self.rate_limited());
                return Some(reply.header("retry-after", retry_after_s.to_string()));
            }
            _ => {}
        }
        let reply = dressed(self.carry_out(version, fault.as_ref()));
        match fault {
            Some(FaultKind::CutAfter) => None,
            Some(FaultKind::FailAfter { status }) => Some(dressed(self.failure(status))),
            _ => Some(reply),
        }
    }

    fn version(&self) -> Result<Version, StripeError> {
        match self.request.header("stripe-version") {
            None => {
                let account = self.account.lock().expect("no panic under the lock");
                Ok(account.default_version)
            }
            Some(text) => Version::parse(text).ok_or_else(|| {
                StripeError::invalid(format!("Invalid Stripe API version: {text}"))
                    .validation()
                    .unlogged()
            }),
        }
    }

    /// An account has only itself: there are no connected accounts here.
    fn refuse_other_account(&self) -> Result<(), StripeError> {
        let named = self.request.header("stripe-account");
        match named.filter(|named| *named != self.account_id) {
            None => Ok(()),
            Some(named) => Err(StripeError::coded(
                "account_invalid",
                format!(
                    "The provided key '{}' does not have access to account '{named}' (or that \
                     account does not exist). Application access may have been revoked.",
                    keys::masked(&self.key)
                ),
            )
            .status(403)
            .validation()),
        }
    }

    fn fingerprint(&self) -> String {
        let Request { query, body, .. } = self.request;
        format!("{query}\n{body}")
    }

    fn endpoint(&self) -> String {
        format!("{} {}", self.request.method, self.request.path)
    }

    /// The remembered answer of this key, or marks the key as in use.
    fn recall(&self) -> Result<Option<Reply>, StripeError> {
        let Some(key) = &self.idempotency_key else {
            return Ok(None);
        };
        let now = self.world.clock.now();
        let mut account = self.account.lock().expect("no panic under the lock");
        let sent = Remembered {
            at: now,
            endpoint: self.endpoint(),
            fingerprint: self.fingerprint(),
            reply: None,
        };
        let known = idempotency::recall(account.remembered.get(key), key, &sent)?;
        if known.is_none() {
            account.remember_key(key, sent);
        }
        Ok(known)
    }

    fn forget(&self) {
        if let Some(key) = &self.idempotency_key {
            self.account
                .lock()
                .expect("no panic under the lock")
                .remembered
                .remove(key);
        }
    }

    /// Runs the endpoint and remembers its answer, all in one go under the account's lock.
    fn carry_out(&self, version: Version, fault: Option<&FaultKind>) -> Reply {
        let cause = Cause {
            request_id: Some(self.request_id.clone()),
            idempotency_key: self.idempotency_key.clone(),
        };
        self.world.act(&self.account, cause, |account| {
            let outcome = endpoint::run(account, self.request, version);
            let is_failure = outcome.is_err();
            let is_validation = outcome.as_ref().is_err_and(|error| error.is_validation);
            let is_told_off = outcome.as_ref().is_err_and(|error| {
                error
                    .code
                    .as_deref()
                    .is_some_and(|code| code.starts_with("parameter_"))
            });
            let is_missing = outcome.as_ref().is_err_and(|error| {
                error.code.as_deref() == Some("resource_missing") && !error.is_executed
            });
            let reply = match outcome {
                Ok(body) => Reply::json(200, &body),
                Err(error) => self.error(&error.in_version(version)),
            };
            // Stripe says so of what was executed, and says nothing of what was not.
            let is_executed =
                self.request.method == "POST" && !(is_validation || is_told_off || is_missing);
            let reply = if is_executed {
                reply.header("stripe-should-retry", "false")
            } else {
                reply
            };
            if let Some(key) = &self.idempotency_key {
                // API v2 runs again what failed.
                let is_kept = !(is_validation || is_failure && v2::is_path(&self.request.path));
                if !is_kept {
                    account.remembered.remove(key);
                } else if let Some(remembered) = account.remembered.get_mut(key) {
                    let kept = match fault {
                        Some(FaultKind::FailAfter { status: 500 }) => self.failure(500),
                        _ => reply.clone(),
                    };
                    let original = ("original-request", self.request_id.clone());
                    remembered.reply = Some(kept.header(original.0, original.1));
                }
            }
            reply
        })
    }

    fn error(&self, error: &StripeError) -> Reply {
        let body = if v2::is_path(&self.request.path) {
            v2::error_body(error, &self.request_id, &self.account_id)
        } else {
            error.body(&self.request_id, &self.account_id)
        };
        Reply::json(error.status, &body)
    }

    fn failure(&self, status: u16) -> Reply {
        let mut error = StripeError::invalid(
            "An unknown error occurred (a fault of the sandbox, as it was asked for).",
        )
        .status(status);
        error.kind = "api_error";
        self.error(&error)
    }

    fn rate_limited(&self) -> Reply {
        let error = StripeError::coded(
            "rate_limit",
            "Request rate limit exceeded. You can learn more about rate limits here \
             https://stripe.com/docs/rate-limits.",
        )
        .status(429);
        self.error(&error)
            .header("stripe-rate-limited-reason", "global-rate")
    }

    /// Adds the headers that every answer has.
    fn dressed(&self, reply: Reply, version: Option<Version>) -> Reply {
        let mut reply = reply.header("request-id", self.request_id.clone());
        if let Some(version) = version {
            reply = reply.header("stripe-version", version.as_str());
        }
        for (name, value) in CORS {
            reply = reply.header(name, *value);
        }
        if let Some(account) = self.request.header("stripe-account") {
            reply = reply.header("stripe-account", account.to_owned());
        }
        if let Some(key) = &self.idempotency_key {
            reply = reply.header("idempotency-key", key.clone());
            let has_original = (reply.headers.iter()).any(|(name, _)| *name == "original-request");
            if !has_original {
                reply = reply.header("original-request", self.request_id.clone());
            }
        } else if self.request.method == "DELETE"
            && let Some(key) = self.request.header("idempotency-key")
        {
            reply = reply.header("idempotency-key", key.to_owned());
        }
        reply
    }
}
