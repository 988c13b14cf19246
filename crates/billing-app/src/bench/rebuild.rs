//! Measures `rebuild --check` over logs of growing length: whole sales with the sandbox as Stripe,
//! then signed changes of their subscriptions, all received and decided as in production.
//! docs/performance.md says how to read it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use billing_domain::kernel::ports::Clock;
use billing_domain::provider_events::delivery::Delivery;
use billing_seaorm::{FreshDatabase, SeaOrmStore, StoreConfig};
use clap::Args;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::load::signature_header;
use super::{Ended, peak_resident_kib, program};
use crate::cli::Failure;
use crate::clock::SystemClock;
use crate::commands::say;
use crate::demo::credentials::token;
use crate::demo::world::{LOOKUP_KEY, World};
use crate::demo::{DemoArgs, temporary_folder};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub struct RebuildBenchArgs {
    /// A PostgreSQL server on which databases may be created; SQLite alone without.
    #[arg(long, env = "BILLING_BENCH_POSTGRES_URL")]
    pub postgres_url: Option<String>,
    /// Leave SQLite out.
    #[arg(long)]
    pub skip_sqlite: bool,
    /// After how many applied events the check runs, smallest first; each log goes on from the one
    /// before.
    #[arg(long, value_delimiter = ',', default_values_t = [20_000, 100_000])]
    pub events: Vec<u32>,
    /// For how many of them there is one sale.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(10..))]
    pub per_sale: u32,
}

/// Sales whose events are delivered together.
const SALES_TOGETHER: u32 = 20;

/// Changes that are received side by side before the workers take a turn.
const CHANGES_TOGETHER: usize = 256;

/// How often the memory of the check is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Measures and prints.
///
/// # Errors
/// [`Failure`], also if a check does not prove the record.
pub async fn run(args: RebuildBenchArgs) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        say("debug build: measure with `cargo run --release -p billing-app -- bench rebuild`\n")?;
    }
    let folder = temporary_folder("bench")?;
    if let Some(server) = &args.postgres_url {
        let database = FreshDatabase::create(server).await.map_err(refused)?;
        let url = database.url.clone();
        let outcome = measure(&args, "PostgreSQL", &url, folder.path()).await;
        let removed = database.remove().await.map_err(refused);
        outcome.and(removed)?;
    }
    if !args.skip_sqlite {
        let url = format!("sqlite://{}", folder.path().join("bench.db").display());
        measure(&args, "SQLite", &url, folder.path()).await?;
    }
    Ok(())
}

fn refused(error: impl std::error::Error) -> Failure {
    Failure::failed("the benchmark's database", &error)
}

async fn measure(
    args: &RebuildBenchArgs,
    name: &str,
    url: &str,
    folder: &Path,
) -> Result<(), Failure> {
    let demo = DemoArgs {
        auto: true,
        port: 0,
        sandbox_port: 0,
        data: None,
        database_url: Some(url.to_owned()),
        seed: 42,
        quantity: 10,
    };
    let world = World::start(&demo, folder).await?;
    let store = SeaOrmStore::connect(StoreConfig::new(url)).await;
    let mut bench = Bench {
        world: &world,
        store: store.map_err(refused)?,
        sales: 0,
        changes: 0,
        known: BTreeMap::new(),
    };
    let outcome = bench.lines(args, name, url).await;
    let _ = bench.store.close().await;
    world.stop().await?;
    outcome
}

/// One database under measurement.
struct Bench<'a> {
    world: &'a World,
    store: SeaOrmStore,
    sales: u32,
    changes: u32,
    /// The last event about each subscription.
    known: BTreeMap<String, Value>,
}

