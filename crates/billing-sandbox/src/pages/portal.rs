//! The hosted billing portal: a customer sees their subscriptions and invoices, and changes what the
//! configuration lets them change. Forms and links only.

mod home;
mod login;
mod subscription;

use crate::json::{Value, json};

use crate::account::{Account, Cause};
use crate::api::portal::acts::{self, Change, Reason, Refused};
use crate::api::portal::session;
use crate::http::exchange::Reply;
use crate::http::form::{self as body, Node};
use crate::lives::portal;
use crate::pages::checkout::submission::card;
use crate::pages::fields::{self, Problem, typed};
use crate::pages::{Width, escaped, framed};
use crate::world::World;

pub(super) use login::answer as login;

/// What a page of the portal needs to know.
struct View<'a> {
    account: &'a Account,
    session: &'a Value,
    /// What was typed into the form that is shown again.
    sent: &'a Node,
    problem: Problem<'a>,
}

impl View<'_> {
    fn path(&self, rest: &str) -> String {
        format!(
            "/p/session/{}{rest}",
            escaped(self.session["id"].as_str().unwrap_or_default())
        )
    }

    fn customer(&self) -> &Value {
        self.account
            .get(self.session["customer"].as_str().unwrap_or_default())
    }

    fn allows(&self, feature: &str) -> bool {
        portal::allows(self.account, self.session, feature)
    }

    /// A page of the portal, with the way back to where the customer came from.
    fn page(&self, title: &str, main: &str) -> Reply {
        let status = if self.problem.is_some() { 402 } else { 200 };
        let profile = &portal::configuration_of(self.account, self.session)["business_profile"];
        let link = |name: &str, words: &str| {
            profile[name].as_str().map_or(String::new(), |url| {
                format!("<a href=\"{}\">{words}</a> ", escaped(url))
            })
        };
        let footer = format!(
            "{}{}",
            link("terms_of_service_url", "Terms"),
            link("privacy_policy_url", "Privacy")
        );
        let footer = if footer.is_empty() {
            footer
        } else {
            format!("<footer><p>{footer}</p></footer>")
        };
        let alert = fields::alert(self.problem, "Nothing was changed.");
        let main = format!("{alert}{main}{footer}");
        Reply::html(status, framed(title, Width::Column, &main))
    }
}

fn unknown() -> Reply {
    let main = "<h1>There is no such portal page</h1>\n<p>The address is wrong, or the sandbox was \
                restarted: it forgets everything when it stops.</p>";
    Reply::html(404, framed("No such page", Width::Column, main))
}

fn expired(session: &Value) -> Reply {
    let back = session["return_url"].as_str().map_or(String::new(), |url| {
        format!(
            "\n<p><a class=\"back\" href=\"{}\">← Return</a></p>",
            escaped(url)
        )
    });
    let main = format!(
        "<h1>This portal page has expired</h1>\n<p>Its address is good for five minutes, and for an \
         hour after it was last used. Go back and open the portal again.</p>{back}"
    );
    Reply::html(410, framed("Expired", Width::Column, &main))
}

/// Shows a page of the portal, or does what a form of it asks; `None` for what there is not.
pub(super) fn answer(
    world: &World,
    method: &str,
    id: &str,
    rest: &[&str],
    sent: &str,
) -> Option<Reply> {
    let Some(account) = world.account_holding(id) else {
        return Some(unknown());
    };
    let sent = body::parse(sent).unwrap_or_else(|_| Node::Tree(Vec::new()));
    world.act(&account, Cause::default(), |account| {
        if account.get(id)["object"] != "billing_portal.session" {
            return Some(unknown());
        }
        if !session::enter(account, id) {
            return Some(expired(account.get(id)));
        }
        account.enter_clock_of(id);
        match method {
            "GET" | "HEAD" => show(account, id, rest, &sent, None),
            "POST" => submit(account, id, rest, &sent),
            _ => None,
        }
    })
}

fn show(
    account: &Account,
    id: &str,
    rest: &[&str],
    sent: &Node,
    problem: Problem<'_>,
) -> Option<Reply> {
    let session = account.get(id);
    let view = View {
        account,
        session,
        sent,
        problem,
    };
    match rest {
        [] => match flow_path(&view) {
            Some(path) => Some(Reply::see_other(path)),
            None => Some(home::page(&view)),
        },
        ["home"] => Some(home::page(&view)),
        ["done"] => Some(done(&view)),
        ["card"] if view.allows("payment_method_update") => Some(home::card_page(&view)),
        ["details"] if view.allows("customer_update") => Some(home::details_page(&view)),
        ["subscriptions", named, what] => subscription::page(&view, named, what),
        _ => None,
    }
}

