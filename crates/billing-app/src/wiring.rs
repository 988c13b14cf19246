//! Puts ports and use cases together: the one place that knows every part. Tests call it with
//! other arguments and get the same service.

use std::sync::Arc;

use async_trait::async_trait;
use billing_actix::{EventUseCases, MetricsPage, Readiness, UseCases};
use billing_domain::access::authenticate_app::AuthenticateApp;
use billing_domain::access::issue_api_key::IssueApiKey;
use billing_domain::access::ports::{AccessReader, KeyHasher, UserReader};
use billing_domain::access::register_user::RegisterUser;
use billing_domain::catalog::ports::{CatalogReader, PriceProvider};
use billing_domain::catalog::sync_catalog::SyncCatalog;
use billing_domain::checkout::amend_intent::AmendIntent;
use billing_domain::checkout::create_intent::CreateIntent;
use billing_domain::checkout::open_requested_checkout::OpenRequestedCheckout;
use billing_domain::checkout::policy::CheckoutPolicy;
use billing_domain::checkout::ports::{CheckoutProvider, IntentListing, IntentReader, IntentSweep};
use billing_domain::checkout::read_intents::ReadIntents;
use billing_domain::checkout::start_checkout::StartCheckout;
use billing_domain::checkout::sweep_intents::SweepIntents;
use billing_domain::checkout::sync_checkout::SyncCheckout;
use billing_domain::customers::ensure_customer::EnsureCustomer;
use billing_domain::customers::ports::CustomerReader;
use billing_domain::deliveries::check_webhook::CheckWebhook;
use billing_domain::deliveries::ports::{EndpointRegistry, EventSource, ScanLog};
use billing_domain::deliveries::scan::ScanPolicy;
use billing_domain::deliveries::scan_for_missing_events::{ScanForMissingEvents, ScanObserver};
use billing_domain::entitlements::check_entitlement::CheckEntitlement;
use billing_domain::entitlements::ports::EntitlementReader;
use billing_domain::kernel::ports::{AnswerReader, BillingWriter, Clock, Core, IdGenerator};
use billing_domain::licensing::activate_license::ActivateLicense;
use billing_domain::licensing::assign_licenses::AssignLicenses;
use billing_domain::licensing::ports::{LicenseReader, LicensingReader};
use billing_domain::licensing::read_licenses::ReadLicenses;
use billing_domain::licensing::revoke_license::RevokeLicense;
use billing_domain::outbox::ports::{EventPublisher, OutboxMessage, OutboxQueue, PublishError};
use billing_domain::outbox::publish_messages::PublishMessages;
use billing_domain::provider_events::apply_provider_event::ApplyProviderEvent;
use billing_domain::provider_events::drain_inbox::{DrainInbox, LanesInHand};
use billing_domain::provider_events::handoff::Handoff;
use billing_domain::provider_events::lane::LaneShare;
use billing_domain::provider_events::observer::EventObserver;
use billing_domain::provider_events::ports::{
    EventDecoder, EventInbox, EventLog, PartyProvider, PayloadArchive, PayloadScrubber,
    WebhookVerifier,
};
use billing_domain::provider_events::receive_webhook::ReceiveWebhook;
use billing_domain::provider_events::scrub_payloads::ScrubPayloads;
use billing_domain::provisioning::ports::WorkflowReader;
use billing_domain::provisioning::retry_provisioning::RetryProvisioning;
use billing_domain::provisioning::run_provisioning::RunProvisioning;
use billing_domain::subscriptions::ports::SubscriptionReader;
use billing_domain::tenants::ports::TenantReader;

use crate::config::JobsSection;
use crate::workers::{APPLIERS, Bells, Workers};

/// Every storage port, each by its own trait object, so that a test can replace one.
#[derive(Clone)]
#[expect(
    missing_docs,
    reason = "each field is named after what it reads or writes"
)]
pub struct Storage {
    pub writer: Arc<dyn BillingWriter>,
    pub answers: Arc<dyn AnswerReader>,
    pub intents: Arc<dyn IntentReader>,
    pub intent_listing: Arc<dyn IntentListing>,
    pub intent_sweep: Arc<dyn IntentSweep>,
    pub customers: Arc<dyn CustomerReader>,
    pub subscriptions: Arc<dyn SubscriptionReader>,
    pub catalog: Arc<dyn CatalogReader>,
    pub access: Arc<dyn AccessReader>,
    pub users: Arc<dyn UserReader>,
    pub tenants: Arc<dyn TenantReader>,
    pub licensing: Arc<dyn LicensingReader>,
    pub licenses: Arc<dyn LicenseReader>,
    pub workflows: Arc<dyn WorkflowReader>,
    pub entitlements: Arc<dyn EntitlementReader>,
    pub inbox: Arc<dyn EventInbox>,
    pub events: Arc<dyn EventLog>,
    pub archive: Arc<dyn PayloadArchive>,
    pub scans: Arc<dyn ScanLog>,
    pub outbox: Arc<dyn OutboxQueue>,
    pub readiness: Arc<dyn Readiness>,
}

