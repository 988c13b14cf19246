//! The pages that the sandbox itself serves: hosted checkout, and what is going on here.

mod checkout;
mod index;
mod invoice;
mod pdf;

use crate::account::Cause;
use crate::http::exchange::{Reply, Request};
use crate::http::form::{self, Node};
use crate::lives::checkout::{CardEntry, Payment};
use crate::world::World;

const STYLE: &str = include_str!("pages/style.css");

/// Answers everything outside of the API.
pub(crate) fn answer(world: &World, request: &Request) -> Reply {
    let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET" | "HEAD", [""]) => index::page(world),
        ("GET" | "HEAD", ["c", "pay", id]) => show_checkout(world, id),
        ("POST", ["c", "pay", id]) => submit_checkout(world, id, &request.body),
        (method, ["i", id, rest @ ..]) => invoice::answer(world, method, id, rest, &request.body)
            .unwrap_or_else(|| unknown(request)),
        _ => unknown(request),
    }
}

/// Stripe's own words for an address that it does not have.
fn unknown(request: &Request) -> Reply {
    let error = crate::http::error::StripeError::invalid(format!(
        "Unrecognized request URL ({}: {}). Please see https://stripe.com/docs or we can help at \
         https://support.stripe.com/.",
        request.method, request.path
    ))
    .status(404);
    Reply::json(404, &error.body("", ""))
}

fn show_checkout(world: &World, id: &str) -> Reply {
    let Some(account) = world.account_holding(id) else {
        return checkout::unknown();
    };
    world.act(&account, Cause::default(), |account| {
        checkout::page(account, id, &CardEntry::default(), None)
    })
}

fn submit_checkout(world: &World, id: &str, body: &str) -> Reply {
    let Some(account) = world.account_holding(id) else {
        return checkout::unknown();
    };
    let fields = form::parse(body).unwrap_or_else(|_| Node::Tree(Vec::new()));
    let text = |name: &str| match fields.get(name) {
        Some(Node::Text(text)) => text.trim().to_owned(),
        _ => String::new(),
    };
    let expiry = text("expiry");
    let (month, year) = expiry.split_once('/').unwrap_or((expiry.as_str(), ""));
    let entry = CardEntry {
        number: text("number"),
        exp_month: month.trim().to_owned(),
        exp_year: year.trim().to_owned(),
        cvc: text("cvc"),
        name: text("name"),
        email: text("email"),
    };
    world.act(
        &account,
        Cause::default(),
        |account| match crate::lives::checkout::pay(account, id, &entry) {
            Payment::Completed {
                redirect_url: Some(url),
            } => Reply::see_other(url),
            Payment::Completed { redirect_url: None } | Payment::Expired => {
                checkout::page(account, id, &entry, None)
            }
            Payment::Declined { message, .. } => {
                // Another card is needed, so the refused number is not in its way.
                let entry = CardEntry {
                    number: String::new(),
                    ..entry
                };
                checkout::page(account, id, &entry, Some((&message, "number")))
            }
            Payment::Invalid { message, field } => {
                checkout::page(account, id, &entry, Some((&message, field)))
            }
        },
    )
}

/// Text for HTML, attribute values included.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// How wide the main part may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// One column of text or fields.
    Column,
    /// Tables.
    Board,
}

/// A whole page around a main part. Nothing is loaded from elsewhere.
fn framed(title: &str, width: Width, main: &str) -> String {
    let class = match width {
        Width::Column => "column",
        Width::Board => "board",
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<p class=\"notice\">Sandbox: no real money moves here</p>\n\
         <main class=\"{class}\">\n{main}\n</main>\n</body>\n</html>\n",
        escaped(title)
    )
}
