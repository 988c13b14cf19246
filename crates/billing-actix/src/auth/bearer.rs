//! Verifies a user's token: signature, issuer, audience and time, with the key's algorithm only.

use std::fmt;

use billing_domain::kernel::email::Email;
use billing_domain::kernel::id::ProjectId;
use billing_domain::kernel::text::ExternalUserId;
use billing_domain::kernel::timestamp::Timestamp;
use jsonwebtoken::jwk::{JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

/// RFC 7518, section 3.2: an HS256 key has at least the size of the hash.
const HS256_SECRET_BYTES_MIN: usize = 32;

/// The role that makes a caller an operator (E-013).
const OPERATOR_ROLE: &str = "operator";

/// Whose tokens are believed.
///
/// A token has `sub`, `iss`, `aud` and `exp`; `nbf`, `email`, `email_verified` and `roles` are
/// read where they are. This crate never makes one.
#[derive(Debug, Clone)]
pub struct BearerConfig {
    /// The `iss` that a token must have.
    pub issuer: String,
    /// The `aud` that a token must have, alone or among others.
    pub audience: String,
    /// The issuer's keys. A token's `kid` picks among them where both have one.
    pub keys: Vec<BearerKey>,
    /// How far the issuer's clock may be from ours, in seconds.
    pub leeway_seconds: u32,
    /// The project whose users these are.
    pub project: ProjectId,
}

/// One key with the one algorithm that it is good for, so that a public key can never be taken
/// for a shared secret.
#[derive(Clone)]
pub struct BearerKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// The key is not among what is printed.
impl fmt::Debug for BearerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .field("key", &"***")
            .finish()
    }
}

/// The configuration does not have a usable key.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBearerKey {
    /// A shared secret that can be guessed.
    #[error("an HS256 secret must have at least {HS256_SECRET_BYTES_MIN} bytes")]
    ShortSecret,
    /// The text is not a key of that kind.
    #[error("the key cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A key set without a signing key of a kind that is known (RS256, ES256).
    #[error("the key set has no RS256 or ES256 key")]
    NoUsableKey,
}

impl BearerKey {
    /// A secret that is shared with the issuer (HS256).
    ///
    /// # Errors
    /// [`InvalidBearerKey::ShortSecret`].
    pub fn hs256(secret: &SecretString) -> Result<Self, InvalidBearerKey> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < HS256_SECRET_BYTES_MIN {
            return Err(InvalidBearerKey::ShortSecret);
        }
        Ok(Self {
            id: None,
            algorithm: Algorithm::HS256,
            key: DecodingKey::from_secret(secret),
        })
    }

    /// The issuer's RSA public key in PEM (RS256).
    ///
    /// # Errors
    /// [`InvalidBearerKey::Unreadable`].
    pub fn rs256_pem(pem: &[u8]) -> Result<Self, InvalidBearerKey> {
        Ok(Self {
            id: None,
            algorithm: Algorithm::RS256,
            key: DecodingKey::from_rsa_pem(pem).map_err(unreadable)?,
        })
    }

    /// The issuer's P-256 public key in PEM (ES256).
    ///
    /// # Errors
    /// [`InvalidBearerKey::Unreadable`].
    pub fn es256_pem(pem: &[u8]) -> Result<Self, InvalidBearerKey> {
        Ok(Self {
            id: None,
            algorithm: Algorithm::ES256,
            key: DecodingKey::from_ec_pem(pem).map_err(unreadable)?,
        })
    }

    /// Every RS256 and ES256 key of a JWKS document; shared secrets in it are not taken.
    ///
    /// # Errors
    /// [`InvalidBearerKey`].
    pub fn from_jwks(json: &str) -> Result<Vec<Self>, InvalidBearerKey> {
        let set: JwkSet = serde_json::from_str(json).map_err(unreadable)?;
        let mut keys = Vec::new();
        for jwk in &set.keys {
            let algorithm = match jwk.common.key_algorithm {
                Some(KeyAlgorithm::RS256) => Algorithm::RS256,
                Some(KeyAlgorithm::ES256) => Algorithm::ES256,
                Some(_) | None => continue,
            };
            keys.push(Self {
                id: jwk.common.key_id.clone(),
                algorithm,
                key: DecodingKey::from_jwk(jwk).map_err(unreadable)?,
            });
        }
        if keys.is_empty() {
            return Err(InvalidBearerKey::NoUsableKey);
        }
        Ok(keys)
    }

    /// Gives the key the `kid` by which tokens name it.
    #[must_use]
    pub fn named(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> InvalidBearerKey {
    InvalidBearerKey::Unreadable(Box::new(error))
}

/// Why a token opens nothing; fit for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidToken {
    #[error("the token cannot be read or its signature is not the issuer's")]
    NotTheIssuers,
    #[error("the token is for another issuer or audience, or lacks a required claim")]
    WrongClaims,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VerifiedClaims {
    pub(crate) subject: ExternalUserId,
    pub(crate) email: Option<Email>,
    pub(crate) is_operator: bool,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    nbf: Option<f64>,
    email: Option<String>,
    email_verified: Option<Value>,
    roles: Option<Value>,
}

/// Verifies a token at a time.
pub(crate) fn verify(
    config: &BearerConfig,
    token: &str,
    now: Timestamp,
) -> Result<VerifiedClaims, InvalidToken> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken::NotTheIssuers)?;
    let candidates = config.keys.iter().filter(|key| {
        key.algorithm == header.alg
            && match (&key.id, &header.kid) {
                (Some(known), Some(named)) => known == named,
                (None, _) | (_, None) => true,
            }
    });
    let mut refusal = InvalidToken::NotTheIssuers;
    for key in candidates {
        match jsonwebtoken::decode::<Claims>(token, &key.key, &validation(config, key.algorithm)) {
            Ok(decoded) => return judge(config, decoded.claims, now),
            Err(error) => refusal = refusal_of(&error),
        }
    }
    Err(refusal)
}

