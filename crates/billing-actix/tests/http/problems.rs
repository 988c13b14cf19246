//! What a client sees of every variant of every use case's error, as one text.

use std::fmt::Write as _;

use actix_web::ResponseError;
use actix_web::body::{MessageBody, to_bytes};
use billing_actix::{Code, Problem};
use billing_domain::access::authenticate_app::AuthenticateAppError;
use billing_domain::checkout::amend_intent::AmendIntentError;
use billing_domain::checkout::create_intent::CreateIntentError;
use billing_domain::checkout::read_intents::ReadIntentsError;
use billing_domain::checkout::start_checkout::StartCheckoutError;
use billing_domain::checkout::sync_checkout::SyncCheckoutError;
use billing_domain::entitlements::check_entitlement::CheckEntitlementError;
use billing_domain::kernel::change_set::UniqueRule;
use billing_domain::kernel::failure::StoreFailure;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::licensing::activate_license::ActivateLicenseError;
use billing_domain::licensing::assign_licenses::AssignLicensesError;
use billing_domain::licensing::read_licenses::ReadLicensesError;
use billing_domain::licensing::revoke_license::RevokeLicenseError;
use billing_domain::provider_events::discard_provider_event::DiscardProviderEventError;
use billing_domain::provider_events::list_provider_events::ListProviderEventsError;
use billing_domain::provider_events::ports::VerifyError;
use billing_domain::provider_events::receive_webhook::ReceiveWebhookError;
use billing_domain::provider_events::replay_provider_event::ReplayProviderEventError;
use billing_domain::provider_events::replay_provider_events::ReplayProviderEventsError;
use billing_domain::provider_events::show_provider_event::ShowProviderEventError;
use billing_domain::provider_events::stored_event::EventApplied;
use billing_domain::provisioning::retry_provisioning::RetryProvisioningError;
use time::Duration;

/// What a client must never read.
const SECRET_CAUSE: &str = "password=hunter2 at 10.0.0.7";

fn store_failures() -> Vec<StoreFailure> {
    vec![
        StoreFailure::Unavailable(SECRET_CAUSE.into()),
        StoreFailure::Inconsistent(SECRET_CAUSE.into()),
        StoreFailure::Conflict,
        StoreFailure::Duplicate(UniqueRule::IntentSlug),
        StoreFailure::AlreadyApplied,
    ]
}

fn provider_errors() -> Vec<ProviderError> {
    vec![
        ProviderError::Unreachable(SECRET_CAUSE.into()),
        ProviderError::RateLimited { retry_after: None },
        ProviderError::RateLimited {
            retry_after: Some(Duration::seconds(9)),
        },
        ProviderError::Rejected {
            code: "parameter_missing".to_owned(),
            message: SECRET_CAUSE.to_owned(),
        },
        ProviderError::NotConfigured,
    ]
}

struct Table(String);

impl Table {
    async fn add<E: std::fmt::Debug + Into<Problem>>(&mut self, name: &str, errors: Vec<E>) {
        for error in errors {
            let debug = format!("{error:?}");
            let variant = debug
                .replace(SECRET_CAUSE, "…")
                .replace(&format!("{:?}", Duration::seconds(9)), "9 s");
            let problem: Problem = error.into();
            let answer = problem.error_response();
            let retry_after = answer
                .headers()
                .get("retry-after")
                .map(|v| v.to_str().unwrap().to_owned());
            let status = answer.status();
            let body = to_bytes(answer.into_body().boxed()).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(!body.contains("hunter2"), "{body}");
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            writeln!(self.0, "{name}::{variant}").unwrap();
            writeln!(self.0, "    {status} {} ({})", body["code"], body["detail"]).unwrap();
            if let Some(seconds) = retry_after {
                writeln!(self.0, "    retry after {seconds} s").unwrap();
            }
            if let Some(fields) = body.get("fields") {
                writeln!(self.0, "    {fields}").unwrap();
            }
        }
    }
}

#[actix_web::test]
async fn every_variant_of_every_error_is_one_kind_of_problem() {
    let mut table = Table(String::new());
    table.add("StoreFailure", store_failures()).await;
    let broken = StoreError::Inconsistent {
        table: "t",
        column: "c",
        row: SECRET_CAUSE.to_owned(),
    };
    table
        .add(
            "StoreError",
            vec![StoreError::Unavailable(SECRET_CAUSE.into()), broken],
        )
        .await;
    table.add("ProviderError", provider_errors()).await;
    checkout(&mut table).await;
    webhook_and_access(&mut table).await;
    licensing(&mut table).await;
    provider_events(&mut table).await;
    insta::assert_snapshot!(table.0);
}

