//! Stripe's endpoints: which exist here, which function answers them, and what is refused as not simulated.

pub(crate) mod catalogue;
pub(crate) mod checkout;
pub(crate) mod customers;
pub(crate) mod invoices;
pub(crate) mod list;
pub(crate) mod notifications;
pub(crate) mod payments;
pub(crate) mod search;
pub(crate) mod subscriptions;

use serde_json::{Map, Value, json};

use crate::account::Account;
use crate::http::error::StripeError;
use crate::http::params::Params;
use crate::shape::version::Version;

/// One call of an endpoint.
pub(crate) struct Call<'a> {
    pub(crate) account: &'a mut Account,
    pub(crate) params: Params,
    /// The ids in the path.
    pub(crate) ids: Vec<String>,
    pub(crate) version: Version,
}

impl Call<'_> {
    pub(crate) fn id(&self) -> String {
        self.ids.first().cloned().unwrap_or_default()
    }
}

pub(crate) type Answer = Result<Value, StripeError>;

pub(crate) struct Route {
    /// Method and path, ids as `{}`; also the key into the table of parameters.
    pub(crate) endpoint: &'static str,
    pub(crate) run: fn(&mut Call<'_>) -> Answer,
}

const fn route(endpoint: &'static str, run: fn(&mut Call<'_>) -> Answer) -> Route {
    Route { endpoint, run }
}

/// Literal paths come before the patterns that would match them.
static ROUTES: &[Route] = &[
    route("POST /v1/customers", customers::create),
    route("GET /v1/customers", customers::list),
    route("GET /v1/customers/search", customers::search),
    route("GET /v1/customers/{}", customers::retrieve),
    route("POST /v1/customers/{}", customers::update),
    route("DELETE /v1/customers/{}", customers::delete),
    route(
        "GET /v1/customers/{}/payment_methods",
        payments::list_of_customer,
    ),
    route("POST /v1/products", catalogue::create_product),
    route("GET /v1/products", catalogue::list_products),
    route("GET /v1/products/{}", catalogue::retrieve_product),
    route("POST /v1/products/{}", catalogue::update_product),
    route("DELETE /v1/products/{}", catalogue::delete_product),
    route("POST /v1/prices", catalogue::create_price),
    route("GET /v1/prices", catalogue::list_prices),
    route("GET /v1/prices/{}", catalogue::retrieve_price),
    route("POST /v1/prices/{}", catalogue::update_price),
    route("POST /v1/checkout/sessions", checkout::create),
    route("GET /v1/checkout/sessions", checkout::list),
    route("GET /v1/checkout/sessions/{}", checkout::retrieve),
    route("POST /v1/checkout/sessions/{}", checkout::update),
    route("POST /v1/checkout/sessions/{}/expire", checkout::expire),
    route(
        "GET /v1/checkout/sessions/{}/line_items",
        checkout::line_items,
    ),
    route("POST /v1/payment_intents", payments::create_intent),
    route("GET /v1/payment_intents", payments::list_intents),
    route("GET /v1/payment_intents/{}", payments::retrieve_intent),
    route(
        "POST /v1/payment_intents/{}/confirm",
        payments::confirm_intent,
    ),
    route(
        "POST /v1/payment_intents/{}/cancel",
        payments::cancel_intent,
    ),
    route("POST /v1/payment_methods", payments::create_method),
    route("GET /v1/payment_methods", payments::list_methods),
    route("GET /v1/payment_methods/{}", payments::retrieve_method),
    route(
        "POST /v1/payment_methods/{}/attach",
        payments::attach_method,
    ),
    route(
        "POST /v1/payment_methods/{}/detach",
        payments::detach_method,
    ),
    route("GET /v1/setup_intents/{}", payments::retrieve_setup_intent),
    route("GET /v1/charges", payments::list_charges),
    route("GET /v1/charges/{}", payments::retrieve_charge),
    route("POST /v1/subscriptions", subscriptions::create),
    route("GET /v1/subscriptions", subscriptions::list),
    route("GET /v1/subscriptions/{}", subscriptions::retrieve),
    route("POST /v1/subscriptions/{}", subscriptions::update),
    route("DELETE /v1/subscriptions/{}", subscriptions::cancel),
    route("GET /v1/subscription_items", subscriptions::list_items),
    route(
        "GET /v1/subscription_items/{}",
        subscriptions::retrieve_item,
    ),
    route("GET /v1/invoices", invoices::list_invoices),
    route("GET /v1/invoices/{}", invoices::retrieve_invoice),
    route("GET /v1/invoices/{}/lines", invoices::invoice_lines),
    route("POST /v1/invoices/{}/pay", invoices::pay_invoice),
    route("POST /v1/invoices/{}/finalize", invoices::finalize_invoice),
    route("GET /v1/invoice_payments", invoices::list_invoice_payments),
    route(
        "GET /v1/invoice_payments/{}",
        invoices::retrieve_invoice_payment,
    ),
    route("GET /v1/events", notifications::list_events),
    route("GET /v1/events/{}", notifications::retrieve_event),
    route("POST /v1/webhook_endpoints", notifications::create_endpoint),
    route("GET /v1/webhook_endpoints", notifications::list_endpoints),
    route(
        "GET /v1/webhook_endpoints/{}",
        notifications::retrieve_endpoint,
    ),
    route(
        "POST /v1/webhook_endpoints/{}",
        notifications::update_endpoint,
    ),
    route(
        "DELETE /v1/webhook_endpoints/{}",
        notifications::delete_endpoint,
    ),
    route("GET /v1/account", notifications::retrieve_account),
];