impl Storage {
    /// One store for everything.
    pub fn of<S>(store: S, readiness: Arc<dyn Readiness>) -> Self
    where
        S: BillingWriter
            + AnswerReader
            + IntentReader
            + IntentListing
            + IntentSweep
            + CustomerReader
            + SubscriptionReader
            + CatalogReader
            + AccessReader
            + UserReader
            + TenantReader
            + LicensingReader
            + LicenseReader
            + WorkflowReader
            + EntitlementReader
            + EventInbox
            + EventLog
            + PayloadArchive
            + ScanLog
            + OutboxQueue
            + 'static,
    {
        let store = Arc::new(store);
        Self {
            writer: store.clone(),
            answers: store.clone(),
            intents: store.clone(),
            intent_listing: store.clone(),
            intent_sweep: store.clone(),
            customers: store.clone(),
            subscriptions: store.clone(),
            catalog: store.clone(),
            access: store.clone(),
            users: store.clone(),
            tenants: store.clone(),
            licensing: store.clone(),
            licenses: store.clone(),
            workflows: store.clone(),
            entitlements: store.clone(),
            inbox: store.clone(),
            events: store.clone(),
            archive: store.clone(),
            scans: store.clone(),
            outbox: store,
            readiness,
        }
    }
}

/// Every port of the payment provider.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named after its port")]
pub struct Provider {
    pub checkout: Arc<dyn CheckoutProvider>,
    pub prices: Arc<dyn PriceProvider>,
    pub parties: Arc<dyn PartyProvider>,
    pub verifier: Arc<dyn WebhookVerifier>,
    pub decoder: Arc<dyn EventDecoder>,
    pub scrubber: Arc<dyn PayloadScrubber>,
    pub event_source: Arc<dyn EventSource>,
    pub endpoints: Arc<dyn EndpointRegistry>,
}

/// What is not a port.
#[derive(Clone)]
pub struct Rules {
    /// The rules of a checkout.
    pub policy: Arc<CheckoutPolicy>,
    /// Whether anything is sold.
    pub billing_enabled: bool,
    /// How often workers look by themselves.
    pub jobs: JobsSection,
    /// Where outbox messages go.
    pub publisher: Arc<dyn EventPublisher>,
    /// When Stripe's list of events is looked through.
    pub scan: ScanPolicy,
    /// Who hears what happens.
    pub observers: Observers,
}

/// Who counts and measures.
#[derive(Clone)]
pub struct Observers {
    /// Hears of events.
    pub events: Arc<dyn EventObserver>,
    /// Hears of scans.
    pub scans: Arc<dyn ScanObserver>,
    /// Shows what was counted.
    pub page: Arc<dyn MetricsPage>,
    /// Called now and then, so that what was measured takes no memory while nobody looks.
    pub tidy: Arc<dyn Fn() + Send + Sync>,
}

/// The service without a server: every use case and the workers.
#[derive(Clone)]
pub struct Application {
    /// What HTTP calls.
    pub use_cases: UseCases,
    /// What runs beside.
    pub workers: Workers,
    /// Issues keys and projects.
    pub issue_api_key: Arc<IssueApiKey>,
    /// Brings the catalogue in line.
    pub sync_catalog: Arc<SyncCatalog>,
    /// Reduces old payloads to their facts.
    pub scrub_payloads: Arc<ScrubPayloads>,
    /// Tells whether events reach us.
    pub check_webhook: Arc<CheckWebhook>,
}

