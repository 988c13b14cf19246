//! The front page: what is running, how to use it, and what happened last.

use crate::deliveries::DeliveryState;
use crate::http::exchange::Reply;
use crate::pages::{Width, escaped, framed};
use crate::world::World;

const ROWS_MAX: usize = 20;

pub(crate) fn page(world: &World) -> Reply {
    let url = escaped(world.url());
    let key = escaped(&world.secret_key);
    let mut events = Vec::new();
    let mut deliveries = Vec::new();
    for account in world.all_accounts() {
        let account = account.lock().expect("no panic under the lock");
        for event in account.events.iter().rev().take(ROWS_MAX) {
            let left = match event.pending_webhooks {
                0 => "none".to_owned(),
                count => format!("{count} to go"),
            };
            events.push([
                moment(event.created),
                escaped(&event.kind),
                left,
                escaped(&event.id),
            ]);
        }
        for delivery in account.outbox.deliveries.iter().rev().take(ROWS_MAX) {
            deliveries.push([
                escaped(&delivery.event_type),
                in_words(delivery.state).to_owned(),
                delivery.attempts.len().to_string(),
                escaped(&delivery.event_id),
            ]);
        }
    }
    let main = format!(
        "<h1>stripe-sandbox</h1>\n<p>Point a Stripe SDK at <code>{url}</code> with the key \
         <code>{key}</code>, or any other <code>sk_test_…</code> key: each key is an account.</p>\n\
         <pre>curl {url}/v1/customers -u {key}: -d email=jenny@example.com</pre>\n\
         <p>As JSON: <a href=\"/sandbox/requests\">requests</a>, \
         <a href=\"/sandbox/deliveries\">deliveries</a>, <a href=\"/sandbox/faults\">faults</a>, \
         <a href=\"/sandbox/clock\">clock</a>. Newest first, {ROWS_MAX} of each.</p>\n\
         {}{}{}",
        table(
            "Requests",
            ["When", "Request", "Answer", "Id"],
            &requests(world)
        ),
        table("Events", ["When", "Type", "Deliveries left", "Id"], &events),
        table(
            "Webhook deliveries",
            ["Event", "State", "Attempts", "Id of the event"],
            &deliveries
        ),
    );
    Reply::html(200, framed("stripe-sandbox", Width::Board, &main))
}

fn requests(world: &World) -> Vec<[String; 4]> {
    let told = world.requests();
    let newest = told.iter().rev().take(ROWS_MAX);
    newest
        .map(|request| {
            let answer = match request.status {
                0 => "cut off".to_owned(),
                status => status.to_string(),
            };
            [
                moment(request.at),
                format!("{} {}", escaped(&request.method), escaped(&request.path)),
                answer,
                escaped(&request.request_id),
            ]
        })
        .collect()
}

fn in_words(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => "waiting",
        DeliveryState::Sending => "on its way",
        DeliveryState::Delivered => "delivered",
        DeliveryState::GivenUp => "given up",
        DeliveryState::Taken => "handed to a test",
        DeliveryState::Dropped => "lost by a fault",
    }
}

/// A time of the sandbox's clock, with its date on hover. It is in UTC and says so: where the
/// reader is, only a script could find out.
fn moment(unix: i64) -> String {
    let Ok(at) = time::OffsetDateTime::from_unix_timestamp(unix) else {
        return String::new();
    };
    let (hour, minute, second) = at.time().as_hms();
    let date = at.date();
    format!(
        "<time datetime=\"{date}T{hour:02}:{minute:02}:{second:02}Z\" title=\"{date}\">\
         {hour:02}:{minute:02}:{second:02} UTC</time>"
    )
}

/// A table of cells that are markup already; the wide ones scroll inside of the page.
fn table(title: &str, columns: [&str; 4], rows: &[[String; 4]]) -> String {
    let heading = format!("<h2>{title}</h2>\n");
    if rows.is_empty() {
        return format!("{heading}<p>None yet.</p>\n");
    }
    let head = columns.map(|column| format!("<th scope=\"col\">{column}</th>"));
    let rows: Vec<String> = rows.iter().map(|cells| cells.join("</td><td>")).collect();
    let body = rows.join("</td></tr>\n<tr><td>");
    format!(
        "{heading}<div class=\"wide\" role=\"region\" aria-label=\"{title}\" tabindex=\"0\"><table>\n\
         <thead><tr>{}</tr></thead>\n<tbody>\n\
         <tr><td>{body}</td></tr>\n</tbody>\n</table></div>\n",
        head.concat()
    )
}
