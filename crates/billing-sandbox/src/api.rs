//! Stripe's endpoints: each area has its own routes, and refuses what it does not simulate.

pub(crate) mod balance;
pub(crate) mod catalogue;
pub(crate) mod charges;
pub(crate) mod checkout;
pub(crate) mod coupons;
pub(crate) mod credit_grants;
pub(crate) mod credit_notes;
pub(crate) mod customer_balance;
pub(crate) mod customers;
pub(crate) mod disputes;
pub(crate) mod entitlements;
pub(crate) mod invoice_items;
pub(crate) mod invoices;
pub(crate) mod list;
pub(crate) mod metadata;
pub(crate) mod meter_events;
pub(crate) mod meters;
pub(crate) mod notifications;
pub(crate) mod payment_methods;
pub(crate) mod payments;
pub(crate) mod plans;
pub(crate) mod portal;
pub(crate) mod products;
pub(crate) mod refunds;
pub(crate) mod routes;
pub(crate) mod schedules;
pub(crate) mod search;
pub(crate) mod setup_intents;
pub(crate) mod shipping;
pub(crate) mod subscription_items;
pub(crate) mod subscriptions;
pub(crate) mod tax;
pub(crate) mod test_clocks;
pub(crate) mod thin_events;
pub(crate) mod tokens;
pub(crate) mod usage_records;

use crate::json::Value;

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
    /// Names of parameters, at any depth, that Stripe knows and this endpoint answers with 501.
    pub(crate) lacks: &'static str,
}

impl Route {
    /// Parameters that would change money or a life in a way that is not simulated; taking them
    /// silently would be a made-up success.
    const fn lacks(mut self, names: &'static str) -> Self {
        self.lacks = names;
        self
    }
}

const fn route(endpoint: &'static str, run: fn(&mut Call<'_>) -> Answer) -> Route {
    Route {
        endpoint,
        run,
        lacks: "",
    }
}