/// Builds the service.
pub fn build(
    rules: &Rules,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    hasher: Arc<dyn KeyHasher>,
    provider: &Provider,
    storage: &Storage,
) -> Application {
    let core = Core {
        writer: storage.writer.clone(),
        clock: clock.clone(),
        ids,
    };
    let checkout = checkout(&core, &rules.policy, provider, storage);
    let bells = Bells::default();
    let handoff = handoff(rules, &bells);
    let wake = bells.clone();
    let use_cases = UseCases {
        create_intent: checkout.create_intent,
        start_checkout: checkout.start_checkout,
        sync_checkout: checkout.sync_checkout,
        amend_intent: checkout.amend_intent,
        read_intents: checkout.read_intents,
        receive_webhook: Arc::new(ReceiveWebhook {
            core: core.clone(),
            verifier: provider.verifier.clone(),
            inbox: storage.inbox.clone(),
            observer: rules.observers.events.clone(),
            handoff: handoff.clone(),
        }),
        provider_events: EventUseCases::of(&core, &storage.events),
        retry_provisioning: Arc::new(RetryProvisioning {
            core: core.clone(),
            workflows: storage.workflows.clone(),
        }),
        assign_licenses: Arc::new(AssignLicenses {
            core: core.clone(),
            licenses: storage.licenses.clone(),
            tenants: storage.tenants.clone(),
        }),
        activate_license: Arc::new(ActivateLicense {
            core: core.clone(),
            licenses: storage.licenses.clone(),
            catalog: storage.catalog.clone(),
        }),
        revoke_license: Arc::new(RevokeLicense {
            core: core.clone(),
            licenses: storage.licenses.clone(),
            tenants: storage.tenants.clone(),
            entitlements: storage.entitlements.clone(),
        }),
        read_licenses: Arc::new(ReadLicenses {
            licenses: storage.licenses.clone(),
            licensing: storage.licensing.clone(),
            tenants: storage.tenants.clone(),
        }),
        check_entitlement: Arc::new(CheckEntitlement {
            clock: clock.clone(),
            users: storage.users.clone(),
            entitlements: storage.entitlements.clone(),
        }),
        authenticate_app: Arc::new(AuthenticateApp {
            clock: clock.clone(),
            access: storage.access.clone(),
            hasher: hasher.clone(),
        }),
        register_user: Arc::new(RegisterUser {
            core: core.clone(),
            users: storage.users.clone(),
        }),
        answers: storage.answers.clone(),
        clock,
        ids: core.ids.clone(),
        readiness: storage.readiness.clone(),
        metrics: rules.observers.page.clone(),
        wake_workers: Arc::new(move || wake.ring()),
    };
    Application {
        use_cases,
        workers: workers(
            rules,
            &core,
            provider,
            storage,
            checkout.open_requested,
            &handoff,
            bells,
        ),
        issue_api_key: Arc::new(IssueApiKey {
            core: core.clone(),
            access: storage.access.clone(),
            hasher,
        }),
        scrub_payloads: scrub_payloads(&core, provider, storage),
        check_webhook: Arc::new(CheckWebhook {
            clock: core.clock.clone(),
            registry: provider.endpoints.clone(),
            source: provider.event_source.clone(),
            log: storage.scans.clone(),
            events: storage.events.clone(),
        }),
        sync_catalog: Arc::new(SyncCatalog {
            core,
            catalog: storage.catalog.clone(),
            prices: provider.prices.clone(),
            parties: provider.parties.clone(),
        }),
    }
}

fn scrub_payloads(core: &Core, provider: &Provider, storage: &Storage) -> Arc<ScrubPayloads> {
    Arc::new(ScrubPayloads {
        core: core.clone(),
        archive: storage.archive.clone(),
        scrubber: provider.scrubber.clone(),
        decoder: provider.decoder.clone(),
    })
}

/// The use cases of a checkout, and what the sweeper shares with them.
struct CheckoutParts {
    create_intent: Arc<CreateIntent>,
    start_checkout: Arc<StartCheckout>,
    sync_checkout: Arc<SyncCheckout>,
    amend_intent: Arc<AmendIntent>,
    read_intents: Arc<ReadIntents>,
    open_requested: Arc<OpenRequestedCheckout>,
}

