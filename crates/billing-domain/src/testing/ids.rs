//! Ids and secrets that are the same in every run with the same seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::kernel::ports::IdGenerator;

/// The characters of a secret.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How many characters a secret has.
const SECRET_CHARS: u64 = 43;

/// Ids in ascending order, shaped as UUIDv7; clones share the counter. Two generators with
/// different seeds never give the same id.
#[derive(Debug, Clone)]
pub struct SequentialIds {
    seed: u32,
    next: Arc<AtomicU64>,
}

impl SequentialIds {
    /// Starts at the first id of a seed.
    pub fn new(seed: u32) -> Self {
        Self {
            seed,
            next: Arc::new(AtomicU64::new(1)),
        }
    }

    fn take(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }
}

impl Default for SequentialIds {
    fn default() -> Self {
        Self::new(0)
    }
}

impl IdGenerator for SequentialIds {
    fn uuid(&self) -> Uuid {
        // 48 bits of counter stand where a UUIDv7 has its milliseconds, so ids ascend.
        let counter = u128::from(self.take() & 0xffff_ffff_ffff);
        let shape = (0x7_u128 << 76) | (0b10_u128 << 62);
        Uuid::from_u128((counter << 80) | shape | u128::from(self.seed))
    }

    fn secret(&self) -> String {
        let mut state = (u64::from(self.seed) << 32) ^ self.take();
        (0..SECRET_CHARS)
            .map(|_| {
                state = mixed(state);
                let index = usize::try_from(state & 63).expect("below 64");
                char::from(ALPHABET[index])
            })
            .collect()
    }
}

/// One step of SplitMix64: spreads a counter over 64 bits.
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_and_have_the_shape_of_version_7() {
        let ids = SequentialIds::new(7);
        let (first, second) = (ids.uuid(), ids.clone().uuid());
        assert!(first < second);
        assert_eq!(first.get_version_num(), 7);
        assert_eq!(first.get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn a_seed_gives_the_same_ids_and_secrets_in_every_run() {
        let (one, same, other) = (
            SequentialIds::new(1),
            SequentialIds::new(1),
            SequentialIds::new(2),
        );
        assert_eq!(one.uuid(), same.uuid());
        assert_ne!(other.uuid(), SequentialIds::new(1).uuid());
        let secret = one.secret();
        assert_eq!(secret, same.secret());
        assert_ne!(secret, one.secret());
        assert_eq!(secret.len(), 43);
    }
}
