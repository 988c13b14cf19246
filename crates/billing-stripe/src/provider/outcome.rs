//! Sorts Stripe's refusals: a final no to this sale, our bug, or nothing known yet.

use billing_domain::kernel::provider::ProviderError;

use crate::transport::{ApiError, CallError};

/// Codes that are a no to one sale, whatever parameter they are about.
const SALE_CODES: [&str; 9] = [
    "amount_too_large",
    "amount_too_small",
    "country_unsupported",
    "customer_tax_location_invalid",
    "email_invalid",
    "payment_method_unsupported_type",
    "price_inactive",
    "product_inactive",
    "url_invalid",
];

/// Codes of requests that we built wrongly, also where they are about what is sold.
fn is_our_bug(code: &str) -> bool {
    code.starts_with("parameter")
        || matches!(
            code,
            "api_key_expired"
                | "secret_key_required"
                | "livemode_mismatch"
                | "testmode_charges_only"
        )
}

/// The reason of a final no to this sale; `None` for every other error.
///
/// Final are: a declined card (402), a code of [`SALE_CODES`], and a refused line item that is
/// not one of our own mistakes (an inactive or missing price, a price of the other kind).
pub(super) fn refusal(error: &CallError) -> Option<String> {
    let CallError::Refused(error) = error else {
        return None;
    };
    if !matches!(error.status, 400 | 402 | 404) || error.kind == "idempotency_error" {
        return None;
    }
    let code = error.code.as_deref();
    let is_about_items = error
        .param
        .as_deref()
        .is_some_and(|param| param.starts_with("line_items"));
    let is_final = error.kind == "card_error"
        || code.is_some_and(|code| SALE_CODES.contains(&code))
        || (is_about_items && !code.is_some_and(is_our_bug));
    is_final.then(|| code.unwrap_or("price_not_accepted").to_owned())
}

/// Every error that is not an answer to a sale.
pub(super) fn failure(error: CallError) -> ProviderError {
    match error {
        CallError::NotConfigured => ProviderError::NotConfigured,
        CallError::Unreachable(source) => ProviderError::Unreachable(source),
        CallError::Refused(error) => match error.status {
            429 => ProviderError::RateLimited {
                retry_after: error
                    .retry_after
                    .and_then(|pause| time::Duration::try_from(pause).ok()),
            },
            // A lock, or the same key in flight: what became of the other request is unknown.
            408 | 409 | 500..=599 => {
                ProviderError::Unreachable(Box::new(CallError::Refused(error)))
            }
            401 | 403 => ProviderError::Unauthorized {
                code: code_of(&error, error.status),
                message: message_of(&error),
            },
            status => rejected(&code_of(&error, status), &message_of(&error)),
        },
    }
}

fn code_of(error: &ApiError, status: u16) -> String {
    let is_about_customer = error.param.as_deref() == Some("customer");
    match error.code.as_deref() {
        // The one object that the caller can make again (B-045).
        Some("resource_missing") if is_about_customer => "customer_missing".to_owned(),
        Some(code) => code.to_owned(),
        None if error.kind == "idempotency_error" => error.kind.clone(),
        None => format!("http_{status}"),
    }
}

fn message_of(error: &ApiError) -> String {
    let param = error.param.as_deref().unwrap_or("-");
    let request = error.request_id.as_deref().unwrap_or("-");
    format!("{} (param {param}, request {request})", error.message)
}

pub(super) fn rejected(code: &str, message: &str) -> ProviderError {
    ProviderError::Rejected {
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

/// Whether Stripe has no such object.
pub(super) fn is_missing(error: &CallError) -> bool {
    matches!(error, CallError::Refused(error)
        if error.status == 404 && error.code.as_deref() == Some("resource_missing"))
}

/// Whether the same key came with other parameters before.
pub(super) fn is_key_reused(error: &CallError) -> bool {
    matches!(error, CallError::Refused(error)
        if error.status == 400 && error.kind == "idempotency_error")
}

/// Whether Stripe remembers a failure of its own under the key, and will repeat it for a day.
pub(super) fn is_remembered_failure(error: &CallError) -> bool {
    matches!(error, CallError::Refused(error) if error.is_replay && error.status >= 500)
}

/// Whether Stripe understood the request and did not want it.
pub(super) fn is_invalid_request(error: &CallError) -> bool {
    matches!(error, CallError::Refused(error) if matches!(error.status, 400 | 404))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, kind: &str, code: Option<&str>, param: Option<&str>) -> CallError {
        CallError::Refused(Box::new(ApiError {
            status,
            kind: kind.to_owned(),
            code: code.map(str::to_owned),
            param: param.map(str::to_owned),
            message: "words".to_owned(),
            request_id: Some("req_1".to_owned()),
            retry_after: None,
            should_retry: None,
            is_replay: false,
        }))
    }

    #[test]
    fn a_no_to_the_sale_is_told_from_our_bug_and_from_not_knowing() {
        let invalid = "invalid_request_error";
        let price = Some("line_items[0][price]");
        let cases = [
            (
                402,
                "card_error",
                Some("card_declined"),
                None,
                "refused card_declined",
            ),
            (400, invalid, None, price, "refused price_not_accepted"),
            (
                400,
                invalid,
                Some("resource_missing"),
                price,
                "refused resource_missing",
            ),
            (
                400,
                invalid,
                Some("url_invalid"),
                Some("success_url"),
                "refused url_invalid",
            ),
            (
                400,
                invalid,
                Some("parameter_unknown"),
                price,
                "rejected parameter_unknown",
            ),
            (
                400,
                invalid,
                Some("parameter_missing"),
                Some("mode"),
                "rejected parameter_missing",
            ),
            (
                400,
                invalid,
                Some("resource_missing"),
                Some("customer"),
                "rejected customer_missing",
            ),
            (
                400,
                "idempotency_error",
                None,
                None,
                "rejected idempotency_error",
            ),
            (401, invalid, None, None, "unauthorized http_401"),
            (
                403,
                invalid,
                Some("account_invalid"),
                None,
                "unauthorized account_invalid",
            ),
            (404, "", None, None, "rejected http_404"),
            (302, "", None, None, "rejected http_302"),
            (
                409,
                invalid,
                Some("idempotency_key_in_use"),
                None,
                "unreachable",
            ),
            (409, invalid, Some("lock_timeout"), None, "unreachable"),
            (429, invalid, Some("rate_limit"), None, "rate limited"),
            (500, "api_error", None, None, "unreachable"),
        ];
        for (status, kind, code, param, expected) in cases {
            let error = refused(status, kind, code, param);
            let outcome = match (refusal(&error), failure(error)) {
                (Some(reason), _) => format!("refused {reason}"),
                (None, ProviderError::Rejected { code, .. }) => format!("rejected {code}"),
                (None, ProviderError::Unauthorized { code, .. }) => format!("unauthorized {code}"),
                (None, ProviderError::Unreachable(_)) => "unreachable".to_owned(),
                (None, ProviderError::RateLimited { .. }) => "rate limited".to_owned(),
                (None, ProviderError::NotConfigured) => "not configured".to_owned(),
            };
            assert_eq!(outcome, expected, "{status} {code:?} {param:?}");
        }
    }
}
