//! The handle of a running sandbox: start, use, stop.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::account::{Account, Cause};
use crate::clock::Clock;
use crate::config::{SandboxConfig, StartError, WebhookConfig};
use crate::deliveries::courier;
use crate::deliveries::sender::{self, DeliveryOutcome, SignedDelivery};
use crate::deliveries::{Delivery, DeliveryState};
use crate::faults::Fault;
use crate::http::keys::is_live_key;
use crate::http::{control, hosted, server};
use crate::ids::Ids;
use crate::lives::checkout::{self, Payment, Submission};
use crate::shape::render::render_event;
use crate::shape::version::Version;
use crate::snapshot::{self, SnapshotError};
use crate::world::{RequestRecord, World, WorldSettings};

/// A running sandbox. Dropping it stops it as well.
#[derive(Debug)]
pub struct Sandbox {
    world: Arc<World>,
    own_url: String,
    secret_key: String,
    webhook_secret: Option<String>,
    tasks: Vec<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts listening; the tasks run on the tokio runtime of the caller.
    pub async fn start(config: SandboxConfig) -> Result<Self, StartError> {
        let version = Version::parse(&config.default_api_version).ok_or_else(|| {
            StartError::UnknownVersion {
                version: config.default_api_version.clone(),
            }
        })?;
        let secret_key = test_key(&config)?;
        let listener = listen(&config).await?;
        let port = listener
            .local_addr()
            .map_or(config.port, |address| address.port());
        let world = Arc::new(World::new(WorldSettings {
            seed: config.seed,
            clock: Clock::new(config.clock),
            default_version: version,
            secret_key: secret_key.clone(),
            is_automatic: config.auto_deliver,
            retry_schedule: config.retry_schedule.clone(),
            client: sender::client().map_err(StartError::Client)?,
            checks_shapes: config.check_shapes,
        }));
        let own_url = format!("http://{}:{port}", config.host);
        let public_url = config.public_url.unwrap_or_else(|| own_url.clone());
        // The cells were made empty just now, so this is its first value.
        let _ = world
            .public_url
            .set(public_url.trim_end_matches('/').to_owned());
        let _ = world.own_url.set(own_url.clone());
        let webhook_secret = match &config.webhook {
            Some(webhook) => Some(add_webhook(&world, &secret_key, webhook)?),
            None => None,
        };
        let mut tasks = vec![tokio::spawn(server::serve(listener, Arc::clone(&world)))];
        if config.auto_deliver {
            let world = Arc::clone(&world);
            tasks.push(tokio::spawn(async move {
                match courier::deliver_in_background(world).await {}
            }));
        }
        Ok(Self {
            world,
            own_url,
            secret_key,
            webhook_secret,
            tasks,
        })
    }

    /// The base URL for an SDK, without a slash at the end: where this sandbox listens.
    pub fn url(&self) -> &str {
        &self.own_url
    }

    /// What the addresses of hosted pages begin with. It is in bodies, so two runs are the same in
    /// every byte only if it is: set `public_url` or a fixed port for that.
    pub fn public_url(&self) -> &str {
        self.world.url()
    }

    /// The key of the first account; any other `sk_test_…` key is another account.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The secret of the endpoint that was given in the configuration.
    pub fn webhook_secret(&self) -> Option<&str> {
        self.webhook_secret.as_deref()
    }

    /// Seconds since 1970 in the sandbox's time.
    pub fn now(&self) -> i64 {
        self.world.clock.now()
    }

    /// Lets time pass; what is due by then (expiries, scheduled ends, retries) happens or becomes due.
    pub fn advance(&self, by: Duration) {
        self.world
            .advance(i64::try_from(by.as_secs()).unwrap_or(i64::MAX));
    }

    /// Sends what is due and tells how it went, in the order in which it was sent.
    pub async fn deliver_due(&self) -> Vec<DeliveryOutcome> {
        courier::deliver_due(&self.world).await
    }

    /// What waits to be sent, as it would be sent now.
    pub fn pending_deliveries(&self) -> Vec<SignedDelivery> {
        self.each_account(|account, now| {
            account
                .outbox
                .pending()
                .map(|delivery| sender::signed(account, delivery, now))
                .collect()
        })
    }

    /// Takes what waits out of the queue, so that a test can deliver it twice, late, or in another
    /// order. The sandbox will not send it.
    pub fn take_pending_deliveries(&self) -> Vec<SignedDelivery> {
        self.each_account(|account, now| {
            let pending: Vec<Delivery> = account.outbox.pending().cloned().collect();
            let signed = pending
                .iter()
                .map(|d| sender::signed(account, d, now))
                .collect();
            for delivery in pending {
                (account.outbox).set_state(delivery.number, DeliveryState::Taken);
            }
            signed
        })
    }

