//! Trials: what happens when one ends.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::calendar::SECONDS_PER_DAY;
use crate::lives::reaction;
use crate::lives::subscription::{collection, ending, pausing};

/// How long before its end a trial is announced.
const ANNOUNCED_DAYS: i64 = 3;

/// The longest trial: two years.
pub(crate) const DAYS_MAX: i64 = 730;

/// The end of a trial of some days from now.
pub(crate) fn end_after(now: i64, days: i64) -> i64 {
    now.saturating_add(days.saturating_mul(SECONDS_PER_DAY))
}

/// What happens when a trial ends, as it is kept: what was sent over what is the rule.
pub(crate) fn settings(sent: &Value) -> Value {
    let end = &sent["end_behavior"];
    json!({ "end_behavior": {
        "billing_cycle_anchor": end["billing_cycle_anchor"].as_str().unwrap_or("now"),
        "missing_payment_method": end["missing_payment_method"].as_str().unwrap_or("create_invoice"),
    } })
}

/// When the end of a trial is announced.
fn announced_at(subscription: &Value) -> Option<i64> {
    let end = subscription["trial_end"].as_i64()?;
    Some(end.saturating_sub(ANNOUNCED_DAYS * SECONDS_PER_DAY))
}

/// Lets the end of a trial be announced three days before.
pub(crate) fn expect_end(account: &mut Account, id: &str) {
    if let Some(at) = announced_at(account.get(id)).filter(|at| *at > account.now) {
        account.when(at, "subscription.trial_will_end", id);
    }
}

/// Announces the end of a trial at once, when it is nearer than three days.
pub(crate) fn announce_if_near(account: &mut Account, id: &str) {
    let subscription = account.get(id);
    let is_near = announced_at(subscription).is_some_and(|at| at <= account.now);
    if subscription["status"] == "trialing" && is_near {
        account.raise("customer.subscription.trial_will_end", id);
    }
}

/// Tells of a trial's end, unless it was moved meanwhile.
pub(crate) fn announce(account: &mut Account, id: &str) {
    let subscription = account.get(id);
    let is_due = announced_at(subscription) == Some(account.now);
    if subscription["status"] == "trialing" && is_due {
        account.raise("customer.subscription.trial_will_end", id);
    }
}

/// Whether a subscription whose trial is over goes on; without a payment method it is ended or
/// paused here if that was asked for.
pub(crate) fn may_go_on(account: &mut Account, id: &str) -> bool {
    let subscription = account.snapshot(id);
    if subscription["collection_method"] == "send_invoice"
        || collection::method_of(account, &subscription).is_some()
    {
        return true;
    }
    match subscription["trial_settings"]["end_behavior"]["missing_payment_method"].as_str() {
        Some("cancel") => {
            ending::end_now(account, id, "cancellation_requested");
            false
        }
        Some("pause") => {
            pause(
                account,
                id,
                "trial_end_without_payment_method",
                &subscription,
            );
            false
        }
        _ => true,
    }
}

/// Lets a trial end here and now, with no period after it.
pub(crate) fn cut(account: &mut Account, id: &str) {
    let now = account.now;
    let Some(stored) = account.edit(id) else {
        return;
    };
    stored["trial_end"] = json!(now);
    stored["billing_cycle_anchor"] = json!(now);
    pausing::end_periods(account, id, now);
}

/// Pauses a subscription now: no periods, no invoices.
pub(crate) fn pause(account: &mut Account, id: &str, why: &str, before: &Value) {
    let now = account.now;
    if let Some(stored) = account.edit(id) {
        stored["status"] = json!("paused");
        stored["status_details"] = json!({ "paused": {
            "subscription": { "type": why }, "transitioned_at": now, "type": "subscription",
        } });
    }
    account.raise("customer.subscription.paused", id);
    account.raise_update("customer.subscription.updated", id, before);
    let customer = account.get(id)["customer"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    reaction::subscriptions_changed(account, &customer);
}
