//! What can be asked about the webhook endpoint.

use clap::{Args, Subcommand};

use crate::cli::ConfigArgs;

const EXAMPLES: &str = "\
Examples:
  billing-app webhook register --dry-run     what would be registered; changes nothing
  billing-app webhook register               registers PUBLIC_URL, or brings it in line; shows the secret once
  billing-app webhook status                 whether events reach us, and what to change if not
  billing-app webhook status --json          the same for a monitor

Exit codes: 0 done, or in order; 1 Stripe or the database cannot be asked; 2 wrong usage or
configuration; 3 something is not in order, and a line says what.
";

/// What to do with the endpoint.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct WebhookArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: WebhookCommand,
}

/// What can be done with the endpoint.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Registers the endpoint at Stripe, or brings the one that is there in line.
    Register(RegisterArgs),
    /// Tells whether events reach us: the registration, failed deliveries, the last event, scans.
    Status(StatusArgs),
}

/// Which endpoint to register.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Where Stripe delivers to; PUBLIC_URL with /api/v1/webhooks/stripe if absent.
    #[arg(long)]
    pub url: Option<String>,
    /// Says what would be done, and changes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// One object.
    #[arg(long)]
    pub json: bool,
}

/// Which endpoint to look at.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Where Stripe delivers to; PUBLIC_URL with /api/v1/webhooks/stripe if absent.
    #[arg(long)]
    pub url: Option<String>,
    /// One object.
    #[arg(long)]
    pub json: bool,
}
