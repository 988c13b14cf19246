//! The first page of the portal, and the forms for a card and for the customer's details.

use std::fmt::Write;

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::portal::acts;
use crate::http::exchange::Reply;
use crate::http::form::Node;
use crate::lives::checkout::Submission;
use crate::lives::checkout::entry::address_of;
use crate::lives::{money, portal};
use crate::pages::checkout::form::card;
use crate::pages::checkout::submission;
use crate::pages::escaped;
use crate::pages::fields::{self, Field, typed, typed_address};
use crate::pages::portal::subscription::{price_text, status_text};
use crate::pages::portal::{View, back_link, date};

const INVOICES_MAX: usize = 24;

pub(super) fn page(view: &View<'_>) -> Reply {
    let profile = &portal::configuration_of(view.account, view.session)["business_profile"];
    let headline = profile["headline"].as_str();
    let headline = headline.map_or(String::new(), |text| format!("<p>{}</p>\n", escaped(text)));
    let main = format!(
        "{}<h1>Your billing</h1>\n{headline}{}{}{}{}",
        back_link(view),
        subscriptions(view),
        methods(view),
        details(view),
        invoices(view)
    );
    view.page("Your billing", &main)
}

fn subscriptions(view: &View<'_>) -> String {
    let rows = acts::live_subscriptions(view.account, view.session);
    let mut out =
        String::from("<section aria-labelledby=\"plans\">\n<h2 id=\"plans\">Subscriptions</h2>\n");
    if rows.is_empty() {
        out.push_str("<p>None at present.</p>\n");
    }
    for row in rows {
        let id = escaped(row["id"].as_str().unwrap_or_default());
        let mut names = Vec::new();
        let items = row["items"]["data"].as_array();
        for item in items.into_iter().flatten() {
            names.push(price_text(
                view.account,
                &item["price"],
                item["quantity"].as_i64(),
            ));
        }
        let link = |what: &str, words: &str| {
            let path = view.path(&format!("/subscriptions/{id}/{what}"));
            format!("<a class=\"action\" href=\"{path}\">{words}</a> ")
        };
        let is_ending = !row["cancel_at"].is_null() || row["cancel_at_period_end"] == true;
        let mut actions = String::new();
        if view.allows("subscription_update") && names.len() == 1 {
            actions.push_str(&link("update", "Update subscription"));
        }
        if view.allows("subscription_cancel") {
            if is_ending {
                let path = view.path(&format!("/subscriptions/{id}/renew"));
                let _ = write!(
                    actions,
                    "<form class=\"inline\" method=\"post\" action=\"{path}\">\
                     <button class=\"small\" type=\"submit\">Don't cancel subscription</button></form>"
                );
            } else {
                actions.push_str(&link("cancel", "Cancel subscription"));
            }
        }
        let _ = writeln!(
            out,
            "<article class=\"card\">\n<h3>{}</h3>\n<p>{}</p>\n<p>{actions}</p>\n</article>",
            names.join("<br>"),
            status_text(row)
        );
    }
    out.push_str("</section>\n");
    out
}

