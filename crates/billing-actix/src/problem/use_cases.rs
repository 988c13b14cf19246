//! What a client sees of each use case's error; the only place that decides it.

use actix_web::http::StatusCode;
use billing_domain::access::authenticate_app::AuthenticateAppError;
use billing_domain::checkout::amend_intent::AmendIntentError;
use billing_domain::checkout::create_intent::CreateIntentError;
use billing_domain::checkout::read_intents::ReadIntentsError;
use billing_domain::checkout::start_checkout::StartCheckoutError;
use billing_domain::checkout::sync_checkout::SyncCheckoutError;
use billing_domain::entitlements::check_entitlement::CheckEntitlementError;
use billing_domain::kernel::failure::StoreFailure;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::provider::ProviderError;
use billing_domain::licensing::activate_license::ActivateLicenseError;
use billing_domain::licensing::assign_licenses::AssignLicensesError;
use billing_domain::licensing::read_licenses::ReadLicensesError;
use billing_domain::licensing::revoke_license::RevokeLicenseError;
use billing_domain::provider_events::ports::VerifyError;
use billing_domain::provider_events::receive_webhook::ReceiveWebhookError;
use billing_domain::provisioning::retry_provisioning::RetryProvisioningError;

use super::Problem;
use super::code::Code;

/// When a client whose request met our own trouble should come back.
const RETRY_AFTER_SECONDS: u64 = 5;

/// When a client whose request met other requests should come back.
const RETRY_AFTER_CONFLICT_SECONDS: u64 = 1;

impl From<StoreFailure> for Problem {
    fn from(failure: StoreFailure) -> Self {
        match failure {
            StoreFailure::Unavailable(_) => Self::new(Code::StoreUnavailable)
                .retry_after(RETRY_AFTER_SECONDS)
                .because(failure),
            StoreFailure::Inconsistent(_) | StoreFailure::Duplicate(_) => {
                Self::new(Code::InternalError).because(failure)
            }
            StoreFailure::Conflict | StoreFailure::AlreadyApplied => {
                Self::new(Code::Conflict).retry_after(RETRY_AFTER_CONFLICT_SECONDS)
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        StoreFailure::from(error).into()
    }
}

impl From<ProviderError> for Problem {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Unreachable(_) => Self::new(Code::StripeUnavailable)
                .retry_after(RETRY_AFTER_SECONDS)
                .because(error),
            ProviderError::RateLimited { retry_after } => {
                let seconds = retry_after
                    .and_then(|wait| u64::try_from(wait.whole_seconds()).ok())
                    .map_or(RETRY_AFTER_SECONDS, |seconds| seconds.max(1));
                Self::new(Code::StripeUnavailable)
                    .status_instead(StatusCode::SERVICE_UNAVAILABLE)
                    .retry_after(seconds)
                    .because(error)
            }
            ProviderError::Rejected { code, message }
            | ProviderError::Unauthorized { code, message } => {
                let detail = format!("the payment provider rejected the request ({code})");
                Self::new(Code::StripeError)
                    .because(format!("{detail}: {message}"))
                    .detail(detail)
            }
            ProviderError::NotConfigured => Self::new(Code::StripeNotConfigured).because(error),
        }
    }
}

impl From<CreateIntentError> for Problem {
    fn from(error: CreateIntentError) -> Self {
        let detail = error.to_string();
        match error {
            CreateIntentError::NotAUser => Self::new(Code::Forbidden).detail(detail),
            CreateIntentError::CountryNotSupported => country_not_supported(&detail),
            CreateIntentError::SlugReserved => slug_reserved(&detail),
            CreateIntentError::EarlierPurchaseFailed => {
                Self::new(Code::ConflictFailed).detail(detail)
            }
            CreateIntentError::Store(failure) => failure.into(),
        }
    }
}

