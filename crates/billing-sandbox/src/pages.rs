//! The pages that the sandbox itself serves: hosted checkout, and what is going on here.

pub(crate) mod authenticate;
mod checkout;
pub(crate) mod detail;
mod fields;
pub(crate) mod index;
mod invoice;
mod pdf;
mod portal;

use crate::http::exchange::{Reply, Request};
use crate::world::World;

const STYLE: &str = include_str!("pages/style.css");

/// Answers everything outside of the API.
pub(crate) fn answer(world: &World, request: &Request) -> Reply {
    let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET" | "HEAD", [""]) => index::page(world),
        (method, ["authenticate", id]) => authenticate::answer(world, method, id, &request.body)
            .unwrap_or_else(|| unknown(request)),
        ("GET" | "HEAD", ["c", "recover", id]) => checkout::recover(world, id),
        (method, ["c", "pay", id, rest @ ..]) => {
            let what = rest.join("/");
            checkout::answer(world, method, id, &what, &request.body)
                .unwrap_or_else(|| unknown(request))
        }
        (method, ["i", id, rest @ ..]) => invoice::answer(world, method, id, rest, &request.body)
            .unwrap_or_else(|| unknown(request)),
        (method, ["p", "session", id, rest @ ..]) => {
            portal::answer(world, method, id, rest, &request.body)
                .unwrap_or_else(|| unknown(request))
        }
        (method, ["p", "login", token]) => {
            portal::login(world, method, token, &request.body).unwrap_or_else(|| unknown(request))
        }
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
    .status(404)
    .unlogged();
    Reply::json(404, &error.body("", ""))
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
