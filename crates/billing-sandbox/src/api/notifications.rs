//! Events, webhook endpoints, and the account itself.

use serde_json::{Value, json};

use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::events::Event;
use crate::http::error::StripeError;
use crate::shape::render::render_event;
use crate::shape::version::Version;

pub(crate) static ROUTES: &[Route] = &[
    route("GET /v1/events", list_events),
    route("GET /v1/events/{}", retrieve_event),
    route("POST /v1/webhook_endpoints", create_endpoint),
    route("GET /v1/webhook_endpoints", list_endpoints),
    route("GET /v1/webhook_endpoints/{}", retrieve_endpoint),
    route("POST /v1/webhook_endpoints/{}", update_endpoint),
    route("DELETE /v1/webhook_endpoints/{}", delete_endpoint),
    route("GET /v1/account", retrieve_account),
];

const ENDPOINTS_MAX: usize = 16;
const TYPES_MAX: usize = 20;

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
    let success = call.params.flag("/delivery_success");
    let created = call.params.at("/created");
    let is_shown = |event: &&Event| {
        let is_wanted = |wanted: &str| match wanted.strip_suffix('*') {
            Some(family) => event.kind.starts_with(family),
            None => event.kind == wanted,
        };
        list::within(created, Some(event.created))
            && single.is_none_or(is_wanted)
            && (types.is_empty() || types.iter().filter_map(Value::as_str).any(is_wanted))
            && success.is_none_or(|wanted| (event.pending_webhooks == 0) == wanted)
    };
    let rows: Vec<Value> = (call.account.events.iter().rev())
        .filter(is_shown)
        .map(|event| json!({ "id": event.id }))
        .collect();
    let rows: Vec<&Value> = rows.iter().collect();
    let mut page = list::cut(call, &rows, "event", "/v1/events")?;
    for row in page["data"].as_array_mut().into_iter().flatten() {
        let id = row["id"].as_str().unwrap_or_default();
        if let Some(event) = call.account.events.find(id) {
            *row = render_event(event, call.account.default_version);
        }
    }
    Ok(page)
}

pub(crate) fn retrieve_event(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let event = call.account.events.find(&id);
    let event = event.ok_or_else(|| StripeError::no_such("event", &id, "id"))?;
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
                StripeError::invalid(format!("Invalid Stripe API version: {text}"))
                    .param("api_version"),
            );
        }
    };
    if call.params.list("/enabled_events").is_empty() {
        return Err(StripeError::missing("enabled_events"));
    }
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

pub(crate) fn checked_url(url: &str) -> Result<&str, StripeError> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(url);
    }
    Err(StripeError::coded("url_invalid", "Not a valid URL").param("url"))
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
            "dashboard": { "display_name": "Sandbox", "timezone": "Etc/UTC" },
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
