//! `expand[]`: replaces ids by the objects they name, in the shape of the requested version.

use std::sync::Arc;

use crate::json::{Text, Value, json};

use crate::account::Account;
use crate::http::error::StripeError;
use crate::shape::render::render;
use crate::shape::schema::{self, Shape};
use crate::shape::version::{Range, Version};

const LEVELS_MAX: usize = 4;

/// Members that are shown only when asked for: (object, member).
const ON_REQUEST: &[(&str, &str)] = &[
    ("checkout.session", "line_items"),
    ("invoice", "payments"),
    ("invoice", "confirmation_secret"),
    ("customer", "subscriptions"),
    ("customer", "invoice_credit_balance"),
    ("customer", "tax"),
    ("customer", "sources"),
    ("customer", "tax_ids"),
    ("charge", "refunds"),
    ("coupon", "applies_to"),
    ("coupon", "currency_options"),
    ("plan", "tiers"),
    ("price", "currency_options"),
    ("price", "tiers"),
];

/// Members that name objects of other parts of Stripe: they may be asked for, and are always absent.
const ELSEWHERE: &[&str] = &[
    "application",
    "application_fee",
    "on_behalf_of",
    "payment_link",
    "payment_record",
    "quote",
    "review",
    "source_transfer",
    "source_transfer_reversal",
    "transfer",
    "transfer_reversal",
];

/// Refuses paths of more levels than Stripe follows; `data` of a list counts as one.
pub(crate) fn refuse_too_deep(paths: &[String]) -> Result<(), StripeError> {
    match paths
        .iter()
        .find(|path| path.split('.').count() > LEVELS_MAX)
    {
        None => Ok(()),
        // The one error with a code that Stripe has no page for.
        Some(path) => Err(StripeError::coded(
            "property_expansion_max_depth",
            format!("You cannot expand more than 4 levels of a property. Property: {path}"),
        )
        .param("expand")
        .validation()),
    }
}

/// Expands one path (`data.latest_invoice.payments`) of an answer.
pub(crate) fn expand(
    account: &Account,
    answer: &mut Value,
    path: &str,
    version: Version,
) -> Result<(), StripeError> {
    let segments: Vec<&str> = path.split('.').collect();
    // Lists of the versions that had it count themselves.
    if path == "total_count" && answer["total_count"].is_u64() {
        return Ok(());
    }
    let is_list = answer["object"] == "list" || answer["object"] == "search_result";
    if is_list && segments.first() != Some(&"data") {
        return Err(StripeError::invalid(format!(
            "This property cannot be expanded ({path}). You may want to try expanding \
             'data.{path}' instead."
        )));
    }
    let first = segments[usize::from(is_list)..].first();
    let object = if is_list {
        &answer["data"][0]
    } else {
        &*answer
    };
    if let Some(first) = first
        && object.is_object()
        && !can_expand(object, first, version)
    {
        return Err(refusal(&segments[usize::from(is_list)..].join(".")));
    }
    descend(account, answer, &segments, version);
    Ok(())
}

fn refusal(path: &str) -> StripeError {
    StripeError::invalid(format!("This property cannot be expanded ({path})."))
}

/// Refuses, before anything is written, a path that the object to be made or changed cannot have.
pub(crate) fn refuse_unknown(
    endpoint: &str,
    paths: &[String],
    version: Version,
) -> Result<(), StripeError> {
    let Some(kind) = written(endpoint) else {
        return Ok(());
    };
    let object = json!({ "object": kind });
    let is_unknown = |path: &&String| {
        let first = path.split('.').next().unwrap_or_default();
        first != "total_count" && !can_expand(&object, first, version)
    };
    paths
        .iter()
        .find(is_unknown)
        .map_or(Ok(()), |path| Err(refusal(path)))
}

