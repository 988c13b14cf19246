//! Portal sessions: a customer's way into the portal, perhaps straight to one task.

use crate::json::{Text, Value, json};

use crate::account::Account;
use crate::api::{Answer, Call};
use crate::http::error::StripeError;
use crate::lives::portal;

/// How long the address of a session can be followed, and how long its page may be left alone.
const UNUSED_SECONDS: i64 = 5 * 60;
const IDLE_SECONDS: i64 = 3_600;

/// Whether a session may still be used, which keeps it usable for another while.
pub(crate) fn enter(account: &mut Account, id: &str) -> bool {
    let now = account.wall;
    let until = account.get(id)["_usable_until"].as_i64();
    if until.is_some_and(|until| until < now) {
        return false;
    }
    account.set(id, "_usable_until", json!(now.saturating_add(IDLE_SECONDS)));
    true
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let customer = call.params.require("customer")?.to_owned();
    let known = call.account.get(&customer);
    if known["object"] != "customer" || known["deleted"] == true {
        return Err(StripeError::no_such_param(
            "customer", &customer, "customer",
        ));
    }
    let configuration = configuration_of(call)?;
    let flow = flow_of(call, &customer, &configuration)?;
    let id = insert(call.account, &customer, &configuration);
    let return_url = call.params.or_null("/return_url");
    if return_url.as_str().is_some_and(|url| !url.contains("://")) {
        call.account.delete("billing_portal.session", &id, None);
        return Err(StripeError::coded("url_invalid", "Not a valid URL").param("return_url"));
    }
    let locale = call.params.or_null("/locale");
    let after = call.params.at("/after_expiration").map(|sent| {
        json!({
            "customer_login": { "expires_at": sent["customer_login"]["expires_at"] },
            "type": sent["type"],
        })
    });
    if let Some(session) = call.account.edit(&id) {
        session["flow"] = flow;
        session["locale"] = locale;
        if !return_url.is_null() {
            session["return_url"] = return_url;
        }
        if let Some(after) = after {
            session["after_expiration"] = after;
        }
    }
    call.account.raise("billing_portal.session.created", &id);
    Ok(call.account.get(&id).clone())
}

/// Stores a session that leads to the portal's first page.
pub(crate) fn insert(account: &mut Account, customer: &str, configuration: &str) -> String {
    let id = account.ids.next("bps_");
    let return_url = account.get(configuration)["default_return_url"].clone();
    account.insert(json!({
        "id": id,
        "object": "billing_portal.session",
        "configuration": configuration,
        "created": account.now,
        "customer": customer,
        "customer_account": null,
        "flow": null,
        "livemode": false,
        "locale": null,
        "on_behalf_of": null,
        "return_url": return_url,
        "url": format!("{}/p/session/{id}", account.public_url),
        "_usable_until": account.wall.saturating_add(UNUSED_SECONDS),
    }))
}

fn configuration_of(call: &mut Call<'_>) -> Result<String, StripeError> {
    let Some(id) = call.params.text("/configuration") else {
        return Ok(portal::default_configuration(call.account));
    };
    let configuration = call.account.get(id);
    if configuration["object"] != "billing_portal.configuration" {
        return Err(StripeError::no_such_param(
            "configuration",
            id,
            "configuration",
        ));
    }
    if configuration["active"] != true {
        return Err(StripeError::invalid(format!(
            "The configuration `{id}` is inactive. This field only accepts active configurations."
        ))
        .param("configuration"));
    }
    Ok(id.to_owned())
}

/// The feature that a task needs, and what Stripe calls them both.
fn feature_of(kind: &str) -> Option<(&'static str, &'static str, &'static str)> {
    match kind {
        "subscription_cancel" => Some(("subscription_cancel", "canceled", "subscription cancel")),
        "subscription_update" | "subscription_update_confirm" => {
            Some(("subscription_update", "updated", "subscription update"))
        }
        _ => None,
    }
}

