//! What a preview makes of a subscription's details: the subscription as it would be, worked out by
//! the same plan as the change itself.

use crate::json::{Value, json};

use crate::api::Call;
use crate::api::invoices::tax_rates;
use crate::api::subscriptions::create::is_classic;
use crate::api::subscriptions::{items, terms};
use crate::http::error::StripeError;
use crate::lives::invoice::Line;
use crate::lives::proration;
use crate::lives::subscription::change::{self, Change, Payment, Proration};
use crate::lives::subscription::{self, cycle};

const ITEMS: &str = "subscription_details[items]";

/// A subscription as it shall be, and what the change to it is billed with.
pub(super) struct Changed {
    pub(super) after: Value,
    pub(super) lines: Vec<Line>,
    /// Whether the change is invoiced at once.
    pub(super) is_invoiced: bool,
}

/// The subscription with the changes that were sent.
pub(super) fn change(
    call: &mut Call<'_>,
    before: &Value,
    details: &Value,
    at: i64,
) -> Result<Changed, StripeError> {
    let sent = details["items"].as_array().cloned().unwrap_or_default();
    for (index, entry) in sent.iter().enumerate() {
        if entry["discounts"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
        {
            let at = format!("{ITEMS}[{index}][discounts]");
            return Err(StripeError::not_simulated("discounts of items in a preview").param(&at));
        }
    }
    if before.is_null() {
        let after = if sent.is_empty() {
            Value::Null
        } else {
            imagined(call, details, &sent)?
        };
        return Ok(Changed {
            after,
            lines: Vec::new(),
            is_invoiced: false,
        });
    }
    let mut after = before.clone();
    if details["cancel_now"] == true {
        after["items"]["data"] = json!([]);
        let lines = if details["proration_behavior"] == "none" {
            Vec::new()
        } else {
            proration::lines(call.account, before, &after, at, false)
        };
        return Ok(Changed {
            after,
            lines,
            is_invoiced: true,
        });
    }
    set_end(before, details, &mut after);
    set_trial(call, before, details, &mut after)?;
    if let Some(Value::Array(ids)) = details.get("default_tax_rates") {
        let at = "subscription_details[default_tax_rates]";
        after["default_tax_rates"] = json!(tax_rates(call.account, ids, at)?);
    }
    if !sent.is_empty() {
        let changed = items::changed_items(call.account, before, &sent, ITEMS)?;
        after["items"]["data"] = json!(changed.items);
    }
    let anchor = &details["billing_cycle_anchor"];
    let wanted = Change {
        after,
        proration: match details["proration_behavior"].as_str() {
            Some("none") => Proration::None,
            Some("always_invoice") => Proration::Invoiced,
            _ => Proration::Kept,
        },
        at,
        resets_anchor: anchor == "now" || anchor["type"] == "now",
        one_time: Vec::new(),
        payment: Payment::Allowed,
        is_off_session: true,
    };
    let plan = change::plan(call.account, before, &wanted);
    Ok(Changed {
        after: plan.after,
        lines: plan.lines,
        is_invoiced: plan.is_invoiced,
    })
}

/// When the subscription shall end.
fn set_end(before: &Value, details: &Value, after: &mut Value) {
    match details["cancel_at_period_end"].as_bool() {
        Some(true) => after["cancel_at"] = json!(cycle::next_end(before)),
        Some(false) => after["cancel_at"] = Value::Null,
        None => {}
    }
    if let Some(at) = terms::time_of(&details["cancel_at"]) {
        after["cancel_at"] = json!(at);
    }
}

fn set_trial(
    call: &Call<'_>,
    before: &Value,
    details: &Value,
    after: &mut Value,
) -> Result<(), StripeError> {
    let sent = &details["trial_end"];
    if sent.is_null() {
        return Ok(());
    }
    let now = call.account.now;
    match terms::trial_end(sent, now)? {
        Some(end) => after["trial_end"] = json!(end),
        None if before["status"] == "trialing" => after["trial_end"] = json!(now),
        None => {}
    }
    Ok(())
}

/// A subscription that does not exist yet, as it would begin; it is not kept.
fn imagined(call: &mut Call<'_>, details: &Value, sent: &[Value]) -> Result<Value, StripeError> {
    let now = call.account.now;
    let trial_end = terms::trial_end(&details["trial_end"], now)?;
    let item_terms = items::new_items(call.account, sent, ITEMS)?;
    let mode = details["billing_mode"]["type"].as_str();
    let made = subscription::Terms {
        customer: call.params.text("/customer").unwrap_or_default().to_owned(),
        item_terms,
        trial_end,
        status: if trial_end.is_some() {
            "trialing"
        } else {
            "active"
        },
        is_classic: mode.map_or_else(|| is_classic(call), |mode| mode == "classic"),
        ..subscription::Terms::default()
    };
    let id = subscription::insert(call.account, &made);
    let subscription = call.account.get(&id).clone();
    call.account.delete("subscription", &id, None);
    Ok(subscription)
}