    /// Every delivery with its attempts, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.each_account(|account, _| account.outbox.deliveries.iter().cloned().collect())
    }

    /// Every event of the first account, oldest first, as `GET /v1/events` shows them.
    pub fn events(&self) -> Vec<serde_json::Value> {
        let account = self.world.account(&self.secret_key);
        let account = account.lock().expect("no panic under the lock");
        account
            .events
            .iter()
            .map(|event| (&render_event(event, account.default_version)).into())
            .collect()
    }

    /// The requests that were answered, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.world.requests()
    }

    /// What was answered or sent in a shape that is not Stripe's, with `check_shapes`.
    pub fn shape_violations(&self) -> Vec<String> {
        self.world.findings().violations.into_iter().collect()
    }

    /// The kinds of objects (values of `object`) that were held against the shapes so far.
    pub fn shapes_seen(&self) -> Vec<&'static str> {
        self.world.findings().seen.into_keys().collect()
    }

    /// Adds faults for the next matching requests.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut armed = self.world.faults.lock().expect("no panic under the lock");
        for fault in faults {
            armed.add(fault);
        }
    }

    /// Forgets the faults that were not used up.
    pub fn clear_faults(&self) {
        self.world
            .faults
            .lock()
            .expect("no panic under the lock")
            .clear();
    }

    /// While offline, every connection is closed without an answer.
    pub fn set_offline(&self, is_offline: bool) {
        self.world.is_offline.store(is_offline, Ordering::SeqCst);
    }

    /// Pays an open Checkout Session with a card number, as its page would. The answer has `status`
    /// (`complete`, `open`, `expired`), and `redirect_url` or `error` with Stripe's decline text.
    /// `None` when no account has the session.
    pub fn pay_checkout(&self, session_id: &str, card_number: &str) -> Option<serde_json::Value> {
        let account = self.world.account_holding(session_id)?;
        let submission = Submission {
            card: hosted::card_of(&json!({ "number": card_number })),
            is_brief: true,
            ..Submission::default()
        };
        let payment: Payment = self.world.act(&account, Cause::default(), |account| {
            account.enter_clock_of(session_id);
            checkout::pay(account, session_id, &submission)
        });
        Some((&payment.as_json(session_id)).into())
    }

    /// Sends every event of the first account to an address from now on, and tells the secret that
    /// they are signed with. An endpoint that has this address already is used.
    pub fn send_webhooks_to(&self, webhook: &WebhookConfig) -> Result<String, StartError> {
        let account = self.world.account(&self.secret_key);
        let known = {
            let mut account = account.lock().expect("no panic under the lock");
            let endpoint = account
                .rows("webhook_endpoint")
                .find(|endpoint| endpoint["url"] == webhook.url.as_str());
            let known = endpoint.and_then(|endpoint| {
                let secret = endpoint["_secrets"][0].as_str()?.to_owned();
                Some((endpoint["id"].as_str()?.to_owned(), secret))
            });
            match (known, &webhook.secret) {
                (Some((id, _)), Some(secret)) => {
                    account.set(&id, "_secrets", json!([secret]));
                    Some(secret.clone())
                }
                (Some((_, secret)), None) => Some(secret),
                (None, _) => None,
            }
        };
        match known {
            Some(secret) => Ok(secret),
            None => add_webhook(&self.world, &self.secret_key, webhook),
        }
    }

    /// Gives an endpoint a new secret; for 24 hours of the sandbox's time both sign, as during
    /// Stripe's overlap.
    pub fn roll_webhook_secret(&self, endpoint_id: &str) -> Option<String> {
        control::roll_secret(&self.world, endpoint_id, i64::MAX)
    }

    /// The whole state as one JSON document: objects, ids to come, what is due, events, deliveries,
    /// remembered answers, faults and the clock.
    pub fn snapshot(&self) -> String {
        snapshot::take(&self.world)
    }

    /// Goes on from a snapshot as if nothing had happened since; everything that there was is gone.
    /// Deliveries that were under way are sent again.
    pub fn resume(&self, snapshot: &str) -> Result<(), SnapshotError> {
        snapshot::resume(&self.world, snapshot)
    }

    /// Stops listening and delivering; everything is forgotten.
    pub async fn stop(mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // An aborted task ends with a cancellation, which is what was asked for.
            let _ = task.await;
        }
    }

    fn each_account<T>(&self, of: impl Fn(&mut Account, i64) -> Vec<T>) -> Vec<T> {
        let now = self.world.clock.now();
        let accounts: Vec<Arc<Mutex<Account>>> = self.world.all_accounts();
        accounts
            .iter()
            .flat_map(|account| of(&mut account.lock().expect("no panic under the lock"), now))
            .collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn test_key(config: &SandboxConfig) -> Result<String, StartError> {
    match &config.secret_key {
        None => Ok(Ids::new(config.seed, "secret key").secret_key()),
        Some(key) if is_live_key(key) => Err(StartError::LiveKey),
        Some(key) if key.starts_with("sk_test_") || key.starts_with("rk_test_") => Ok(key.clone()),
        Some(_) => Err(StartError::NotATestKey),
    }
}

async fn listen(config: &SandboxConfig) -> Result<TcpListener, StartError> {
    TcpListener::bind((config.host.as_str(), config.port))
        .await
        .map_err(|source| {
            if source.kind() == std::io::ErrorKind::AddrInUse {
                StartError::PortTaken { port: config.port }
            } else {
                StartError::CannotListen {
                    address: format!("{}:{}", config.host, config.port),
                    source,
                }
            }
        })
}

fn add_webhook(world: &World, key: &str, webhook: &WebhookConfig) -> Result<String, StartError> {
    if !webhook.url.starts_with("http://") && !webhook.url.starts_with("https://") {
        return Err(StartError::WebhookUrl {
            url: webhook.url.clone(),
        });
    }
    if let Some(version) = &webhook.api_version {
        Version::parse(version).ok_or_else(|| StartError::UnknownVersion {
            version: version.clone(),
        })?;
    }
    let account = world.account(key);
    Ok(world.act(&account, Cause::default(), |account| {
        let made = account.ids.webhook_secret();
        let secret = webhook.secret.clone().unwrap_or(made);
        let endpoint = json!({
            "id": account.ids.next("we_"),
            "object": "webhook_endpoint",
            "api_version": webhook.api_version,
            "application": null,
            "created": account.now,
            "description": "from the command line or the configuration",
            "enabled_events": ["*"],
            "livemode": false,
            "metadata": {},
            "status": "enabled",
            "url": webhook.url,
            "_secrets": [secret],
        });
        account.insert(endpoint);
        secret
    }))
}
