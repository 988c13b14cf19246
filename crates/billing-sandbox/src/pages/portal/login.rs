//! The portal's login page: Stripe mails a link to the address that is typed; here it is shown.

use crate::account::{Account, Cause};
use crate::api::portal::session;
use crate::http::exchange::Reply;
use crate::http::form::{self as body, Node};
use crate::pages::fields::{self, Field, Problem, typed};
use crate::pages::{Width, escaped, framed};
use crate::world::World;

/// Shows the login page of a token, or takes an address.
pub(in crate::pages) fn answer(
    world: &World,
    method: &str,
    token: &str,
    sent: &str,
) -> Option<Reply> {
    let url = format!("{}/p/login/{token}", world.url());
    let sent = body::parse(sent).unwrap_or_else(|_| Node::Tree(Vec::new()));
    for account in world.all_accounts() {
        let reply = world.act(&account, Cause::default(), |account| {
            let found = account
                .rows("billing_portal.configuration")
                .find(|row| row["login_page"]["url"] == url.as_str() && row["active"] == true)?;
            let configuration = found["id"].as_str().unwrap_or_default().to_owned();
            match method {
                "GET" | "HEAD" => Some(page(token, "", None)),
                "POST" => Some(submit(
                    account,
                    token,
                    &configuration,
                    &typed(&sent, "email"),
                )),
                _ => None,
            }
        });
        if reply.is_some() {
            return reply;
        }
    }
    None
}

fn page(token: &str, email: &str, problem: Problem<'_>) -> Reply {
    let field = fields::input(
        &Field {
            name: "email",
            label: "Email",
            attributes: "type=\"email\" autocomplete=\"email\" maxlength=\"200\"",
            value: email,
            is_optional: false,
        },
        problem,
    );
    let main = format!(
        "<h1>Log in to your billing</h1>\n{}<form method=\"post\" action=\"/p/login/{}\">\n{field}\
         <button type=\"submit\">Send a link</button>\n</form>\n",
        fields::alert(problem, ""),
        escaped(token)
    );
    let status = if problem.is_some() { 402 } else { 200 };
    Reply::html(status, framed("Log in", Width::Column, &main))
}

fn submit(account: &mut Account, token: &str, configuration: &str, email: &str) -> Reply {
    let customer = account
        .rows("customer")
        .rfind(|row| {
            row["email"]
                .as_str()
                .is_some_and(|known| known.eq_ignore_ascii_case(email))
        })
        .and_then(|row| row["id"].as_str())
        .map(str::to_owned);
    let Some(customer) = customer else {
        let problem = Some(("No customer has this address.", "email"));
        return page(token, email, problem);
    };
    let id = session::insert(account, &customer, configuration);
    account.raise("billing_portal.session.created", &id);
    let main = format!(
        "<h1>Here is your link</h1>\n<p>Stripe would mail it to {}.</p>\n\
         <p><a class=\"button\" href=\"/p/session/{id}\">Open your billing</a></p>\n",
        escaped(email)
    );
    Reply::html(200, framed("Your link", Width::Column, &main))
}
