//! How the pinned version spells what the request builders say in the newest one.

use stripe_client_core::RequestBuilder;
use stripe_shared::CheckoutSessionUiMode;

use billing_domain::checkout::intent::CheckoutUi;

/// Since this version `ui_mode` is `hosted_page` or `elements`; before, `hosted` or `custom`.
const PAGES_SINCE: &str = "2026-03-25";

/// Since this version `payment_method_types` is gone and methods are filtered instead.
const FILTERS_SINCE: &str = "2026-09-30";

/// The spelling of one version. Versions begin with a date, so they are ordered as texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect<'a>(pub(super) &'a str);

impl Dialect<'_> {
    pub(super) fn ui_mode(self, ui: CheckoutUi) -> CheckoutSessionUiMode {
        let has_pages = self.0 >= PAGES_SINCE;
        match (ui, has_pages) {
            (CheckoutUi::Hosted, true) => CheckoutSessionUiMode::HostedPage,
            (CheckoutUi::Custom, true) => CheckoutSessionUiMode::Elements,
            (CheckoutUi::Hosted, false) => CheckoutSessionUiMode::Unknown("hosted".to_owned()),
            (CheckoutUi::Custom, false) => CheckoutSessionUiMode::Unknown("custom".to_owned()),
        }
    }

    /// Whether methods are filtered by `allowed_payment_method_types`.
    pub(super) fn has_method_filter(self) -> bool {
        self.0 >= FILTERS_SINCE
    }

    /// Adds "card only" where the version has it as `payment_method_types`, which the builder of
    /// the newest version does not know.
    pub(super) fn with_card_only(self, mut request: RequestBuilder) -> RequestBuilder {
        if !self.has_method_filter() {
            let body = request.body.get_or_insert_default();
            body.push_str("&payment_method_types[0]=card");
        }
        request
    }
}
