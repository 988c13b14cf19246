//! The front page: what is running, how to use it, and what happened last.

use std::fmt::Write;

use crate::http::exchange::Reply;
use crate::pages::{escaped, framed};
use crate::world::World;

const ROWS_MAX: usize = 20;

pub(crate) fn page(world: &World) -> Reply {
    let url = escaped(world.url());
    let key = escaped(&world.secret_key);
    let requests: Vec<String> = world
        .requests()
        .iter()
        .rev()
        .take(ROWS_MAX)
        .map(|r| {
            let status = if r.status == 0 {
                "cut".to_owned()
            } else {
                r.status.to_string()
            };
            format!(
                "<tr><td>{} {}</td><td>{status}</td><td>{}</td></tr>\n",
                escaped(&r.method),
                escaped(&r.path),
                escaped(&r.request_id)
            )
        })
        .collect();
    let mut events = String::new();
    let mut deliveries = String::new();
    for account in world.all_accounts() {
        let account = account.lock().expect("no panic under the lock");
        for event in account.rows("event").rev().take(ROWS_MAX) {
            let _ = writeln!(
                events,
                "<tr><td>{}</td><td>{}</td><td>{} pending</td></tr>",
                escaped(event["type"].as_str().unwrap_or_default()),
                escaped(event["id"].as_str().unwrap_or_default()),
                event["pending_webhooks"]
            );
        }
        for delivery in account.outbox.deliveries.iter().rev().take(ROWS_MAX) {
            let _ = writeln!(
                deliveries,
                "<tr><td>{}</td><td>{:?}</td><td>{} attempts</td></tr>",
                escaped(&delivery.event_type),
                delivery.state,
                delivery.attempts.len()
            );
        }
    }
    let main = format!(
        "<h1>stripe-sandbox</h1>\n<p>Point a Stripe SDK at <code>{url}</code> with the key \
         <code>{key}</code>, or any other <code>sk_test_…</code> key: each key is an account.</p>\n\
         <pre>curl {url}/v1/customers -u {key}: -d email=jenny@example.com</pre>\n\
         <p>As JSON: <a href=\"/sandbox/requests\">requests</a>, \
         <a href=\"/sandbox/deliveries\">deliveries</a>, <a href=\"/sandbox/faults\">faults</a>, \
         <a href=\"/sandbox/clock\">clock</a>.</p>\n\
         <h2>Requests</h2>\n{}\n<h2>Events</h2>\n{}\n<h2>Webhook deliveries</h2>\n{}",
        table(&requests.concat()),
        table(&events),
        table(&deliveries)
    );
    Reply::html(200, framed("stripe-sandbox", &main))
}

fn table(rows: &str) -> String {
    if rows.is_empty() {
        return "<p>None yet.</p>".to_owned();
    }
    format!("<div class=\"wide\"><table>\n{rows}</table></div>")
}