fn flow_of(call: &Call<'_>, customer: &str, configuration: &str) -> Answer {
    let Some(sent) = call.params.at("/flow_data") else {
        return Ok(Value::Null);
    };
    let kind = sent["type"].as_str().unwrap_or_default();
    if let Some((feature, done, spoken)) = feature_of(kind) {
        let features = &call.account.get(configuration)["features"];
        if features[feature]["enabled"] != true {
            return Err(StripeError::invalid(format!(
                "This subscription cannot be {done} because the {spoken} feature in the portal \
                 configuration is disabled."
            )));
        }
        check_subscription(call, &sent[kind], customer, kind)?;
    }
    let mut flow = json!({
        "after_completion": after_completion(&sent["after_completion"])?,
        "subscription_cancel": null,
        "subscription_update": null,
        "subscription_update_confirm": null,
        "type": kind,
    });
    match kind {
        "subscription_cancel" => {
            *flow.member(Text::copied(kind)) =
                json!({ "retention": null, "subscription": sent[kind]["subscription"] });
        }
        "subscription_update" => {
            *flow.member(Text::copied(kind)) =
                json!({ "subscription": sent[kind]["subscription"] });
        }
        "subscription_update_confirm" => {
            *flow.member(Text::copied(kind)) = confirm_of(call, &sent[kind])?;
        }
        _ => {}
    }
    Ok(flow)
}

fn check_subscription(
    call: &Call<'_>,
    sent: &Value,
    customer: &str,
    kind: &str,
) -> Result<(), StripeError> {
    let param = format!("flow_data[{kind}][subscription]");
    let id = sent["subscription"]
        .as_str()
        .ok_or_else(|| StripeError::missing(&format!("flow_data[{kind}]")))?;
    let subscription = call.account.get(id);
    if subscription["object"] != "subscription" || subscription["customer"] != customer {
        return Err(StripeError::no_such_param("subscription", id, &param));
    }
    if !subscription["ended_at"].is_null() {
        return Err(StripeError::invalid(
            "This subscription cannot be changed because it is already canceled.",
        )
        .param(&param));
    }
    Ok(())
}

fn after_completion(sent: &Value) -> Answer {
    let kind = sent["type"].as_str().unwrap_or("portal_homepage");
    if kind == "redirect" && sent["redirect"]["return_url"].is_null() {
        return Err(StripeError::missing(
            "flow_data[after_completion][redirect]",
        ));
    }
    Ok(json!({
        "hosted_confirmation": if kind == "hosted_confirmation" {
            json!({ "custom_message": sent["hosted_confirmation"]["custom_message"] })
        } else {
            Value::Null
        },
        "redirect": if kind == "redirect" {
            json!({ "return_url": sent["redirect"]["return_url"] })
        } else {
            Value::Null
        },
        "type": kind,
    }))
}

/// The change that a customer only has to confirm.
fn confirm_of(call: &Call<'_>, sent: &Value) -> Answer {
    let subscription = call
        .account
        .get(sent["subscription"].as_str().unwrap_or_default());
    let at = "flow_data[subscription_update_confirm]";
    let mut items = Vec::new();
    for (index, item) in sent["items"].as_array().into_iter().flatten().enumerate() {
        let id = item["id"].as_str().unwrap_or_default();
        let known = subscription["items"]["data"].as_array();
        let is_theirs = known.is_some_and(|known| known.iter().any(|row| row["id"] == id));
        if !is_theirs {
            let param = format!("{at}[items][{index}][id]");
            return Err(StripeError::no_such_param("subscription item", id, &param));
        }
        if let Some(price) = item["price"].as_str()
            && call.account.get(price)["object"] != "price"
        {
            let param = format!("{at}[items][{index}][price]");
            return Err(StripeError::no_such_param("price", price, &param));
        }
        let mut shown = json!({ "id": id, "price": item["price"] });
        if !item["quantity"].is_null() {
            shown["quantity"] = item["quantity"].clone();
        }
        items.push(shown);
    }
    let discounts: Option<Vec<Value>> = sent["discounts"].as_array().map(|list| {
        list.iter()
            .map(|d| json!({ "coupon": d["coupon"], "promotion_code": d["promotion_code"] }))
            .collect()
    });
    Ok(json!({
        "discounts": discounts, "items": items, "subscription": sent["subscription"],
    }))
}
