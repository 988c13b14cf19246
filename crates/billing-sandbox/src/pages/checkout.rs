//! The hosted checkout page: forms that work without JavaScript and say in words what went wrong.

pub(in crate::pages) mod form;
pub(in crate::pages) mod submission;
mod summary;

use crate::json::Value;

use crate::account::{Account, Cause};
use crate::http::exchange::Reply;
use crate::http::form::{self as body, Node};
use crate::lives::checkout::{self, Payment, Submission, recovery, redirect_url, revise};
use crate::pages::fields::{self, Problem};
use crate::pages::{Width, escaped, framed};
use crate::world::World;

/// A page for an id that no account knows.
fn unknown() -> Reply {
    let main = "<h1>There is no such checkout page</h1>\n<p>The address is wrong, or the sandbox was \
                restarted: it forgets everything when it stops.</p>";
    Reply::html(404, framed("No such page", Width::Column, main))
}

/// Shows a session, or takes what was submitted; `None` for what the page does not do.
pub(super) fn answer(
    world: &World,
    method: &str,
    id: &str,
    what: &str,
    sent: &str,
) -> Option<Reply> {
    let act = |action: &dyn Fn(&mut Account) -> Reply| {
        let reply = match world.account_holding(id) {
            None => unknown(),
            Some(account) => world.act(&account, Cause::default(), |account| {
                if account.get(id)["object"] == "checkout.session" {
                    account.enter_clock_of(id);
                    action(account)
                } else {
                    unknown()
                }
            }),
        };
        Some(reply)
    };
    let fields = body::parse(sent).unwrap_or_else(|_| Node::Tree(Vec::new()));
    match (method, what) {
        ("GET" | "HEAD", "") => act(&|account| show(account, id)),
        ("GET" | "HEAD", "return") => act(&|account| match checkout::ended(account, id) {
            Some(url) => Reply::see_other(url),
            None => show(account, id),
        }),
        ("POST", "") => act(&|account| submit(account, id, &fields)),
        ("POST", "update") => act(&|account| change(account, id, &fields)),
        _ => None,
    }
}

/// The page as it is met first, or after a challenge that was not passed.
fn show(account: &Account, id: &str) -> Reply {
    let problem = checkout::problem(account, id);
    let problem = problem.as_deref().map(|message| (message, "number"));
    page(account, id, &Submission::default(), problem)
}

/// Begins an expired session again, and leads to its page.
pub(super) fn recover(world: &World, id: &str) -> Reply {
    let Some(account) = world.account_holding(id) else {
        return unknown();
    };
    world.act(
        &account,
        Cause::default(),
        |account| match recovery::begin_again(account, id) {
            Some(new_id) => Reply::see_other(format!("/c/pay/{new_id}")),
            None => page(account, id, &Submission::default(), None),
        },
    )
}

fn submit(account: &mut Account, id: &str, fields: &Node) -> Reply {
    let submission = submission::of(account, account.get(id), fields);
    match checkout::pay(account, id, &submission) {
        Payment::Completed {
            redirect_url: Some(url),
            ..
        } => Reply::see_other(url),
        Payment::Completed {
            redirect_url: None, ..
        }
        | Payment::Expired => page(account, id, &submission, None),
        Payment::RequiresAction { url } => Reply::see_other(url),
        Payment::Declined { message, .. } => {
            // Another card is needed, so the refused number is not in its way.
            let mut submission = submission;
            submission.card.number = String::new();
            page(account, id, &submission, Some((&message, "number")))
        }
        Payment::Invalid { message, field } => {
            page(account, id, &submission, Some((&message, &field)))
        }
    }
}

/// Quantities, a promotion code, a way of shipping: whatever the small forms above the card sent.
fn change(account: &mut Account, id: &str, fields: &Node) -> Reply {
    if account.get(id)["status"] != "open" {
        return page(account, id, &Submission::default(), None);
    }
    let changed = change_of(account, id, fields);
    match changed {
        Ok(()) => Reply::see_other(format!("/c/pay/{id}")),
        Err((message, field)) => page(
            account,
            id,
            &Submission::default(),
            Some((&message, &field)),
        ),
    }
}

