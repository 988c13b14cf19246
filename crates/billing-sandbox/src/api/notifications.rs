//! Events, webhook endpoints, and the account itself.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::events::Event;
use crate::http::error::StripeError;
use crate::http::params;
use crate::lives::invoice::ACCOUNT_NAME;
use crate::shape::render::render_event;
use crate::shape::schema;
use crate::shape::version::Version;

pub(crate) static ROUTES: &[Route] = &[
    route("GET /v1/events", list_events),
    route("GET /v1/events/{}", retrieve_event),
    route("POST /v1/webhook_endpoints", create_endpoint).lacks("connect"),
    route("GET /v1/webhook_endpoints", list_endpoints),
    route("GET /v1/webhook_endpoints/{}", retrieve_endpoint),
    route("POST /v1/webhook_endpoints/{}", update_endpoint),
    route("DELETE /v1/webhook_endpoints/{}", delete_endpoint),
    route("GET /v1/account", retrieve_account),
];

const ENDPOINTS_MAX: usize = 16;
const TYPES_MAX: usize = 20;
const LIMIT_MAX: i64 = 100;
/// How long an event can be read.
const READABLE_SECONDS: i64 = 30 * 86_400;

pub(crate) fn list_events(call: &mut Call<'_>) -> Answer {
    let types = call.params.list("/types");
    if types.len() > TYPES_MAX {
        return Err(StripeError::invalid("You can pass at most 20 `types`.").param("types"));
    }
    let single = call.params.text("/type");
    if single.is_some() && !types.is_empty() {
        return Err(StripeError::invalid(
            "You may only specify one of these parameters: type, types.",
        ));
    }
    let after = call.params.text("/starting_after");
    let before = call.params.text("/ending_before");
    if after.is_some() && before.is_some() {
        return Err(StripeError::invalid(
            "Received both starting_after and ending_before parameters. Please pass in only one.",
        ));
    }
    let success = call.params.flag("/delivery_success");
    let created = call.params.at("/created");
    let is_shown = |event: &&Event| {
        let is_wanted = |wanted: &str| match wanted.strip_suffix('*') {
            Some(family) => event.kind.starts_with(family),
            None => event.kind == wanted,
        };
        is_readable(call.account, event)
            && list::within(created, Some(event.created))
            && single.is_none_or(is_wanted)
            && (types.is_empty() || types.iter().filter_map(Value::as_str).any(is_wanted))
            && success.is_none_or(|wanted| (event.pending_webhooks == 0) == wanted)
    };
    let limit = call.params.int("/limit").unwrap_or(10).clamp(1, LIMIT_MAX);
    let limit = usize::try_from(limit).unwrap_or(1);
    for (cursor, param) in [(after, "starting_after"), (before, "ending_before")] {
        if let Some(id) = cursor
            && call.account.events.find(id).is_none()
        {
            return Err(StripeError::no_such_param("event", id, param));
        }
    }
    // One more than is shown tells whether there are more. The page before a cursor is read away
    // from it, and shown newest first like every other.
    let mut rows: Vec<&Event> = if let Some(id) = before {
        let newer = call
            .account
            .events
            .iter()
            .skip_while(|event| event.id != id);
        newer.skip(1).filter(is_shown).take(limit + 1).collect()
    } else {
        let newest = call.account.events.iter().rev();
        let older = newest.skip_while(|event| after.is_some_and(|id| event.id != id));
        let cursor = usize::from(after.is_some());
        older
            .skip(cursor)
            .filter(is_shown)
            .take(limit + 1)
            .collect()
    };
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    if before.is_some() {
        rows.reverse();
    }
    let version = call.account.default_version;
    let data: Vec<Value> = rows
        .into_iter()
        .map(|event| render_event(event, version))
        .collect();
    Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": "/v1/events" }))
}

/// Events are kept in memory a little longer than Stripe shows them.
fn is_readable(account: &Account, event: &Event) -> bool {
    event.raised_at > account.wall.saturating_sub(READABLE_SECONDS)
}

pub(crate) fn retrieve_event(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let event = call.account.events.find(&id);
    let event = event
        .filter(|event| event.id == id && event.thin.is_none() && is_readable(call.account, event))
        .ok_or_else(|| StripeError::no_such("event", &id, "id"))?;
    Ok(render_event(event, call.account.default_version))
}

pub(crate) fn create_endpoint(call: &mut Call<'_>) -> Answer {
    if call.account.rows("webhook_endpoint").count() >= ENDPOINTS_MAX {
        return Err(StripeError::invalid(format!(
            "You have reached the maximum of {ENDPOINTS_MAX} test webhook endpoints."
        )));
    }
    let url = checked_url(call.params.require("url")?)?.to_owned();
    let api_version = match call.params.text("/api_version") {
        None => Value::Null,
        Some(text) if Version::parse(text).is_some() => json!(text),
        Some(text) => {
            return Err(
                StripeError::not_simulated(&format!("webhooks of the API version {text}"))
                    .param("api_version"),
            );
        }
    };
    if call.params.list("/enabled_events").is_empty() {
        return Err(StripeError::missing("enabled_events"));
    }
    refuse_unknown_types(call)?;
    let secret = call.account.ids.webhook_secret();
    let endpoint = json!({
        "id": call.account.ids.next("we_"),
        "object": "webhook_endpoint",
        "api_version": api_version,
        "application": null,
        "created": call.account.now,
        "description": call.params.or_null("/description"),
        "enabled_events": call.params.list("/enabled_events"),
        "livemode": false,
        "metadata": merged_metadata(&json!({}), call.params.0.get("metadata"))?,
        "status": "enabled",
        "url": url,
        "_secrets": [secret],
    });
    let mut answer = endpoint.clone();
    call.account.insert(endpoint);
    // Shown this once.
    answer["secret"] = json!(secret);
    Ok(answer)
}

