//! The pages on which a subscription is changed or canceled.

use std::fmt::Write;

use crate::json::Value;

use crate::account::Account;
use crate::api::portal::acts;
use crate::http::exchange::Reply;
use crate::lives::{money, portal, price};
use crate::pages::escaped;
use crate::pages::fields::{self, Field, typed};
use crate::pages::portal::home::home_link;
use crate::pages::portal::{View, date};

/// The page for `cancel`, `update` or `confirm`, if that is there for this subscription.
pub(super) fn page(view: &View<'_>, named: &str, what: &str) -> Option<Reply> {
    let id = acts::subscription_of(view.account, view.session, named).ok()?;
    let subscription = view.account.get(&id);
    match what {
        "cancel" if view.allows("subscription_cancel") => Some(cancel(view, subscription)),
        "update" if view.allows("subscription_update") => Some(update(view, subscription)),
        "confirm" if view.allows("subscription_update") => Some(confirm(view, subscription)),
        _ => None,
    }
}

/// `2 × Pro: $20.00 per month`, as markup.
pub(super) fn price_text(account: &Account, price: &Value, quantity: Option<i64>) -> String {
    let product = account.get(price["product"].as_str().unwrap_or_default());
    let name = escaped(product["name"].as_str().unwrap_or("Product"));
    let currency = price["currency"].as_str().unwrap_or("usd");
    let recurring = &price["recurring"];
    let interval = recurring["interval"].as_str().unwrap_or("month");
    let every = match recurring["interval_count"].as_i64() {
        Some(count) if count > 1 => format!("every {count} {interval}s"),
        _ => format!("per {interval}"),
    };
    if recurring["usage_type"] == "metered" {
        return format!("{name}: as used, {every}");
    }
    let quantity = quantity.unwrap_or(1);
    let amount = money::written(price::amount_of(price, quantity), currency);
    if quantity == 1 {
        format!("{name}: {amount} {every}")
    } else {
        format!("{quantity} × {name}: {amount} {every}")
    }
}

fn period_end(subscription: &Value) -> Option<i64> {
    let items = subscription["items"]["data"].as_array()?;
    items
        .iter()
        .filter_map(|item| item["current_period_end"].as_i64())
        .max()
}

/// What state it is in, in words, as markup.
pub(super) fn status_text(subscription: &Value) -> String {
    if let Some(at) = subscription["cancel_at"].as_i64() {
        return format!("Ends on {}.", date(Some(at)));
    }
    let end = date(period_end(subscription));
    if subscription["cancel_at_period_end"] == true {
        return format!("Ends on {end}.");
    }
    match subscription["status"].as_str() {
        Some("trialing") => format!("Free until {}.", date(subscription["trial_end"].as_i64())),
        Some("past_due") => "Payment is past due.".to_owned(),
        Some("unpaid") => "Unpaid.".to_owned(),
        Some("paused") => "Paused.".to_owned(),
        Some("incomplete") => "Waiting for the first payment.".to_owned(),
        _ => format!("Renews on {end}."),
    }
}

fn cancel(view: &View<'_>, subscription: &Value) -> Reply {
    let id = escaped(subscription["id"].as_str().unwrap_or_default());
    let feature =
        &portal::configuration_of(view.account, view.session)["features"]["subscription_cancel"];
    let when = if feature["mode"] == "immediately" {
        "It ends at once.".to_owned()
    } else {
        format!(
            "It stays yours until {} and ends then.",
            date(period_end(subscription))
        )
    };
    let reasons = if feature["cancellation_reason"]["enabled"] == true {
        reasons(view, &feature["cancellation_reason"]["options"])
    } else {
        String::new()
    };
    let main = format!(
        "{}<h1>Cancel your subscription</h1>\n<ul class=\"items\">\n{}</ul>\n<p>{when}</p>\n\
         <form method=\"post\" action=\"{}\">\n{reasons}\
         <button type=\"submit\">Cancel subscription</button>\n</form>\n",
        home_link(view),
        items(view.account, subscription),
        view.path(&format!("/subscriptions/{id}/cancel"))
    );
    view.page("Cancel your subscription", &main)
}

fn items(account: &Account, subscription: &Value) -> String {
    let mut out = String::new();
    for item in subscription["items"]["data"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let text = price_text(account, &item["price"], item["quantity"].as_i64());
        let _ = writeln!(out, "<li>{text}</li>");
    }
    out
}

