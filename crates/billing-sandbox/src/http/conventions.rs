//! One request to Stripe's API, from the key in its header to the bytes of its answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::account::{Account, Cause};
use crate::api;
use crate::faults::{self, FaultKind};
use crate::http::error::StripeError;
use crate::http::exchange::{Reply, Request};
use crate::http::form;
use crate::http::idempotency;
use crate::http::params::{self, Params};
use crate::shape::expand::expand;
use crate::shape::render::render;
use crate::shape::version::Version;
use crate::world::World;

const NO_KEY: &str = "You did not provide an API key. You need to provide your API key in the \
    Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See \
    https://stripe.com/docs/api#authentication for details, or we can help at \
    https://support.stripe.com/.";

/// Answers a request below `/v1/`; `None` means that the connection is to be cut.
pub(crate) async fn answer(world: &Arc<World>, request: &Request) -> Option<Reply> {
    let key = match secret_key(request) {
        Ok(key) => key,
        Err(error) => {
            let reply = Reply::json(error.status, &error.body("", ""));
            return Some(reply.header("www-authenticate", "Bearer realm=\"Stripe\""));
        }
    };
    let account = world.account(&key);
    let request_id = account
        .lock()
        .expect("no panic under the lock")
        .request_ids
        .next("req_");
    let fault = {
        let mut faults = world.faults.lock().expect("no panic under the lock");
        faults::take(&mut faults, &request.method, &request.path)
    };
    let idempotency_key = request
        .header("idempotency-key")
        .filter(|_| request.method == "POST")
        .map(str::to_owned);
    let exchange = Exchange {
        world,
        account,
        request,
        request_id,
        idempotency_key,
    };
    exchange.run(fault).await
}

struct Exchange<'a> {
    world: &'a Arc<World>,
    account: Arc<Mutex<Account>>,
    request: &'a Request,
    request_id: String,
    idempotency_key: Option<String>,
}

