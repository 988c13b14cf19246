//! The webhook endpoint on the command line: registered once, and looked after.

use billing_domain::deliveries::check_webhook::{CheckWebhookError, WebhookReport};
use billing_domain::deliveries::register_webhook::{
    PlannedStep, RegisterWebhook, RegisterWebhookError, RegisteredWebhook, Registration,
};
use billing_domain::kernel::provider::ProviderError;
use billing_seaorm::SqliteSynchronous;

use self::args::{RegisterArgs, StatusArgs, WebhookArgs, WebhookCommand};
use crate::cli::Failure;
use crate::commands::{load, must_be_migrated, production, say};
use crate::config::Config;
use crate::service::{assemble, connect, prepare};

pub mod args;
mod page;

/// Where the service takes deliveries.
const PATH: &str = "/api/v1/webhooks/stripe";

/// The exit code of an endpoint that is not as it should be.
const NOT_IN_ORDER: u8 = 3;

/// Does what was asked.
///
/// # Errors
/// [`Failure`].
pub async fn run(args: WebhookArgs) -> Result<(), Failure> {
    match args.command {
        WebhookCommand::Register(args) => register(&args).await,
        WebhookCommand::Status(args) => status(&args).await,
    }
}

fn address(given: Option<&String>, config: &Config) -> String {
    match given {
        Some(url) => url.clone(),
        None => format!("{}{PATH}", config.http.public_url),
    }
}

async fn register(args: &RegisterArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let prepared = prepare(&config, &production())?;
    let url = address(args.url.as_ref(), &config);
    let register = RegisterWebhook {
        registry: prepared.endpoints(),
    };
    let done = register.run(&url, args.dry_run).await;
    let done = done.map_err(|error| match &error {
        RegisterWebhookError::Provider(provider) => not_asked(provider),
        RegisterWebhookError::Gone => Failure::failed("the endpoint is not registered", &error),
    })?;
    if args.json {
        return say(&page::registered_json(&url, &done).to_string());
    }
    say(&registered(&url, &done))?;
    if let Registration::Created(secret) = &done.registration {
        say(&page::secret(secret))?;
    }
    let left = page::flaws(&done.report);
    let is_rehearsal = matches!(done.registration, Registration::Rehearsed(_));
    if is_rehearsal || !left.is_empty() {
        for line in left {
            say(&line)?;
        }
    }
    Ok(())
}

fn registered(url: &str, done: &RegisteredWebhook) -> String {
    match &done.registration {
        Registration::Created(_) => format!("{url} is registered at Stripe"),
        Registration::Updated => format!("{url} was registered and is brought in line"),
        Registration::Unchanged => format!("{url} is registered; nothing was changed"),
        Registration::Rehearsed(step) => {
            let would = match step {
                PlannedStep::Create => "would be registered",
                PlannedStep::Update => "is registered and would be brought in line",
                PlannedStep::Nothing => "is registered and would not be changed",
            };
            format!("{url} {would}. Nothing was changed; next: the same without --dry-run")
        }
    }
}

async fn status(args: &StatusArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let surroundings = production();
    let prepared = prepare(&config, &surroundings)?;
    let store = connect(&config.database, SqliteSynchronous::Full).await?;
    must_be_migrated(&store).await?;
    let application = assemble(&config, &surroundings, &prepared, &store);
    let url = address(args.url.as_ref(), &config);
    let report = application.check_webhook.run(&url).await;
    let report = report.map_err(|error| match &error {
        CheckWebhookError::Provider(provider) => not_asked(provider),
        CheckWebhookError::Store(_) => Failure::failed("the record cannot be read", &error),
    })?;
    if args.json {
        say(&page::report_json(&url, &report).to_string())?;
    } else {
        say(&page::report(&url, &report))?;
    }
    in_order(&report)
}

/// The exit code tells a monitor what the page tells a reader.
fn in_order(report: &WebhookReport) -> Result<(), Failure> {
    let count = page::problems(report).len();
    if count == 0 {
        return Ok(());
    }
    let things = if count == 1 { "thing is" } else { "things are" };
    Err(Failure {
        message: format!("{count} {things} not in order"),
        code: NOT_IN_ORDER,
    })
}

/// Stripe's own sentence helps whoever configures it.
pub(crate) fn not_asked(error: &ProviderError) -> Failure {
    match error {
        ProviderError::Rejected { code, message }
        | ProviderError::Unauthorized { code, message } => {
            Failure::because(format!("Stripe refused ({code}): {message}"))
        }
        ProviderError::NotConfigured => Failure {
            message: "STRIPE_SECRET_KEY is not set: Stripe cannot be asked without a key"
                .to_owned(),
            code: 2,
        },
        ProviderError::Unreachable(_) | ProviderError::RateLimited { .. } => {
            Failure::failed("Stripe cannot be asked; try again", error)
        }
    }
}
