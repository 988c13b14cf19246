//! `Stripe-Signature`: `t=…`, one `v1` per active secret, and the fake `v0` that Stripe sends in test mode.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header's value for a body sent at a time (seconds since 1970).
pub(crate) fn header(secrets: &[String], at: i64, body: &str) -> String {
    let mut parts = vec![format!("t={at}")];
    for secret in secrets {
        parts.push(format!("v1={}", sign(secret, at, body)));
    }
    if let Some(secret) = secrets.first() {
        parts.push(format!("v0={}", sign(&format!("v0{secret}"), at, body)));
    }
    parts.join(",")
}

fn sign(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .expect("HMAC takes keys of any length (RFC 2104)");
    mac.update(at.to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_hmac_of_time_dot_body() {
        // Computed independently: printf '1.{}' | openssl dgst -sha256 -hmac whsec_x
        let header = header(&["whsec_x".into()], 1, "{}");
        let v1 = header.split(',').nth(1).unwrap();
        assert_eq!(v1, EXPECTED);
    }

    const EXPECTED: &str = "v1=36ee2f7498f0c1777d1312b2a7361947fe5ad31223be30d0c62421f4ca753401";

    #[test]
    fn a_rolled_secret_adds_a_second_v1() {
        let header = header(&["whsec_new".into(), "whsec_old".into()], 1, "{}");
        assert_eq!(header.matches("v1=").count(), 2);
    }
}