impl Exchange<'_> {
    async fn run(&self, fault: Option<FaultKind>) -> Option<Reply> {
        let version = match self.version() {
            Ok(version) => version,
            Err(error) => return Some(self.refusal(&error)),
        };
        match self.recall() {
            Ok(None) => {}
            Ok(Some(reply)) => {
                return Some(
                    self.dressed(reply, version)
                        .header("idempotent-replayed", "true"),
                );
            }
            Err(error) => return Some(self.dressed(self.refusal(&error), version)),
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
                return Some(self.dressed(self.failure(*status), version));
            }
            Some(FaultKind::RateLimit { retry_after_s }) => {
                self.forget();
                let reply = self.dressed(self.rate_limited(), version);
                return Some(reply.header("retry-after", retry_after_s.to_string()));
            }
            Some(FaultKind::FailAfter { .. } | FaultKind::CutAfter) | None => {}
        }
        let reply = self.dressed(self.carry_out(version, fault.as_ref()), version);
        match fault {
            Some(FaultKind::CutAfter) => None,
            Some(FaultKind::FailAfter { status }) => {
                Some(self.dressed(self.failure(status), version))
            }
            _ => Some(reply),
        }
    }

    fn version(&self) -> Result<Version, StripeError> {
        match self.request.header("stripe-version") {
            None => Ok(self.world.default_version),
            Some(text) => Version::parse(text).ok_or_else(|| {
                StripeError::invalid(format!("Invalid Stripe API version: {text}")).validation()
            }),
        }
    }

    fn fingerprint(&self) -> String {
        let Request {
            method,
            path,
            query,
            body,
            ..
        } = self.request;
        format!("{method} {path}?{query}\n{body}")
    }

    /// The remembered answer of this key, or marks the key as in use.
    fn recall(&self) -> Result<Option<Reply>, StripeError> {
        let Some(key) = &self.idempotency_key else {
            return Ok(None);
        };
        let mut account = self.account.lock().expect("no panic under the lock");
        let fingerprint = self.fingerprint();
        let known = idempotency::recall(account.remembered.get(key), key, &fingerprint)?;
        if known.is_none() {
            account.remember_key(key, fingerprint);
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
            let outcome = run_endpoint(account, self.request, version);
            let is_validation = outcome.as_ref().is_err_and(|error| error.is_validation);
            let is_missing = outcome
                .as_ref()
                .is_err_and(|error| error.code.as_deref() == Some("resource_missing"));
            let reply = match outcome {
                Ok(body) => Reply::json(200, &body),
                Err(error) => error_reply(&error, &self.request_id, &account.id),
            };
            // Stripe says so of what was executed, and says nothing of what was not.
            let is_executed = self.request.method == "POST" && !is_validation && !is_missing;
            let reply = if is_executed {
                reply.header("stripe-should-retry", "false")
            } else {
                reply
            };
            if let Some(key) = &self.idempotency_key {
                if is_validation {
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

    fn refusal(&self, error: &StripeError) -> Reply {
        let account = self.account.lock().expect("no panic under the lock");
        error_reply(error, &self.request_id, &account.id)
    }

    fn failure(&self, status: u16) -> Reply {
        let mut error = StripeError::invalid(
            "An unknown error occurred (a fault of the sandbox, as it was asked for).",
        )
        .status(status);
        error.kind = "api_error";
        Reply::json(status, &error.body(&self.request_id, ""))
    }

    fn rate_limited(&self) -> Reply {
        let error = StripeError::coded(
            "rate_limit",
            "Request rate limit exceeded. You can learn more about rate limits here \
             https://stripe.com/docs/rate-limits.",
        )
        .status(429);
        Reply::json(429, &error.body(&self.request_id, ""))
            .header("stripe-rate-limited-reason", "global-rate")
    }

    /// Adds the headers that every answer has.
    fn dressed(&self, reply: Reply, version: Version) -> Reply {
        let mut reply = reply
            .header("request-id", self.request_id.clone())
            .header("stripe-version", version.as_str())
            .header("cache-control", "no-cache, no-store")
            .header("vary", "Origin")
            .header("access-control-allow-origin", "*")
            .header(
                "access-control-expose-headers",
                "Request-Id, Stripe-Should-Retry",
            );
        if let Some(key) = &self.idempotency_key {
            reply = reply.header("idempotency-key", key.clone());
            if !reply
                .headers
                .iter()
                .any(|(name, _)| *name == "original-request")
            {
                reply = reply.header("original-request", self.request_id.clone());
            }
        }
        reply
    }
}

fn error_reply(error: &StripeError, request_id: &str, account_id: &str) -> Reply {
    Reply::json(error.status, &error.body(request_id, account_id))
}

fn run_endpoint(
    account: &mut Account,
    request: &Request,
    version: Version,
) -> Result<Value, StripeError> {
    let (route, path_ids) = api::routes::find(&request.method, &request.path, version)?;
    let sent = form::parse(&request.query).and_then(|query| match form::parse(&request.body)? {
        form::Node::Tree(members) if !members.is_empty() => Ok(form::Node::Tree(members)),
        _ => Ok(query),
    })?;
    let params = params::check(route.endpoint, &sent, version)?;
    api::routes::refuse_unsimulated(route, &params)?;
    let paths: Vec<String> = params
        .list("/expand")
        .iter()
        .filter_map(|path| path.as_str().map(str::to_owned))
        .collect();
    enter_clock(account, &params, &path_ids);
    let answered = (route.run)(&mut api::Call {
        account,
        params,
        ids: path_ids,
        version,
    })?;
    let shown = in_version(account, &answered, &paths, version)?;
    if let Some(mut findings) = account.findings.take() {
        findings.check(&shown, version);
        let exists = |version: &Version| params::exists(route.endpoint, *version);
        for other in Version::described().filter(exists) {
            if let Ok(shown) = in_version(account, &answered, &paths, other) {
                findings.check_elsewhere(&shown, other);
            }
        }
        account.findings = Some(findings);
    }
    Ok(shown)
}

/// An answer as a version shows it, with what was asked to be expanded.
fn in_version(
    account: &Account,
    answered: &Value,
    paths: &[String],
    version: Version,
) -> Result<Value, StripeError> {
    let mut shown = show(answered, version);
    for path in paths {
        expand(account, &mut shown, path, version)?;
    }
    Ok(shown)
}

/// Events come rendered in the version of their creation; everything else takes the request's.
fn show(answered: &Value, version: Version) -> Value {
    let is_event = |value: &Value| value["object"] == "event";
    if is_event(answered) || (answered["object"] == "list" && is_event(&answered["data"][0])) {
        return answered.clone();
    }
    render(answered, version)
}

/// A request about a customer who is on a test clock happens at that clock's time.
fn enter_clock(account: &mut Account, params: &Params, path_ids: &[String]) {
    const NAMES: [&str; 7] = [
        "customer",
        "subscription",
        "invoice",
        "payment_intent",
        "charge",
        "schedule",
        "test_clock",
    ];
    let named = NAMES.iter().filter_map(|name| params.0[*name].as_str());
    let ids: Vec<String> = path_ids
        .iter()
        .cloned()
        .chain(named.map(str::to_owned))
        .collect();
    for id in ids {
        account.enter_clock_of(&id);
    }
}

/// The secret key of the request. Test keys of any value are taken; a live key never is.
fn secret_key(request: &Request) -> Result<String, StripeError> {
    let authorization = request.header("authorization").unwrap_or_default();
    let key = match authorization.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim().to_owned(),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => basic_user(rest.trim()),
        _ => String::new(),
    };
    if key.is_empty() {
        return Err(StripeError::authentication(NO_KEY));
    }
    if is_live_key(&key) {
        return Err(StripeError::authentication(
            "This is a sandbox without real money: it refuses live keys. Use a key that begins \
             with sk_test_, and treat the live key that was just sent as seen by others.",
        ));
    }
    if key.starts_with("pk_") {
        return Err(StripeError::authentication(
            "This API call cannot be made with a publishable API key. Please use a secret API \
             key. You can find a list of your API keys at \
             https://dashboard.stripe.com/account/apikeys.",
        )
        .code("secret_key_required")
        .status(403));
    }
    let is_test = ["sk_test_", "rk_test_"].iter().any(|prefix| {
        key.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty())
    });
    if is_test {
        return Ok(key);
    }
    Err(StripeError::authentication(format!(
        "Invalid API Key provided: {}",
        masked(&key)
    )))
}

pub(crate) fn is_live_key(key: &str) -> bool {
    ["sk_live_", "rk_live_"]
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

/// Keeps the first and the last characters, as Stripe's text does.
fn masked(key: &str) -> String {
    let count = key.chars().count();
    let head: String = key.chars().take(count.min(8)).collect();
    let tail: String = key.chars().skip(count.saturating_sub(4).max(8)).collect();
    format!("{head}{}{tail}", "*".repeat(count.saturating_sub(12)))
}

/// The user of `Basic` credentials (RFC 7617); Stripe's password is empty.
fn basic_user(encoded: &str) -> String {
    let mut bits = 0_u32;
    let mut held = 0_u32;
    let mut out = Vec::new();
    for byte in encoded.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((held >> bits) & 0xff).unwrap_or_default());
        }
    }
    let text = String::from_utf8_lossy(&out).into_owned();
    text.split(':').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_carry_the_key_as_user() {
        assert_eq!(basic_user("c2tfdGVzdF9hYmM6"), "sk_test_abc");
    }

    #[test]
    fn a_bad_key_is_shown_masked() {
        assert_eq!(masked("sk_wrong_1234567890"), "sk_wrong*******7890");
        assert_eq!(masked("abc"), "abc");
    }
}