/// The cards of the customer, the one that is charged first.
fn methods(view: &View<'_>) -> String {
    let customer = view.customer();
    let default = &customer["invoice_settings"]["default_payment_method"];
    let id = customer["id"].as_str().unwrap_or_default();
    let rows = view
        .account
        .rows("payment_method")
        .filter(|row| row["customer"] == id);
    let may_change = view.allows("payment_method_update");
    let mut list = String::new();
    for row in rows {
        let kind = row["type"].as_str().unwrap_or("card");
        let name = match (row["card"]["brand"].as_str(), row[kind]["last4"].as_str()) {
            (Some(brand), Some(last4)) => format!("{} ending in {last4}", titled(brand)),
            (None, Some(last4)) => format!("{} ending in {last4}", titled(kind)),
            _ => titled(kind),
        };
        let expiry = match (
            row["card"]["exp_month"].as_i64(),
            row["card"]["exp_year"].as_i64(),
        ) {
            (Some(month), Some(year)) => format!(", expires {month:02}/{year}"),
            _ => String::new(),
        };
        let is_default = *default == row["id"];
        let mark = if is_default {
            " <strong>(default)</strong>".to_owned()
        } else if may_change {
            let path = view.path(&format!(
                "/cards/{}/default",
                escaped(row["id"].as_str().unwrap_or_default())
            ));
            format!(
                " <form class=\"inline\" method=\"post\" action=\"{path}\"><button class=\"small\" \
                 type=\"submit\">Make default<span class=\"unseen\">: {}</span></button></form>",
                escaped(&name)
            )
        } else {
            String::new()
        };
        let _ = writeln!(
            list,
            "<li><span>{}{expiry}</span>{mark}</li>",
            escaped(&name)
        );
    }
    let list = if list.is_empty() {
        "<p>None yet.</p>\n".to_owned()
    } else {
        format!("<ul class=\"items\">\n{list}</ul>\n")
    };
    let add = if may_change {
        format!(
            "<p><a class=\"action\" href=\"{}\">Add payment method</a></p>\n",
            view.path("/card")
        )
    } else {
        String::new()
    };
    format!(
        "<section aria-labelledby=\"methods\">\n<h2 id=\"methods\">Payment methods</h2>\n{list}{add}</section>\n"
    )
}

/// `visa` as `Visa`, `us_bank_account` as `Us bank account`.
fn titled(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => spaced,
    }
}

fn details(view: &View<'_>) -> String {
    let customer = view.customer();
    let line = |label: &str, value: &Value| {
        value.as_str().map_or(String::new(), |text| {
            format!("<div><dt>{label}</dt> <dd>{}</dd></div>\n", escaped(text))
        })
    };
    let parts = ["line1", "line2", "postal_code", "city", "state", "country"];
    let address: Vec<&str> = parts
        .iter()
        .filter_map(|part| customer["address"][*part].as_str())
        .collect();
    let address = if address.is_empty() {
        Value::Null
    } else {
        json!(address.join(", "))
    };
    let change = if view.allows("customer_update") {
        format!(
            "<p><a class=\"action\" href=\"{}\">Update information</a></p>\n",
            view.path("/details")
        )
    } else {
        String::new()
    };
    format!(
        "<section aria-labelledby=\"details\">\n<h2 id=\"details\">Billing information</h2>\n<dl>\n{}{}{}{}</dl>\n{change}</section>\n",
        line("Name", &customer["name"]),
        line("Email", &customer["email"]),
        line("Phone", &customer["phone"]),
        line("Address", &address),
    )
}

fn invoices(view: &View<'_>) -> String {
    if !view.allows("invoice_history") {
        return String::new();
    }
    let customer = view.session["customer"].as_str().unwrap_or_default();
    let rows = view
        .account
        .rows_by("invoice", "customer", customer)
        .rev()
        .filter(|row| row["status"] != "draft")
        .take(INVOICES_MAX);
    let mut list = String::new();
    for row in rows {
        let currency = row["currency"].as_str().unwrap_or("usd");
        let amount = money::written(row["total"].as_i64().unwrap_or(0), currency);
        let status = titled(row["status"].as_str().unwrap_or_default());
        let number = escaped(row["number"].as_str().unwrap_or_default());
        let shown = row["hosted_invoice_url"].as_str().map_or_else(
            || number.clone(),
            |url| format!("<a href=\"{}\">{number}</a>", escaped(url)),
        );
        let _ = writeln!(
            list,
            "<li><span>{} {shown}</span> <span>{amount} · {status}</span></li>",
            date(row["created"].as_i64()),
        );
    }
    let list = if list.is_empty() {
        "<p>None yet.</p>\n".to_owned()
    } else {
        format!("<ul class=\"items\">\n{list}</ul>\n")
    };
    format!(
        "<section aria-labelledby=\"invoices\">\n<h2 id=\"invoices\">Invoices</h2>\n{list}</section>\n"
    )
}

