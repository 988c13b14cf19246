//! Test clocks: customers on them live in a time of their own, which moves only when it is told to.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::calendar::{self, Interval, SECONDS_PER_DAY};
use crate::lives::subscription;

/// How long Stripe keeps a clock.
const KEPT_DAYS: i64 = 30;

/// How long it takes at most until a clock that nobody looks at has arrived.
const ADVANCING_SECONDS: i64 = 5;

pub(crate) const KIND: &str = "test_helpers.test_clock";

/// Stores a clock that stands still at a time, and tells of it.
pub(crate) fn insert(account: &mut Account, frozen_time: i64, name: &Value) -> String {
    let wall = account.wall;
    let clock = json!({
        "id": account.ids.next("clock_"),
        "object": KIND,
        "created": wall,
        "deletes_after": wall.saturating_add(KEPT_DAYS * SECONDS_PER_DAY),
        "frozen_time": frozen_time,
        "livemode": false,
        "name": name,
        "status": "ready",
        "status_details": {},
    });
    let id = account.insert(clock);
    account.raise("test_helpers.test_clock.created", &id);
    id
}

/// Puts a customer who lived in the sandbox's own time on a clock, with all that is due for them.
pub(crate) fn attach(account: &mut Account, clock: &str, customer: &str) {
    account.set(customer, "test_clock", json!(clock));
    let owned: Vec<String> = ["subscription", "invoice", "invoiceitem"]
        .into_iter()
        .flat_map(|kind| account.rows_by(kind, "customer", customer))
        .filter_map(|row| row["id"].as_str().map(str::to_owned))
        .collect();
    for id in owned {
        account.set(&id, "test_clock", json!(clock));
    }
    account.move_due(clock);
}

/// The customers on a clock.
fn customers(account: &Account, clock: &str) -> Vec<String> {
    account
        .rows("customer")
        .filter(|row| row["test_clock"] == clock)
        .filter_map(|row| row["id"].as_str().map(str::to_owned))
        .collect()
}

/// The latest time that a clock may be advanced to in one go: two of the shortest intervals of the
/// subscriptions on it, or two years without any.
pub(crate) fn reach(account: &Account, clock: &str) -> i64 {
    let now = account.get(clock)["frozen_time"]
        .as_i64()
        .unwrap_or(account.now);
    let customers = customers(account, clock);
    let intervals = customers
        .iter()
        .flat_map(|id| account.rows_by("subscription", "customer", id))
        .filter(|row| row["ended_at"].is_null())
        .flat_map(subscription::items)
        .map(|item| Interval::of(&item["price"]));
    match intervals.min_by_key(|interval| interval.seconds()) {
        Some(shortest) => calendar::after(now, shortest.unit, shortest.count.saturating_mul(2)),
        None => calendar::after(now, "year", 2),
    }
}

/// Moves a clock forward and lets happen what is due by then. It is shown as advancing until it is
/// looked at again.
pub(crate) fn advance(account: &mut Account, id: &str, to: i64) {
    let wall = account.wall;
    if let Some(clock) = account.edit(id) {
        clock["status"] = json!("advancing");
        clock["status_details"] = json!({ "advancing": { "target_frozen_time": to } });
        clock["_advanced_at"] = json!(wall);
    }
    // Time causes what happens now, not the request that moves it.
    let cause = std::mem::take(&mut account.cause);
    account.raise("test_helpers.test_clock.advancing", id);
    account.carry_out_due(id, to);
    account.now = to;
    // Told before anybody looks, as Stripe tells it when it is done.
    let advancing = account.snapshot(id);
    finish(account, id);
    account.raise("test_helpers.test_clock.ready", id);
    if let Some(clock) = account.edit(id) {
        *clock = Value::clone(&advancing);
    }
    account.cause = cause;
}

fn finish(account: &mut Account, id: &str) {
    if let Some(clock) = account.edit(id) {
        let target = clock["status_details"]["advancing"]["target_frozen_time"].clone();
        if target.is_i64() {
            clock["frozen_time"] = target;
        }
        clock["status"] = json!("ready");
        clock["status_details"] = json!({});
        clock["_advanced_at"] = Value::Null;
    }
}

/// Lets the clocks that advance arrive.
pub(crate) fn arrive(account: &mut Account) {
    let advancing: Vec<String> = account
        .rows(KIND)
        .filter(|row| row["status"] == "advancing")
        .filter_map(|row| row["id"].as_str().map(str::to_owned))
        .collect();
    for id in advancing {
        finish(account, &id);
    }
}

/// Whether a clock is still advancing: until it is looked at, or some seconds have passed.
pub(crate) fn is_advancing(account: &Account, clock: &str) -> bool {
    let clock = account.get(clock);
    let arrives = clock["_advanced_at"]
        .as_i64()
        .map(|at| at.saturating_add(ADVANCING_SECONDS));
    clock["status"] == "advancing" && arrives.is_some_and(|at| account.wall < at)
}

/// Deletes a clock with its customers, whose subscriptions end.
pub(crate) fn delete(account: &mut Account, id: &str) -> Value {
    for customer in customers(account, id) {
        let live: Vec<String> = account
            .rows_by("subscription", "customer", &customer)
            .filter(|row| row["ended_at"].is_null())
            .filter_map(|row| row["id"].as_str().map(str::to_owned))
            .collect();
        for subscription_id in live {
            subscription::cancel_now(account, &subscription_id);
        }
        let before = account.snapshot(&customer);
        let tombstone = json!({ "id": customer, "object": "customer", "deleted": true });
        account.delete("customer", &customer, Some(tombstone));
        account.raise_with("customer.deleted", before, None);
    }
    let before = account.snapshot(id);
    let tombstone = json!({ "id": id, "object": KIND, "deleted": true });
    account.delete(KIND, id, Some(tombstone.clone()));
    account.raise_with("test_helpers.test_clock.deleted", before, None);
    tombstone
}