/// What answers of a path are that are not named after its first words: longer beginnings first.
const ANSWERED: &[(&str, &str)] = &[
    ("billing/credit_grants", "billing.credit_grant"),
    ("billing/meters", "billing.meter"),
    (
        "billing_portal/configurations",
        "billing_portal.configuration",
    ),
    ("billing_portal/sessions", "billing_portal.session"),
    ("charges/{}/dispute", "dispute"),
    ("charges/{}/refunds", "refund"),
    ("checkout/sessions", "checkout.session"),
    (
        "customers/{}/balance_transactions",
        "customer_balance_transaction",
    ),
    ("customers/{}/tax_ids", "tax_id"),
    ("entitlements/features", "entitlements.feature"),
    ("invoices/{}/lines/{}", "line_item"),
    ("products/{}/features", "product_feature"),
    ("subscription_items/{}/usage_records", "usage_record"),
    ("test_helpers/test_clocks", "test_helpers.test_clock"),
];

/// The kind of object that an endpoint writes and answers, where that is known beforehand.
fn written(endpoint: &str) -> Option<&str> {
    let path = endpoint.strip_prefix("POST /v1/")?;
    if let Some((_, kind)) = ANSWERED.iter().find(|(begin, _)| path.starts_with(begin)) {
        return Some(kind);
    }
    let kind = path.split('/').next()?.strip_suffix('s')?;
    schema::of_kind(kind, false).map(|_| kind)
}

/// Whether a member can be named first in a path: anything that is not a plain value. What follows
/// in the path is not checked, as at Stripe.
fn can_expand(object: &Value, name: &str, version: Version) -> bool {
    let kind = object["object"].as_str().unwrap_or_default();
    if ON_REQUEST.contains(&(kind, name)) && schema::has_member(kind, name, version) {
        return true;
    }
    let schema = schema::of_kind(kind, object["deleted"] == true);
    // A member whose kind changed is there once for each kind.
    let is_meant = |name_of: &str, range: Range| name_of == name && range.holds(version);
    let known = schema.and_then(|schema| {
        schema
            .members
            .iter()
            .find(|member| is_meant(member.name, member.range))
    });
    match known {
        Some(_) if ELSEWHERE.contains(&name) => true,
        Some(member) => {
            let mut shape = &member.shape;
            while let Shape::Array(inner) | Shape::List(inner) | Shape::Map(inner) = shape {
                shape = inner;
            }
            matches!(
                shape,
                Shape::Expandable(_) | Shape::Nested(_) | Shape::Anything | Shape::Metadata
            )
        }
        None => schema.is_none() && object.get(name).is_some(),
    }
}

fn descend(account: &Account, value: &mut Value, segments: &[&str], version: Version) {
    let Some((first, rest)) = segments.split_first() else {
        return;
    };
    if let Some(items) = value.as_array_mut() {
        for item in items {
            descend(account, item, segments, version);
        }
        return;
    }
    if !value.is_object() {
        return;
    }
    if let [first, "currency_options"] = segments
        && matches!(
            (value["object"].as_str(), *first),
            (Some("promotion_code"), "restrictions") | (Some("shipping_rate"), "fixed_amount")
        )
    {
        let options = account.get(value["id"].as_str().unwrap_or_default());
        let options = options["_currency_options"].clone();
        if !options.is_null() {
            value.member(Text::copied(first))["currency_options"] = options;
        }
        return;
    }
    if value[*first].is_null() {
        let kind = value["object"].as_str().unwrap_or_default();
        if ON_REQUEST.contains(&(kind, first)) && schema::has_member(kind, first, version) {
            let mut included = on_request(account, value, first);
            // Clover began to say who works the tax out.
            if (kind, *first) == ("customer", "tax") && !version.is_before("2025-09-30") {
                included["provider"] = json!("stripe");
            }
            if included.is_null() && is_kept_back(first) {
                return;
            }
            put_in_order(value, first, render(&included, version));
        } else if value.get(*first).is_none() {
            return;
        }
    }
    let is_map = matches!(*first, "metadata" | "data") && !value["data"].is_array();
    let kind = value["object"].as_str().unwrap_or_default();
    if value[*first].is_string() && schema::is_text(kind, first, version) {
        return;
    }
    let member = value.member(Text::copied(first));
    match member {
        Value::String(id) => {
            // What was deleted without a trace stays an id.
            if let Some(object) = account.find(id).filter(|object| object.is_object()) {
                *member = render(object, version);
            }
        }
        Value::Array(ids) => {
            for id in Arc::make_mut(ids) {
                if let Some(object) = id.as_str().and_then(|id| account.find(id)) {
                    *id = render(object, version);
                }
            }
        }
        _ => {}
    }
    if !rest.is_empty() && !is_map && !member.is_null() {
        descend(account, member, rest, version);
    }
}

