//! Disputes: opened by certain cards, answered, won and lost.

use crate::account::Account;
use crate::due::Action;

pub(crate) static DUE: &[Action] = &[];

/// Lets what a test card brings about follow its charge, once.
pub(crate) fn follow(account: &mut Account, charge_id: &str) {
    let _ = (account, charge_id);
}