/// Every type has to be one of Stripe's, in any of the versions, or `*`.
fn refuse_unknown_types(call: &Call<'_>) -> Result<(), StripeError> {
    let types = call.params.list("/enabled_events");
    for (at, kind) in types.iter().filter_map(Value::as_str).enumerate() {
        let is_known = || Version::described().any(|v| schema::has_event_type(kind, v));
        if kind != "*" && !is_known() {
            let param = format!("enabled_events[{at}]");
            let mut choices = vec!["*".to_owned()];
            choices.extend(schema::event_types(call.version).map(str::to_owned));
            let choices = params::one_of(&choices);
            return Err(
                StripeError::invalid(format!("Invalid {param}: must be one of {choices}"))
                    .param(&param)
                    .validation(),
            );
        }
    }
    Ok(())
}

pub(crate) fn checked_url(url: &str) -> Result<&str, StripeError> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let is_url = rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !host.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control())
    });
    if is_url {
        return Ok(url);
    }
    Err(StripeError::coded("url_invalid", "Not a valid URL")
        .param("url")
        .validation())
}

pub(crate) fn list_endpoints(call: &mut Call<'_>) -> Answer {
    list::page(call, "webhook_endpoint", "/v1/webhook_endpoints", |_| true)
}

pub(crate) fn retrieve_endpoint(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("webhook_endpoint", &call.id(), "id")
        .cloned()
}

pub(crate) fn update_endpoint(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let mut endpoint = call.account.fetch("webhook_endpoint", &id, "id")?.clone();
    if let Some(url) = call.params.text("/url") {
        endpoint["url"] = json!(checked_url(url)?);
    }
    if call.params.has("enabled_events") {
        refuse_unknown_types(call)?;
        endpoint["enabled_events"] = json!(call.params.list("/enabled_events"));
    }
    if call.params.has("description") {
        endpoint["description"] = call.params.or_null("/description");
    }
    if let Some(is_disabled) = call.params.flag("/disabled") {
        endpoint["status"] = json!(if is_disabled { "disabled" } else { "enabled" });
    }
    endpoint["metadata"] = merged_metadata(&endpoint["metadata"], call.params.0.get("metadata"))?;
    if let Some(stored) = call.account.edit(&id) {
        *stored = endpoint;
    }
    Ok(call.account.get(&id).clone())
}

pub(crate) fn delete_endpoint(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch("webhook_endpoint", &id, "id")?;
    call.account.delete("webhook_endpoint", &id, None);
    Ok(json!({ "id": id, "object": "webhook_endpoint", "deleted": true }))
}

#[expect(clippy::unnecessary_wraps, reason = "every route answers alike")]
pub(crate) fn retrieve_account(call: &mut Call<'_>) -> Answer {
    Ok(json!({
        "id": call.account.id,
        "object": "account",
        "business_profile": {
            "annual_revenue": null, "estimated_worker_count": null, "mcc": null,
            "minority_owned_business_designation": null,
            "specified_commercial_transactions_act_url": null, "name": "Sandbox", "product_description": null, "support_address": null,
            "support_email": null, "support_phone": null, "support_url": null, "url": null,
        },
        "business_type": null,
        "capabilities": { "card_payments": "active", "transfers": "active" },
        "charges_enabled": true,
        "controller": { "type": "account" },
        "country": "US",
        "created": 0,
        "default_currency": "usd",
        "details_submitted": true,
        "email": "sandbox@example.com",
        "external_accounts": {
            "object": "list", "data": [], "has_more": false,
            "url": format!("/v1/accounts/{}/external_accounts", call.account.id),
        },
        "metadata": {},
        "payouts_enabled": true,
        "settings": {
            "branding": { "icon": null, "logo": null, "primary_color": null, "secondary_color": null },
            "dashboard": { "display_name": ACCOUNT_NAME, "timezone": "Etc/UTC" },
            "card_payments": {
                "decline_on": { "avs_failure": false, "cvc_failure": false },
                "statement_descriptor_prefix": null, "statement_descriptor_prefix_kana": null,
                "statement_descriptor_prefix_kanji": null,
            },
            "payments": {
                "statement_descriptor": "SANDBOX", "statement_descriptor_kana": null,
                "statement_descriptor_kanji": null, "statement_descriptor_prefix_kana": null,
                "statement_descriptor_prefix_kanji": null,
            },
        },
        "type": "standard",
    }))
}
