//! Checkout Sessions: create, retrieve, list, update, expire, line items.

mod terms;

use serde_json::{Value, json};

use crate::api::checkout::terms::{
    UiMode, check_customer, check_minimum, check_trial, check_urls, expiry, mode_of,
};
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, catalogue, list, route};
use crate::http::error::StripeError;
use crate::http::params::Params;
use crate::lives;

const UNSIMULATED: &str = "add_invoice_items adjustable_quantity after_expiration application_fee_amount \
    application_fee_percent backdate_start_date billing_cycle_anchor \
    billing_cycle_anchor_config billing_schedules billing_thresholds cancel_at \
    consent_collection coupon currency_options custom_fields custom_unit_amount \
    default_tax_rates discounts hooks invoice_creation on_behalf_of optional_items \
    paid_out_of_band pause_collection pending_invoice_item_interval phone_number_collection \
    promotion_code proration_date shipping_address_collection shipping_options \
    tax_id_collection tax_id_data tax_rates test_clock tiers transfer_data transform_quantity \
    trial_from_plan classic automatic_tax";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/checkout/sessions", create).lacks(UNSIMULATED),
    route("GET /v1/checkout/sessions", list),
    route("GET /v1/checkout/sessions/{}", retrieve),
    route("POST /v1/checkout/sessions/{}", update).lacks(UNSIMULATED),
    route("POST /v1/checkout/sessions/{}/expire", expire).lacks(UNSIMULATED),
    route("GET /v1/checkout/sessions/{}/line_items", line_items),
];

