//! The hosted checkout page: a form that works without JavaScript and says in words what went wrong.

use std::fmt::Write;

use serde_json::Value;

use crate::account::Account;
use crate::http::exchange::Reply;
use crate::lives::checkout::{CardEntry, needs_card, redirect_url};
use crate::lives::money;
use crate::pages::{Width, escaped, framed};

/// A page for an id that no account knows.
pub(crate) fn unknown() -> Reply {
    let main = "<h1>There is no such checkout page</h1>\n<p>The address is wrong, or the sandbox was \
                restarted: it forgets everything when it stops.</p>";
    Reply::html(404, framed("No such page", Width::Column, main))
}

/// The page of a session, with what was typed and what is wrong with it (message, field).
pub(crate) fn page(
    account: &Account,
    id: &str,
    entry: &CardEntry,
    problem: Option<(&str, &str)>,
) -> Reply {
    let session = account.get(id);
    if session["object"] != "checkout.session" {
        return unknown();
    }
    match session["status"].as_str() {
        Some("open") => {
            let (status, title) = match problem {
                Some(_) => (402, "Please check: Checkout"),
                None => (200, "Checkout"),
            };
            let main = form(account, session, entry, problem);
            Reply::html(status, framed(title, Width::Column, &main))
        }
        Some("complete") => {
            let link = redirect_url(session).map_or(String::new(), |url| {
                format!(
                    "<p><a class=\"button\" href=\"{}\">Continue</a></p>",
                    escaped(&url)
                )
            });
            let main = format!(
                "<h1>This checkout is complete</h1>\n<p>The payment was taken once, and will not be taken again.</p>\n{link}"
            );
            Reply::html(200, framed("Checkout complete", Width::Column, &main))
        }
        _ => {
            let main = format!(
                "<h1>This checkout has expired</h1>\n<p>Nothing was charged. Go back and start again.</p>\n{}",
                back_link(session)
            );
            Reply::html(200, framed("Checkout expired", Width::Column, &main))
        }
    }
}

fn back_link(session: &Value) -> String {
    session["cancel_url"].as_str().map_or(String::new(), |url| {
        format!(
            "<p><a class=\"back\" href=\"{}\">← Back</a></p>",
            escaped(url)
        )
    })
}

fn summary(account: &Account, session: &Value) -> String {
    let currency = session["currency"].as_str().unwrap_or("usd");
    let amount = |value: &Value| money::written(value.as_i64().unwrap_or(0), currency);
    let mut rows = String::new();
    for item in session["_line_items"].as_array().into_iter().flatten() {
        let product = account.get(item["price"]["product"].as_str().unwrap_or_default());
        let name = product["name"].as_str().unwrap_or("Item");
        let every = match item["price"]["recurring"]["interval"].as_str() {
            Some(interval) => match item["price"]["recurring"]["interval_count"].as_i64() {
                Some(count) if count > 1 => format!(" every {count} {interval}s"),
                _ => format!(" per {interval}"),
            },
            None => String::new(),
        };
        let _ = writeln!(
            rows,
            "<li><span>{} × {}</span> <span>{}{every}</span></li>",
            item["quantity"],
            escaped(name),
            amount(&item["amount_total"])
        );
    }
    let data = &session["_subscription_data"];
    let trial = match data["trial_period_days"].as_i64() {
        Some(days) => format!("<p>{days} days free, then as listed.</p>\n"),
        None if !data["trial_end"].is_null() => "<p>Free trial first, then as listed.</p>\n".into(),
        None => String::new(),
    };
    if session["mode"] == "setup" {
        return "<h1>Save your card</h1>\n<p>Nothing is charged today.</p>\n".to_owned();
    }
    format!(
        "<h1>{} <span class=\"due\">due today, in {}</span></h1>\n<ul class=\"items\">\n{rows}</ul>\n{trial}",
        amount(&session["amount_total"]),
        currency.to_uppercase()
    )
}

