//! The billing portal: what its default configuration allows.

use crate::json::{Value, json};

use crate::account::Account;

/// Why people cancel, in the order in which Stripe asks.
pub(crate) const REASONS: &[&str] = &[
    "too_expensive",
    "missing_features",
    "switched_service",
    "unused",
    "customer_service",
    "too_complex",
    "low_quality",
    "other",
];

/// What a feature is when nothing is said about it.
pub(crate) fn plain_features() -> Value {
    json!({
        "customer_update": { "allowed_updates": [], "enabled": false },
        "invoice_history": { "enabled": false },
        "payment_method_update": { "enabled": false, "payment_method_configuration": null },
        "subscription_cancel": {
            "cancellation_reason": {
                "enabled": false, "feedback_options": null,
                "options": ["too_expensive", "missing_features", "switched_service", "unused", "other"],
            },
            "enabled": false,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_pause": {
            "duration": { "interval_options": [], "type": "indefinite" }, "enabled": false,
        },
        "subscription_update": {
            "billing_cycle_anchor": null,
            "default_allowed_updates": [],
            "enabled": false,
            "proration_behavior": "none",
            "schedule_at_period_end": { "conditions": [] },
            "trial_update_behavior": "end_trial",
        },
    })
}

/// The configuration that sessions have which name none. At Stripe it is made when the settings of
/// the portal are saved in the dashboard; here they are saved when they are first needed.
pub(crate) fn default_configuration(account: &mut Account) -> String {
    let found = account
        .rows("billing_portal.configuration")
        .find(|row| row["is_default"] == true)
        .and_then(|row| row["id"].as_str());
    if let Some(id) = found {
        return id.to_owned();
    }
    let mut features = plain_features();
    features["customer_update"] = json!({
        "allowed_updates": ["email", "name", "address", "phone", "tax_id"], "enabled": true,
    });
    features["subscription_cancel"]["cancellation_reason"]["options"] = json!(REASONS);
    for name in [
        "invoice_history",
        "payment_method_update",
        "subscription_cancel",
    ] {
        features[name]["enabled"] = json!(true);
    }
    features["subscription_cancel"]["cancellation_reason"]["enabled"] = json!(true);
    insert(account, &features, true)
}

/// Stores a configuration of these features.
pub(crate) fn insert(account: &mut Account, features: &Value, is_default: bool) -> String {
    let id = account.ids.next("bpc_");
    account.insert(json!({
        "id": id,
        "object": "billing_portal.configuration",
        "active": true,
        "application": null,
        "business_profile": {
            "headline": null, "privacy_policy_url": null, "terms_of_service_url": null,
        },
        "created": account.now,
        "default_return_url": null,
        "features": features,
        "is_default": is_default,
        "livemode": false,
        "login_page": { "enabled": false, "url": null },
        "metadata": {},
        "name": null,
        "updated": account.now,
        "_products": null,
    }))
}

/// The configuration of a portal session.
pub(crate) fn configuration_of<'a>(account: &'a Account, session: &Value) -> &'a Value {
    account.get(session["configuration"].as_str().unwrap_or_default())
}

/// Whether a feature is there for a session's customer.
pub(crate) fn allows(account: &Account, session: &Value, feature: &str) -> bool {
    configuration_of(account, session)["features"][feature]["enabled"] == true
}
