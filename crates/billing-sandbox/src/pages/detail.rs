//! One request, event, delivery or object in full, and what the sandbox can do.

use std::fmt::Write;

use crate::json::Value;

use crate::api::routes;
use crate::deliveries::Delivery;
use crate::exchanges::Exchanged;
use crate::http::exchange::Reply;
use crate::pages::index::{in_words, moment};
use crate::pages::{Width, escaped, framed};
use crate::shape::render::{render, render_event};
use crate::world::World;

/// Shows a request with its answer; `None` if it is not kept any more.
pub(crate) fn request(world: &World, id: &str) -> Option<Reply> {
    let exchanged = world.exchanges.find(id)?;
    let record = &exchanged.record;
    let answer = match record.status {
        0 => "<p>The connection was cut: nothing was answered.</p>".to_owned(),
        _ => format!(
            "{}<details><summary>Headers</summary><pre>{}</pre></details>",
            text(world, &exchanged.answer),
            headers(exchanged.answer_headers.iter().map(|(n, v)| (&**n, &**v)))
        ),
    };
    let sent = match (exchanged.query.as_str(), exchanged.body.as_str()) {
        ("", "") => "<p>Nothing was sent along.</p>".to_owned(),
        ("", body) => parameters(body),
        (query, "") => parameters(query),
        (query, body) => format!("{}{}", parameters(query), parameters(body)),
    };
    let main = format!(
        "{BACK}<h1>{} {}</h1>\n<p>{} · status {} · <code>{}</code></p>\n\
         <h2>Sent</h2>{sent}<details><summary>Headers</summary><pre>{}</pre></details>\n\
         <h2>Answered</h2>{answer}\n<h2>As a command</h2>{}",
        escaped(&record.method),
        escaped(&record.path),
        moment(record.at),
        record.status,
        escaped(&record.request_id),
        headers(exchanged.headers.iter().map(|(n, v)| (&**n, &**v))),
        copyable(&curl(world, &exchanged)),
    );
    Some(Reply::html(200, framed(id, Width::Board, &main)))
}

const BACK: &str = "<p><a href=\"/\">All requests, events and deliveries</a></p>\n";

/// One header a line.
fn headers<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let lines: Vec<String> = headers.map(|(n, v)| format!("{n}: {v}")).collect();
    escaped(&lines.join("\n"))
}

/// A form as one parameter a line.
fn parameters(form: &str) -> String {
    let lines: Vec<String> = (form.split('&'))
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => format!(
                "{} = {}",
                crate::http::form::decode(name),
                crate::http::form::decode(value)
            ),
            None => pair.to_owned(),
        })
        .collect();
    format!("<pre>{}</pre>", escaped(&lines.join("\n")))
}

/// The command that sends the same request again.
fn curl(world: &World, exchanged: &Exchanged) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let record = &exchanged.record;
    let mut address = format!("{}{}", world.own_url(), record.path);
    if !exchanged.query.is_empty() {
        address = format!("{address}?{}", exchanged.query);
    }
    let mut command = format!(
        "curl -X {} {} -u {}:",
        record.method,
        quoted(&address),
        exchanged.key
    );
    for (name, value) in &exchanged.headers {
        if matches!(
            name.as_str(),
            "stripe-version" | "idempotency-key" | "content-type" | "stripe-account"
        ) {
            command = format!("{command} \\\n  -H {}", quoted(&format!("{name}: {value}")));
        }
    }
    if !exchanged.body.is_empty() {
        command = format!("{command} \\\n  --data-raw {}", quoted(&exchanged.body));
    }
    command
}

/// Text with a button that copies it, where there are scripts.
fn copyable(text: &str) -> String {
    format!(
        "<pre id=\"command\">{}</pre>\n<button type=\"button\" hidden id=\"copy\">Copy</button>\n\
         <script>\nconst copy = document.getElementById('copy');\ncopy.hidden = false;\n\
         copy.onclick = async () => {{\n  \
         await navigator.clipboard.writeText(document.getElementById('command').textContent);\n  \
         copy.textContent = 'Copied';\n}};\n</script>",
        escaped(text)
    )
}

/// Shows an event, where it was sent, and a button that sends it again.
pub(crate) fn event(world: &World, id: &str) -> Option<Reply> {
    for account in world.all_accounts() {
        let account = account.lock().expect("no panic under the lock");
        let Some(event) = account.events.find(id) else {
            continue;
        };
        let body = if event.thin.is_some() || event.id != id {
            crate::events::thin::retrieved(event)
        } else {
            render_event(event, account.default_version)
        };
        let rows: Vec<String> = (account.outbox.deliveries.iter())
            .filter(|delivery| delivery.event_id == id)
            .map(|delivery| {
                format!(
                    "<li><a href=\"/sandbox/deliveries/{}/{}\">{}</a>: {}</li>",
                    account.id,
                    delivery.number,
                    escaped(&delivery.url),
                    in_words(delivery.state)
                )
            })
            .collect();
        let request = event.request_id.clone().unwrap_or_default();
        let (kind, created) = (escaped(&event.kind), moment(event.created));
        let sent = if rows.is_empty() {
            "<p>No endpoint asked for it.</p>".to_owned()
        } else {
            format!(
                "<ul>{}</ul><form method=\"post\" action=\"/sandbox/events/{}/resend\">\
                 <button>Send it again</button></form>",
                rows.concat(),
                escaped(id)
            )
        };
        drop(account);
        let cause = match request.as_str() {
            "" => "by itself".to_owned(),
            id => format!("by <a href=\"/sandbox/requests/{0}\">{0}</a>", escaped(id)),
        };
        let main = format!(
            "{BACK}<h1>{kind}</h1>\n<p>{created} · caused {cause} · <code>{}</code></p>\n\
             <h2>Sent to</h2>{sent}\n<h2>The event</h2>{}",
            escaped(id),
            json(world, &body)
        );
        return Some(Reply::html(200, framed(id, Width::Board, &main)));
    }
    None
}

