//! Ids and secrets as Stripe makes them, drawn from a seeded generator so that a run can be repeated.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Room for a prefix and its mark.
const BEGINNING_BYTES: usize = 16;
const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

#[derive(Debug)]
pub(crate) struct Ids {
    rng: ChaCha8Rng,
}

/// Where a sequence of ids is: its start and its position, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdsState {
    start: String,
    position: String,
}

impl Ids {
    pub(crate) fn state(&self) -> IdsState {
        IdsState {
            start: hex::encode(self.rng.get_seed()),
            position: format!("{:x}", self.rng.get_word_pos()),
        }
    }

    /// Goes on where a sequence was; `None` if that is no place in one.
    pub(crate) fn resumed(state: &IdsState) -> Option<Self> {
        let start: [u8; 32] = hex::decode(&state.start).ok()?.try_into().ok()?;
        let mut rng = ChaCha8Rng::from_seed(start);
        rng.set_word_pos(u128::from_str_radix(&state.position, 16).ok()?);
        Some(Self { rng })
    }

    /// Starts the sequence that belongs to this seed and this name (a secret key, a purpose).
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(seed.to_be_bytes());
        hasher.update(name.as_bytes());
        let mut start = [0_u8; 32];
        start.copy_from_slice(&hasher.finalize());
        Self {
            rng: ChaCha8Rng::from_seed(start),
        }
    }

    fn draw(&mut self, alphabet: &[u8], count: usize) -> String {
        self.after(&[], alphabet, count)
    }

    /// Letters after a beginning, in one piece.
    fn after(&mut self, beginning: &[&str], alphabet: &[u8], count: usize) -> String {
        let mut text = String::with_capacity(BEGINNING_BYTES + count);
        text.extend(beginning.iter().copied());
        text.extend((0..count).map(|_| {
            let index = self.rng.next_u32() as usize % alphabet.len();
            char::from(alphabet[index])
        }));
        text
    }

    pub(crate) fn letters(&mut self, count: usize) -> String {
        self.draw(LETTERS, count)
    }

    /// Prefix and length are Stripe's: 14 letters for customers, products, items and requests,
    /// 24 for the rest; payments begin with 3, other long ids with 1.
    pub(crate) fn next(&mut self, prefix: &str) -> String {
        let (mark, count) = match prefix {
            "cus_" | "prod_" | "si_" | "req_" => ("", 14),
            "mtr_test_" | "feat_test_" | "ent_test_" | "credgr_test_" | "evt_test_" => ("61", 30),
            "cs_test_" => ("a1", 56),
            "acct_" => ("1", 15),
            "pi_" | "ch_" | "txn_" | "re_" => ("3", 23),
            _ => ("1", 23),
        };
        self.after(&[prefix, mark], LETTERS, count)
    }

    pub(crate) fn digits(&mut self, count: usize) -> String {
        self.draw(b"0123456789", count)
    }

    pub(crate) fn invoice_prefix(&mut self) -> String {
        self.draw(CAPITALS, 8)
    }

    pub(crate) fn webhook_secret(&mut self) -> String {
        format!("whsec_{}", self.letters(32))
    }

    pub(crate) fn secret_key(&mut self) -> String {
        format!("sk_test_51{}", self.letters(97))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_name_give_the_same_ids() {
        let mut first = Ids::new(42, "sk_test_a");
        let mut again = Ids::new(42, "sk_test_a");
        let mut other = Ids::new(42, "sk_test_b");
        assert_eq!(first.next("cus_"), again.next("cus_"));
        assert_ne!(first.next("sub_"), other.next("sub_"));
    }

    #[test]
    fn a_sequence_goes_on_where_it_was() {
        let mut ids = Ids::new(1, "x");
        ids.letters(17);
        let mut resumed = Ids::resumed(&ids.state()).unwrap();
        assert_eq!(ids.next("cus_"), resumed.next("cus_"));
        assert_eq!(ids.state(), resumed.state());
    }

    #[test]
    fn ids_have_stripes_prefixes_and_lengths() {
        let mut ids = Ids::new(1, "x");
        assert_eq!(ids.next("cus_").len(), 4 + 14);
        assert_eq!(ids.next("sub_").len(), 4 + 24);
        assert_eq!(ids.next("cs_test_").len(), 8 + 58);
        assert!(ids.next("pi_").starts_with("pi_3"));
    }
}
