//! What an operator sees of the errors of the inbox's use cases.

use billing_domain::provider_events::discard_provider_event::DiscardProviderEventError;
use billing_domain::provider_events::list_provider_events::ListProviderEventsError;
use billing_domain::provider_events::replay_provider_event::ReplayProviderEventError;
use billing_domain::provider_events::replay_provider_events::ReplayProviderEventsError;
use billing_domain::provider_events::show_provider_event::ShowProviderEventError;

use super::Problem;
use super::code::Code;

impl From<ListProviderEventsError> for Problem {
    fn from(error: ListProviderEventsError) -> Self {
        let detail = error.to_string();
        match error {
            ListProviderEventsError::NotAnOperator => Self::new(Code::Forbidden).detail(detail),
            ListProviderEventsError::Store(failure) => failure.into(),
        }
    }
}

impl From<ShowProviderEventError> for Problem {
    fn from(error: ShowProviderEventError) -> Self {
        let detail = error.to_string();
        match error {
            ShowProviderEventError::NotAnOperator => Self::new(Code::Forbidden).detail(detail),
            ShowProviderEventError::NotFound => Self::new(Code::NotFound).detail(detail),
            ShowProviderEventError::Store(failure) => failure.into(),
        }
    }
}

impl From<ReplayProviderEventError> for Problem {
    fn from(error: ReplayProviderEventError) -> Self {
        let detail = error.to_string();
        match error {
            ReplayProviderEventError::NotAnOperator => Self::new(Code::Forbidden).detail(detail),
            ReplayProviderEventError::NotFound => Self::new(Code::NotFound).detail(detail),
            ReplayProviderEventError::Applied(_) => {
                Self::new(Code::EventAlreadyApplied).detail(detail)
            }
            ReplayProviderEventError::Store(failure) => failure.into(),
        }
    }
}

impl From<ReplayProviderEventsError> for Problem {
    fn from(error: ReplayProviderEventsError) -> Self {
        let detail = error.to_string();
        match error {
            ReplayProviderEventsError::NotAnOperator => Self::new(Code::Forbidden).detail(detail),
            ReplayProviderEventsError::Store(failure) => failure.into(),
        }
    }
}

impl From<DiscardProviderEventError> for Problem {
    fn from(error: DiscardProviderEventError) -> Self {
        let detail = error.to_string();
        match error {
            DiscardProviderEventError::NotAnOperator => Self::new(Code::Forbidden).detail(detail),
            DiscardProviderEventError::NotFound => Self::new(Code::NotFound).detail(detail),
            DiscardProviderEventError::Applied(_) => {
                Self::new(Code::EventAlreadyApplied).detail(detail)
            }
            DiscardProviderEventError::Store(failure) => failure.into(),
        }
    }
}
