//! Measures how many events a second are received and applied: the service in one process, the load
//! in another, the database's own floor beside it. docs/performance.md says how to read it.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::{Duration, Instant};

use billing_domain::provider_events::ports::EventLog;
use billing_seaorm::{FreshDatabase, SeaOrmStore, SqliteSynchronous, StoreConfig};
use clap::Args;

use super::figures::{HEADING, HalfRate, Line, spread, summary};
use super::load::{Sent, event};
use super::seed::seed;
use super::{Ended, program, resident_kib};
use crate::cli::Failure;
use crate::commands::say;
use crate::demo::temporary_folder;

/// What to measure.
#[derive(Debug, Clone, Args)]
pub struct WebhooksArgs {
    /// A PostgreSQL server on which databases may be created; SQLite alone without.
    #[arg(long, env = "BILLING_BENCH_POSTGRES_URL")]
    pub postgres_url: Option<String>,
    /// Leave SQLite out.
    #[arg(long)]
    pub skip_sqlite: bool,
    /// How long each figure is measured, in seconds.
    #[arg(long, default_value_t = 4)]
    pub seconds: u32,
    /// How many connections deliver.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32, 64])]
    pub connections: Vec<usize>,
    /// How often everything is measured; with more than one the medians are told at the end.
    #[arg(long, default_value_t = 1)]
    pub rounds: u32,
    /// Measure once more with so many applied events in the inbox.
    #[arg(long, default_value_t = 0)]
    pub rows: u32,
    /// How many subscriptions the events are about.
    #[arg(long, default_value_t = 10_000)]
    pub subscriptions: u32,
}

const SECRET: &str = "whsec_bench";

/// More than any machine of today answers.
const EVENTS_PER_SECOND_MAX: u32 = 20_000;

/// How long an inbox may take to become empty.
const DRAIN_MAX: Duration = Duration::from_mins(2);

/// How often it is looked whether it is.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long a service that has nothing to do needs to give back what it holds.
const SETTLING: Duration = Duration::from_millis(500);

/// Measures and prints.
///
/// # Errors
/// [`Failure`].
pub async fn run(args: WebhooksArgs) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        say("debug build: measure with `cargo run --release -p billing-app -- bench webhooks`\n")?;
    }
    if let Some(server) = &args.postgres_url {
        let database = FreshDatabase::create(server).await.map_err(refused)?;
        let url = database.url.clone();
        let outcome = measure(&args, "PostgreSQL", &url).await;
        let removed = database.remove().await.map_err(refused);
        outcome.and(removed)?;
    }
    if !args.skip_sqlite {
        let folder = temporary_folder("bench")?;
        let url = format!("sqlite://{}", folder.path().join("bench.db").display());
        measure(&args, "SQLite", &url).await?;
    }
    Ok(())
}

fn refused(error: impl std::error::Error) -> Failure {
    Failure::failed("the benchmark's database", &error)
}

/// One database under measurement.
struct Bench<'a> {
    args: &'a WebhooksArgs,
    url: &'a str,
    store: SeaOrmStore,
    /// The number of the next event that nobody has sent.
    next: u32,
}

async fn measure(args: &WebhooksArgs, name: &str, url: &str) -> Result<(), Failure> {
    let mut config = StoreConfig::new(url);
    config.connections_max = 64;
    config.sqlite_synchronous = SqliteSynchronous::Full;
    let store = SeaOrmStore::connect(config).await.map_err(refused)?;
    store.migrate().await.map_err(refused)?;
    seed(&store, args.subscriptions).await?;
    store.settle_statistics().await.map_err(refused)?;
    let mut bench = Bench {
        args,
        url,
        store,
        next: 0,
    };
    let bytes = event(0, 1).len();
    say(&format!(
        "{name}: events of {bytes} bytes about {} subscriptions, {} s for each figure\n\n{HEADING}",
        args.subscriptions, args.seconds
    ))?;
    let (mut lines, mut halves) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds.max(1) {
        let mut fastest = 0.0_f64;
        for connections in args.connections.clone() {
            let line = bench.line(connections).await?;
            fastest = fastest.max(line.applied);
            say(&line.text())?;
            lines.push(line);
        }
        let half = bench.half_rate(fastest / 2.0).await?;
        say(&half.text())?;
        halves.push(half);
    }
    if args.rounds > 1 {
        say(&summary(&lines, &halves))?;
    }
    if args.rows > 0 {
        bench.full_inbox().await?;
    }
    let _ = bench.store.close().await;
    say("")
}