/// Time is judged by our own clock port afterwards.
fn validation(config: &BearerConfig, algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[&config.issuer]);
    validation.set_audience(&[&config.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

fn refusal_of(error: &jsonwebtoken::errors::Error) -> InvalidToken {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidIssuer
        | ErrorKind::InvalidAudience
        | ErrorKind::InvalidSubject
        | ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::Json(_) => InvalidToken::WrongClaims,
        _ => InvalidToken::NotTheIssuers,
    }
}

fn judge(
    config: &BearerConfig,
    claims: Claims,
    now: Timestamp,
) -> Result<VerifiedClaims, InvalidToken> {
    let leeway = i64::from(config.leeway_seconds);
    let now = now.unix_seconds();
    if now >= seconds(claims.exp).saturating_add(leeway) {
        return Err(InvalidToken::Expired);
    }
    if claims
        .nbf
        .is_some_and(|not_before| now.saturating_add(leeway) < seconds(not_before))
    {
        return Err(InvalidToken::NotYetValid);
    }
    let subject = ExternalUserId::parse(&claims.sub).map_err(|_| InvalidToken::WrongClaims)?;
    let is_unverified = match &claims.email_verified {
        Some(Value::Bool(is_verified)) => !is_verified,
        Some(Value::String(text)) => text != "true",
        Some(_) => true,
        None => false,
    };
    let email = claims.email.filter(|_| !is_unverified);
    Ok(VerifiedClaims {
        subject,
        email: email.and_then(|email| Email::parse(&email).ok()),
        is_operator: has_operator_role(claims.roles.as_ref()),
    })
}

/// `roles` is a list or one word; anything else is no role.
fn has_operator_role(roles: Option<&Value>) -> bool {
    match roles {
        Some(Value::Array(roles)) => roles.iter().any(|role| role == OPERATOR_ROLE),
        Some(Value::String(role)) => role == OPERATOR_ROLE,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
    }
}

/// RFC 7519's NumericDate may have a fraction; a number out of range ends at the nearest second.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, which is what a far date means"
)]
fn seconds(numeric_date: f64) -> i64 {
    numeric_date.floor() as i64
}
