//! Digests API keys: SHA-256, because a key has 256 random bits and needs no slow hash.

use billing_domain::access::ports::KeyHasher;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Lower-case hexadecimal SHA-256, compared in constant time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sha256KeyHasher;

impl KeyHasher for Sha256KeyHasher {
    fn hash(&self, key: &str) -> String {
        hex::encode(Sha256::digest(key.as_bytes()))
    }

    fn matches(&self, key: &str, hash: &str) -> bool {
        self.hash(key).as_bytes().ct_eq(hash.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_012_a_key_matches_its_own_digest_only() {
        let hash = Sha256KeyHasher.hash("bk_secret");
        assert_eq!(hash.len(), 64);
        assert!(Sha256KeyHasher.matches("bk_secret", &hash));
        for wrong in ["bk_secre", "bk_secret ", ""] {
            assert!(!Sha256KeyHasher.matches(wrong, &hash), "{wrong}");
        }
        assert!(!Sha256KeyHasher.matches("bk_secret", ""));
    }
}
