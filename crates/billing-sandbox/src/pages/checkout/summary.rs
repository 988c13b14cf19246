//! What is bought and what it costs, with what the customer may still change about it.

use std::fmt::Write;

use crate::json::Value;

use crate::account::Account;
use crate::lives::checkout::{revise, totals};
use crate::lives::{money, price};
use crate::pages::escaped;
use crate::pages::fields::{self, Field, Problem};

pub(super) fn of(account: &Account, session: &Value, problem: Problem<'_>) -> String {
    if session["mode"] == "setup" {
        return "<h1>Save your card</h1>\n<p>Nothing is charged today.</p>\n".to_owned();
    }
    let currency = session["currency"].as_str().unwrap_or("usd");
    let amount = |value: &Value| money::written(value.as_i64().unwrap_or(0), currency);
    format!(
        "<h1>{} <span class=\"due\">due today, in {}</span></h1>\n<ul class=\"items\">\n{}{}</ul>\n{}{}{}{}",
        amount(&session["amount_total"]),
        currency.to_uppercase(),
        items(account, session),
        extras(account, session),
        trial(session),
        optional(account, session),
        shipping(account, session),
        promotion(session, problem),
    )
}

/// `per month`, `every 3 months`, or nothing.
fn every(price: &Value) -> String {
    let recurring = &price["recurring"];
    match recurring["interval"].as_str() {
        None => String::new(),
        Some(interval) => match recurring["interval_count"].as_i64() {
            Some(count) if count > 1 => format!(" every {count} {interval}s"),
            _ => format!(" per {interval}"),
        },
    }
}

fn items(account: &Account, session: &Value) -> String {
    let id = escaped(session["id"].as_str().unwrap_or_default());
    let currency = session["currency"].as_str().unwrap_or("usd");
    let mut rows = String::new();
    for item in totals::items_of(session) {
        let product = account.get(item["price"]["product"].as_str().unwrap_or_default());
        let name = escaped(product["name"].as_str().unwrap_or("Item"));
        let is_metered = item["price"]["recurring"]["usage_type"] == "metered";
        let quantity = item["quantity"].as_i64().unwrap_or(1);
        let (title, cost) = if is_metered {
            (name.clone(), "as used".to_owned())
        } else {
            let listed = price::amount_of(&item["price"], quantity);
            (
                format!("{quantity} × {name}"),
                money::written(listed, currency),
            )
        };
        let change = match revise::bounds(&item) {
            Some((least, most)) => {
                let item_id = escaped(item["id"].as_str().unwrap_or_default());
                format!(
                    "\n<form class=\"change\" method=\"post\" action=\"/c/pay/{id}/update\">\
                     <label for=\"quantity_{item_id}\">Quantity of {name}</label> \
                     <input type=\"number\" id=\"quantity_{item_id}\" name=\"quantity[{item_id}]\" \
                     min=\"{least}\" max=\"{most}\" value=\"{quantity}\" required> \
                     <button class=\"small\" type=\"submit\">Update</button></form>"
                )
            }
            None => String::new(),
        };
        let _ = writeln!(
            rows,
            "<li><span>{title}</span> <span>{cost}{}</span>{change}</li>",
            every(&item["price"])
        );
    }
    rows
}

/// Discounts, taxes and shipping, each where there is any.
fn extras(account: &Account, session: &Value) -> String {
    let currency = session["currency"].as_str().unwrap_or("usd");
    let mut rows = String::new();
    let mut row = |label: &str, amount: i64| {
        let _ = writeln!(
            rows,
            "<li class=\"extra\"><span>{}</span> <span>{}</span></li>",
            escaped(label),
            money::written(amount, currency)
        );
    };
    for discount in session["_breakdown"]["discounts"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let found = account.get(discount["discount"].as_str().unwrap_or_default());
        let coupon = account.get(found["source"]["coupon"].as_str().unwrap_or_default());
        let name = coupon["name"].as_str().or(coupon["id"].as_str());
        let off = discount["amount"].as_i64().unwrap_or(0);
        row(&format!("Discount: {}", name.unwrap_or("coupon")), -off);
    }
    for tax in session["_breakdown"]["taxes"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let rate = account.get(tax["rate"].as_str().unwrap_or_default());
        let name = rate["display_name"].as_str().unwrap_or("Tax");
        let how = if rate["inclusive"] == true {
            "included"
        } else {
            "added"
        };
        let percentage = rate["percentage"].to_string();
        let percentage = percentage.trim_end_matches(".0");
        let label = format!("{name} {percentage}% ({how})");
        row(&label, tax["amount"].as_i64().unwrap_or(0));
    }
    if let Some(cost) = session["shipping_cost"]["amount_total"].as_i64() {
        row("Shipping", cost);
    }
    rows
}

