//! The command line: what can be asked of the program, and how it ends.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::bench::BenchCommand;
use crate::demo::DemoArgs;
use crate::events::args::EventsArgs;
use crate::rebuild::RebuildArgs;
use crate::webhook::args::WebhookArgs;

const EXAMPLES: &str = "\
Examples:
  billing-app demo                          a sale before your eyes: sandbox, database and service in one
  billing-app demo --auto                   the same sale, by itself, as a timeline
  billing-app serve                         the service, configured by the environment (.env.example)
  billing-app serve --config billing.toml   the same with a file under the environment
  billing-app migrate                       applies pending migrations and ends
  billing-app create-api-key --project default --app web
  billing-app sync-catalog                  brings the products of PLAN_CATALOG_FILE in line
  billing-app events list --status parked   what Stripe sent and waits for somebody to look
  billing-app rebuild --check               does the record follow from the log? Names what does not
  billing-app events scan                   looks for events that Stripe made and that never came
  billing-app webhook register --dry-run    what would be registered at Stripe
  billing-app webhook status                whether Stripe's events reach us
  billing-app openapi > openapi.json
  billing-app bench                         how soon it is ready here, with how much memory
  billing-app bench webhooks                how many of Stripe's events it takes in a second
  billing-app bench rebuild                 how long a rebuild takes, and whether memory stays flat

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused by a rule.
";

/// Billing on top of Stripe: sales, webhooks, licences, entitlements.
#[derive(Debug, Parser)]
#[command(name = "billing-app", version, before_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the service until it is told to stop.
    Serve(ConfigArgs),
    /// Applies pending migrations, under a lock, and ends.
    Migrate(ConfigArgs),
    /// Shows a whole sale without a Stripe account: needs nothing but this program.
    Demo(DemoArgs),
    /// Prints the OpenAPI document.
    Openapi,
    /// Issues an API key of an application; the key is shown once.
    CreateApiKey(CreateApiKeyArgs),
    /// Brings products and prices in line with the plan file.
    SyncCatalog(ConfigArgs),
    /// Looks at Stripe's events in the inbox, replays and discards them.
    Events(Box<EventsArgs>),
    /// Proves that the record follows from the log of events: replays it beside and compares.
    Rebuild(RebuildArgs),
    /// Registers the webhook endpoint at Stripe, and tells whether events reach us.
    Webhook(WebhookArgs),
    /// Measures this program on this machine: start, idle memory, the demo's sale; or the webhooks.
    Bench {
        /// What.
        #[command(subcommand)]
        what: Option<BenchCommand>,
    },
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// A TOML file; the environment wins over it.
    #[arg(long, env = "BILLING_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Which key.
#[derive(Debug, Args)]
pub struct CreateApiKeyArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The project; created if it does not exist.
    #[arg(long)]
    pub project: String,
    /// The application; created if it does not exist.
    #[arg(long)]
    pub app: String,
    /// After how many days the key stops to work; never if absent.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub expires_in_days: Option<u16>,
}

/// How the program failed: one sentence, with what to change.
#[derive(Debug)]
pub struct Failure {
    /// The sentence.
    pub message: String,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    /// Something went wrong while running (exit code 1), with every cause.
    pub fn failed(what: &str, error: &dyn std::error::Error) -> Self {
        let mut message = format!("{what}: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some libraries repeat their cause in their own text.
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        Self { message, code: 1 }
    }

    /// The call or the configuration is wrong (exit code 2).
    pub fn usage(error: &dyn std::error::Error) -> Self {
        Self {
            message: error.to_string(),
            code: 2,
        }
    }

    /// A rule says no (exit code 3).
    pub fn refused(error: &dyn std::error::Error) -> Self {
        Self {
            message: error.to_string(),
            code: 3,
        }
    }

    /// Something went wrong, in words (exit code 1).
    pub fn because(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 1,
        }
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}
