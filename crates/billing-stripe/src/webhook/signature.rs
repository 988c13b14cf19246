//! The `Stripe-Signature` header: `t=<seconds>,v1=<hex>[,v1=<hex>…][,v0=…]`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// Stripe signs once per active secret, and an endpoint has at most two for a day.
const SIGNATURES_MAX: usize = 16;

/// What the header says. Schemes other than `v1` are ignored, as Stripe asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SignatureHeader<'a> {
    signed_at_text: &'a str,
    /// Seconds since 1970.
    pub(super) signed_at: i64,
    signatures: Vec<[u8; 32]>,
}

impl<'a> SignatureHeader<'a> {
    /// Reads the header; `None` without a time or without any well-formed `v1`.
    pub(super) fn parse(header: &'a str) -> Option<Self> {
        let mut time = None;
        let mut signatures = Vec::new();
        for part in header.split(',') {
            let Some((scheme, value)) = part.trim().split_once('=') else {
                continue;
            };
            match scheme {
                "t" if time.is_none() => time = Some(value),
                "v1" if signatures.len() < SIGNATURES_MAX => {
                    let mut signature = [0; 32];
                    if hex::decode_to_slice(value, &mut signature).is_ok() {
                        signatures.push(signature);
                    }
                }
                _ => {}
            }
        }
        let signed_at_text = time.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        let signed_at = signed_at_text.parse().ok()?;
        (!signatures.is_empty()).then_some(Self {
            signed_at_text,
            signed_at,
            signatures,
        })
    }

    /// Whether any signature was made with any of the secrets. Every pair is compared, so the
    /// time it takes says nothing about which one matched.
    pub(super) fn matches<'s>(
        &self,
        payload: &[u8],
        secrets: impl Iterator<Item = &'s str>,
    ) -> bool {
        let mut matched = Choice::from(0);
        for secret in secrets {
            let expected = self.sign(payload, secret);
            for signature in &self.signatures {
                matched |= expected.ct_eq(signature);
            }
        }
        matched.into()
    }

    fn sign(&self, payload: &[u8], secret: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .expect("HMAC takes keys of every length");
        mac.update(self.signed_at_text.as_bytes());
        mac.update(b".");
        mac.update(payload);
        mac.finalize().into_bytes().into()
    }
}