fn reasons(view: &View<'_>, options: &Value) -> String {
    let words = |reason: &str| match reason {
        "too_expensive" => "It's too expensive",
        "missing_features" => "I need more features",
        "switched_service" => "I found an alternative",
        "unused" => "I no longer need it",
        "customer_service" => "Customer service was less than expected",
        "too_complex" => "Ease of use was less than expected",
        "low_quality" => "Quality was less than expected",
        _ => "Other reason",
    };
    let chosen = typed(view.sent, "feedback");
    let mut choices = String::new();
    for reason in options.as_array().into_iter().flatten() {
        let reason = reason.as_str().unwrap_or_default();
        choices.push_str(&fields::radio(
            "feedback",
            reason,
            words(reason),
            reason == chosen,
        ));
    }
    let comment = fields::input(
        &Field {
            name: "comment",
            label: "Anything else?",
            attributes: "maxlength=\"500\"",
            value: &typed(view.sent, "comment"),
            is_optional: true,
        },
        view.problem,
    );
    format!("<fieldset>\n<legend>Why do you cancel?</legend>\n{choices}</fieldset>\n{comment}")
}

fn update(view: &View<'_>, subscription: &Value) -> Reply {
    let id = escaped(subscription["id"].as_str().unwrap_or_default());
    let item = &subscription["items"]["data"][0];
    let quantity = item["quantity"].as_i64().unwrap_or(1);
    let mut form = String::new();
    if acts::may_change(view.account, view.session, "price") {
        let mut choices = String::new();
        for (offered, _, _) in acts::offers(view.account, view.session) {
            let price = view.account.get(&offered);
            let is_current = item["price"]["id"] == offered.as_str();
            let mut label = price_text(view.account, price, None);
            if is_current {
                label.push_str(" <strong>(current plan)</strong>");
            }
            choices.push_str(&fields::radio("price", &offered, &label, is_current));
        }
        let _ = write!(
            form,
            "<fieldset>\n<legend>Plan</legend>\n{choices}</fieldset>\n"
        );
    }
    if acts::may_change(view.account, view.session, "quantity") {
        let typed = typed(view.sent, "quantity");
        let value = if typed.is_empty() {
            quantity.to_string()
        } else {
            typed
        };
        form.push_str(&fields::input(
            &Field {
                name: "quantity",
                label: "Quantity",
                attributes: "type=\"number\" min=\"1\"",
                value: &value,
                is_optional: false,
            },
            view.problem,
        ));
    }
    let main = format!(
        "{}<h1>Update your subscription</h1>\n<p>Now: {}.</p>\n<form method=\"post\" action=\"{}\">\n\
         {form}<p>{}</p>\n<button type=\"submit\">Update subscription</button>\n</form>\n",
        home_link(view),
        price_text(view.account, &item["price"], item["quantity"].as_i64()),
        view.path(&format!("/subscriptions/{id}/update")),
        proration(view),
    );
    view.page("Update your subscription", &main)
}

/// What a change costs, in words.
fn proration(view: &View<'_>) -> &'static str {
    let feature =
        &portal::configuration_of(view.account, view.session)["features"]["subscription_update"];
    match feature["proration_behavior"].as_str() {
        Some("always_invoice") => "The difference for the rest of the period is charged now.",
        Some("create_prorations") => {
            "The difference for the rest of the period is on your next invoice."
        }
        _ => "The new price is charged from the next period on.",
    }
}

fn confirm(view: &View<'_>, subscription: &Value) -> Reply {
    let id = escaped(subscription["id"].as_str().unwrap_or_default());
    let item = &subscription["items"]["data"][0];
    let (_, change) = acts::confirmed(view.session);
    let price = match &change.price {
        Some(price) => view.account.get(price),
        None => &item["price"],
    };
    let quantity = change.quantity.or(item["quantity"].as_i64());
    let main = format!(
        "{}<h1>Confirm your change</h1>\n<p>Now: {}.</p>\n<p>New: <strong>{}</strong>.</p>\n\
         <form method=\"post\" action=\"{}\">\n<p>{}</p>\n<button type=\"submit\">Confirm</button>\n</form>\n",
        home_link(view),
        price_text(view.account, &item["price"], item["quantity"].as_i64()),
        price_text(view.account, price, quantity),
        view.path(&format!("/subscriptions/{id}/confirm")),
        proration(view),
    );
    view.page("Confirm your change", &main)
}
