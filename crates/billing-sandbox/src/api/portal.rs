//! Billing portal: configurations and sessions.

pub(crate) mod acts;
mod configuration;
pub(crate) mod session;

use crate::api::{Route, route};

pub(crate) static ROUTES: &[Route] = &[
    route(
        "POST /v1/billing_portal/configurations",
        configuration::create,
    )
    .lacks("subscription_pause feedback_options payment_method_configuration"),
    route("GET /v1/billing_portal/configurations", configuration::list),
    route(
        "GET /v1/billing_portal/configurations/{}",
        configuration::retrieve,
    ),
    route(
        "POST /v1/billing_portal/configurations/{}",
        configuration::update,
    )
    .lacks("subscription_pause feedback_options payment_method_configuration"),
    route("POST /v1/billing_portal/sessions", session::create)
        .lacks("on_behalf_of subscription_pause retention"),
];
