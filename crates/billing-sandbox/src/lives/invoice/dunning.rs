//! Dunning: when an invoice that could not be collected is tried again, and when Stripe gives up.
//!
//! Stripe's smart retries try eight times within two weeks by default and do not say when; here the
//! tries are evenly spaced.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::calendar::SECONDS_PER_DAY;
use crate::lives::invoice::collect::{self, Collection, Try};
use crate::lives::{reaction, settings};

/// Declines after which the card is not tried again, though the schedule goes on.
const HOPELESS: &[&str] = &[
    "incorrect_number",
    "lost_card",
    "pickup_card",
    "stolen_card",
    "revocation_of_authorization",
    "revocation_of_all_authorizations",
    "authentication_required",
    "highest_risk_level",
    "transaction_not_allowed",
];

/// How often and for how long an account has its invoices tried again.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    retries: i64,
    window_seconds: i64,
}

impl Schedule {
    /// That of the account's settings: at Stripe eight tries within two weeks, unless it is changed.
    fn of(account: &Account) -> Self {
        let days = settings::number_of(account, "invoice_retry_days");
        Self {
            retries: settings::number_of(account, "invoice_retries"),
            window_seconds: days.saturating_mul(SECONDS_PER_DAY),
        }
    }

    /// When the retry after so many tries is, counted from the first failure.
    fn retry_at(self, first_failure: i64, attempts: i64) -> Option<i64> {
        let gap = self.window_seconds / self.retries.max(1);
        let is_left = attempts <= self.retries;
        is_left.then(|| first_failure.saturating_add(gap.saturating_mul(attempts)))
    }
}

/// The schedule's try to collect an open invoice, and what follows from it.
pub(crate) fn attempt_automatically(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    let method = method_to_try(account, &before);
    let outcome = match &method {
        Some(method_id) => collect::try_to_pay(
            account,
            id,
            Try {
                method_id,
                is_off_session: true,
                is_automatic: true,
                tells_update: true,
            },
        ),
        None => {
            collect::note_attempt(account, id, true);
            account.raise("invoice.payment_failed", id);
            collect::set_delinquent(account, id, true);
            Collection::NeedsAction
        }
    };
    match outcome {
        Collection::Paid => {
            reaction::invoice_paid(account, id);
            return;
        }
        Collection::Declined(decline) => {
            account.set(id, "_last_decline", json!(decline.decline_code));
            account.set(id, "_last_method", json!(method));
            reaction::collection_declined(account, id);
        }
        Collection::NeedsAction => {}
    }
    let is_over = !plan_retry(account, id);
    account.raise_update("invoice.updated", id, &before);
    if is_over {
        reaction::retries_exhausted(account, id);
    } else {
        reaction::invoice_not_paid(account, id);
    }
}

/// The method to charge, unless the last try showed that the card is hopeless.
fn method_to_try(account: &Account, invoice: &Value) -> Option<String> {
    let method = collect::method_of(account, invoice)?;
    let is_hopeless = invoice["_last_decline"]
        .as_str()
        .is_some_and(|code| HOPELESS.contains(&code))
        && invoice["_last_method"] == method.as_str();
    (!is_hopeless).then_some(method)
}

/// Plans the next try of an invoice that failed; false when there is none any more.
pub(crate) fn plan_retry(account: &mut Account, id: &str) -> bool {
    let now = account.now;
    let invoice = account.get(id);
    let first = invoice["_first_failure"].as_i64().unwrap_or(now);
    let attempts = invoice["attempt_count"].as_i64().unwrap_or(1);
    let is_wanted = invoice["status"] == "open"
        && invoice["auto_advance"] == true
        && invoice["collection_method"] == "charge_automatically";
    let next = Schedule::of(account)
        .retry_at(first, attempts)
        .filter(|_| is_wanted);
    if let Some(invoice) = account.edit(id) {
        invoice["_first_failure"] = json!(first);
        invoice["next_payment_attempt"] = json!(next);
    }
    if let Some(at) = next {
        account.when(at.max(now), "invoice.retry", id);
    }
    next.is_some() || !is_wanted
}

/// The time of a retry has come, if it is still wanted.
pub(crate) fn retry(account: &mut Account, id: &str) {
    let invoice = account.get(id);
    let is_due = invoice["status"] == "open"
        && invoice["auto_advance"] == true
        && invoice["next_payment_attempt"]
            .as_i64()
            .is_some_and(|at| at <= account.now);
    if is_due {
        attempt_automatically(account, id);
    }
}

#[cfg(test)]
mod tests {
    use super::{SECONDS_PER_DAY, Schedule};

    #[test]
    fn eight_retries_are_spread_over_two_weeks() {
        // 14 days / 8 = 1.75 days = 151,200 seconds.
        let schedule = Schedule {
            retries: 8,
            window_seconds: 14 * SECONDS_PER_DAY,
        };
        let seconds: Vec<Option<i64>> = (1..=9).map(|n| schedule.retry_at(0, n)).collect();
        let expected = [
            Some(151_200),
            Some(302_400),
            Some(453_600),
            Some(604_800),
            Some(756_000),
            Some(907_200),
            Some(1_058_400),
            Some(1_209_600),
            None,
        ];
        assert_eq!(seconds, expected);
    }
}