/// The form for another card.
pub(super) fn card_page(view: &View<'_>) -> Reply {
    let mut shown = Submission {
        card: submission::card(view.sent),
        ..Submission::default()
    };
    if matches!(view.problem, Some((_, "number"))) {
        shown.card.number = String::new();
    }
    let main = format!(
        "{}<h1>Add a payment method</h1>\n<p>It is charged from now on.</p>\n\
         <form method=\"post\" action=\"{}\">\n{}<button type=\"submit\">Add card</button>\n</form>\n",
        home_link(view),
        view.path("/card"),
        card(&shown, view.problem, false)
    );
    view.page("Add a payment method", &main)
}

pub(super) fn home_link(view: &View<'_>) -> String {
    format!(
        "<p><a class=\"back\" href=\"{}\">← Your billing</a></p>\n",
        view.path("/home")
    )
}

fn allowed(view: &View<'_>, what: &str) -> bool {
    let feature = &portal::configuration_of(view.account, view.session)["features"];
    let allowed = feature["customer_update"]["allowed_updates"].as_array();
    allowed.is_some_and(|list| list.iter().any(|name| name == what))
}

/// The form for what is known of the customer.
pub(super) fn details_page(view: &View<'_>) -> Reply {
    let customer = view.customer();
    let is_again = view.problem.is_some();
    let mut form = String::new();
    for (name, label, attributes) in [
        ("name", "Name", "autocomplete=\"name\" maxlength=\"150\""),
        (
            "email",
            "Email",
            "type=\"email\" autocomplete=\"email\" maxlength=\"200\"",
        ),
        (
            "phone",
            "Phone number",
            "type=\"tel\" autocomplete=\"tel\" maxlength=\"30\"",
        ),
    ] {
        if !allowed(view, name) {
            continue;
        }
        let value = if is_again {
            typed(view.sent, name)
        } else {
            customer[name].as_str().unwrap_or_default().to_owned()
        };
        form.push_str(&fields::input(
            &Field {
                name,
                label,
                attributes,
                value: &value,
                is_optional: name != "email",
            },
            view.problem,
        ));
    }
    if allowed(view, "address") {
        let mut known = typed_address(view.sent, "address");
        for (part, value) in customer["address"].as_object().into_iter().flatten() {
            if let (false, Some(text)) = (is_again, value.as_str()) {
                known.insert(part.to_string(), text.to_owned());
            }
        }
        // An address may be left out altogether, so that none of its parts is required.
        let address = fields::address(
            "Address",
            "address",
            &known,
            &fields::countries(&[]),
            view.problem,
        );
        form.push_str(&address.replace(" required", ""));
    }
    let main = format!(
        "{}<h1>Update your information</h1>\n<form method=\"post\" action=\"{}\">\n{form}\
         <button type=\"submit\">Save</button>\n</form>\n",
        home_link(view),
        view.path("/details")
    );
    view.page("Update your information", &main)
}

/// What the form for the customer's details sent, as parameters.
pub(super) fn details_of(account: &Account, session_id: &str, sent: &Node) -> Value {
    let session = account.get(session_id);
    let view = View {
        account,
        session,
        sent,
        problem: None,
    };
    let mut wanted = json!({});
    for name in ["name", "email", "phone"] {
        if allowed(&view, name) && sent.get(name).is_some() {
            let text = typed(sent, name);
            wanted[name] = if text.is_empty() {
                Value::Null
            } else {
                json!(text)
            };
        }
    }
    let address = typed_address(sent, "address");
    if address.contains_key("line1") || address.contains_key("postal_code") {
        wanted["address"] = address_of(&address, Value::Null);
    }
    wanted
}