/// Puts a member where Stripe writes it: by the alphabet, behind the id and the kind.
fn put_in_order(object: &mut Value, name: &str, value: Value) {
    let Some(members) = object.as_object_mut() else {
        return;
    };
    members.shift_remove(name);
    let place = members
        .keys()
        .position(|known| !matches!(known.as_str(), "id" | "object") && known.as_str() > name)
        .unwrap_or(members.len());
    members.shift_insert(place, Text::copied(name), value);
}

/// What an object keeps as a private fact of the same name, left out where there is none.
fn is_kept_back(member: &str) -> bool {
    matches!(member, "applies_to" | "currency_options" | "tiers")
}

fn on_request(account: &Account, owner: &Value, member: &str) -> Value {
    let id = owner["id"].as_str().unwrap_or_default();
    let counted = |url: String, data: Vec<Value>| json!({ "object": "list", "data": data, "has_more": false, "total_count": data.len(), "url": url });
    match member {
        "line_items" => {
            let items = account
                .find(id)
                .map_or(json!([]), |session| session["_line_items"].clone());
            json!({
                "object": "list", "data": items, "has_more": false,
                "url": format!("/v1/checkout/sessions/{id}/line_items"),
            })
        }
        "payments" => {
            let rows: Vec<&Value> = account.rows_by("invoice_payment", "invoice", id).collect();
            json!({
                "object": "list", "data": rows, "has_more": false, "url": "/v1/invoices/payments",
            })
        }
        "confirmation_secret" => {
            let intent = account.get(id)["_payment_intent"].as_str();
            let secret = &account.get(intent.unwrap_or_default())["client_secret"];
            if secret.is_null() {
                return Value::Null;
            }
            json!({ "client_secret": secret, "type": "payment_intent" })
        }
        "subscriptions" => {
            let rows = account
                .rows("subscription")
                .filter(|row| row["customer"] == id && row["status"] != "canceled");
            counted(
                format!("/v1/customers/{id}/subscriptions"),
                rows.cloned().collect(),
            )
        }
        "invoice_credit_balance" => {
            let customer = account.get(id);
            match (customer["currency"].as_str(), customer["balance"].as_i64()) {
                (Some(currency), Some(balance)) if balance != 0 => json!({ currency: balance }),
                _ => json!({}),
            }
        }
        "tax" => {
            // Nobody is registered anywhere, so nothing is collected from anybody.
            let customer = account.get(id);
            let address = &customer["address"];
            let location = if address["country"].is_null() {
                Value::Null
            } else {
                json!({
                    "country": address["country"], "source": "billing_address",
                    "state": address["state"],
                })
            };
            json!({
                "automatic_tax": if location.is_null() { "unrecognized_location" } else { "not_collecting" },
                "ip_address": customer["_ip_address"],
                "location": location,
            })
        }
        "tax_ids" => {
            let rows = account.rows_by("tax_id", "customer", id).rev();
            counted(
                format!("/v1/customers/{id}/tax_ids"),
                rows.cloned().collect(),
            )
        }
        kept if is_kept_back(kept) => account.get(id)[format!("_{kept}").as_str()].clone(),
        "sources" => counted(format!("/v1/customers/{id}/sources"), Vec::new()),
        "refunds" => {
            let rows: Vec<&Value> = account.rows_by("refund", "charge", id).rev().collect();
            json!({
                "object": "list", "data": rows[..rows.len().min(10)], "has_more": rows.len() > 10,
                "total_count": rows.len(), "url": format!("/v1/charges/{id}/refunds"),
            })
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::routes;

    #[test]
    fn what_an_endpoint_writes_is_known_beforehand() {
        // Meter events and pages of payments have nothing to expand.
        let unknown: Vec<&str> = routes::all()
            .map(|route| route.endpoint)
            .filter(|endpoint| endpoint.starts_with("POST /v1/") && written(endpoint).is_none())
            .collect();
        assert_eq!(
            unknown,
            [
                "POST /v1/payment_pages/{}/confirm",
                "POST /v1/billing/meter_events",
                "POST /v1/billing/meter_event_adjustments",
            ]
        );
    }
}