impl From<StartCheckoutError> for Problem {
    fn from(error: StartCheckoutError) -> Self {
        let detail = error.to_string();
        match error {
            StartCheckoutError::NotAUser => Self::new(Code::Forbidden).detail(detail),
            StartCheckoutError::AdminEmailMismatch => Self::new(Code::AdminEmailMismatch)
                .field("admin_email", "admin_email_mismatch", detail.as_str())
                .detail(detail),
            // Which of the two names was sent, the route knows.
            StartCheckoutError::UnknownPrice => Self::new(Code::DoesNotExist).detail(detail),
            StartCheckoutError::QuantityOutOfRange { min: _, max: _ } => {
                Self::new(Code::RangeExceeded)
                    .field("quantity", "range_exceeded", detail.as_str())
                    .detail(detail)
            }
            StartCheckoutError::RedirectNotAllowed => {
                Self::new(Code::RedirectNotAllowed).detail(detail)
            }
            StartCheckoutError::CountryNotSupported => country_not_supported(&detail),
            StartCheckoutError::SlugReserved => slug_reserved(&detail),
            StartCheckoutError::EarlierPurchaseFailed => {
                Self::new(Code::ConflictFailed).detail(detail)
            }
            StartCheckoutError::AlreadyPaid => {
                Self::new(Code::CheckoutIntentAlreadyPaid).detail(detail)
            }
            StartCheckoutError::Refused { reason: _ } => {
                Self::new(Code::StripeError).detail(detail)
            }
            StartCheckoutError::Provider(error) => error.into(),
            StartCheckoutError::Store(failure) => failure.into(),
        }
    }
}

fn country_not_supported(detail: &str) -> Problem {
    Problem::new(Code::CountryNotSupported)
        .field("country", "country_not_supported", detail)
        .detail(detail)
}

fn slug_reserved(detail: &str) -> Problem {
    Problem::new(Code::SlugReserved)
        .field("enterprise_slug", "slug_reserved", detail)
        .detail(detail)
}

impl From<ReadIntentsError> for Problem {
    fn from(error: ReadIntentsError) -> Self {
        let detail = error.to_string();
        match error {
            ReadIntentsError::NotFound => Self::new(Code::NotFound).detail(detail),
            ReadIntentsError::NotAUser => Self::new(Code::Forbidden).detail(detail),
            ReadIntentsError::Store(failure) => failure.into(),
        }
    }
}

impl From<AmendIntentError> for Problem {
    fn from(error: AmendIntentError) -> Self {
        let detail = error.to_string();
        match error {
            AmendIntentError::NotFound => Self::new(Code::NotFound).detail(detail),
            AmendIntentError::StateIsForOperators => Self::new(Code::Forbidden)
                .field("state", "forbidden", detail.as_str())
                .detail(detail),
            AmendIntentError::Illegal(_) => Self::new(Code::InvalidTransition)
                .field("state", "invalid_transition", detail.as_str())
                .detail(detail),
            AmendIntentError::CountryNotSupported => country_not_supported(&detail),
            AmendIntentError::Store(failure) => failure.into(),
        }
    }
}

impl From<SyncCheckoutError> for Problem {
    fn from(error: SyncCheckoutError) -> Self {
        let detail = error.to_string();
        match error {
            SyncCheckoutError::NotFound => Self::new(Code::NotFound).detail(detail),
            SyncCheckoutError::LinkedElsewhere => Self::new(Code::LinkedElsewhere).detail(detail),
            SyncCheckoutError::Provider(error) => error.into(),
            SyncCheckoutError::Store(failure) => failure.into(),
        }
    }
}

impl From<RetryProvisioningError> for Problem {
    fn from(error: RetryProvisioningError) -> Self {
        let detail = error.to_string();
        match error {
            RetryProvisioningError::NotAnOperator => Self::new(Code::Forbidden).detail(detail),
            RetryProvisioningError::NotFound => Self::new(Code::NotFound).detail(detail),
            RetryProvisioningError::AlreadyProvisioned => {
                Self::new(Code::AlreadyProvisioned).detail(detail)
            }
            RetryProvisioningError::Store(failure) => failure.into(),
        }
    }
}

