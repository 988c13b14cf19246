//! What must hold for every input; the targets only hand bytes over.

mod object;

use std::time::Duration;

use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::ports::{
    Envelope, EventDecoder, VerifyError, WebhookVerifier,
};
use billing_stripe::{StripeEventDecoder, StripeMode, StripeWebhookVerifier};
use hmac::{Hmac, KeyInit, Mac};
use object::told_id;
use secrecy::SecretString;
use serde_json::Value;
use sha2::Sha256;

/// The clock of every run: the same input has the same answer for ever.
const NOW: i64 = 1_790_000_000;
const SECRETS: [&str; 2] = ["whsec_new", "whsec_old"];
const TOLERANCE: Duration = Duration::from_mins(5);
const BODY: &[u8] = br#"{"id":"evt_1","object":"event","type":"invoice.paid","created":1789999999,"livemode":false,"data":{"object":{}}}"#;

/// What a fuzzer cannot guess, written into the header where the template has these bytes.
const RIGHT: u8 = 0x01;
const RIGHT_BY_THE_OTHER_SECRET: u8 = 0x02;
const BY_A_STRANGER: u8 = 0x03;
const OF_ANOTHER_BODY: u8 = 0x04;
const CLOCK: u8 = 0x05;

fn sign(secret: &str, time: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key will do");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn verify(body: &[u8], header: &str) -> Result<Envelope, VerifyError> {
    let secrets = SECRETS.map(|secret| SecretString::from(secret.to_owned()));
    let verifier = StripeWebhookVerifier::try_new(secrets.to_vec(), StripeMode::Test, TOLERANCE);
    let now = Timestamp::from_unix_seconds(NOW).expect("it is a time");
    let verifier = verifier.expect("no secret is empty");
    let verified = verifier.verify(body, Some(header), now);
    assert_eq!(
        verified,
        verifier.verify(body, Some(header), now),
        "verifying twice says the same"
    );
    verified
}

/// The template with signatures in it; they are made for the first time that it names.
fn header_of(template: &[u8]) -> String {
    let text = String::from_utf8_lossy(template).replace(char::from(CLOCK), &NOW.to_string());
    let time = text
        .split(',')
        .find_map(|part| part.trim().strip_prefix("t="))
        .unwrap_or_default()
        .to_owned();
    text.replace(char::from(RIGHT), &sign(SECRETS[0], &time, BODY))
        .replace(
            char::from(RIGHT_BY_THE_OTHER_SECRET),
            &sign(SECRETS[1], &time, BODY),
        )
        .replace(
            char::from(BY_A_STRANGER),
            &sign("whsec_stranger", &time, BODY),
        )
        .replace(
            char::from(OF_ANOTHER_BODY),
            &sign(SECRETS[0], &time, b"another"),
        )
}

/// Whether the header has a `v1` that one of our secrets made for a time that it names, and the
/// time is near: said in the plainest words, to be compared with the real reader.
fn is_proved(header: &str) -> bool {
    let parts = || header.split(',').map(str::trim);
    let times = parts().filter_map(|part| part.strip_prefix("t="));
    let near = times.filter(|time| {
        time.parse::<i64>()
            .is_ok_and(|time| time.abs_diff(NOW) <= TOLERANCE.as_secs())
    });
    near.into_iter().any(|time| {
        SECRETS.iter().any(|secret| {
            let right = sign(secret, time, BODY);
            parts().any(|part| {
                part.strip_prefix("v1=")
                    .is_some_and(|signature| signature.eq_ignore_ascii_case(&right))
            })
        })
    })
}

/// Nobody gets in whose signature is wrong, and Stripe always does.
pub fn check_signature(template: &[u8]) {
    let header = header_of(template);
    match verify(BODY, &header) {
        Ok(envelope) => {
            assert!(is_proved(&header), "accepted: {header:?}");
            assert_eq!(envelope.provider_event_id.as_str(), "evt_1");
            let mut altered = BODY.to_vec();
            let at = template.len() % altered.len();
            altered[at] ^= 1;
            assert_eq!(
                verify(&altered, &header),
                Err(VerifyError::WrongSignature),
                "byte {at} is another one"
            );
        }
        Err(VerifyError::OutsideTolerance) => {
            assert!(!is_proved(&header), "refused: {header:?}");
        }
        Err(VerifyError::WrongSignature | VerifyError::MissingSignature) => {
            let right = sign(SECRETS[0], &NOW.to_string(), BODY);
            let mut parts = header.split(',');
            let is_as_stripe_sends_it = parts.next() == Some(&format!("t={NOW}"))
                && parts.take(4).any(|part| part == format!("v1={right}"));
            assert!(!is_as_stripe_sends_it, "refused: {header:?}");
        }
        Err(error) => panic!("{error:?} is not about a header: {header:?}"),
    }
}

/// What gets in can be kept by every store and says what the body says.
pub fn check_envelope(body: &[u8]) {
    let header = format!("t={NOW},v1={}", sign(SECRETS[1], &NOW.to_string(), body));
    let envelope = match verify(body, &header) {
        Ok(envelope) => envelope,
        Err(VerifyError::MalformedEnvelope | VerifyError::WrongMode) => return,
        Err(error) => panic!("{error:?} although it is signed rightly"),
    };
    let told: Value = serde_json::from_slice(body).expect("an envelope is JSON");
    assert_eq!(told["id"], envelope.provider_event_id.as_str());
    assert_eq!(told["type"], envelope.event_type.as_str());
    assert_eq!(told["livemode"], false);
    assert!(!envelope.is_live);
    let words = [
        Some(envelope.provider_event_id.as_str()),
        Some(envelope.event_type.as_str()),
        envelope.api_version.as_deref(),
        envelope.account.as_deref(),
    ];
    for word in words.into_iter().flatten() {
        let is_kept_by_every_store =
            (1..=255).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(is_kept_by_every_store, "{word:?}");
    }
}

/// A payload is decoded in one way, and to the object that it names.
pub fn check_payload(payload: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(payload) else {
        // What is no JSON is refused whatever type the envelope had.
        let refused = StripeEventDecoder.decode("invoice.paid", payload);
        assert!(refused.is_err(), "decoded, and it is no JSON");
        return;
    };
    let Some(kind) = event["type"].as_str() else {
        return;
    };
    let decoded = StripeEventDecoder.decode(kind, payload);
    assert_eq!(
        decoded,
        StripeEventDecoder.decode(kind, payload),
        "decoding twice says the same"
    );
    let object = &event["data"]["object"];
    if let Ok(decoded) = &decoded
        && let Some(told) = told_id(decoded)
    {
        let named = object["id"].as_str();
        assert_eq!(Some(told), named, "another object than the payload names");
    }
    let mut extended = event.clone();
    let object = extended.pointer_mut("/data/object");
    if let Some(object) = object.and_then(Value::as_object_mut) {
        object.insert("field_of_next_year".to_owned(), Value::Null);
        let extended = serde_json::to_vec(&extended).expect("a value can be written");
        // Rewriting may change a number that no float can hold, but never an object that is known.
        let again = StripeEventDecoder.decode(kind, &extended);
        assert_eq!(
            again.is_ok(),
            decoded.is_ok(),
            "a new field changes nothing"
        );
        if let (Ok(again), Ok(decoded)) = (&again, &decoded) {
            assert_eq!(told_id(again), told_id(decoded));
        }
    }
}
