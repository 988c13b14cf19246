//! A hasher for tests: a digest that can be read, and that is not the key.

use crate::access::ports::KeyHasher;

/// Puts a word before the key.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainHasher;

impl KeyHasher for PlainHasher {
    fn hash(&self, key: &str) -> String {
        format!("digest of {key}")
    }

    fn matches(&self, key: &str, hash: &str) -> bool {
        self.hash(key) == hash
    }
}
