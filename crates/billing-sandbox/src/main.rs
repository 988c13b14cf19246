//! The command `stripe-sandbox`: starts a sandbox, says where it is, and runs until Ctrl-C.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use billing_sandbox::{
    ClockStart, Sandbox, SandboxConfig, SnapshotOwner, StartError, WebhookConfig,
};
use clap::Parser;

/// The state is many small pieces, shared and let go of all the time: this takes a quarter less time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "\
Examples:
  stripe-sandbox
      listens on http://127.0.0.1:12111 with a key made from seed 42
  stripe-sandbox --port 0 --seed 7
      any free port, other ids
  stripe-sandbox --webhook http://localhost:8080/api/v1/webhooks/stripe --webhook-secret whsec_demo
      sends every event there, signed with that secret
  stripe-sandbox --snapshot shop.json
      goes on where it was stopped the last time, and writes the file on Ctrl-C
  stripe-sandbox --api-version 2023-10-16 --clock 1790000000
      answers in an old version's shapes, at a time that stands still until it is advanced

Exit codes: 0 stopped by Ctrl-C, 1 could not start, 2 wrong usage, 3 refused a live key.";

/// Stripe in a box: its HTTP API, checkout page and webhooks on this machine, without real money.
#[derive(Debug, Parser)]
#[command(name = "stripe-sandbox", version, before_help = EXAMPLES)]
struct Arguments {
    /// Port to listen on; 0 for any free one.
    #[arg(long, default_value_t = 12_111)]
    port: u16,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Same seed, same clock, same requests: same ids and bodies. 42, or the snapshot's.
    #[arg(long)]
    seed: Option<u64>,
    /// File to go on from, if it is there, and to write the whole state to on Ctrl-C.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Where to send every event.
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Secret that signs them; made from the seed if absent.
    #[arg(
        long,
        value_name = "WHSEC",
        env = "STRIPE_WEBHOOK_SECRET",
        hide_env_values = true
    )]
    webhook_secret: Option<String>,
    /// Version of requests and webhooks that name none.
    #[arg(long, default_value = "2026-10-28.endive", value_name = "VERSION")]
    api_version: String,
    /// A fixed start in seconds since 1970; the machine's clock if absent.
    #[arg(long, value_name = "SECONDS")]
    clock: Option<i64>,
    /// Test key of the first account; made from the seed if absent. Live keys are refused.
    #[arg(
        long,
        value_name = "SK_TEST",
        env = "STRIPE_SECRET_KEY",
        hide_env_values = true
    )]
    secret_key: Option<String>,
    /// Hold every answer and event against the shapes of all versions; GET /sandbox/shapes tells.
    #[arg(long, hide = true)]
    check_shapes: bool,
    /// What the checkout pages' addresses begin with, if not where it listens.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without standard error there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "stripe-sandbox: {error}");
            let is_refusal = matches!(error.downcast_ref(), Some(StartError::LiveKey));
            ExitCode::from(if is_refusal { 3 } else { 1 })
        }
    }
}

/// Why a snapshot file could not be used.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("cannot read the snapshot {path}: {source}")]
    Read {
        path: String,
        source: std::io::Error,
    },
    #[error("cannot write the snapshot {path}: {source}")]
    Write {
        path: String,
        source: std::io::Error,
    },
}

/// The snapshot to go on from; none if the file is not there yet.
fn read(file: &Path) -> Result<Option<String>, FileError> {
    match std::fs::read_to_string(file) {
        Ok(document) => Ok(Some(document)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::Read {
            path: file.display().to_string(),
            source,
        }),
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let snapshot = match &arguments.snapshot {
        Some(file) => read(file)?,
        None => None,
    };
    let owner = match &snapshot {
        Some(document) => Some(SnapshotOwner::of(document)?),
        None => None,
    };
    let seed = arguments.seed.or(owner.as_ref().map(|owner| owner.seed));
    let secret_key = arguments.secret_key.or(owner.map(|owner| owner.secret_key));
    let sandbox = Sandbox::start(SandboxConfig {
        host: arguments.host,
        port: arguments.port,
        seed: seed.unwrap_or(42),
        clock: arguments.clock.map_or(ClockStart::Real, ClockStart::Fixed),
        default_api_version: arguments.api_version,
        public_url: arguments.public_url,
        secret_key,
        check_shapes: arguments.check_shapes,
        ..SandboxConfig::default()
    })
    .await?;
    if let Some(document) = &snapshot {
        sandbox.resume(document)?;
    }
    let secret = match arguments.webhook.clone() {
        Some(url) => Some(sandbox.send_webhooks_to(&WebhookConfig {
            url,
            secret: arguments.webhook_secret,
            api_version: None,
        })?),
        None => None,
    };
    introduce(
        &sandbox,
        arguments.webhook.as_deref().zip(secret.as_deref()),
    )?;
    tokio::signal::ctrl_c().await?;
    let kept = match &arguments.snapshot {
        None => "nothing was kept (--snapshot FILE keeps it)".to_owned(),
        Some(file) => {
            let path = file.display().to_string();
            std::fs::write(file, sandbox.snapshot()).map_err(|source| FileError::Write {
                path: path.clone(),
                source,
            })?;
            format!("everything is kept in {path}; the same command goes on from there")
        }
    };
    sandbox.stop().await;
    writeln!(std::io::stdout(), "\nStopped; {kept}.")?;
    Ok(())
}

/// Says where it is, how to point an SDK at it, and what to do next.
fn introduce(sandbox: &Sandbox, webhook: Option<(&str, &str)>) -> std::io::Result<()> {
    let (url, key) = (sandbox.url(), sandbox.secret_key());
    let mut out = std::io::stdout().lock();
    writeln!(out, "Stripe sandbox   {url}   (no real money)")?;
    writeln!(out, "Secret key       {key}")?;
    match webhook {
        Some((to, secret)) => {
            writeln!(out, "Webhooks to      {to}")?;
            writeln!(out, "Webhook secret   {secret}")?;
        }
        None => writeln!(
            out,
            "Webhooks         nowhere yet: --webhook URL, or POST /v1/webhook_endpoints"
        )?,
    }
    writeln!(out, "\nPoint an SDK at it (docs/sandbox.md has all seven):")?;
    writeln!(
        out,
        "  Python  stripe.StripeClient(key, base_addresses={{\"api\": \"{url}\"}})"
    )?;
    let (host, port) = address_of(url);
    writeln!(
        out,
        "  Node    new Stripe(key, {{ host: '{host}', port: {port}, protocol: 'http' }})"
    )?;
    writeln!(out, "\nTry next:")?;
    writeln!(
        out,
        "  curl {url}/v1/customers -u {key}: -d email=jenny@example.com"
    )?;
    writeln!(out, "  curl -X POST {url}/sandbox/trigger/invoice.paid")?;
    writeln!(out, "  curl {url}/sandbox/clock/advance -d seconds=86400")?;
    writeln!(out, "  open {url}/ for requests, events and deliveries")?;
    out.flush()
}

/// Host and port of an address such as `http://127.0.0.1:12111`.
fn address_of(url: &str) -> (&str, &str) {
    url.trim_start_matches("http://")
        .rsplit_once(':')
        .unwrap_or((url, "80"))
}
