//! Bearer tokens: what makes one invalid, one reason at a time.

use billing_actix::{BearerKey, InvalidBearerKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use time::Duration;

use crate::service::{SECRET, Service, claims, get, mint};

const INTENTS: &str = "/api/v1/checkout-intents";

/// A P-256 key pair made for this test.
const PUBLIC_PEM: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKF3dMTSbkqWdeTVRlY/XJvs8Cc1C
2KCZ5lRmv82zdIB04bbHitRzUlAkGvjOJDk64qDRgWGjJKW554r/FMrnuA==
-----END PUBLIC KEY-----
";
const PRIVATE_PEM: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgF+hcQdGlbsLQmbKU
pR3ZjBJDCPL5W75zkDzIKYhY9m+hRANCAAQoXd0xNJuSpZ15NVGVj9cm+zwJzULY
oJnmVGa/zbN0gHThtseK1HNSUCQa+M4kOTrioNGBYaMkpbnniv8Uyue4
-----END PRIVATE KEY-----
";
const RSA_PUBLIC_PEM: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArb0HS5h071SWh4PBiRAU
XuTLuzSHGvLCrH9ktLaLHILmvoprd0Q3MS9FRMoOp5YY01DXlVxYRK34g1LanH/G
XjBFfJcQp0rarZLNUI0FdirxaQoIJjsMl8D6z27NkJZfwOI1sbV1Pyz4YRWu4Y9U
evoQju2/HXq6rql/byf8VNsuh0AFL7GXH0ewVQ85wItw9mMXjXPfrF7yDl4eDQNd
J9C6VIKjOUXwm/77lnzFiIyHVedch+DH/eEj09K3s2+FNjVYiTxJs8PiIUHr8fjd
eqX1yJ5GDOqR/beJ9nZ7JeAWWAvG2GlT1ybwztvIwGv6lEsQOelNqDOAcd1Z1u60
2wIDAQAB
-----END PUBLIC KEY-----
";

async fn status_of(service: &Service, token: &str) -> (u16, String) {
    let call = get(INTENTS).header("Authorization", &format!("Bearer {token}"));
    let answer = service.send(call).await;
    let code = if answer.status == 200 {
        String::new()
    } else {
        answer.code()
    };
    (answer.status, code)
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims("ada");
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims("ada");
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[actix_web::test]
async fn a_token_with_a_wrong_or_missing_claim_is_refused() {
    let service = Service::new().await;
    assert_eq!(status_of(&service, &mint(&claims("ada"))).await.0, 200);
    assert_eq!(
        status_of(&service, &mint(&with("aud", json!(["x", "billing"]))))
            .await
            .0,
        200
    );
    let wrong = [
        without("sub"),
        without("exp"),
        without("iss"),
        without("aud"),
        with("sub", json!("")),
        with("sub", json!(7)),
        with("iss", json!("https://foreign.example")),
        with("aud", json!("another service")),
        with("aud", json!([])),
        with("exp", json!("tomorrow")),
        with("nbf", json!(1_767_225_600 + 31)),
    ];
    for claims in wrong {
        let answer = status_of(&service, &mint(&claims)).await;
        assert_eq!(answer, (401, "invalid_token".to_owned()), "{claims}");
    }
}

#[actix_web::test]
async fn a_token_ends_when_the_clock_says_so() {
    let service = Service::new().await;
    let token = mint(&claims("ada"));
    service.world.clock.advance(Duration::seconds(3_600 + 29));
    assert_eq!(status_of(&service, &token).await.0, 200);
    service.world.clock.advance(Duration::seconds(1));
    assert_eq!(
        status_of(&service, &token).await,
        (401, "invalid_token".to_owned())
    );
}

#[actix_web::test]
async fn a_token_without_the_issuers_signature_is_refused() {
    let service = Service::new().await;
    let token = mint(&claims("ada"));
    let (message, signature) = token.rsplit_once('.').unwrap();
    let foreign = EncodingKey::from_secret(b"another secret of more than 32 bytes");
    let foreign = jsonwebtoken::encode(&Header::default(), &claims("ada"), &foreign).unwrap();
    let other_hash = Header::new(Algorithm::HS384);
    let other_hash = jsonwebtoken::encode(
        &other_hash,
        &claims("ada"),
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
    .unwrap();
    // {"alg":"none","typ":"JWT"}
    let none = format!(
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}",
        message.split('.').nth(1).unwrap()
    );
    let tokens = [
        format!("{message}."),
        format!("{message}.{}", signature.chars().rev().collect::<String>()),
        foreign,
        other_hash,
        format!("{none}."),
        format!("{none}.{signature}"),
        none,
        "x.y.z".to_owned(),
        "x".to_owned(),
    ];
    for token in tokens {
        let answer = status_of(&service, &token).await;
        assert_eq!(answer, (401, "invalid_token".to_owned()), "{token}");
    }
    let basic = service
        .send(get(INTENTS).header("Authorization", "Basic YTpi"))
        .await;
    assert_eq!(
        (basic.status, basic.code().as_str()),
        (401, "invalid_token")
    );
}

#[actix_web::test]
async fn a_public_key_is_never_taken_for_a_shared_secret() {
    let key = BearerKey::es256_pem(PUBLIC_PEM.as_bytes()).unwrap();
    let rsa = BearerKey::rs256_pem(RSA_PUBLIC_PEM.as_bytes()).unwrap();
    let service = Service::configured(|config| {
        config.bearer.as_mut().unwrap().keys = vec![key, rsa];
    })
    .await;
    for pem in [PUBLIC_PEM, RSA_PUBLIC_PEM] {
        let confused = EncodingKey::from_secret(pem.as_bytes());
        let confused = jsonwebtoken::encode(&Header::default(), &claims("ada"), &confused).unwrap();
        assert_eq!(
            status_of(&service, &confused).await,
            (401, "invalid_token".to_owned())
        );
    }
    let right = EncodingKey::from_ec_pem(PRIVATE_PEM.as_bytes()).unwrap();
    let right =
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims("ada"), &right).unwrap();
    assert_eq!(status_of(&service, &right).await.0, 200);
}

#[actix_web::test]
async fn a_token_that_names_a_key_is_checked_with_that_key() {
    let named = BearerKey::hs256(&SECRET.into()).unwrap().named("2026");
    let service = Service::configured(|config| {
        config.bearer.as_mut().unwrap().keys = vec![named];
    })
    .await;
    let mint = |kid: &str| {
        let header = Header {
            kid: Some(kid.to_owned()),
            ..Header::default()
        };
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        jsonwebtoken::encode(&header, &claims("ada"), &key).unwrap()
    };
    assert_eq!(status_of(&service, &mint("2026")).await.0, 200);
    assert_eq!(status_of(&service, &mint("2025")).await.0, 401);
}

#[test]
fn a_key_that_is_no_key_is_refused_at_start() {
    let short = BearerKey::hs256(&"short".into());
    assert!(matches!(short, Err(InvalidBearerKey::ShortSecret)));
    assert!(BearerKey::es256_pem(b"no pem").is_err());
    assert!(BearerKey::from_jwks("{}").is_err());
    let empty = BearerKey::from_jwks(r#"{"keys": []}"#);
    assert!(matches!(empty, Err(InvalidBearerKey::NoUsableKey)));
}

#[actix_web::test]
async fn an_address_that_the_issuer_has_not_verified_is_not_the_callers() {
    let service = Service::new().await;
    let unverified = mint(&with("email_verified", json!(false)));
    let call = get(INTENTS).header("Authorization", &format!("Bearer {unverified}"));
    assert_eq!(service.send(call).await.status, 200);
    let key = "0123456789abcdef";
    let path = format!("/api/v1/licensing/license-activation?activation_key={key}");
    let call = crate::service::post(&path, &json!({}));
    let refused = service
        .send(call.header("Authorization", &format!("Bearer {unverified}")))
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "forbidden")
    );
}