impl Bench<'_> {
    async fn lines(
        &mut self,
        args: &RebuildBenchArgs,
        name: &str,
        url: &str,
    ) -> Result<(), Failure> {
        say(&format!(
            "{name}: one sale for {} applied events\n\n\
             applied | sales | audit entries | filled in s | check in s | events/s | peak memory",
            args.per_sale
        ))?;
        for events in &args.events {
            let begun = Instant::now();
            self.fill(*events, args.per_sale).await?;
            self.store.settle_statistics().await.map_err(refused)?;
            let filled = begun.elapsed();
            let length = self.store.log_length().await.map_err(refused)?;
            let checked = check(url).await?;
            if !checked.status.success() {
                return Err(Failure::because("the check did not prove the record"));
            }
            let memory = checked.peak_kib.map_or_else(
                || "not told".to_owned(),
                |kib| format!("{} MiB", kib.div_ceil(1_024)),
            );
            let events = f64::from(u32::try_from(length.applied_events).unwrap_or(u32::MAX));
            say(&format!(
                "{:>7} | {:>5} | {:>13} | {:>11.1} | {:>10.1} | {:>8.0} | {memory}",
                length.applied_events,
                self.sales,
                length.audit_entries,
                filled.as_secs_f64(),
                checked.lasted.as_secs_f64(),
                events / checked.lasted.as_secs_f64(),
            ))?;
        }
        say("")
    }

    /// Goes on until so many events were applied.
    async fn fill(&mut self, events: u32, per_sale: u32) -> Result<(), Failure> {
        while self.sales < events.div_ceil(per_sale) {
            let until = events.div_ceil(per_sale).min(self.sales + SALES_TOGETHER);
            for number in self.sales..until {
                self.sell(number).await?;
            }
            self.sales = until;
            self.hear().await?;
        }
        loop {
            let length = self.store.log_length().await.map_err(refused)?;
            let missing = u64::from(events).saturating_sub(length.applied_events);
            if missing == 0 {
                return Ok(());
            }
            let together = usize::try_from(missing).unwrap_or(usize::MAX);
            self.change(together.min(CHANGES_TOGETHER)).await?;
        }
    }

    /// Somebody asks for a page and pays.
    async fn sell(&self, number: u32) -> Result<(), Failure> {
        let world = self.world;
        let (name, email) = (format!("buyer-{number}"), format!("{number}@bench.example"));
        let token = token(&world.bearer_secret, &name, &email, &[], SystemClock.now())?;
        let wish = json!({
            "admin_email": email,
            "enterprise_slug": format!("bench-{number}"),
            "company_name": format!("Bench {number}"),
            "quantity": 10,
            "lookup_key": LOOKUP_KEY,
        });
        let url = &world.service_url;
        let answer = world
            .http
            .post(format!("{url}/api/v1/customer-billing/checkout-session"))
            .bearer_auth(token)
            .header("Idempotency-Key", &name)
            .json(&wish)
            .send()
            .await
            .map_err(|error| Failure::failed("the service does not answer", &error))?;
        let status = answer.status();
        let page: Value = answer
            .json()
            .await
            .map_err(|error| Failure::failed("the service's answer", &error))?;
        if status != StatusCode::CREATED {
            return Err(Failure::because(format!("a page was refused: {page}")));
        }
        let session = page["checkout_session_id"].as_str().unwrap_or_default();
        let paid = world.sandbox.pay_checkout(session, "4242424242424242");
        paid.map(|_| ())
            .ok_or_else(|| Failure::because("the sandbox does not know the page"))
    }

    /// Delivers what Stripe has to say, and applies it.
    async fn hear(&mut self) -> Result<(), Failure> {
        for delivery in self.world.sandbox.pending_deliveries() {
            let Ok(event) = serde_json::from_str::<Value>(&delivery.body) else {
                continue;
            };
            let object = &event["data"]["object"];
            if let ("subscription", Some(id)) = (
                object["object"].as_str().unwrap_or_default(),
                object["id"].as_str(),
            ) {
                self.known.insert(id.to_owned(), event);
            }
        }
        self.world.sandbox.deliver_due().await;
        self.drain().await
    }

    /// Each subscription changes in its turn, a second after its last change.
    async fn change(&mut self, count: usize) -> Result<(), Failure> {
        let sandbox = &self.world.sandbox;
        let secret = sandbox.webhook_secret().unwrap_or_default();
        let signed_at = SystemClock.now().unix_seconds();
        let sales = self.known.len().max(1);
        let turn = usize::try_from(self.changes).unwrap_or_default() % sales;
        let mut deliveries = JoinSet::new();
        for event in self.known.values_mut().skip(turn).take(count) {
            event["id"] = json!(format!("evt_bench_{:010}", self.changes));
            event["type"] = json!("customer.subscription.updated");
            event["created"] = json!(event["created"].as_i64().unwrap_or_default() + 1);
            event["data"]["object"]["items"]["data"][0]["quantity"] = json!(10 + self.changes % 7);
            self.changes += 1;
            let body = event.to_string();
            let header = signature_header(&body, signed_at, secret);
            let receive = self
                .world
                .service
                .application
                .use_cases
                .receive_webhook
                .clone();
            deliveries.spawn(async move {
                receive
                    .run(body.into_bytes(), Some(&header), Delivery::default(), None)
                    .await
            });
        }
        while let Some(received) = deliveries.join_next().await {
            let received = received.map_err(|error| Failure::failed("a delivery ended", &error))?;
            received.map_err(|error| Failure::failed("a delivery was refused", &error))?;
        }
        self.drain().await
    }

    async fn drain(&self) -> Result<(), Failure> {
        let drained = self.world.service.application.workers.drain().await;
        self.world.recorder.take();
        drained.map_err(|error| Failure::failed("the workers", &error))
    }
}

struct Checked {
    status: ExitStatus,
    lasted: Duration,
    peak_kib: Option<u64>,
}

/// `rebuild --check` in a process of its own; what it says of its progress goes on to the caller.
async fn check(url: &str) -> Result<Checked, Failure> {
    let lost = |error| Failure::failed("the check cannot be run", &error);
    let begun = Instant::now();
    let child = program(&["rebuild", "--check"])?
        .env("DATABASE_URL", url)
        .stdout(std::process::Stdio::null())
        .spawn();
    let mut child = Ended(child.map_err(lost)?);
    let mut peak_kib = None;
    loop {
        // The highest that the system has seen, so that nothing between two looks is missed.
        peak_kib = peak_resident_kib(child.0.id()).or(peak_kib);
        if let Some(status) = child.0.try_wait().map_err(lost)? {
            return Ok(Checked {
                status,
                lasted: begun.elapsed(),
                peak_kib,
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