/// What Stripe has below `/v1/`; anything else is an address that Stripe does not know either.
const ROOTS: &str = " account account_links account_sessions accounts apple_pay application_fees \
    apps balance balance_settings balance_transactions billing billing_portal charges checkout \
    climate confirmation_tokens country_specs coupons credit_notes customer_sessions customers \
    disputes entitlements ephemeral_keys events exchange_rates external_accounts file_links files \
    financial_connections forwarding identity invoice_payments invoice_rendering_templates \
    invoiceitems invoices issuing linked_accounts mandates payment_attempt_records \
    payment_intents payment_links payment_method_configurations payment_method_domains \
    payment_methods payment_records payouts plans prices products promotion_codes quotes radar \
    refunds reporting reviews setup_attempts setup_intents shipping_rates sigma sources \
    subscription_items subscription_schedules subscriptions tax tax_codes tax_ids tax_rates \
    terminal test_helpers tokens topups transfers treasury webhook_endpoints ";

/// The route of a request and the ids in its path.
pub(crate) fn find(method: &str, path: &str) -> Result<(&'static Route, Vec<String>), StripeError> {
    for route in ROUTES {
        let Some((verb, pattern)) = route.endpoint.split_once(' ') else {
            continue;
        };
        if verb == method
            && let Some(ids) = matched(pattern, path)
        {
            return Ok((route, ids));
        }
    }
    let root = path
        .trim_start_matches("/v1/")
        .split('/')
        .next()
        .unwrap_or_default();
    let is_stripes =
        ROOTS.contains(&format!(" {root} ")) && matches!(method, "GET" | "POST" | "DELETE");
    if is_stripes && !path.ends_with('/') {
        let supported: Vec<&str> = ROUTES.iter().map(|route| route.endpoint).collect();
        return Err(StripeError::not_simulated(&format!("{method} {path}"))
            .with("supported", json!(supported)));
    }
    let hint = if path.ends_with('/') {
        " If you are trying to list objects, remove the trailing slash. If you are trying to \
         retrieve an object, make sure you passed a valid (non-empty) identifier in your code."
    } else {
        ""
    };
    Err(StripeError::invalid(format!(
        "Unrecognized request URL ({method}: {path}).{hint} Please see https://stripe.com/docs or \
         we can help at https://support.stripe.com/."
    ))
    .status(404)
    .validation())
}

