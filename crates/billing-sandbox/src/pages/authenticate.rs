//! The page of a bank that asks its customer: two buttons, one answer.

use crate::json::Value;

use crate::account::{Account, Cause};
use crate::http::exchange::Reply;
use crate::http::form::{self, Node};
use crate::lives::money;
use crate::lives::payment::{intent, setup};
use crate::pages::{Width, escaped, framed};
use crate::world::World;

/// A page for an id that no account knows.
fn unknown() -> Reply {
    let main = "<h1>There is nothing to confirm here</h1>\n<p>The address is wrong, or the sandbox \
                was restarted: it forgets everything when it stops.</p>";
    Reply::html(404, framed("No such page", Width::Column, main))
}

/// Shows the page, or takes its answer and leads back to the seller.
pub(crate) fn answer(world: &World, method: &str, id: &str, body: &str) -> Option<Reply> {
    let is_answer = match method {
        "GET" | "HEAD" => false,
        "POST" => true,
        _ => return None,
    };
    let Some(account) = world.account_holding(id) else {
        return Some(unknown());
    };
    let fields = form::parse(body).unwrap_or_else(|_| Node::Tree(Vec::new()));
    let is_passed = matches!(fields.get("outcome"), Some(Node::Text(text)) if text == "succeed");
    let reply = world.act(&account, Cause::default(), |account| {
        if !is_answer {
            return page(account, id);
        }
        account.enter_clock_of(id);
        settle(account, id, is_passed);
        match return_url(account.get(id)) {
            Some(url) => Reply::see_other(url),
            None => page(account, id),
        }
    });
    Some(reply)
}

/// Answers the challenge of a payment intent or a setup intent; false if it does not wait for one.
pub(crate) fn settle(account: &mut Account, id: &str, is_passed: bool) -> bool {
    match account.get(id)["object"].as_str() {
        Some("payment_intent") => intent::authenticate(account, id, is_passed).is_some(),
        Some("setup_intent") => setup::authenticate(account, id, is_passed).is_some(),
        _ => false,
    }
}

/// The challenge of an intent, or what became of it.
fn page(account: &Account, id: &str) -> Reply {
    let object = account.get(id);
    let is_payment = match object["object"].as_str() {
        Some("payment_intent") => true,
        Some("setup_intent") => false,
        _ => return unknown(),
    };
    let what = if is_payment {
        let amount = object["amount"].as_i64().unwrap_or(0);
        let currency = object["currency"].as_str().unwrap_or("usd");
        format!(
            "Your bank asks you to confirm a payment of {}.",
            money::written(amount, currency)
        )
    } else {
        "Your bank asks you to confirm that your card may be saved.".to_owned()
    };
    if object["status"] == "requires_action" {
        let main = format!(
            "<h1>Confirm that it is you</h1>\n<p>{}</p>\n\
             <form method=\"post\" action=\"/authenticate/{id}\">\n\
             <p><button type=\"submit\" name=\"outcome\" value=\"succeed\">Complete authentication</button></p>\n\
             <p><button type=\"submit\" name=\"outcome\" value=\"fail\">Fail authentication</button></p>\n\
             </form>\n<p>This is a test: no bank is asked.</p>",
            escaped(&what),
            id = escaped(id),
        );
        return Reply::html(200, framed("3-D Secure", Width::Column, &main));
    }
    let title = match object["status"].as_str() {
        Some("succeeded" | "requires_capture" | "requires_confirmation" | "processing") => {
            "This is confirmed"
        }
        _ => "This was not confirmed",
    };
    let link = return_url(object).map_or(String::new(), |url| {
        format!(
            "<p><a class=\"button\" href=\"{}\">Continue</a></p>",
            escaped(&url)
        )
    });
    let main = format!("<h1>{title}</h1>\n<p>You can close this page.</p>\n{link}");
    Reply::html(200, framed(title, Width::Column, &main))
}

/// Where the payer goes from here, with what tells the seller's page which intent it was.
fn return_url(object: &Value) -> Option<String> {
    let url = object["_return_url"].as_str()?;
    let kind = object["object"].as_str()?;
    let (id, secret) = (object["id"].as_str()?, object["client_secret"].as_str()?);
    let (address, fragment) = match url.split_once('#') {
        Some((address, fragment)) => (address, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let mark = if address.contains('?') { '&' } else { '?' };
    Some(format!(
        "{address}{mark}{kind}={id}&{kind}_client_secret={secret}&source_type=card{fragment}"
    ))
}
