//! The real time and real ids: the one place that asks the machine for them.

use billing_domain::kernel::ports::{Clock, IdGenerator};
use billing_domain::kernel::timestamp::Timestamp;
use time::OffsetDateTime;
use uuid::Uuid;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this adapter is where the time comes from"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::from_datetime(OffsetDateTime::now_utc())
    }
}

/// UUIDv7 and 256-bit secrets from the operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl IdGenerator for RandomIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "this adapter is where ids come from"
    )]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn secret(&self) -> String {
        // 43 characters of six bits: 258 bits.
        let mut bytes = [0_u8; 43];
        getrandom::fill(&mut bytes).expect("the operating system has a random generator");
        bytes
            .iter()
            .map(|byte| char::from(BASE64_URL[usize::from(byte & 63)]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use billing_domain::kernel::text::ActivationKey;

    use super::*;

    #[test]
    fn secrets_are_keys_and_differ() {
        let (a, b) = (RandomIds.secret(), RandomIds.secret());
        assert_ne!(a, b);
        assert_eq!(a.len(), 43);
        assert!(ActivationKey::parse(&a).is_ok());
    }

    #[test]
    fn ids_are_in_the_order_of_time() {
        let ids: Vec<Uuid> = (0..100).map(|_| RandomIds.uuid()).collect();
        assert!(ids.is_sorted());
    }
}
