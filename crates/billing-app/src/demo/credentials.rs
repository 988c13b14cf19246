//! Who one can be in the demo: tokens and a key that are made for one run.

use billing_domain::kernel::id::ProjectId;
use billing_domain::kernel::timestamp::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use crate::cli::Failure;

/// `iss` of the demo's tokens.
pub const ISSUER: &str = "billing-demo";

/// `aud` of the demo's tokens.
pub const AUDIENCE: &str = "billing";

/// How long a token is good: a long afternoon.
const LIFETIME_SECONDS: i64 = 12 * 3_600;

/// Everybody in the story.
pub struct Credentials {
    /// Buys for Acme.
    pub buyer: String,
    /// Gets a licence.
    pub learner: String,
    /// Runs the service.
    pub operator: String,
    /// Asks about entitlements.
    pub app_key: String,
    /// The project of them all.
    pub project_id: ProjectId,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    email: &'a str,
    email_verified: bool,
    roles: &'a [&'a str],
    iat: i64,
    exp: i64,
}

/// Mints a token for somebody.
pub fn token(
    secret: &str,
    sub: &str,
    email: &str,
    roles: &[&str],
    now: Timestamp,
) -> Result<String, Failure> {
    let claims = Claims {
        iss: ISSUER,
        aud: AUDIENCE,
        sub,
        email,
        email_verified: true,
        roles,
        iat: now.unix_seconds(),
        exp: now.unix_seconds().saturating_add(LIFETIME_SECONDS),
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map_err(|error| Failure::failed("the demo's tokens cannot be made", &error))
}