const LINE_ITEMS_MAX: usize = 100;

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let mode = mode_of(call)?;
    let ui_mode = UiMode::parse(call)?;
    check_urls(call, ui_mode)?;
    check_customer(call, &mode)?;
    let expires_at = expiry(call)?;
    let items = line_items_of(call, &mode)?;
    let data = call.params.or_null("/subscription_data");
    check_trial(call, &data)?;
    let is_trial = lives::checkout::trial_end_of(call.account.now, &data).is_some();
    let subtotal: i64 = items
        .iter()
        .filter(|item| !is_trial || item["price"]["recurring"].is_null())
        .filter_map(|item| item["amount_total"].as_i64())
        .sum();
    let currency = match items.first() {
        Some(item) => item["currency"].clone(),
        None => call.params.or_null("/currency"),
    };
    if mode == "payment" && subtotal > 0 {
        check_minimum(subtotal, currency.as_str().unwrap_or_default())?;
    }
    let mut session = blank(call, &mode, ui_mode, expires_at)?;
    if mode != "setup" {
        session["amount_subtotal"] = json!(subtotal);
        session["amount_total"] = json!(subtotal);
        session["total_details"] =
            json!({ "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 });
    }
    session["currency"] = currency;
    session["_line_items"] = json!(items);
    session["_subscription_data"] = data;
    let id = call.account.insert(session);
    if mode == "setup" {
        insert_setup_intent(call, &id);
    }
    call.account.when(expires_at, "checkout.expire", &id);
    Ok(call.account.get(&id).clone())
}

fn line_items_of(call: &mut Call<'_>, mode: &str) -> Result<Vec<Value>, StripeError> {
    let sent = call.params.list("/line_items").to_vec();
    if mode == "setup" {
        return if sent.is_empty() {
            Ok(Vec::new())
        } else {
            Err(
                StripeError::invalid("You can not pass `line_items` in `setup` mode.")
                    .param("line_items"),
            )
        };
    }
    if sent.is_empty() {
        return Err(StripeError::missing("line_items"));
    }
    if sent.len() > LINE_ITEMS_MAX {
        return Err(
            StripeError::invalid("You can pass at most 100 line items.").param("line_items")
        );
    }
    let mut items: Vec<Value> = Vec::new();
    for (index, line) in sent.iter().enumerate() {
        let price = price_of(call, line, index)?;
        let at = format!("line_items[{index}][quantity]");
        let quantity = line["quantity"]
            .as_i64()
            .ok_or_else(|| StripeError::missing(&at))?;
        if !(1..=lives::money::QUANTITY_MAX).contains(&quantity) {
            return Err(StripeError::coded(
                "parameter_invalid_integer",
                "This value must be greater than or equal to 1.",
            )
            .param(&at));
        }
        if mode == "payment" && !price["recurring"].is_null() {
            return Err(StripeError::invalid(
                "You specified `payment` mode but passed a recurring price. Either switch to \
                 `subscription` mode or use only one-time prices.",
            ));
        }
        if items
            .first()
            .is_some_and(|first| first["currency"] != price["currency"])
        {
            return Err(StripeError::invalid(
                "All prices on a Checkout Session must use the same currency.",
            ));
        }
        let amount = price["unit_amount"]
            .as_i64()
            .unwrap_or(0)
            .saturating_mul(quantity);
        let name = call
            .account
            .get(price["product"].as_str().unwrap_or_default())["name"]
            .clone();
        items.push(json!({
            "id": call.account.ids.next("li_"),
            "object": "item",
            "adjustable_quantity": null,
            "amount_discount": 0,
            "amount_subtotal": amount,
            "amount_tax": 0,
            "amount_total": amount,
            "currency": price["currency"],
            "description": name,
            "metadata": merged_metadata(&json!({}), line.get("metadata"))?,
            "price": price,
            "quantity": quantity,
        }));
    }
    if mode == "subscription"
        && items
            .iter()
            .all(|item| item["price"]["recurring"].is_null())
    {
        return Err(StripeError::invalid(
            "You must provide at least one recurring price in `subscription` mode when using prices.",
        ));
    }
    Ok(items)
}

fn price_of(call: &mut Call<'_>, line: &Value, index: usize) -> Result<Value, StripeError> {
    if let Some(data) = line.get("price_data").filter(|data| !data.is_null()) {
        let mut data = Params(data.clone());
        if let Some(product) = data.at("/product_data").cloned() {
            let mut product_call = Call {
                account: &mut *call.account,
                params: Params(product),
                ids: Vec::new(),
                version: call.version,
            };
            let made = catalogue::create_product(&mut product_call)?;
            data.0["product"] = made["id"].clone();
        }
        let id = catalogue::insert_price(call.account, &data)?;
        call.account.set(&id, "active", json!(false));
        return Ok(call.account.get(&id).clone());
    }
    let at = format!("line_items[{index}][price]");
    let id = line["price"]
        .as_str()
        .ok_or_else(|| StripeError::missing(&at))?;
    let price = call.account.get(id);
    if price["object"] != "price" {
        return Err(StripeError::no_such_param("price", id, &at));
    }
    if price["active"] != true {
        return Err(StripeError::invalid(
            "The price specified is inactive. This field only accepts active prices.",
        )
        .param(&at));
    }
    Ok(price.clone())
}

#[expect(
    clippy::too_many_lines,
    reason = "one object of Stripe's, member by member"
)]
fn blank(call: &mut Call<'_>, mode: &str, ui_mode: UiMode, expires_at: i64) -> Answer {
    let id = call.account.ids.next("cs_test_");
    let p = &call.params;
    let is_hosted = ui_mode == UiMode::Hosted;
    let client_secret = if is_hosted {
        Value::Null
    } else {
        json!(format!("{id}_secret_sandbox"))
    };
    let url = if is_hosted {
        json!(format!("{}/c/pay/{id}", call.account.public_url))
    } else {
        Value::Null
    };
    let collection = match p.text("/payment_method_collection") {
        Some(chosen) => chosen,
        None if mode == "payment" => "if_required",
        None => "always",
    };
    let creation = match p.text("/customer_creation") {
        Some(chosen) => json!(chosen),
        None if mode == "payment" && p.at("/customer").is_none() => json!("if_required"),
        None if mode == "subscription" && p.at("/customer").is_none() => json!("always"),
        None => Value::Null,
    };
    let mut session = json!({
        "id": id,
        "object": "checkout.session",
        "adaptive_pricing": { "enabled": false },
        "after_expiration": null,
        "allow_promotion_codes": p.or_null("/allow_promotion_codes"),
        "allowed_payment_method_types": null,
        "amount_subtotal": null,
        "amount_total": null,
        "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
        "billing_address_collection": p.or_null("/billing_address_collection"),
        "cancel_url": p.or_null("/cancel_url"),
        "client_reference_id": p.or_null("/client_reference_id"),
        "client_secret": client_secret,
        "collected_information": null,
        "consent": null,
        "consent_collection": null,
        "created": call.account.now,
        "currency": null,
        "currency_conversion": null,
        "custom_fields": [],
        "custom_text": {
            "after_submit": null, "shipping_address": null, "submit": null,
            "terms_of_service_acceptance": null,
        },
        "customer": p.or_null("/customer"),
        "customer_account": null,
        "customer_creation": creation,
        "customer_details": null,
        "customer_email": p.or_null("/customer_email"),
        "discounts": [],
        "expires_at": expires_at,
        "integration_identifier": null,
        "invoice": null,
        "invoice_creation": null,
        "livemode": false,
        "locale": p.or_null("/locale"),
        "managed_payments": null,
        "metadata": merged_metadata(&json!({}), p.0.get("metadata"))?,
        "mode": mode,
        "origin_context": null,
        "payment_intent": null,
        "payment_link": null,
        "payment_method_collection": collection,
        "payment_method_configuration_details": null,
        "payment_method_options": { "card": { "request_three_d_secure": "automatic" } },
        "payment_method_types": ["card"],
        "payment_status": if mode == "setup" { "no_payment_required" } else { "unpaid" },
        "permissions": null,
        "phone_number_collection": { "enabled": false },
        "recovered_from": null,
        "saved_payment_method_options": null,
        "setup_intent": null,
        "shipping_address_collection": null,
        "shipping_cost": null,
        "shipping_options": [],
        "status": "open",
        "submit_type": p.or_null("/submit_type"),
        "subscription": null,
        "success_url": p.or_null("/success_url"),
        "total_details": null,
        "ui_mode": ui_mode.name(),
        "url": url,
        "wallet_options": null,
        "_payment_intent": null,
        "_payment_intent_data": {
            "description": p.or_null("/payment_intent_data/description"),
            "metadata": merged_metadata(&json!({}), p.at("/payment_intent_data/metadata"))?,
            "setup_future_usage": p.or_null("/payment_intent_data/setup_future_usage"),
        },
    });
    if !is_hosted {
        session["return_url"] = p.or_null("/return_url");
        session["redirect_on_completion"] =
            json!(p.text("/redirect_on_completion").unwrap_or("always"));
    }
    merged_metadata(&json!({}), p.at("/subscription_data/metadata"))?;
    Ok(session)
}