/// One labelled input; the problem, if it is this field's, is tied to it for screen readers.
fn field(
    name: &str,
    label: &str,
    attributes: &str,
    value: &str,
    problem: Option<(&str, &str)>,
) -> String {
    let is_wrong = problem.is_some_and(|(_, field)| field == name);
    let state = if is_wrong {
        " aria-invalid=\"true\" aria-describedby=\"problem\" autofocus"
    } else {
        ""
    };
    format!(
        "<label for=\"{name}\">{label}</label>\n<input id=\"{name}\" name=\"{name}\" {attributes} \
         value=\"{}\" required{state}>\n",
        escaped(value)
    )
}

fn form(
    account: &Account,
    session: &Value,
    entry: &CardEntry,
    problem: Option<(&str, &str)>,
) -> String {
    let customer = account.get(session["customer"].as_str().unwrap_or_default());
    let known_email = customer["email"]
        .as_str()
        .or(session["customer_email"].as_str());
    let alert = problem.map_or(String::new(), |(message, _)| {
        format!(
            "<p id=\"problem\" class=\"problem\" role=\"alert\"><strong>{}</strong> \
             Nothing was charged.</p>\n",
            escaped(message)
        )
    });
    let email = match known_email {
        Some(email) => format!(
            "<p class=\"known\">Email: <strong>{}</strong></p>\n",
            escaped(email)
        ),
        None => field(
            "email",
            "Email",
            "type=\"email\" autocomplete=\"email\" maxlength=\"200\"",
            &entry.email,
            problem,
        ),
    };
    let card = if needs_card(session) {
        let number = field(
            "number",
            "Card number",
            "inputmode=\"numeric\" autocomplete=\"cc-number\" placeholder=\"4242 4242 4242 4242\" maxlength=\"23\"",
            &entry.number,
            problem,
        );
        let expiry_text = match (entry.exp_month.as_str(), entry.exp_year.as_str()) {
            ("", _) => String::new(),
            (month, year) => format!("{month}/{year}"),
        };
        let expiry = field(
            "expiry",
            "Expiry (MM/YY)",
            "inputmode=\"numeric\" autocomplete=\"cc-exp\" placeholder=\"12/34\" maxlength=\"7\"",
            &expiry_text,
            problem,
        );
        let cvc = field(
            "cvc",
            "CVC",
            "inputmode=\"numeric\" autocomplete=\"cc-csc\" placeholder=\"123\" maxlength=\"4\"",
            "",
            problem,
        );
        let name = field(
            "name",
            "Name on card",
            "autocomplete=\"cc-name\" maxlength=\"150\"",
            &entry.name,
            problem,
        );
        format!("{number}<div class=\"pair\"><div>{expiry}</div><div>{cvc}</div></div>\n{name}")
    } else {
        String::new()
    };
    let total = session["amount_total"].as_i64().unwrap_or(0);
    let currency = session["currency"].as_str().unwrap_or("usd");
    let written = |amount| money::written(amount, currency);
    let action = match (session["mode"].as_str(), total) {
        (Some("setup"), _) => "Save card".to_owned(),
        (Some("subscription"), 0) => "Start trial".to_owned(),
        (Some("subscription"), _) => format!("Pay {} and subscribe", written(total)),
        _ => format!("Pay {}", written(total)),
    };
    format!(
        "{back}{summary}{alert}<form method=\"post\" action=\"/c/pay/{id}\">\n{email}{card}\
         <button type=\"submit\">{action}</button>\n</form>\n\
         <details><summary>Cards to try</summary>\n<ul>\n\
         <li><code>4242 4242 4242 4242</code> pays</li>\n\
         <li><code>4000 0000 0000 0002</code> is declined</li>\n\
         <li><code>4000 0000 0000 9995</code> has too little money</li>\n\
         <li><code>4000 0000 0000 0069</code> has expired</li>\n</ul>\n\
         <p>Any future date and any CVC.</p>\n</details>",
        back = back_link(session),
        summary = summary(account, session),
        id = escaped(session["id"].as_str().unwrap_or_default()),
    )
}