impl From<ReceiveWebhookError> for Problem {
    fn from(error: ReceiveWebhookError) -> Self {
        let detail = error.to_string();
        match error {
            ReceiveWebhookError::Refused(
                VerifyError::MissingSignature
                | VerifyError::WrongSignature
                | VerifyError::OutsideTolerance,
            ) => Self::new(Code::InvalidSignature).detail(detail),
            ReceiveWebhookError::Refused(VerifyError::MalformedEnvelope) => {
                Self::new(Code::InvalidEvent).detail(detail)
            }
            ReceiveWebhookError::Refused(VerifyError::WrongMode) => {
                Self::new(Code::WrongMode).detail(detail)
            }
            ReceiveWebhookError::Refused(VerifyError::NotConfigured) => {
                Self::new(Code::StripeNotConfigured).because(error)
            }
            ReceiveWebhookError::Store(failure) => not_durable(failure),
        }
    }
}

/// Whatever kept a delivery from being durable, the provider is asked to deliver it again.
fn not_durable(failure: StoreFailure) -> Problem {
    match failure {
        StoreFailure::Unavailable(_)
        | StoreFailure::Conflict
        | StoreFailure::AlreadyApplied
        | StoreFailure::Duplicate(_) => Problem::new(Code::StoreUnavailable)
            .retry_after(RETRY_AFTER_SECONDS)
            .because(failure),
        StoreFailure::Inconsistent(_) => Problem::new(Code::InternalError).because(failure),
    }
}

impl From<ReadLicensesError> for Problem {
    fn from(error: ReadLicensesError) -> Self {
        let detail = error.to_string();
        match error {
            ReadLicensesError::NotFound => Self::new(Code::NotFound).detail(detail),
            ReadLicensesError::Store(failure) => failure.into(),
        }
    }
}

impl From<AssignLicensesError> for Problem {
    fn from(error: AssignLicensesError) -> Self {
        let detail = error.to_string();
        match error {
            AssignLicensesError::NotFound => Self::new(Code::NotFound).detail(detail),
            AssignLicensesError::PlanNotCurrent => Self::new(Code::PlanNotCurrent).detail(detail),
            AssignLicensesError::NotEnoughLicenses {
                wanted: _,
                available: _,
            } => Self::new(Code::NotEnoughLicenses)
                .field("user_emails", "not_enough_licenses", detail.as_str())
                .detail(detail),
            AssignLicensesError::Store(failure) => failure.into(),
        }
    }
}

impl From<ActivateLicenseError> for Problem {
    fn from(error: ActivateLicenseError) -> Self {
        let detail = error.to_string();
        match error {
            ActivateLicenseError::NotAUser => Self::new(Code::Forbidden).detail(detail),
            ActivateLicenseError::NotFound => Self::new(Code::NotFound).detail(detail),
            ActivateLicenseError::Revoked => Self::new(Code::LicenseRevoked).detail(detail),
            ActivateLicenseError::Store(failure) => failure.into(),
        }
    }
}

impl From<RevokeLicenseError> for Problem {
    fn from(error: RevokeLicenseError) -> Self {
        let detail = error.to_string();
        match error {
            RevokeLicenseError::NotFound => Self::new(Code::NotFound).detail(detail),
            RevokeLicenseError::NotAssigned => Self::new(Code::LicenseNotAssigned).detail(detail),
            RevokeLicenseError::Store(failure) => failure.into(),
        }
    }
}

impl From<CheckEntitlementError> for Problem {
    fn from(error: CheckEntitlementError) -> Self {
        let detail = error.to_string();
        match error {
            CheckEntitlementError::OtherProject => Self::new(Code::OtherProject).detail(detail),
            CheckEntitlementError::UserNotFound => Self::new(Code::UserNotFound).detail(detail),
            CheckEntitlementError::NotAllowed => Self::new(Code::Forbidden).detail(detail),
            CheckEntitlementError::Store(failure) => failure.into(),
        }
    }
}

impl From<AuthenticateAppError> for Problem {
    fn from(error: AuthenticateAppError) -> Self {
        let detail = error.to_string();
        match error {
            AuthenticateAppError::InvalidKey => Self::new(Code::InvalidApiKey).detail(detail),
            AuthenticateAppError::Inactive => Self::new(Code::ProjectInactive).detail(detail),
            AuthenticateAppError::Store(failure) => failure.into(),
        }
    }
}