fn checkout(
    core: &Core,
    policy: &Arc<CheckoutPolicy>,
    provider: &Provider,
    storage: &Storage,
) -> CheckoutParts {
    let create_intent = Arc::new(CreateIntent {
        core: core.clone(),
        intents: storage.intents.clone(),
        tenants: storage.tenants.clone(),
        policy: policy.clone(),
    });
    let open_requested = Arc::new(OpenRequestedCheckout {
        core: core.clone(),
        intents: storage.intents.clone(),
        customers: Arc::new(EnsureCustomer {
            core: core.clone(),
            customers: storage.customers.clone(),
            provider: provider.checkout.clone(),
        }),
        provider: provider.checkout.clone(),
    });
    let start_checkout = Arc::new(StartCheckout {
        core: core.clone(),
        intents: storage.intents.clone(),
        catalog: storage.catalog.clone(),
        create_intent: create_intent.clone(),
        open_requested: open_requested.clone(),
        provider: provider.checkout.clone(),
        policy: policy.clone(),
    });
    let sync_checkout = Arc::new(SyncCheckout {
        core: core.clone(),
        intents: storage.intents.clone(),
        provider: provider.checkout.clone(),
    });
    let amend_intent = Arc::new(AmendIntent {
        core: core.clone(),
        intents: storage.intents.clone(),
        policy: policy.clone(),
    });
    let read_intents = Arc::new(ReadIntents {
        intents: storage.intents.clone(),
        listing: storage.intent_listing.clone(),
    });
    CheckoutParts {
        create_intent,
        start_checkout,
        sync_checkout,
        amend_intent,
        read_intents,
        open_requested,
    }
}

/// What hands events to this replica's workers, and wakes them.
fn handoff(rules: &Rules, bells: &Bells) -> Arc<Handoff> {
    // Nobody here would take what a replica without workers handed over.
    let appliers = if rules.jobs.is_working { APPLIERS } else { 0 };
    let bells = bells.clone();
    Arc::new(Handoff::ringing(appliers, move |applier| {
        bells.ring_applier(applier);
    }))
}

fn workers(
    rules: &Rules,
    core: &Core,
    provider: &Provider,
    storage: &Storage,
    open_requested: Arc<OpenRequestedCheckout>,
    handoff: &Arc<Handoff>,
    bells: Bells,
) -> Workers {
    let apply = Arc::new(ApplyProviderEvent {
        core: core.clone(),
        decoder: provider.decoder.clone(),
        provider: provider.checkout.clone(),
        parties: provider.parties.clone(),
        customers: storage.customers.clone(),
        catalog: storage.catalog.clone(),
        intents: storage.intents.clone(),
        subscriptions: storage.subscriptions.clone(),
        workflows: storage.workflows.clone(),
        licensing: storage.licensing.clone(),
        entitlements: storage.entitlements.clone(),
    });
    let replica = core.ids.uuid();
    let applier = |index| {
        Arc::new(DrainInbox {
            core: core.clone(),
            inbox: storage.inbox.clone(),
            apply: apply.clone(),
            billing_enabled: rules.billing_enabled,
            handoff: handoff.clone(),
            share: LaneShare {
                index,
                of: APPLIERS,
            },
            owner: format!("{replica}/{index}"),
            lanes: LanesInHand::default(),
            observer: rules.observers.events.clone(),
        })
    };
    Workers {
        inbox: (0..APPLIERS).map(applier).collect(),
        scan: Arc::new(ScanForMissingEvents {
            core: core.clone(),
            source: provider.event_source.clone(),
            log: storage.scans.clone(),
            inbox: storage.inbox.clone(),
            policy: rules.scan,
            observer: rules.observers.scans.clone(),
        }),
        provisioning: Arc::new(RunProvisioning {
            core: core.clone(),
            workflows: storage.workflows.clone(),
            intents: storage.intents.clone(),
            tenants: storage.tenants.clone(),
            licensing: storage.licensing.clone(),
            catalog: storage.catalog.clone(),
            subscriptions: storage.subscriptions.clone(),
            users: storage.users.clone(),
        }),
        outbox: Arc::new(PublishMessages {
            clock: core.clock.clone(),
            queue: storage.outbox.clone(),
            publisher: rules.publisher.clone(),
            name: replica.to_string(),
        }),
        sweep: Arc::new(SweepIntents {
            core: core.clone(),
            intents: storage.intents.clone(),
            sweep: storage.intent_sweep.clone(),
            open_requested,
            stalled_after: rules.jobs.stalled_after,
        }),
        retention: scrub_payloads(core, provider, storage),
        tidy: rules.observers.tidy.clone(),
        bells,
        jobs: rules.jobs,
    }
}

/// Publishes to the log: the topic and the key, not the payload.
#[derive(Debug, Clone, Copy)]
pub struct LogPublisher;

#[async_trait]
impl EventPublisher for LogPublisher {
    async fn publish(&self, message: &OutboxMessage) -> Result<(), PublishError> {
        tracing::info!(
            message.id = %message.id,
            message.topic = message.topic,
            message.key = message.dedup_key,
            "{} published", message.topic
        );
        Ok(())
    }
}