fn change_of(account: &mut Account, id: &str, fields: &Node) -> Result<(), (String, String)> {
    let tied = |field: &str| {
        let field = field.to_owned();
        move |message: String| (message, field)
    };
    if let Some(Node::Tree(quantities)) = fields.get("quantity") {
        let first = quantities.first().map_or("", |(item, _)| item.as_str());
        let field = format!("quantity_{first}");
        let mut wanted = Vec::new();
        for (item, _) in quantities {
            let typed = fields
                .get("quantity")
                .map_or(String::new(), |node| fields::typed(node, item));
            let Ok(quantity) = typed.parse::<i64>() else {
                return Err(("This quantity is not a whole number.".to_owned(), field));
            };
            wanted.push((item.clone(), quantity));
        }
        revise::quantities(account, id, &wanted).map_err(tied(&field))?;
    }
    let rate = fields::typed(fields, "shipping_rate");
    if !rate.is_empty() {
        revise::shipping(account, id, &rate).map_err(tied("shipping_rate"))?;
    }
    let optional = fields::typed(fields, "optional_item");
    if !optional.is_empty() {
        revise::optional_item(account, id, &optional).map_err(tied(""))?;
    }
    if !fields::typed(fields, "no_promotion_code").is_empty() {
        revise::no_promotion_code(account, id);
    }
    if fields.get("promotion_code").is_some() {
        let code = fields::typed(fields, "promotion_code");
        revise::promotion_code(account, id, &code).map_err(tied("promotion_code"))?;
    }
    Ok(())
}

/// The page of a session, with what was typed and what is wrong with it.
fn page(account: &Account, id: &str, typed: &Submission, problem: Problem<'_>) -> Reply {
    let session = account.get(id);
    match session["status"].as_str() {
        Some("open") => {
            let (status, title) = match problem {
                Some(_) => (402, "Please check: Checkout"),
                None => (200, "Checkout"),
            };
            let main = format!(
                "{}{}{}",
                back_link(session),
                summary::of(account, session, problem),
                form::of(account, session, typed, problem)
            );
            Reply::html(status, framed(title, Width::Column, &main))
        }
        Some("complete") => {
            let link = redirect_url(session).map_or(String::new(), |url| {
                format!(
                    "<p><a class=\"button\" href=\"{}\">Continue</a></p>",
                    escaped(&url)
                )
            });
            let words = match (session["mode"].as_str(), session["payment_status"].as_str()) {
                (Some("setup"), _) => "The card was saved.",
                (_, Some("paid")) => "The payment was taken once, and will not be taken again.",
                (_, Some("unpaid")) => "The payment is on its way; it is not needed again.",
                _ => "Nothing was charged.",
            };
            let custom = session["custom_text"]["after_submit"]["message"].as_str();
            let custom = custom.map_or(String::new(), |text| format!("<p>{}</p>\n", escaped(text)));
            let main =
                format!("<h1>This checkout is complete</h1>\n<p>{words}</p>\n{custom}{link}");
            Reply::html(200, framed("Checkout complete", Width::Column, &main))
        }
        _ => {
            let recovery = session["after_expiration"]["recovery"]["url"].as_str();
            let again = recovery.map_or(String::new(), |_| {
                format!(
                    "<p><a class=\"button\" href=\"/c/recover/{}\">Begin again</a></p>\n",
                    escaped(id)
                )
            });
            let main = format!(
                "<h1>This checkout has expired</h1>\n<p>Nothing was charged. Go back and start again.</p>\n{again}{}",
                back_link(session)
            );
            Reply::html(200, framed("Checkout expired", Width::Column, &main))
        }
    }
}

fn back_link(session: &Value) -> String {
    session["cancel_url"].as_str().map_or(String::new(), |url| {
        format!(
            "<p><a class=\"back\" href=\"{}\">← Back</a></p>\n",
            escaped(url)
        )
    })
}