fn trial(session: &Value) -> String {
    let data = &session["_subscription_data"];
    match data["trial_period_days"].as_i64() {
        Some(days) => format!("<p>{days} days free, then as listed.</p>\n"),
        None if !data["trial_end"].is_null() => "<p>Free trial first, then as listed.</p>\n".into(),
        None => String::new(),
    }
}

/// What is offered beside what is bought, each with a button.
fn optional(account: &Account, session: &Value) -> String {
    let id = escaped(session["id"].as_str().unwrap_or_default());
    let chosen = totals::items_of(session);
    let mut rows = String::new();
    for offer in session["optional_items"].as_array().into_iter().flatten() {
        let price = account.get(offer["price"].as_str().unwrap_or_default());
        let product = account.get(price["product"].as_str().unwrap_or_default());
        let name = escaped(product["name"].as_str().unwrap_or("Item"));
        let quantity = offer["quantity"].as_i64().unwrap_or(1);
        let currency = price["currency"].as_str().unwrap_or("usd");
        let cost = money::written(price::amount_of(price, quantity), currency);
        let is_chosen = chosen
            .iter()
            .any(|item| item["_is_optional"] == true && item["price"]["id"] == price["id"]);
        let action = if is_chosen { "Remove" } else { "Add" };
        let _ = writeln!(
            rows,
            "<li><span>{quantity} × {name}</span> <span>{cost}{}</span>\
             <button class=\"small\" type=\"submit\" name=\"optional_item\" value=\"{}\">{action}\
             <span class=\"unseen\"> {name}</span></button></li>",
            every(price),
            escaped(price["id"].as_str().unwrap_or_default()),
        );
    }
    if rows.is_empty() {
        return rows;
    }
    format!(
        "<form method=\"post\" action=\"/c/pay/{id}/update\">\n<h2>Add to your order</h2>\n\
         <ul class=\"items\">\n{rows}</ul>\n</form>\n"
    )
}

fn shipping(account: &Account, session: &Value) -> String {
    let options = session["shipping_options"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if options.len() < 2 {
        return String::new();
    }
    let currency = session["currency"].as_str().unwrap_or("usd");
    let mut choices = String::new();
    for option in options {
        let id = option["shipping_rate"].as_str().unwrap_or_default();
        let name = account.get(id)["display_name"]
            .as_str()
            .unwrap_or("Shipping");
        let cost = money::written(option["shipping_amount"].as_i64().unwrap_or(0), currency);
        let is_chosen = session["shipping_cost"]["shipping_rate"] == id;
        let label = format!("{} ({cost})", escaped(name));
        choices.push_str(&fields::radio("shipping_rate", id, &label, is_chosen));
    }
    format!(
        "<form method=\"post\" action=\"/c/pay/{}/update\">\n<fieldset>\n<legend>Shipping</legend>\n\
         {choices}<button class=\"small\" type=\"submit\">Choose</button>\n</fieldset>\n</form>\n",
        escaped(session["id"].as_str().unwrap_or_default())
    )
}

fn promotion(session: &Value, problem: Problem<'_>) -> String {
    if session["allow_promotion_codes"] != true {
        return String::new();
    }
    let id = escaped(session["id"].as_str().unwrap_or_default());
    let is_applied = session["discounts"]
        .as_array()
        .is_some_and(|list| !list.is_empty());
    if is_applied {
        return format!(
            "<form method=\"post\" action=\"/c/pay/{id}/update\">\n<p role=\"status\">A promotion \
             code is applied. <button class=\"small\" type=\"submit\" name=\"no_promotion_code\" \
             value=\"yes\">Remove it</button></p>\n</form>\n"
        );
    }
    let field = fields::input(
        &Field {
            name: "promotion_code",
            label: "Promotion code",
            attributes: "autocomplete=\"off\" maxlength=\"100\"",
            ..Field::default()
        },
        problem,
    );
    format!(
        "<form method=\"post\" action=\"/c/pay/{id}/update\">\n{field}\
         <button class=\"small\" type=\"submit\">Apply</button>\n</form>\n"
    )
}
