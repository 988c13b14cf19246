//! Pausing and resuming a subscription, and its way to flexible billing.

use crate::json::json;

use crate::api::subscriptions::update::{proration_date, resets_anchor};
use crate::api::{Answer, Call};
use crate::http::error::StripeError;
use crate::lives::subscription::change::Proration;
use crate::lives::subscription::pausing::{self, Pause, Resumption};
use crate::lives::{proration, subscription};

pub(crate) fn pause(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("subscription", &id, "id")?;
    let refused = |text: &str| Err(StripeError::invalid(text));
    match before["status"].as_str() {
        Some("active" | "past_due" | "unpaid") => {}
        Some("paused") => return refused("This subscription is already `paused`."),
        Some(status) => {
            return refused(&format!(
                "You cannot pause a subscription that is `{status}`."
            ));
        }
        None => {}
    }
    if before["collection_method"] == "send_invoice" {
        return refused("You cannot pause a subscription with `collection_method=send_invoice`.");
    }
    if !proration::is_flexible(&before) {
        return refused("You can only pause a subscription with `billing_mode[type]=flexible`.");
    }
    if !before["schedule"].is_null() {
        return refused("You cannot pause a subscription that is managed by a schedule.");
    }
    let kind = |name: &str| {
        call.params
            .text(&format!("/bill_for/{name}/type"))
            .unwrap_or("none")
            .to_owned()
    };
    let pause = Pause {
        credits_from: kind("unused_time_from"),
        bills_usage: kind("outstanding_usage_through") == "now",
        is_invoiced: call.params.text("/invoicing_behavior") == Some("invoice"),
    };
    pausing::pause(call.account, &id, &pause);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn resume(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("subscription", &id, "id")?;
    if !before["ended_at"].is_null() {
        return Err(StripeError::no_such("subscription", &id, "id"));
    }
    if before["status"] != "paused" {
        return Err(StripeError::invalid(
            "You can only resume a subscription if it is `paused`.",
        ));
    }
    let at = call.params.int("/proration_date");
    if at.is_some() {
        proration_date(call, &before)?;
    }
    let is_unchanged = call.params.has("billing_cycle_anchor") && !resets_anchor(call);
    let resumption = Resumption {
        resets_anchor: !is_unchanged,
        proration: match call.params.text("/proration_behavior") {
            Some("none") => Proration::None,
            Some("always_invoice") => Proration::Invoiced,
            _ => Proration::Kept,
        },
        waits_for_payment: call.params.text("/payment_behavior")
            != Some("resume_on_payment_attempt"),
        at: at.unwrap_or(call.account.now),
    };
    pausing::resume(call.account, &id, &resumption);
    Ok(call.account.get(&id).clone())
}

/// There is no way back from flexible billing.
pub(crate) fn migrate(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("subscription", &id, "id")?;
    if !before["ended_at"].is_null() {
        return Err(StripeError::invalid(
            "You cannot migrate a subscription that has been canceled.",
        ));
    }
    if proration::is_flexible(&before) {
        return Err(StripeError::invalid(
            "This subscription already has `billing_mode[type]=flexible`.",
        ));
    }
    let mut mode = subscription::billing_mode(false, call.account.now);
    if let Some(kind) = call
        .params
        .text("/billing_mode/flexible/proration_discounts")
    {
        mode["flexible"]["proration_discounts"] = json!(kind);
    }
    call.account.set(&id, "billing_mode", mode);
    call.account
        .raise_update("customer.subscription.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}