/// Where a session leads that is there for one task only.
fn flow_path(view: &View<'_>) -> Option<String> {
    let flow = &view.session["flow"];
    if view.session["_flow_done"] == true {
        return None;
    }
    let kind = flow["type"].as_str()?;
    let named = flow[kind]["subscription"].as_str().unwrap_or_default();
    let rest = match kind {
        "payment_method_update" => "/card".to_owned(),
        "customer_update" => "/details".to_owned(),
        "subscription_cancel" => format!("/subscriptions/{named}/cancel"),
        "subscription_update" => format!("/subscriptions/{named}/update"),
        "subscription_update_confirm" => format!("/subscriptions/{named}/confirm"),
        _ => return None,
    };
    Some(view.path(&rest))
}

fn submit(account: &mut Account, id: &str, rest: &[&str], sent: &Node) -> Option<Reply> {
    let done = act(account, id, rest, sent)?;
    if let Err((message, field)) = done {
        let shown = match rest {
            ["subscriptions", _, "renew"] | ["cards", ..] => &["home"][..],
            other => other,
        };
        return show(account, id, shown, sent, Some((&message, &field)));
    }
    Some(Reply::see_other(after(account, id)))
}

/// Does what was submitted; `None` for what cannot be submitted.
fn act(account: &mut Account, id: &str, rest: &[&str], sent: &Node) -> Option<Result<(), Refused>> {
    let done = match rest {
        ["card"] => acts::new_card(account, id, &card(sent)),
        ["cards", method, "default"] => {
            let session = account.get(id).clone();
            acts::use_method(account, &session, method)
        }
        ["details"] => acts::customer(account, id, &home::details_of(account, id, sent)),
        ["subscriptions", named, "cancel"] => {
            let reason = Reason {
                feedback: typed(sent, "feedback"),
                comment: typed(sent, "comment"),
            };
            acts::cancel(account, id, named, &reason)
        }
        ["subscriptions", named, "renew"] => acts::renew(account, id, named),
        ["subscriptions", named, "update"] => {
            let change = Change {
                price: Some(typed(sent, "price")).filter(|price| !price.is_empty()),
                quantity: typed(sent, "quantity").parse().ok(),
                discounts: None,
            };
            acts::update(account, id, named, &change)
        }
        ["subscriptions", named, "confirm"] => {
            let (_, change) = acts::confirmed(account.get(id));
            acts::update(account, id, named, &change)
        }
        _ => return None,
    };
    Some(done)
}

/// Where the customer goes after something was done.
fn after(account: &mut Account, id: &str) -> String {
    let session = account.get(id);
    let flow = &session["flow"];
    let is_first = flow.is_object() && session["_flow_done"] != true;
    let next = match flow["after_completion"]["type"].as_str() {
        Some("redirect") if is_first => flow["after_completion"]["redirect"]["return_url"]
            .as_str()
            .map(str::to_owned),
        Some("hosted_confirmation") if is_first => Some(format!("/p/session/{id}/done")),
        _ => None,
    };
    account.set(id, "_flow_done", json!(true));
    next.unwrap_or_else(|| format!("/p/session/{id}/home"))
}

fn done(view: &View<'_>) -> Reply {
    let message = view.session["flow"]["after_completion"]["hosted_confirmation"]["custom_message"]
        .as_str()
        .unwrap_or("Your change has been made.");
    let main = format!(
        "<h1>All done</h1>\n<p role=\"status\">{}</p>\n{}",
        escaped(message),
        back_link(view)
    );
    view.page("All done", &main)
}

fn back_link(view: &View<'_>) -> String {
    view.session["return_url"]
        .as_str()
        .map_or(String::new(), |url| {
            format!(
                "<p><a class=\"back\" href=\"{}\">← Return</a></p>\n",
                escaped(url)
            )
        })
}

/// A date in UTC.
fn date(unix: Option<i64>) -> String {
    let at = unix.and_then(|unix| time::OffsetDateTime::from_unix_timestamp(unix).ok());
    at.map_or(String::new(), |at| {
        let date = at.date();
        format!(
            "<time datetime=\"{date}\">{} {} {}</time>",
            date.day(),
            date.month(),
            date.year()
        )
    })
}
