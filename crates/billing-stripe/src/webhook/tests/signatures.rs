//! Who may speak for Stripe (E-079, B-094, F.2 steps 2 and 3).

use std::time::Duration;

use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::ports::{Envelope, VerifyError, WebhookVerifier};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;

use crate::config::StripeMode;
use crate::webhook::{EmptyWebhookSecret, StripeWebhookVerifier};

const NOW: i64 = 1_790_000_000;
const BODY: &[u8] = br#"{"id":"evt_1","object":"event","type":"invoice.paid","created":1789999999,"livemode":false,"api_version":"2026-09-30.endive","data":{"object":{}}}"#;

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn verifier(secrets: &[&str]) -> StripeWebhookVerifier {
    let secrets = secrets.iter().map(|text| secret(text)).collect();
    let tolerance = StripeWebhookVerifier::TOLERANCE_DEFAULT;
    StripeWebhookVerifier::try_new(secrets, StripeMode::Test, tolerance).unwrap()
}

fn sign(secret: &str, at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn verify(
    verifier: &StripeWebhookVerifier,
    header: &str,
    body: &[u8],
) -> Result<Envelope, VerifyError> {
    let now = Timestamp::from_unix_seconds(NOW).unwrap();
    verifier.verify(body, Some(header), now)
}

#[test]
fn a_signed_event_gives_its_envelope() {
    let header = format!("t={NOW},v1={}", sign("whsec_a", NOW, BODY));
    let envelope = verify(&verifier(&["whsec_a"]), &header, BODY).unwrap();
    assert_eq!(envelope.provider_event_id.as_str(), "evt_1");
    assert_eq!(envelope.event_type, "invoice.paid");
    assert_eq!(envelope.api_version.as_deref(), Some("2026-09-30.endive"));
    assert!(!envelope.is_live);
    assert_eq!(envelope.account, None);
    assert_eq!(envelope.created_at.unix_seconds(), NOW - 1);
}

#[test]
fn any_signature_counts_and_not_only_the_last_e_079() {
    let (ours, other) = (sign("whsec_a", NOW, BODY), sign("whsec_old", NOW, BODY));
    let rotating = verifier(&["whsec_a"]);
    for header in [
        format!("t={NOW},v1={ours},v1={other}"),
        format!("t={NOW},v1={other},v1={ours}"),
        format!("v1={ours},t={NOW},v0=abc"),
        format!("t={NOW}, v1={other}, v0=zz, v2=unknown, v1={ours}"),
        format!("t={NOW},v1=short,v1=,v1={ours}"),
    ] {
        assert!(verify(&rotating, &header, BODY).is_ok(), "{header}");
    }
}

#[test]
fn any_configured_secret_counts() {
    let header = format!("t={NOW},v1={}", sign("whsec_b", NOW, BODY));
    for secrets in [
        vec!["whsec_b"],
        vec!["whsec_b", "whsec_a"],
        vec!["whsec_a", "whsec_b"],
        vec!["whsec_a", "whsec_b", "whsec_c"],
    ] {
        assert!(
            verify(&verifier(&secrets), &header, BODY).is_ok(),
            "{secrets:?}"
        );
    }
    let none = verify(&verifier(&["whsec_a", "whsec_c"]), &header, BODY);
    assert_eq!(none, Err(VerifyError::WrongSignature));
}

#[test]
fn a_signature_of_something_else_is_refused() {
    let verifier = verifier(&["whsec_a"]);
    let right = sign("whsec_a", NOW, BODY);
    let other_time = NOW + 1;
    let altered = BODY.to_ascii_uppercase();
    let cases: [(String, &[u8]); 4] = [
        (format!("t={NOW},v1={right}"), &altered),
        (format!("t={other_time},v1={right}"), BODY),
        (format!("t=0{NOW},v1={right}"), BODY),
        (format!("t={NOW},v0={right}"), BODY),
    ];
    for (header, body) in cases {
        let result = verify(&verifier, &header, body);
        assert_eq!(result, Err(VerifyError::WrongSignature), "{header}");
    }
}

#[test]
fn garbage_in_the_header_is_refused_and_never_a_panic() {
    let verifier = verifier(&["whsec_a"]);
    let right = sign("whsec_a", NOW, BODY);
    for header in [
        ",",
        "=",
        "t=,v1=",
        "t=abc,v1=abc",
        "t=-5,v1=00",
        "t=99999999999999999999999999,v1=00",
        &format!("v1={right}"),
        &format!("t= {NOW},v1={right}"),
        &"v1=00,".repeat(10_000),
        "ünïcödé=ä",
    ] {
        let result = verify(&verifier, header, BODY);
        assert_eq!(result, Err(VerifyError::WrongSignature), "{header:.40}");
    }
}

#[test]
fn a_missing_signature_has_its_own_answer() {
    let now = Timestamp::from_unix_seconds(NOW).unwrap();
    for header in [None, Some(""), Some("  ")] {
        let result = verifier(&["whsec_a"]).verify(BODY, header, now);
        assert_eq!(result, Err(VerifyError::MissingSignature));
    }
}

#[test]
fn old_and_future_signatures_are_refused_beyond_the_tolerance() {
    let verifier = verifier(&["whsec_a"]);
    for (age, is_fine) in [
        (0, true),
        (300, true),
        (-300, true),
        (301, false),
        (-301, false),
        (NOW, false),
    ] {
        let at = NOW - age;
        let header = format!("t={at},v1={}", sign("whsec_a", at, BODY));
        let result = verify(&verifier, &header, BODY);
        if is_fine {
            assert!(result.is_ok(), "{age}");
        } else {
            assert_eq!(result, Err(VerifyError::OutsideTolerance), "{age}");
        }
    }
}

#[test]
fn an_empty_secret_is_a_configuration_error_and_never_a_key_b_094() {
    for secrets in [vec![""], vec!["whsec_a", " "], vec!["\n", "whsec_a"]] {
        let secrets = secrets.into_iter().map(secret).collect();
        let result =
            StripeWebhookVerifier::try_new(secrets, StripeMode::Test, Duration::from_mins(5));
        assert_eq!(result.unwrap_err(), EmptyWebhookSecret);
    }
    let header = format!("t={NOW},v1={}", sign("", NOW, BODY));
    let result = verify(&verifier(&[]), &header, BODY);
    assert_eq!(result, Err(VerifyError::NotConfigured));
}

#[test]
fn an_event_of_the_other_mode_is_refused() {
    let live = String::from_utf8(BODY.to_vec()).unwrap();
    let live = live.replace(r#""livemode":false"#, r#""livemode":true"#);
    let header = format!("t={NOW},v1={}", sign("whsec_a", NOW, live.as_bytes()));
    let result = verify(&verifier(&["whsec_a"]), &header, live.as_bytes());
    assert_eq!(result, Err(VerifyError::WrongMode));
}

#[test]
fn a_signed_body_that_is_no_event_is_told_from_a_wrong_signature() {
    let verifier = verifier(&["whsec_a"]);
    for body in [
        &b""[..],
        b"null",
        b"[]",
        b"\xff\xfe",
        br#"{"id":"evt_1","type":"a","created":1}"#,
        br#"{"id":"evt_1","type":"","created":1,"livemode":false}"#,
        br#"{"id":"evt 1","type":"a","created":1,"livemode":false}"#,
        br#"{"id":1,"type":"a","created":1,"livemode":false}"#,
        br#"{"id":"evt_1","type":"a","created":"soon","livemode":false}"#,
    ] {
        let header = format!("t={NOW},v1={}", sign("whsec_a", NOW, body));
        let result = verify(&verifier, &header, body);
        assert_eq!(result, Err(VerifyError::MalformedEnvelope), "{body:?}");
        let unsigned = verify(&verifier, "t=1,v1=00", body);
        assert_eq!(unsigned, Err(VerifyError::WrongSignature));
    }
}

#[test]
fn an_envelope_that_no_store_could_keep_is_malformed_and_not_asked_for_again() {
    let verifier = verifier(&["whsec_a"]);
    let with = |key: &str, value: &str| {
        let mut event = serde_json::json!({
            "id": "evt_1", "type": "a", "created": 1, "livemode": false,
            "api_version": "2026-09-30.endive", "account": "acct_1",
        });
        event[key] = value.into();
        serde_json::to_vec(&event).unwrap()
    };
    let long = "v".repeat(201);
    for key in ["type", "api_version", "account"] {
        for value in ["a\0b", "a\nb", "", "a b", long.as_str()] {
            let body = with(key, value);
            let header = format!("t={NOW},v1={}", sign("whsec_a", NOW, &body));
            let result = verify(&verifier, &header, &body);
            assert_eq!(
                result,
                Err(VerifyError::MalformedEnvelope),
                "{key} {value:?}"
            );
        }
    }
}

#[test]
fn a_thin_event_and_one_of_an_account_have_envelopes_too() {
    let body = br#"{"id":"evt_test_61","object":"v2.core.event","type":"v1.invoice.paid","created":"2026-10-28T10:00:00.000Z","livemode":false,"account":"acct_1","related_object":{"id":"in_1"}}"#;
    let header = format!("t={NOW},v1={}", sign("whsec_a", NOW, body));
    let envelope = verify(&verifier(&["whsec_a"]), &header, body).unwrap();
    assert_eq!(envelope.account.as_deref(), Some("acct_1"));
    assert_eq!(envelope.api_version, None);
    assert_eq!(envelope.created_at.to_string(), "2026-10-28T10:00:00Z");
}

#[test]
fn no_secret_is_printed_b_096() {
    let text = format!("{:?}", verifier(&["whsec_hidden"]));
    assert!(!text.contains("whsec"), "{text}");
}
