//! A whole sale without a Stripe account: sandbox, database and service in one process, everything
//! over real HTTP. For a person to click through, or by itself as a timeline.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::cli::Failure;
use crate::commands::{say, stop_signal};

mod auto;
pub mod credentials;
mod ids;
pub mod timeline;
pub mod world;

use world::World;

/// How the demo runs.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Walks the sale by itself, prints what happened when, and ends.
    #[arg(long)]
    pub auto: bool,
    /// Port of the service; 0 for any. With --auto any free port is taken.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Port of the sandbox; 0 for any. With --auto any free port is taken.
    #[arg(long, default_value_t = 12111)]
    pub sandbox_port: u16,
    /// Folder for the database and the log; with --auto a temporary one.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Another database, such as postgres://postgres@127.0.0.1/demo; it must be empty.
    #[arg(long)]
    pub database_url: Option<String>,
    /// From which Stripe's ids (and with --auto all ids) are drawn: the same seed tells the same
    /// story.
    #[arg(long, default_value_t = 42)]
    pub seed: u32,
    /// How many licences the customer buys with --auto (5 to 30).
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(5..=30))]
    pub quantity: u32,
}

/// Where an interactive demo keeps its data unless told otherwise.
const DATA_DEFAULT: &str = "demo-data";

/// Runs the demo.
///
/// # Errors
/// [`Failure`]: what to change, or the step that failed.
pub async fn run(args: DemoArgs) -> Result<(), Failure> {
    if args.auto {
        let temporary = match &args.data {
            Some(_) => None,
            None => Some(temporary_folder("demo")?),
        };
        let data = args
            .data
            .clone()
            .or_else(|| temporary.as_ref().map(|folder| folder.path().to_path_buf()));
        let world = World::start(&args, &data.unwrap_or_default()).await?;
        let told = auto::tell(&world, &args).await;
        world.stop().await?;
        return told;
    }
    let data = args
        .data
        .clone()
        .unwrap_or_else(|| PathBuf::from(DATA_DEFAULT));
    let world = World::start(&args, &data).await?;
    say(&banner(&world))?;
    stop_signal().await?;
    let kept = format!(
        "\nStopped. Kept: {} and {}.\n\
         The sandbox lives in memory, so the next `demo` starts a new world over a new database.",
        world.database,
        world.log_file.display()
    );
    world.stop().await?;
    say(&kept)
}

/// A folder that goes away with the demo.
pub(crate) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed is in the system's temporary folder and does no harm there.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn temporary_folder(of: &str) -> Result<TemporaryFolder, Failure> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(|error| Failure::failed("no random numbers", &error))?;
    let folder = std::env::temp_dir().join(format!("billing-{of}-{}", hex::encode(random)));
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::failed("no temporary folder", &error))?;
    Ok(TemporaryFolder(folder))
}

fn banner(world: &World) -> String {
    let World {
        service_url,
        sandbox,
        credentials,
        database,
        log_file,
        ..
    } = world;
    let sandbox_url = sandbox.url();
    let (app_key, buyer, learner, operator) = (
        &credentials.app_key,
        &credentials.buyer,
        &credentials.learner,
        &credentials.operator,
    );
    let project = &credentials.project_id;
    format!(
        "Running
  service   {service_url}   (API: {service_url}/docs)
  sandbox   {sandbox_url}   Stripe in a box: requests, events, deliveries
  data      {database}
  log       {log}

Who you can be, for this run
  app key          {app_key}
  buyer's token    {buyer}   (ada@acme.example)
  learner's token  {learner}   (grace@acme.example)
  operator's token {operator}

Three things to try
  1. Buy ten licences; the answer has a checkout_session_url: open it and pay with 4242 4242 4242 4242.
     curl -s {service_url}/api/v1/customer-billing/checkout-session \\
       -H 'Authorization: Bearer {buyer}' -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first-sale' \\
       -d '{{\"admin_email\":\"ada@acme.example\",\"enterprise_slug\":\"acme\",\"company_name\":\"Acme\",\"quantity\":10,\"lookup_key\":\"{lookup_key}\"}}'
  2. Watch it: \"created\" until you pay, then \"fulfilled\".
     curl -s {service_url}/api/v1/checkout-intents -H 'Authorization: Bearer {buyer}'
  3. Ask what an application asks: \"no\" now; \"yes, because …\" once a licence was assigned and activated
     (docs/integration.md, \"Hand out licences\", has the two calls: the buyer assigns one to
     grace@acme.example, and the learner activates it; demo --auto does the same by itself).
     curl -s '{service_url}/api/v1/entitlements/check?user_id=grace&project_id={project}&feature={feature}&allow_unknown=true' -H 'X-API-Key: {app_key}'

Ctrl-C stops.",
        log = log_file.display(),
        lookup_key = world::LOOKUP_KEY,
        feature = world::FEATURE,
    )
}

/// How long one step of the story may take before it is called stuck.
pub(crate) const STEP_TIMEOUT: Duration = Duration::from_secs(20);
