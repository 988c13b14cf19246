//! Everything a sandbox holds: its accounts, its clock, its faults, and the log of requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::account::{Account, Cause};
use crate::clock::Clock;
use crate::exchanges::Exchanges;
use crate::faults::Faults;
use crate::shape::check::Findings;
use crate::shape::version::Version;

const REQUESTS_MAX: usize = 10_000;

/// One request that was answered, as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    pub at: i64,
    pub method: String,
    pub path: String,
    /// 0 when the connection was cut.
    pub status: u16,
    pub request_id: String,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) default_version: Version,
    pub(crate) public_url: OnceLock<String>,
    pub(crate) secret_key: String,
    accounts: Mutex<BTreeMap<String, Arc<Mutex<Account>>>>,
    pub(crate) faults: Arc<Mutex<Faults>>,
    pub(crate) is_offline: AtomicBool,
    pub(crate) is_automatic: bool,
    pub(crate) retry_schedule: Vec<Duration>,
    pub(crate) client: reqwest::Client,
    pub(crate) checks_shapes: bool,
    /// Told when there may be something to deliver.
    pub(crate) wake: tokio::sync::Notify,
    requests: Mutex<VecDeque<RequestRecord>>,
    pub(crate) exchanges: Exchanges,
    /// Where it listens.
    pub(crate) own_url: OnceLock<String>,
}

pub(crate) struct WorldSettings {
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) default_version: Version,
    pub(crate) secret_key: String,
    pub(crate) is_automatic: bool,
    pub(crate) retry_schedule: Vec<Duration>,
    pub(crate) client: reqwest::Client,
    pub(crate) checks_shapes: bool,
}

impl World {
    pub(crate) fn new(settings: WorldSettings) -> Self {
        Self {
            seed: settings.seed,
            clock: settings.clock,
            default_version: settings.default_version,
            public_url: OnceLock::new(),
            secret_key: settings.secret_key,
            accounts: Mutex::default(),
            faults: Arc::new(Mutex::new(Faults::new(settings.seed))),
            is_offline: AtomicBool::new(false),
            is_automatic: settings.is_automatic,
            retry_schedule: settings.retry_schedule,
            client: settings.client,
            checks_shapes: settings.checks_shapes,
            wake: tokio::sync::Notify::new(),
            requests: Mutex::default(),
            exchanges: Exchanges::default(),
            own_url: OnceLock::new(),
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.public_url.get().map_or("", String::as_str)
    }

    pub(crate) fn own_url(&self) -> &str {
        self.own_url.get().map_or("", String::as_str)
    }

    /// The last requests, newest first.
    pub(crate) fn last_requests(&self, count: usize) -> Vec<RequestRecord> {
        let requests = self.requests.lock().expect("no panic under the lock");
        requests.iter().rev().take(count).cloned().collect()
    }

    pub(crate) fn retry_ms(&self) -> i64 {
        self.clock.retry_ms(self.is_automatic)
    }

    /// A blank account that belongs to this sandbox.
    pub(crate) fn new_account(&self, key: &str) -> Account {
        let mut account = Account::new(self.seed, key, self.url(), self.default_version);
        account.faults = Arc::clone(&self.faults);
        account.is_automatic = self.is_automatic;
        account.findings = self.checks_shapes.then(Findings::default);
        account
    }

    /// All accounts with their secret keys.
    pub(crate) fn keyed_accounts(&self) -> Vec<(String, Arc<Mutex<Account>>)> {
        let accounts = self.accounts.lock().expect("no panic under the lock");
        let keyed = accounts.iter();
        keyed
            .map(|(key, account)| (key.clone(), Arc::clone(account)))
            .collect()
    }

    /// Puts other accounts and another log in the place of those that there are.
    pub(crate) fn replace(&self, accounts: BTreeMap<String, Account>, log: Vec<RequestRecord>) {
        let accounts = accounts.into_iter();
        *self.accounts.lock().expect("no panic under the lock") = accounts
            .map(|(key, account)| (key, Arc::new(Mutex::new(account))))
            .collect();
        *self.requests.lock().expect("no panic under the lock") = log.into();
    }

    /// The account of a secret key, made when the key is first seen.
    pub(crate) fn account(&self, key: &str) -> Arc<Mutex<Account>> {
        let mut accounts = self.accounts.lock().expect("no panic under the lock");
        let made = (accounts.entry(key.to_owned()))
            .or_insert_with(|| Arc::new(Mutex::new(self.new_account(key))));
        Arc::clone(made)
    }

    pub(crate) fn all_accounts(&self) -> Vec<Arc<Mutex<Account>>> {
        let accounts = self.accounts.lock().expect("no panic under the lock");
        accounts.values().cloned().collect()
    }

    /// The secret key of the account whose intent has this client secret.
    pub(crate) fn key_of_secret(&self, id: &str, secret: &str) -> Option<String> {
        let accounts: Vec<(String, Arc<Mutex<Account>>)> = {
            let accounts = self.accounts.lock().expect("no panic under the lock");
            let pairs = accounts.iter();
            pairs
                .map(|(key, account)| (key.clone(), Arc::clone(account)))
                .collect()
        };
        let found = accounts.into_iter().find(|(_, account)| {
            let account = account.lock().expect("no panic under the lock");
            account.get(id)["client_secret"] == secret
        });
        found.map(|(key, _)| key)
    }

    /// The account that holds an object; hosted pages know an id but no key.
    pub(crate) fn account_holding(&self, id: &str) -> Option<Arc<Mutex<Account>>> {
        self.all_accounts().into_iter().find(|account| {
            account
                .lock()
                .expect("no panic under the lock")
                .find(id)
                .is_some()
        })
    }

    /// Does something in an account at the sandbox's time, after what was due before it.
    pub(crate) fn act<T>(
        &self,
        account: &Mutex<Account>,
        cause: Cause,
        action: impl FnOnce(&mut Account) -> T,
    ) -> T {
        let mut account = account.lock().expect("no panic under the lock");
        let now = self.clock.now();
        account.deliver_from_ms = self.retry_ms();
        account.carry_out_due("", now);
        account.wall = now;
        account.now = now;
        account.cause = cause;
        let done = action(&mut account);
        account.cause = Cause::default();
        drop(account);
        self.wake.notify_one();
        done
    }

    /// Lets time pass, and what is due happen.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(seconds);
        for account in self.all_accounts() {
            self.act(&account, Cause::default(), |_| ());
        }
    }

    /// What the check of shapes saw and found, over all accounts.
    pub(crate) fn findings(&self) -> Findings {
        let mut all = Findings::default();
        for account in self.all_accounts() {
            let account = account.lock().expect("no panic under the lock");
            let Some(findings) = &account.findings else {
                continue;
            };
            for (kind, count) in &findings.seen {
                *all.seen.entry(kind).or_default() += count;
            }
            all.violations.extend(findings.violations.iter().cloned());
        }
        all
    }

    pub(crate) fn log(&self, record: RequestRecord) {
        let mut requests = self.requests.lock().expect("no panic under the lock");
        requests.push_back(record);
        if requests.len() > REQUESTS_MAX {
            requests.pop_front();
        }
    }

    pub(crate) fn requests(&self) -> Vec<RequestRecord> {
        self.requests
            .lock()
            .expect("no panic under the lock")
            .iter()
            .cloned()
            .collect()
    }
}