fn matched(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut ids = Vec::new();
    let mut parts = path.split('/');
    for expected in pattern.split('/') {
        let part = parts.next()?;
        match expected {
            "{}" if !part.is_empty() => ids.push(crate::http::form::decode(part)),
            _ if expected == part => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(ids)
}

/// Parameters that change money or a life in a way that is not simulated; taking them silently
/// would be a made-up success.
#[rustfmt::skip]
const UNSIMULATED: &[&str] = &[
    "add_invoice_items", "adjustable_quantity", "after_expiration", "application_fee_amount",
    "application_fee_percent", "backdate_start_date", "billing_cycle_anchor", "billing_cycle_anchor_config",
    "billing_schedules", "billing_thresholds", "cancel_at", "consent_collection",
    "coupon", "currency_options", "custom_fields", "custom_unit_amount",
    "default_tax_rates", "discounts", "hooks", "invoice_creation",
    "on_behalf_of", "optional_items", "paid_out_of_band", "pause_collection",
    "pending_invoice_item_interval", "phone_number_collection", "promotion_code", "proration_date",
    "shipping_address_collection", "shipping_options", "tax_id_collection", "tax_id_data",
    "tax_rates", "test_clock", "tiers", "transfer_data",
    "transform_quantity", "trial_from_plan",
];

/// Answers 501 to parameters that are known to Stripe but not simulated.
pub(crate) fn refuse_unsimulated(endpoint: &str, params: &Params) -> Result<(), StripeError> {
    if !endpoint.starts_with("POST") {
        return Ok(());
    }
    let found = params
        .0
        .as_object()
        .and_then(|members| unsimulated(members, ""));
    match found {
        Some(path) => {
            Err(StripeError::not_simulated(&format!("the parameter {path}")).param(&path))
        }
        None => Ok(()),
    }
}

fn unsimulated(members: &Map<String, Value>, at: &str) -> Option<String> {
    for (name, value) in members {
        let path = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}[{name}]")
        };
        if matches!(name.as_str(), "metadata" | "payment_method_options") || value.is_null() {
            continue;
        }
        let is_set =
            value.as_array().is_none_or(|items| !items.is_empty()) && value["enabled"] != false;
        if is_set && UNSIMULATED.contains(&name.as_str()) {
            return Some(path);
        }
        if name == "billing_mode" && value["type"] == "classic" {
            return Some(format!("{path}[type]=classic"));
        }
        if name == "automatic_tax" && value["enabled"] == true {
            return Some(format!("{path}[enabled]"));
        }
        let inner = match value {
            Value::Object(inner) => unsimulated(inner, &path),
            Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
                item.as_object()
                    .and_then(|inner| unsimulated(inner, &format!("{path}[{index}]")))
            }),
            _ => None,
        };
        if inner.is_some() {
            return inner;
        }
    }
    None
}

const METADATA_KEYS_MAX: usize = 50;
const METADATA_KEY_CHARS_MAX: usize = 40;
const METADATA_VALUE_CHARS_MAX: usize = 500;

/// What metadata becomes: named keys are set, empty values delete theirs, an empty whole clears it.
pub(crate) fn merged_metadata(old: &Value, sent: Option<&Value>) -> Result<Value, StripeError> {
    let mut merged = old.as_object().cloned().unwrap_or_default();
    match sent {
        None => {}
        Some(Value::Object(members)) => {
            for (key, value) in members {
                let text = value.as_str().unwrap_or_default();
                let chars = text.chars().count();
                if key.chars().count() > METADATA_KEY_CHARS_MAX {
                    return Err(StripeError::invalid(format!(
                        "Metadata keys can have up to {METADATA_KEY_CHARS_MAX} characters, but you \
                         passed in a key that is {} characters. Invalid key: {key}",
                        key.chars().count()
                    ))
                    .param("metadata"));
                }
                if chars > METADATA_VALUE_CHARS_MAX {
                    return Err(StripeError::invalid(format!(
                        "Metadata values can have up to {METADATA_VALUE_CHARS_MAX} characters, but \
                         you passed in a value that is {chars} characters. Invalid value: {text}"
                    ))
                    .param("metadata"));
                }
                if text.is_empty() {
                    merged.shift_remove(key);
                } else {
                    merged.insert(key.clone(), json!(text));
                }
            }
        }
        Some(_) => merged.clear(),
    }
    if merged.len() > METADATA_KEYS_MAX {
        return Err(StripeError::invalid(format!(
            "Metadata can have up to {METADATA_KEYS_MAX} keys, but you've set {}.",
            merged.len()
        ))
        .param("metadata"));
    }
    Ok(Value::Object(merged))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_has_its_line_in_the_table_of_parameters() {
        let routes: BTreeSet<&str> = ROUTES.iter().map(|route| route.endpoint).collect();
        let lines: BTreeSet<&str> = crate::http::params::endpoints().collect();
        assert_eq!(routes, lines);
        assert_eq!(routes.len(), ROUTES.len(), "no route twice");
    }

    #[test]
    fn literal_paths_win_over_ids() {
        let (route, ids) = find("GET", "/v1/customers/search").unwrap();
        assert_eq!((route.endpoint, ids.len()), ("GET /v1/customers/search", 0));
        let (route, ids) = find("GET", "/v1/customers/cus_1").unwrap();
        assert_eq!(
            (route.endpoint, ids[0].as_str()),
            ("GET /v1/customers/{}", "cus_1")
        );
    }
}
