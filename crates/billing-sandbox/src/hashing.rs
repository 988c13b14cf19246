//! Maps by id: their keys are random letters of our own, so that the simplest of hashes spreads them.
//! Not for keys that a stranger chooses and that there may be many of.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

pub(crate) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// An odd number without a pattern: 2⁶⁴ divided by the golden ratio.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Takes in eight bytes by one multiplication. The same in every run, unlike the standard one.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Quick(u64);

impl Quick {
    #[inline]
    const fn take(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(SPREAD);
    }
}

impl Hasher for Quick {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.take(u64::from_le_bytes(*word));
        }
        let mut last = [0_u8; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.take(u64::from_le_bytes(last) ^ ((bytes.len() as u64) << 56));
    }

    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.take(u64::from(byte));
    }

    /// The table looks at the lowest bits first, and a multiplication mixes the highest best.
    #[inline]
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn names_that_look_alike_are_spread() {
        let hasher = BuildHasherDefault::<Quick>::default();
        let hashes: BTreeSet<u64> = (0..4_096)
            .map(|n| hasher.hash_one(format!("in_{n:08}")) % 4_096)
            .collect();
        // Thrown at random, 63 % of the places would be hit.
        assert!(hashes.len() > 2_300, "{}", hashes.len());
    }
}