async fn checkout(table: &mut Table) {
    let create = vec![
        CreateIntentError::NotAUser,
        CreateIntentError::CountryNotSupported,
        CreateIntentError::SlugReserved,
        CreateIntentError::EarlierPurchaseFailed,
        CreateIntentError::Store(StoreFailure::Conflict),
    ];
    table.add("CreateIntentError", create).await;
    let start = vec![
        StartCheckoutError::NotAUser,
        StartCheckoutError::AdminEmailMismatch,
        StartCheckoutError::UnknownPrice,
        StartCheckoutError::QuantityOutOfRange { min: 5, max: 30 },
        StartCheckoutError::RedirectNotAllowed,
        StartCheckoutError::CountryNotSupported,
        StartCheckoutError::SlugReserved,
        StartCheckoutError::EarlierPurchaseFailed,
        StartCheckoutError::AlreadyPaid,
        StartCheckoutError::Refused {
            reason: "card_country".to_owned(),
        },
        StartCheckoutError::Provider(ProviderError::NotConfigured),
        StartCheckoutError::Store(StoreFailure::Conflict),
    ];
    table.add("StartCheckoutError", start).await;
    let read = vec![
        ReadIntentsError::NotFound,
        ReadIntentsError::NotAUser,
        ReadIntentsError::Store(StoreFailure::Conflict),
    ];
    table.add("ReadIntentsError", read).await;
    let amend = vec![
        AmendIntentError::NotFound,
        AmendIntentError::StateIsForOperators,
        AmendIntentError::Illegal("a checkout intent that is created cannot x".to_owned()),
        AmendIntentError::CountryNotSupported,
        AmendIntentError::Store(StoreFailure::Conflict),
    ];
    table.add("AmendIntentError", amend).await;
    let sync = vec![
        SyncCheckoutError::NotFound,
        SyncCheckoutError::LinkedElsewhere,
        SyncCheckoutError::Provider(ProviderError::NotConfigured),
        SyncCheckoutError::Store(StoreFailure::Conflict),
    ];
    table.add("SyncCheckoutError", sync).await;
    let retry = vec![
        RetryProvisioningError::NotAnOperator,
        RetryProvisioningError::NotFound,
        RetryProvisioningError::AlreadyProvisioned,
        RetryProvisioningError::Store(StoreFailure::Conflict),
    ];
    table.add("RetryProvisioningError", retry).await;
}

async fn webhook_and_access(table: &mut Table) {
    let refused = [
        VerifyError::MissingSignature,
        VerifyError::WrongSignature,
        VerifyError::OutsideTolerance,
        VerifyError::MalformedEnvelope,
        VerifyError::WrongMode,
        VerifyError::NotConfigured,
    ];
    let refused = refused.into_iter().map(ReceiveWebhookError::Refused);
    let failed = store_failures().into_iter().map(ReceiveWebhookError::Store);
    table
        .add("ReceiveWebhookError", refused.chain(failed).collect())
        .await;
    let authenticate = vec![
        AuthenticateAppError::InvalidKey,
        AuthenticateAppError::Inactive,
        AuthenticateAppError::Store(StoreFailure::Conflict),
    ];
    table.add("AuthenticateAppError", authenticate).await;
    let check = vec![
        CheckEntitlementError::OtherProject,
        CheckEntitlementError::UserNotFound,
        CheckEntitlementError::NotAllowed,
        CheckEntitlementError::Store(StoreFailure::Conflict),
    ];
    table.add("CheckEntitlementError", check).await;
}

async fn licensing(table: &mut Table) {
    let read = vec![
        ReadLicensesError::NotFound,
        ReadLicensesError::Store(StoreFailure::Conflict),
    ];
    table.add("ReadLicensesError", read).await;
    let assign = vec![
        AssignLicensesError::NotFound,
        AssignLicensesError::PlanNotCurrent,
        AssignLicensesError::NotEnoughLicenses {
            wanted: 3,
            available: 2,
        },
        AssignLicensesError::Store(StoreFailure::Conflict),
    ];
    table.add("AssignLicensesError", assign).await;
    let activate = vec![
        ActivateLicenseError::NotAUser,
        ActivateLicenseError::NotFound,
        ActivateLicenseError::Revoked,
        ActivateLicenseError::Store(StoreFailure::Conflict),
    ];
    table.add("ActivateLicenseError", activate).await;
    let revoke = vec![
        RevokeLicenseError::NotFound,
        RevokeLicenseError::NotAssigned,
        RevokeLicenseError::Store(StoreFailure::Conflict),
    ];
    table.add("RevokeLicenseError", revoke).await;
}

async fn provider_events(table: &mut Table) {
    let conflict = || StoreFailure::Conflict;
    let at = Timestamp::parse("2026-03-01T08:00:00Z").unwrap();
    let list = vec![
        ListProviderEventsError::NotAnOperator,
        ListProviderEventsError::Store(conflict()),
    ];
    table.add("ListProviderEventsError", list).await;
    let show = vec![
        ShowProviderEventError::NotAnOperator,
        ShowProviderEventError::NotFound,
        ShowProviderEventError::Store(conflict()),
    ];
    table.add("ShowProviderEventError", show).await;
    let replay = vec![
        ReplayProviderEventError::NotAnOperator,
        ReplayProviderEventError::NotFound,
        ReplayProviderEventError::Applied(EventApplied { at }),
        ReplayProviderEventError::Store(conflict()),
    ];
    table.add("ReplayProviderEventError", replay).await;
    let many = vec![
        ReplayProviderEventsError::NotAnOperator,
        ReplayProviderEventsError::Store(conflict()),
    ];
    table.add("ReplayProviderEventsError", many).await;
    let discard = vec![
        DiscardProviderEventError::NotAnOperator,
        DiscardProviderEventError::NotFound,
        DiscardProviderEventError::Applied(EventApplied { at }),
        DiscardProviderEventError::Store(conflict()),
    ];
    table.add("DiscardProviderEventError", discard).await;
}

#[test]
fn every_code_keeps_its_type_status_and_title() {
    let mut table = String::new();
    for code in Code::ALL {
        let status = Problem::new(*code).status_code().as_u16();
        writeln!(
            table,
            "{status} {} {}: {}",
            code.text(),
            code.type_uri(),
            code.title()
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
    let mut texts: Vec<_> = Code::ALL.iter().map(|code| code.text()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), Code::ALL.len());
}
