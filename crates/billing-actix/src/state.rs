//! What the routes share: the use cases, the configuration and a few ports.

use std::sync::Arc;

use async_trait::async_trait;
use billing_domain::access::authenticate_app::AuthenticateApp;
use billing_domain::access::register_user::RegisterUser;
use billing_domain::checkout::amend_intent::AmendIntent;
use billing_domain::checkout::create_intent::CreateIntent;
use billing_domain::checkout::read_intents::ReadIntents;
use billing_domain::checkout::start_checkout::StartCheckout;
use billing_domain::checkout::sync_checkout::SyncCheckout;
use billing_domain::entitlements::check_entitlement::CheckEntitlement;
use billing_domain::kernel::ports::{AnswerReader, Clock, Core, IdGenerator};
use billing_domain::licensing::activate_license::ActivateLicense;
use billing_domain::licensing::assign_licenses::AssignLicenses;
use billing_domain::licensing::read_licenses::ReadLicenses;
use billing_domain::licensing::revoke_license::RevokeLicense;
use billing_domain::provider_events::discard_provider_event::DiscardProviderEvent;
use billing_domain::provider_events::list_provider_events::ListProviderEvents;
use billing_domain::provider_events::ports::EventLog;
use billing_domain::provider_events::receive_webhook::ReceiveWebhook;
use billing_domain::provider_events::replay_provider_event::ReplayProviderEvent;
use billing_domain::provider_events::replay_provider_events::ReplayProviderEvents;
use billing_domain::provider_events::show_provider_event::ShowProviderEvent;
use billing_domain::provisioning::retry_provisioning::RetryProvisioning;

use crate::config::HttpConfig;
use crate::problem::Problem;
use crate::problem::code::Code;
use crate::unverified_body::Room;

/// Called after something became durable that a worker should look at. MUST NOT block.
pub type WakeWorkers = Arc<dyn Fn() + Send + Sync>;

/// One thing that must be so before the service takes requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessCheck {
    /// For example `database` or `migrations`.
    pub name: &'static str,
    /// Whether it is so.
    pub is_ready: bool,
    /// In words; anybody may read it, so no secret and no address.
    pub detail: String,
}

/// Tells whether the service can do its work.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Every check. MUST answer within a few seconds, whatever is down.
    async fn checks(&self) -> Vec<ReadinessCheck>;
}

/// What the service counts and measures.
#[async_trait]
pub trait MetricsPage: Send + Sync {
    /// Everything in Prometheus' text format, as of now. MUST answer whatever is down, and MUST
    /// cost little, however often it is asked for.
    async fn render(&self) -> String;
}

/// Everything that a route can call.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named after its use case")]
pub struct UseCases {
    pub create_intent: Arc<CreateIntent>,
    pub start_checkout: Arc<StartCheckout>,
    pub sync_checkout: Arc<SyncCheckout>,
    pub amend_intent: Arc<AmendIntent>,
    pub read_intents: Arc<ReadIntents>,
    pub receive_webhook: Arc<ReceiveWebhook>,
    pub provider_events: EventUseCases,
    pub retry_provisioning: Arc<RetryProvisioning>,
    pub assign_licenses: Arc<AssignLicenses>,
    pub activate_license: Arc<ActivateLicense>,
    pub revoke_license: Arc<RevokeLicense>,
    pub read_licenses: Arc<ReadLicenses>,
    pub check_entitlement: Arc<CheckEntitlement>,
    pub authenticate_app: Arc<AuthenticateApp>,
    pub register_user: Arc<RegisterUser>,
    /// Remembered answers of requests with an idempotency key.
    pub answers: Arc<dyn AnswerReader>,
    /// Judges tokens and stamps health answers.
    pub clock: Arc<dyn Clock>,
    /// Makes request ids.
    pub ids: Arc<dyn IdGenerator>,
    /// Answers `/ready`.
    pub readiness: Arc<dyn Readiness>,
    /// Answers `/metrics`.
    pub metrics: Arc<dyn MetricsPage>,
    /// Wakes the workers.
    pub wake_workers: WakeWorkers,
}

/// What operators do with the inbox.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named after its use case")]
pub struct EventUseCases {
    pub list: Arc<ListProviderEvents>,
    pub show: Arc<ShowProviderEvent>,
    pub replay_one: Arc<ReplayProviderEvent>,
    pub replay_many: Arc<ReplayProviderEvents>,
    pub discard: Arc<DiscardProviderEvent>,
}

impl EventUseCases {
    /// All of them over one inbox.
    pub fn of(core: &Core, events: &Arc<dyn EventLog>) -> Self {
        let (core, events) = (|| core.clone(), || events.clone());
        Self {
            list: Arc::new(ListProviderEvents { events: events() }),
            show: Arc::new(ShowProviderEvent { events: events() }),
            replay_one: Arc::new(ReplayProviderEvent {
                core: core(),
                events: events(),
            }),
            replay_many: Arc::new(ReplayProviderEvents {
                core: core(),
                events: events(),
            }),
            discard: Arc::new(DiscardProviderEvent {
                core: core(),
                events: events(),
            }),
        }
    }
}

/// Shared by every worker thread.
pub struct AppState {
    /// What to call.
    pub use_cases: UseCases,
    /// How to behave.
    pub config: HttpConfig,
    /// For the bodies of strangers.
    pub(crate) unverified: Room,
}

impl AppState {
    /// With nothing read yet.
    pub fn new(use_cases: UseCases, config: HttpConfig) -> Self {
        let unverified = Room::new(config.unverified_bytes_max);
        Self {
            use_cases,
            config,
            unverified,
        }
    }

    /// Refuses what needs billing while it is switched off (C-004).
    pub(crate) fn require_billing(&self) -> Result<(), Problem> {
        if self.config.is_billing_enabled {
            Ok(())
        } else {
            Err(Problem::new(Code::BillingDisabled))
        }
    }
}
