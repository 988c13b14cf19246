//! Entitlements: which features a customer has, by the products of the live subscriptions.

use crate::json::{Value, json};

use crate::account::Account;

/// The summary in an event shows this many.
const SHOWN_MAX: usize = 10;

/// A product's feature as it is shown: with the feature as it is now.
pub(crate) fn with_feature(account: &Account, row: &Value) -> Value {
    let mut shown = row.clone();
    let feature = account.get(row["_feature"].as_str().unwrap_or_default());
    shown["entitlement_feature"] = feature.clone();
    shown
}

/// Whether a subscription gives what its products promise. Paused ones do, unpaid ones do not.
fn gives(subscription: &Value) -> bool {
    matches!(
        subscription["status"].as_str(),
        Some("active" | "trialing" | "past_due" | "paused")
    )
}

/// The active features of the products of a customer's live subscriptions, each once.
fn features(account: &Account, customer: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let subscriptions = account.rows_by("subscription", "customer", customer);
    for subscription in subscriptions.filter(|row| gives(row)) {
        let items = subscription["items"]["data"].as_array();
        for item in items.into_iter().flatten() {
            let product = item["price"]["product"].as_str().unwrap_or_default();
            for row in account.rows_by("product_feature", "_product", product) {
                let feature = row["_feature"].as_str().unwrap_or_default();
                if !found.iter().any(|known| known == feature) {
                    found.push(feature.to_owned());
                }
            }
        }
    }
    found
}

/// The active entitlements of a customer, newest first.
pub(crate) fn of_customer<'a>(account: &'a Account, customer: &str) -> Vec<&'a Value> {
    account
        .rows_by("entitlements.active_entitlement", "_customer", customer)
        .rev()
        .collect()
}

/// Works out a customer's entitlements anew, and tells if they changed.
pub(crate) fn recompute(account: &mut Account, customer: &str) {
    if account.rows("product_feature").next().is_none() && of_customer(account, customer).is_empty()
    {
        return;
    }
    let wanted = features(account, customer);
    let held: Vec<(String, String)> = of_customer(account, customer)
        .into_iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            (text("id"), text("feature"))
        })
        .collect();
    let is_same =
        held.len() == wanted.len() && held.iter().all(|(_, feature)| wanted.contains(feature));
    if is_same {
        return;
    }
    let before = summary(account, customer);
    for (id, feature) in &held {
        if !wanted.contains(feature) {
            account.delete("entitlements.active_entitlement", id, None);
        }
    }
    for feature in &wanted {
        if held.iter().any(|(_, known)| known == feature) {
            continue;
        }
        let lookup_key = account.get(feature)["lookup_key"].clone();
        let id = account.ids.next("ent_test_");
        account.insert(json!({
            "id": id,
            "object": "entitlements.active_entitlement",
            "feature": feature,
            "livemode": false,
            "lookup_key": lookup_key,
            "_customer": customer,
        }));
    }
    let after = summary(account, customer);
    account.raise_with(
        "entitlements.active_entitlement_summary.updated",
        after,
        Some(before),
    );
}

fn summary(account: &Account, customer: &str) -> Value {
    let rows = of_customer(account, customer);
    let shown = rows.get(..SHOWN_MAX).unwrap_or(&rows);
    json!({
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": {
            "object": "list",
            "data": shown,
            "has_more": rows.len() > SHOWN_MAX,
            "url": format!("/v1/customer/{customer}/entitlements"),
        },
        "livemode": false,
    })
}
