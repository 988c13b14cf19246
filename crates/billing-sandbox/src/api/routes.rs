//! Finds the route of a request, and says what there is where there is none.

use crate::json::{Map, Value, json};

use crate::api::{
    Route, balance, catalogue, charges, checkout, coupons, credit_grants, credit_notes,
    customer_balance, customers, disputes, entitlements, invoice_items, invoices, meter_events,
    meters, notifications, payment_methods, payments, plans, portal, products, refunds, schedules,
    search, setup_intents, shipping, subscription_items, subscriptions, tax, test_clocks,
    thin_events, tokens, usage_records,
};
use crate::http::error::StripeError;
use crate::http::params::{self, Params};
use crate::shape::version::Version;

/// The routes of every area. Within an area, literal paths come before patterns that would match them.
static AREAS: &[&[Route]] = &[
    search::ROUTES,
    balance::ROUTES,
    catalogue::ROUTES,
    charges::ROUTES,
    checkout::ROUTES,
    coupons::ROUTES,
    credit_grants::ROUTES,
    credit_notes::ROUTES,
    customer_balance::ROUTES,
    customers::ROUTES,
    disputes::ROUTES,
    entitlements::ROUTES,
    invoice_items::ROUTES,
    invoices::ROUTES,
    meter_events::ROUTES,
    meters::ROUTES,
    notifications::ROUTES,
    payment_methods::ROUTES,
    payments::ROUTES,
    plans::ROUTES,
    portal::ROUTES,
    products::ROUTES,
    refunds::ROUTES,
    schedules::ROUTES,
    setup_intents::ROUTES,
    shipping::ROUTES,
    subscription_items::ROUTES,
    subscriptions::ROUTES,
    tax::ROUTES,
    test_clocks::ROUTES,
    thin_events::ROUTES,
    tokens::ROUTES,
    usage_records::ROUTES,
];

pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    AREAS.iter().copied().flatten()
}

/// What is simulated, and which parameters of it are not.
pub(crate) fn table() -> Vec<Value> {
    all()
        .map(|route| {
            let lacks: Vec<&str> = route.lacks.split_ascii_whitespace().collect();
            json!({ "endpoint": route.endpoint, "not_simulated": lacks })
        })
        .collect()
}

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
pub(crate) fn find(
    method: &str,
    path: &str,
    version: Version,
) -> Result<(&'static Route, Vec<String>), StripeError> {
    for route in all() {
        let Some((verb, pattern)) = route.endpoint.split_once(' ') else {
            continue;
        };
        if verb == method
            && let Some(ids) = matched(pattern, path)
            && params::exists(route.endpoint, version)
        {
            return Ok((route, ids));
        }
    }
    let root = path
        .trim_start_matches("/v1/")
        .split('/')
        .next()
        .unwrap_or_default();
    // A path that the table knows exists by the table's methods and in their versions alone.
    let described: Vec<&str> = params::endpoints()
        .filter(|endpoint| {
            let pattern = endpoint.split_once(' ').map_or("", |(_, pattern)| pattern);
            matched(pattern, path).is_some()
        })
        .collect();
    let is_stripes = if described.is_empty() {
        ROOTS.contains(&format!(" {root} ")) && matches!(method, "GET" | "POST" | "DELETE")
    } else {
        described.iter().any(|endpoint| {
            endpoint
                .split_once(' ')
                .is_some_and(|(verb, _)| verb == method)
                && params::exists(endpoint, version)
        })
    };
    if is_stripes && !path.ends_with('/') {
        let supported: Vec<&str> = all().map(|route| route.endpoint).collect();
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
    .validation()
    .unlogged())
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

/// Answers 501 to parameters that are known to Stripe but not simulated.
pub(crate) fn refuse_unsimulated(route: &Route, params: &Params) -> Result<(), StripeError> {
    let lacks: Vec<&str> = route.lacks.split_ascii_whitespace().collect();
    if lacks.is_empty() {
        return Ok(());
    }
    let found = params
        .0
        .as_object()
        .and_then(|members| unsimulated(members, &lacks, ""));
    match found {
        Some(path) => {
            Err(StripeError::not_simulated(&format!("the parameter {path}")).param(&path))
        }
        None => Ok(()),
    }
}

fn unsimulated(members: &Map, lacks: &[&str], at: &str) -> Option<String> {
    for (name, value) in members {
        let path = if at.is_empty() {
            name.to_string()
        } else {
            format!("{at}[{name}]")
        };
        if matches!(name.as_str(), "metadata" | "payment_method_options") || value.is_null() {
            continue;
        }
        let is_set =
            value.as_array().is_none_or(|items| !items.is_empty()) && value["enabled"] != false;
        if is_set && lacks.contains(&name.as_str()) {
            return Some(path);
        }
        if name == "billing_mode" && value["type"] == "classic" && lacks.contains(&"classic") {
            return Some(format!("{path}[type]=classic"));
        }
        let inner = match value {
            Value::Object(inner) => unsimulated(inner, lacks, &path),
            Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
                item.as_object()
                    .and_then(|inner| unsimulated(inner, lacks, &format!("{path}[{index}]")))
            }),
            _ => None,
        };
        if inner.is_some() {
            return inner;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_one_of_stripes_endpoints_and_there_once() {
        let routes: BTreeSet<&str> = all().map(|route| route.endpoint).collect();
        assert_eq!(routes.len(), all().count(), "no route twice");
        for endpoint in routes.into_iter().filter(|e| e.contains(" /v1/")) {
            assert!(
                params::endpoints().any(|known| known == endpoint),
                "{endpoint}"
            );
        }
    }

    #[test]
    fn literal_paths_win_over_ids() {
        let newest = Version::newest();
        let (route, ids) = find("GET", "/v1/customers/search", newest).unwrap();
        assert_eq!((route.endpoint, ids.len()), ("GET /v1/customers/search", 0));
        let (route, ids) = find("GET", "/v1/customers/cus_1", newest).unwrap();
        assert_eq!(
            (route.endpoint, ids[0].as_str()),
            ("GET /v1/customers/{}", "cus_1")
        );
    }
}