/// Finds one delivery of an account.
pub(crate) fn find_delivery(world: &World, account_id: &str, number: &str) -> Option<Delivery> {
    let number = number.parse().ok()?;
    for account in world.all_accounts() {
        let account = account.lock().expect("no panic under the lock");
        if account.id == account_id {
            return account.outbox.find(number).cloned();
        }
    }
    None
}

/// Shows a delivery with its attempts.
pub(crate) fn delivery(world: &World, account_id: &str, number: &str) -> Option<Reply> {
    let delivery = find_delivery(world, account_id, number)?;
    let attempts: Vec<String> = (delivery.attempts.iter())
        .map(|attempt| {
            let outcome = match (&attempt.status, &attempt.error) {
                (Some(status), _) => format!("status {status} in {} ms", attempt.duration_ms),
                (None, error) => escaped(error.as_deref().unwrap_or("no answer")),
            };
            format!(
                "<li>{}: {outcome}<pre>{}</pre></li>",
                moment(attempt.at),
                escaped(&attempt.answer)
            )
        })
        .collect();
    let attempts = match attempts.as_slice() {
        [] => "<p>None yet.</p>".to_owned(),
        some => format!("<ol>{}</ol>", some.concat()),
    };
    let main = format!(
        "{BACK}<h1>{}</h1>\n<p>To {} · {} · <a href=\"/sandbox/events/{event}\">{event}</a></p>\n\
         <h2>Attempts</h2>{attempts}\n\
         <form method=\"post\" action=\"/sandbox/deliveries/{}/{}/resend\">\
         <button>Send it again</button></form>\n<h2>Body</h2>{}",
        escaped(&delivery.event_type),
        escaped(&delivery.url),
        in_words(delivery.state),
        escaped(account_id),
        delivery.number,
        text(world, &delivery.body),
        event = escaped(&delivery.event_id),
    );
    let title = format!("Delivery {number}");
    Some(Reply::html(200, framed(&title, Width::Board, &main)))
}

/// Shows an object as the newest version does.
pub(crate) fn object(world: &World, id: &str) -> Option<Reply> {
    let account = world.account_holding(id)?;
    let shown = {
        let account = account.lock().expect("no panic under the lock");
        render(account.find(id)?, crate::shape::version::Version::newest())
    };
    let kind = escaped(shown["object"].as_str().unwrap_or("object"));
    let main = format!("{BACK}<h1>{kind}</h1>\n{}", json(world, &shown));
    Some(Reply::html(200, framed(id, Width::Board, &main)))
}

/// Every endpoint, with the parameters that it knows and does not simulate.
pub(crate) fn routes() -> Reply {
    let rows: Vec<String> = routes::all()
        .map(|route| {
            let lacks = match route.lacks {
                "" => String::new(),
                names => format!("<br>not simulated: {}", escaped(names)),
            };
            format!("<li><code>{}</code>{lacks}</li>", escaped(route.endpoint))
        })
        .collect();
    let main = format!(
        "{BACK}<h1>What is simulated</h1>\n<p>{} endpoints. Everything else of Stripe's is answered \
         with 501, and so are the parameters that are named here.</p>\n<ul>{}</ul>",
        rows.len(),
        rows.join("\n")
    );
    Reply::html(200, framed("What is simulated", Width::Board, &main))
}

fn text(world: &World, body: &str) -> String {
    match crate::json::from_str::<Value>(body) {
        Ok(value) => json(world, &value),
        Err(_) => format!("<pre>{}</pre>", escaped(body)),
    }
}

/// JSON in which the ids of objects, events and requests lead to them.
fn json(world: &World, value: &Value) -> String {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut out = String::new();
    for (at, part) in pretty.split('"').enumerate() {
        if at > 0 {
            out.push_str("&quot;");
        }
        match address(world, part) {
            Some(address) => {
                let part = escaped(part);
                // Writing to a text cannot fail.
                let _ = write!(out, "<a href=\"{address}\">{part}</a>");
            }
            None => out.push_str(&escaped(part)),
        }
    }
    format!("<pre>{out}</pre>")
}

fn address(world: &World, id: &str) -> Option<String> {
    let is_id = (6..=80).contains(&id.len())
        && id.contains('_')
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_id {
        return None;
    }
    if id.starts_with("req_") {
        return Some(format!("/sandbox/requests/{id}"));
    }
    if id.starts_with("evt_") {
        return Some(format!("/sandbox/events/{id}"));
    }
    world.account_holding(id)?;
    Some(format!("/sandbox/objects/{id}"))
}