fn insert_setup_intent(call: &mut Call<'_>, session_id: &str) {
    let id = call.account.ids.next("seti_");
    let secret = call.account.ids.letters(25);
    let metadata = call.params.at("/setup_intent_data/metadata").cloned();
    let intent = json!({
        "id": id,
        "object": "setup_intent",
        "allowed_payment_method_types": null,
        "application": null,
        "automatic_payment_methods": null,
        "cancellation_reason": null,
        "client_secret": format!("{id}_secret_{secret}"),
        "created": call.account.now,
        "customer": call.params.or_null("/customer"),
        "customer_account": null,
        "description": call.params.or_null("/setup_intent_data/description"),
        "excluded_payment_method_types": null,
        "flow_directions": null,
        "last_setup_error": null,
        "latest_attempt": null,
        "livemode": false,
        "managed_payments": null,
        "mandate": null,
        "metadata": metadata.unwrap_or_else(|| json!({})),
        "next_action": null,
        "on_behalf_of": null,
        "payment_method": null,
        "payment_method_configuration_details": null,
        "payment_method_options": { "card": {
            "mandate_options": null, "network": null, "request_three_d_secure": "automatic",
        } },
        "payment_method_types": ["card"],
        "single_use_mandate": null,
        "status": "requires_payment_method",
        "usage": "off_session",
    });
    call.account.insert(intent);
    call.account.set(session_id, "setup_intent", json!(id));
    call.account.raise("setup_intent.created", &id);
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("checkout.session", &call.id(), "session")
        .cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let session = call.account.fetch("checkout.session", &id, "session")?;
    if call.params.has("line_items") || call.params.has("collected_information") {
        return Err(StripeError::not_simulated(
            "changing a session's line items or address",
        ));
    }
    let metadata = merged_metadata(&session["metadata"], call.params.0.get("metadata"))?;
    call.account.set(&id, "metadata", metadata);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let email = call.params.text("/customer_details/email");
    list::page(call, "checkout.session", "/v1/checkout/sessions", |row| {
        ["customer", "payment_intent", "subscription", "status"]
            .iter()
            .all(|name| list::is(call, name, row, name))
            && email.is_none_or(|wanted| row["customer_details"]["email"] == wanted)
    })
}

pub(crate) fn expire(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let session = call.account.fetch("checkout.session", &id, "session")?;
    if session["status"] != "open" {
        let status = session["status"].as_str().unwrap_or_default();
        return Err(StripeError::invalid(format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout \
             Session has a status of `{status}`."
        )));
    }
    lives::checkout::expire(call.account, &id);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn line_items(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let session = call.account.fetch("checkout.session", &id, "session")?;
    let rows: Vec<&Value> = session["_line_items"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    list::cut(
        call,
        &rows,
        "item",
        &format!("/v1/checkout/sessions/{id}/line_items"),
    )
}
