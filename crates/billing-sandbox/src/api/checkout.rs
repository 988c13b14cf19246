//! Checkout Sessions: create, retrieve, list, expire, line items.

mod asks;
mod lines;
mod object;
mod payment_pages;
mod shown;
mod terms;
mod update;

use crate::json::{Value, json};

use crate::api::checkout::shown::{shown, shown_list};
use crate::api::checkout::terms::UiMode;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives;
use crate::lives::payment::setup::SetupTerms;

/// What would change who gets the money, or taxes that only Stripe can find.
const UNSIMULATED: &str = "application_fee_amount application_fee_percent automatic_tax \
    billing_cycle_anchor_config dynamic_tax_rates managed_payments \
    on_behalf_of payment_method_configuration pending_invoice_item_interval transfer_data";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/checkout/sessions", create).lacks(UNSIMULATED),
    route("GET /v1/checkout/sessions", list),
    route("GET /v1/checkout/sessions/{}", retrieve),
    route("POST /v1/checkout/sessions/{}", update::update),
    route("POST /v1/checkout/sessions/{}/expire", expire),
    route("GET /v1/checkout/sessions/{}/line_items", line_items),
    route("GET /v1/payment_pages/{}", payment_pages::retrieve),
    route("POST /v1/payment_pages/{}/confirm", payment_pages::confirm),
];

fn create(call: &mut Call<'_>) -> Answer {
    let mode = terms::mode_of(call)?;
    let ui_mode = UiMode::parse(call)?;
    terms::check_urls(call, ui_mode)?;
    terms::check_customer(call, &mode)?;
    terms::check_mode(call, &mode)?;
    let expires_at = terms::expiry(call)?;
    let data = call.params.or_null("/subscription_data");
    terms::check_trial(call, &data)?;
    terms::check_anchor(call, &data)?;
    lines::tax_rates_of(
        call,
        &data["default_tax_rates"],
        "subscription_data[default_tax_rates]",
    )?;
    let items = lines::of(call, &mode)?;
    let currency = match items.first() {
        Some(item) => item["currency"].clone(),
        None => call.params.or_null("/currency"),
    };
    let decided = object::Decided {
        mode: &mode,
        ui_mode,
        expires_at,
        currency: currency.clone(),
    };
    let mut session = object::blank(call, &decided)?;
    session["_line_items"] = json!(items);
    let id = call.account.insert(session);
    let discounts = call.params.or_null("/discounts");
    let priced = lives::checkout::revise::apply(call.account, &id, &discounts).and_then(|()| {
        let total = call.account.get(&id)["amount_total"].as_i64().unwrap_or(0);
        if mode == "payment" && total > 0 {
            terms::check_minimum(total, currency.as_str().unwrap_or_default())?;
        }
        Ok(())
    });
    if let Err(refusal) = priced {
        call.account.delete("checkout.session", &id, None);
        return Err(refusal);
    }
    if mode == "setup" {
        insert_setup_intent(call, &id);
    }
    call.account.when(expires_at, "checkout.expire", &id);
    Ok(shown(call, &id))
}

/// The intent that a setup session saves its card with; it is there from the beginning.
fn insert_setup_intent(call: &mut Call<'_>, session_id: &str) {
    let session = call.account.get(session_id);
    let data = &session["_setup_intent_data"];
    let terms = SetupTerms {
        customer: session["customer"].clone(),
        description: data["description"].clone(),
        metadata: data["metadata"].clone(),
        ..SetupTerms::default()
    };
    let id = lives::checkout::setup::insert(call.account, session_id, &terms);
    call.account.set(session_id, "setup_intent", json!(id));
    call.account.raise("setup_intent.created", &id);
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch("checkout.session", &id, "session")?;
    Ok(shown(call, &id))
}

fn list(call: &mut Call<'_>) -> Answer {
    let email = call.params.text("/customer_details/email");
    let page = list::page(call, "checkout.session", "/v1/checkout/sessions", |row| {
        [
            "customer",
            "customer_account",
            "payment_intent",
            "payment_link",
            "status",
            "subscription",
        ]
        .iter()
        .all(|name| list::is(call, name, row, name))
            && email.is_none_or(|wanted| row["customer_details"]["email"] == wanted)
    })?;
    Ok(shown_list(call, page))
}

fn expire(call: &mut Call<'_>) -> Answer {
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
    Ok(shown(call, &id))
}

fn line_items(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch("checkout.session", &id, "session")?;
    let items = shown::items(call, &id, "data");
    let rows: Vec<&Value> = items.iter().collect();
    list::cut(
        call,
        &rows,
        "item",
        &format!("/v1/checkout/sessions/{id}/line_items"),
    )
}
