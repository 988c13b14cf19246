//! Ids and secrets from a seed, so that the same story is told in the same words. Only for
//! `demo --auto`: anybody who knows the seed knows the secrets.

use std::sync::atomic::{AtomicU64, Ordering};

use billing_domain::kernel::ports::IdGenerator;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Draws from a seed and a counter.
#[derive(Debug)]
pub(super) struct SeededIds {
    seed: u32,
    counter: AtomicU64,
}

impl SeededIds {
    pub(super) fn new(seed: u32) -> Self {
        Self {
            seed,
            counter: AtomicU64::new(0),
        }
    }

    fn digest(&self, kind: u8) -> (u64, [u8; 32]) {
        let count = self.counter.fetch_add(1, Ordering::SeqCst);
        let mut hash = Sha256::new();
        hash.update([kind]);
        hash.update(self.seed.to_be_bytes());
        hash.update(count.to_be_bytes());
        (count, hash.finalize().into())
    }
}

impl IdGenerator for SeededIds {
    fn uuid(&self) -> Uuid {
        let (count, digest) = self.digest(b'u');
        let mut random = [0_u8; 10];
        random.copy_from_slice(&digest[..10]);
        // The counter stands where a UUIDv7 has its milliseconds, so that ids ascend.
        uuid::Builder::from_unix_timestamp_millis(1_767_225_600_000 + count, &random).into_uuid()
    }

    fn secret(&self) -> String {
        let (_, digest) = self.digest(b's');
        let text = hex::encode(digest);
        text[..43].to_owned()
    }
}
