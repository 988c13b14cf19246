//! The end depends only on the set of events: any order, repetition and interleaving of deliveries of
//! a random history ends as the history did (F.2, A-073).
//!
//! `BILLING_ORDER_HISTORIES` and `BILLING_ORDER_RUNS` try more, `BILLING_ORDER_SEED` tells one
//! history again.

mod arrivals;
mod chance;
mod frozen;
mod history;
mod portrait;
mod service;

use std::env;
use std::sync::Arc;

use async_trait::async_trait;
use billing_app::wiring::Storage;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::subscriptions::ports::SubscriptionReader;
use billing_domain::subscriptions::subscription::Subscription;
use billing_domain::testing::MemoryStore;
use billing_seaorm::testing::TestDatabase;
use billing_tests::stage::readiness::AlwaysReady;

use crate::arrivals::{Arrivals, in_order, tell};
use crate::chance::Chance;
use crate::history::History;
use crate::portrait::Portrait;

/// How many histories are told, and how often each, unless somebody asks for more.
const HISTORIES: u64 = 50;
const RUNS: u64 = 40;

/// Databases are slower, and run the same decisions.
const HISTORIES_ON_DATABASES: u64 = 2;
const RUNS_ON_DATABASES: u64 = 2;

fn number(name: &str) -> Option<u64> {
    env::var(name)
        .ok()
        .map(|text| text.parse().expect("a number"))
}

/// The seeds of the histories.
fn seeds(count: u64) -> Vec<u64> {
    match number("BILLING_ORDER_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("BILLING_ORDER_HISTORIES").unwrap_or(count)).collect(),
    }
}

fn runs(count: u64) -> u64 {
    number("BILLING_ORDER_RUNS").unwrap_or(count)
}

fn memory() -> Storage {
    Storage::of(MemoryStore::new(), Arc::new(AlwaysReady))
}

/// What differs, and how to see it again.
fn difference(
    seed: u64,
    history: &History,
    arrivals: Option<&Arrivals>,
    left: &Portrait,
    right: &Portrait,
) -> String {
    let only = |own: &Portrait, other: &Portrait| {
        let own = own.iter().filter(|line| !other.contains(line));
        own.cloned().collect::<Vec<_>>().join("\n  ")
    };
    format!(
        "BILLING_ORDER_SEED={seed}\nhappened:\n  {}\narrived: {:#?}\nonly first:\n  {}\nonly second:\n  {}",
        history.script.join("\n  "),
        arrivals.map(|arrivals| arrivals.words(history)),
        only(left, right),
        only(right, left)
    )
}

/// The record after the events came one after the other, checked against the provider's own word.
async fn expected(seed: u64, history: &History) -> Portrait {
    let storage = memory();
    let portrait = tell(history, &storage, &in_order(history)).await;
    assert!(
        portrait == history.live,
        "hearing at once and hearing at the end differ: {}",
        difference(seed, history, None, &history.live, &portrait)
    );
    for (id, report) in &history.frozen.subscriptions {
        let Some(intent) = report.intent_id else {
            continue;
        };
        let id = ProviderRef::parse(id).expect("the provider's id");
        let mirror = storage.subscriptions.subscription(&id).await;
        let mirror = mirror.expect("mirrors are read").expect("it is mirrored");
        assert_eq!(mirror.value.intent_id, Some(intent), "seed {seed}");
        assert_eq!(
            mirror.value.facts,
            report.facts,
            "BILLING_ORDER_SEED={seed}: what is mirrored is what the provider has: {}",
            history.script.join("\n")
        );
    }
    portrait
}

#[tokio::test]
async fn f_2_any_order_of_any_history_ends_as_it_happened() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (mut told, mut events) = (0, 0);
    for seed in seeds(HISTORIES) {
        // Shown where the test fails, also by a panic of its parts.
        println!("BILLING_ORDER_SEED={seed}");
        let history = History::of(seed).await;
        if number("BILLING_ORDER_SEED").is_some() {
            println!("{}", history.script.join("\n"));
        }
        let expected = expected(seed, &history).await;
        events += history.told.len();
        let mut chance = Chance::new(seed ^ 0x0dde_0dde);
        for _ in 0..runs(RUNS) {
            let arrivals = Arrivals::any(&history, &mut chance);
            let found = tell(&history, &memory(), &arrivals).await;
            assert!(
                found == expected,
                "{}",
                difference(seed, &history, Some(&arrivals), &expected, &found)
            );
            told += 1;
        }
    }
    println!("{told} runs over histories of {events} events");
}

#[tokio::test]
async fn f_2_any_order_ends_as_it_happened_on_each_database() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for seed in seeds(HISTORIES_ON_DATABASES) {
        let history = History::of(seed).await;
        let expected = expected(seed, &history).await;
        let mut chance = Chance::new(seed);
        for _ in 0..RUNS_ON_DATABASES {
            let arrivals = Arrivals::any(&history, &mut chance);
            for database in TestDatabase::every().await {
                let storage = Storage::of(database.store(), Arc::new(AlwaysReady));
                let found = tell(&history, &storage, &arrivals).await;
                assert!(
                    found == expected,
                    "{}: {}",
                    database.name(),
                    difference(seed, &history, Some(&arrivals), &expected, &found)
                );
            }
        }
    }
}

/// Remembers every mirror and not as of when: nothing it hears is old.
struct Forgetful(MemoryStore);

#[async_trait]
impl SubscriptionReader for Forgetful {
    async fn subscription(
        &self,
        provider_id: &ProviderRef,
    ) -> Result<Option<Stored<Subscription>>, StoreError> {
        let mut known = self.0.subscription(provider_id).await?;
        if let Some(known) = &mut known {
            known.value.observed_at = Timestamp::from_unix_seconds(0).expect("1970");
        }
        Ok(known)
    }
}

/// The property must be able to fail: it does where the rule of staleness is taken away.
#[tokio::test]
async fn a_073_without_the_rule_of_staleness_the_order_shows() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for seed in seeds(HISTORIES) {
        let history = History::of(seed).await;
        let expected = tell(&history, &memory(), &in_order(&history)).await;
        let mut chance = Chance::new(seed);
        for _ in 0..20 {
            let arrivals = Arrivals::any(&history, &mut chance);
            let store = MemoryStore::new();
            let storage = Storage {
                subscriptions: Arc::new(Forgetful(store.clone())),
                ..Storage::of(store, Arc::new(AlwaysReady))
            };
            if tell(&history, &storage, &arrivals).await != expected {
                return;
            }
        }
    }
    panic!("no order ever showed");
}
