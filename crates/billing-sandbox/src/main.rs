//! The command `stripe-sandbox`: starts a sandbox, says where it is, and runs until Ctrl-C.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use billing_sandbox::{ClockStart, Sandbox, SandboxConfig, StartError, WebhookConfig};
use clap::Parser;

const EXAMPLES: &str = "\
Examples:
  stripe-sandbox
      listens on http://127.0.0.1:12111 with a key made from seed 42
  stripe-sandbox --port 0 --seed 7
      any free port, other ids
  stripe-sandbox --webhook http://localhost:8080/api/v1/webhooks/stripe --webhook-secret whsec_demo
      sends every event there, signed with that secret
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
    /// Same seed, same clock, same requests: same ids and bodies.
    #[arg(long, default_value_t = 42)]
    seed: u64,
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

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start(SandboxConfig {
        host: arguments.host,
        port: arguments.port,
        seed: arguments.seed,
        clock: arguments.clock.map_or(ClockStart::Real, ClockStart::Fixed),
        default_api_version: arguments.api_version,
        public_url: arguments.public_url,
        secret_key: arguments.secret_key,
        check_shapes: arguments.check_shapes,
        webhook: arguments.webhook.clone().map(|url| WebhookConfig {
            url,
            secret: arguments.webhook_secret,
            api_version: None,
        }),
        ..SandboxConfig::default()
    })
    .await?;
    introduce(&sandbox, arguments.webhook.as_deref())?;
    tokio::signal::ctrl_c().await?;
    sandbox.stop().await;
    writeln!(std::io::stdout(), "\nStopped; nothing was kept.")?;
    Ok(())
}

fn introduce(sandbox: &Sandbox, webhook: Option<&str>) -> std::io::Result<()> {
    let (url, key) = (sandbox.url(), sandbox.secret_key());
    let mut out = std::io::stdout().lock();
    writeln!(out, "Stripe sandbox   {url}   (no real money)")?;
    writeln!(out, "Secret key       {key}")?;
    match (webhook, sandbox.webhook_secret()) {
        (Some(to), Some(secret)) => {
            writeln!(out, "Webhooks to      {to}")?;
            writeln!(out, "Webhook secret   {secret}")?;
        }
        _ => writeln!(
            out,
            "Webhooks         nowhere yet: --webhook URL, or POST /v1/webhook_endpoints"
        )?,
    }
    writeln!(out, "\nTry next:")?;
    writeln!(
        out,
        "  curl {url}/v1/customers -u {key}: -d email=jenny@example.com"
    )?;
    writeln!(out, "  curl {url}/sandbox/clock/advance -d seconds=86400")?;
    writeln!(out, "  open {url}/ for requests, events and deliveries")?;
    out.flush()
}