/// What the service did with what it was sent.
struct Applied {
    sent: Sent,
    /// Events in a second until the inbox was empty again.
    per_second: f64,
    resident_kib: Option<u64>,
}

impl Bench<'_> {
    async fn line(&mut self, connections: usize) -> Result<Line, Failure> {
        let lasting = Duration::from_secs(u64::from(self.args.seconds));
        let payload = event(0, self.args.subscriptions);
        self.store.settle_disk().await;
        let floor = self
            .store
            .floor(connections, &payload, lasting)
            .await
            .map_err(refused)?;
        self.store.settle_disk().await;
        let receiving = Serving::start(self.url, false)?;
        let sent = self.send(&receiving, connections, None)?.wait()?;
        drop(receiving);
        // What was received is applied before anything else is measured.
        let draining = Serving::start(self.url, true)?;
        self.until_empty(Instant::now()).await?;
        drop(draining);
        let applied = self.apply(connections, None).await?;
        Ok(Line {
            connections,
            floor,
            received: f64::from(sent.count) / sent.seconds,
            received_us: (sent.p50_us, sent.p99_us),
            applied: applied.per_second,
            applied_p99_us: applied.sent.p99_us,
        })
    }

    /// The time of an answer where there is room to breathe, and what the service needs then.
    async fn half_rate(&mut self, rate: f64) -> Result<HalfRate, Failure> {
        let connections = self.args.connections.iter().copied().max().unwrap_or(1);
        let applied = self.apply(connections, Some(rate)).await?;
        Ok(HalfRate {
            rate,
            connections,
            p99_us: applied.sent.p99_us,
            resident_kib: applied.resident_kib,
        })
    }

    /// Whether an event costs more when the inbox is full.
    async fn full_inbox(&mut self) -> Result<(), Failure> {
        let connections = self.args.connections.iter().copied().max().unwrap_or(1);
        let before = self.applied_per_second(connections).await?;
        let payload = event(0, self.args.subscriptions);
        let filled = self
            .store
            .fill_inbox(self.args.rows, payload.as_bytes())
            .await;
        filled.map_err(refused)?;
        let after = self.applied_per_second(connections).await?;
        say(&format!(
            "with {} more events in the inbox: {after:.0}/s instead of {before:.0}/s, an event costs {:+.0} %",
            self.args.rows,
            (before / after - 1.0) * 100.0
        ))
    }

    /// The median of the rounds.
    async fn applied_per_second(&mut self, connections: usize) -> Result<f64, Failure> {
        let mut figures = Vec::new();
        for _ in 0..self.args.rounds.max(1) {
            figures.push(self.apply(connections, None).await?.per_second);
        }
        let spread = spread(figures);
        let median = spread.map(|[_, median, _]| median);
        median.ok_or_else(|| Failure::because("nothing was measured"))
    }

    /// Receipt and application until nothing is left.
    async fn apply(&mut self, connections: usize, rate: Option<f64>) -> Result<Applied, Failure> {
        self.store.settle_disk().await;
        let serving = Serving::start(self.url, true)?;
        let load = self.send(&serving, connections, rate)?;
        let begun = load.begun;
        let sent = load.wait()?;
        let resident_kib = serving.resident_kib();
        let seconds = self.until_empty(begun).await?;
        if sent.failed > 0 {
            return Err(Failure::because(format!(
                "{} deliveries were refused",
                sent.failed
            )));
        }
        Ok(Applied {
            sent,
            per_second: f64::from(sent.count) / seconds,
            resident_kib,
        })
    }

    fn send(
        &mut self,
        serving: &Serving,
        connections: usize,
        rate: Option<f64>,
    ) -> Result<Load, Failure> {
        let events = self.args.seconds.saturating_mul(EVENTS_PER_SECOND_MAX);
        let first = self.next;
        self.next = self.next.saturating_add(events);
        let mut words: Vec<String> = ["bench", "load", "--secret", SECRET]
            .map(str::to_owned)
            .into();
        let mut add = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        add("address", serving.address.clone());
        add("connections", connections.to_string());
        add("millis", (u64::from(self.args.seconds) * 1_000).to_string());
        add("events", events.to_string());
        add("first", first.to_string());
        add("subscriptions", self.args.subscriptions.to_string());
        if let Some(rate) = rate {
            add("rate", rate.to_string());
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let child = program(&words)?.spawn();
        let child = child.map_err(|error| Failure::failed("the load cannot be started", &error))?;
        Load::begin(child)
    }

    /// Waits until nothing is left to apply; gives the seconds since.
    async fn until_empty(&self, since: Instant) -> Result<f64, Failure> {
        let begun = Instant::now();
        while begun.elapsed() < DRAIN_MAX {
            if self.store.is_inbox_drained().await.map_err(refused)? {
                let seconds = since.elapsed().as_secs_f64();
                let depth = self.store.inbox_depth().await.map_err(refused)?;
                let left: u64 = depth.counts.iter().map(|(_, count)| count).sum();
                // What is left to publish would be published while something else is measured.
                while !self.store.is_outbox_drained().await.map_err(refused)? {
                    if since.elapsed() > DRAIN_MAX {
                        return Err(Failure::because("the outbox does not become empty"));
                    }
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                // Whoever is stopped now shall hold nothing that the next one has to wait for.
                tokio::time::sleep(SETTLING).await;
                return if left == 0 {
                    Ok(seconds)
                } else {
                    Err(Failure::because(format!("{left} events had no effect")))
                };
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Failure::because("the inbox does not become empty"))
    }
}

/// The service in a process of its own.
struct Serving {
    child: Ended,
    address: String,
}

impl Serving {
    fn start(url: &str, has_workers: bool) -> Result<Self, Failure> {
        let child = program(&["serve"])?
            .env("DATABASE_URL", url)
            .env("BIND_ADDR", "127.0.0.1:0")
            .env("BILLING_ENABLED", "true")
            .env("STRIPE_SECRET_KEY", "sk_test_bench")
            .env("STRIPE_WEBHOOK_SECRET", SECRET)
            // Nobody answers there: nothing that is measured asks Stripe.
            .env("STRIPE_API_BASE", "http://127.0.0.1:9")
            .env("EVENT_SCAN_INTERVAL_SECONDS", "0")
            .env("RUN_WORKERS", has_workers.to_string())
            .env("LOG_FILTER", "warn")
            .spawn()
            .map_err(|error| Failure::failed("the program cannot be started", &error))?;
        let mut child = Ended(child);
        let said = first_line(&mut child.0);
        let address = said
            .strip_prefix("ready on http://")
            .and_then(|rest| rest.split(' ').next());
        let address = address.ok_or_else(|| Failure::because("`serve` did not get ready"))?;
        let address = address.to_owned();
        Ok(Self { child, address })
    }

    fn resident_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).ok()?;
        resident_kib(&status)
    }
}

fn first_line(child: &mut Child) -> String {
    let mut said = String::new();
    if let Some(out) = child.stdout.as_mut() {
        // An end without a line is told by whoever reads it.
        let _ = BufReader::new(out).read_line(&mut said);
    }
    said
}

/// The load generator at work.
struct Load {
    child: Ended,
    begun: Instant,
}

impl Load {
    fn begin(mut child: Child) -> Result<Self, Failure> {
        // It reads a byte at a time until it has begun, so that the rest stays for `wait`.
        let mut said = Vec::new();
        if let Some(out) = child.stdout.as_mut() {
            let mut byte = [0];
            while std::io::Read::read(out, &mut byte).unwrap_or_default() == 1 && byte != *b"\n" {
                said.extend(byte);
            }
        }
        let child = Ended(child);
        if said != b"begun" {
            return Err(Failure::because("the load did not begin"));
        }
        Ok(Self {
            child,
            begun: Instant::now(),
        })
    }

    fn wait(mut self) -> Result<Sent, Failure> {
        let said = first_line(&mut self.child.0);
        Sent::parse(&said).ok_or_else(|| Failure::because("the load ended before its time"))
    }
}
