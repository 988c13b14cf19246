//! What happens by itself when its time comes: every kind of it by name, so that a snapshot of the
//! sandbox can say what is due.

use crate::account::Account;
use crate::lives;

/// A name (`invoice.finalize`) and what it does to the object of an id.
pub(crate) type Action = (&'static str, fn(&mut Account, &str));

/// The actions of every area.
static AREAS: &[&[Action]] = &[
    lives::checkout::DUE,
    lives::credit::DUE,
    lives::discount::DUE,
    lives::invoice::DUE,
    lives::ledger::DUE,
    lives::payment::DUE,
    lives::refund::DUE,
    lives::dispute::DUE,
    lives::meter::DUE,
    lives::schedule::DUE,
    lives::subscription::DUE,
    lives::tax::DUE,
];

/// Carries out an action; a name that nothing answers to does nothing.
pub(crate) fn run(account: &mut Account, name: &str, id: &str) {
    let known = AREAS.iter().copied().flatten();
    if let Some((_, action)) = known.into_iter().find(|(known, _)| *known == name) {
        action(account, id);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_means_two_things() {
        let names: BTreeSet<&str> = AREAS.iter().copied().flatten().map(|(n, _)| *n).collect();
        assert_eq!(names.len(), AREAS.iter().copied().flatten().count());
    }
}
