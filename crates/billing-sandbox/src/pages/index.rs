//! The front page: what is running, how to use it, and what happened last; it keeps itself up to date
//! where there are scripts.

use crate::deliveries::DeliveryState;
use crate::http::exchange::Reply;
use crate::pages::{Width, escaped, framed};
use crate::world::World;

const ROWS_MAX: usize = 30;

/// Asks for the tables again every second and puts them in place if they changed. A reader who is
/// inside of one with the keyboard, or has stopped it, is left alone.
const LIVE: &str = "<script>
const board = document.getElementById('board');
const live = document.getElementById('live');
live.closest('p').hidden = false;
let last = '';
setInterval(async () => {
  if (!live.checked || document.hidden || board.contains(document.activeElement)) return;
  try {
    const text = await (await fetch('/sandbox/board')).text();
    if (text !== last) board.innerHTML = last = text;
  } catch { /* The sandbox has stopped; what it said last stays. */ }
}, 1000);
</script>";

pub(crate) fn page(world: &World) -> Reply {
    let url = escaped(world.own_url());
    let key = escaped(&world.secret_key);
    let main = format!(
        "<h1>stripe-sandbox</h1>\n<p>Point a Stripe SDK at <code>{url}</code> with the key \
         <code>{key}</code>, or any other <code>sk_test_…</code> key: each key is an account.</p>\n\
         <pre>curl {url}/v1/customers -u {key}: -d email=jenny@example.com</pre>\n\
         <p><a href=\"/sandbox/routes\">What is simulated</a>. As JSON: \
         <a href=\"/sandbox/requests\">requests</a>, \
         <a href=\"/sandbox/deliveries\">deliveries</a>, <a href=\"/sandbox/faults\">faults</a>, \
         <a href=\"/sandbox/clock\">clock</a>, <a href=\"/sandbox/trigger\">events to trigger</a>. \
         Newest first, {ROWS_MAX} of each. <a href=\"/\">Look again</a></p>\n\
         <p hidden><label class=\"choice\"><input type=\"checkbox\" \
         id=\"live\" checked style=\"width: auto\"> \
         Keep up to date</label></p>\n<div id=\"board\">{}</div>\n{LIVE}",
        tables(world)
    );
    Reply::html(200, framed("stripe-sandbox", Width::Board, &main))
}

/// The tables alone.
pub(crate) fn board(world: &World) -> Reply {
    Reply::html(200, tables(world))
}

fn tables(world: &World) -> String {
    let mut events = Vec::new();
    let mut deliveries = Vec::new();
    for account in world.all_accounts() {
        let account = account.lock().expect("no panic under the lock");
        for event in account.events.all().rev().take(ROWS_MAX) {
            let left = match event.pending_webhooks {
                0 => "none".to_owned(),
                count => format!("{count} to go"),
            };
            let row = [
                moment(event.created),
                escaped(&event.kind),
                left,
                link("events", &event.id, &event.id),
            ];
            events.push((event.created, row));
        }
        for delivery in account.outbox.deliveries.iter().rev().take(ROWS_MAX) {
            let last = delivery.attempts.last();
            let answer = match last.map(|attempt| (attempt.status, &attempt.error)) {
                None => "not tried yet".to_owned(),
                Some((Some(status), _)) => status.to_string(),
                Some((None, error)) => escaped(error.as_deref().unwrap_or("no answer")),
            };
            let path = format!("{}/{}", account.id, delivery.number);
            let row = [
                link("deliveries", &path, &delivery.event_type),
                in_words(delivery.state).to_owned(),
                format!("{} ({answer})", delivery.attempts.len()),
                escaped(&delivery.url),
            ];
            deliveries.push((last.map_or(account.wall, |attempt| attempt.at), row));
        }
    }
    [
        table(
            "Requests",
            ["When", "Request", "Answer", "Id"],
            &requests(world),
        ),
        table(
            "Events",
            ["When", "Type", "Deliveries left", "Id"],
            &newest(events),
        ),
        table(
            "Webhook deliveries",
            ["Event", "State", "Attempts", "To"],
            &newest(deliveries),
        ),
    ]
    .concat()
}

/// The last of the rows of all accounts, by their times.
fn newest(mut rows: Vec<(i64, [String; 4])>) -> Vec<[String; 4]> {
    rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let rows = rows.into_iter().take(ROWS_MAX);
    rows.map(|(_, row)| row).collect()
}

fn link(what: &str, path: &str, text: &str) -> String {
    format!(
        "<a href=\"/sandbox/{what}/{}\">{}</a>",
        escaped(path),
        escaped(text)
    )
}

fn requests(world: &World) -> Vec<[String; 4]> {
    let told = world.last_requests(ROWS_MAX);
    let newest = told.iter();
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
                link("requests", &request.request_id, &request.request_id),
            ]
        })
        .collect()
}

pub(crate) fn in_words(state: DeliveryState) -> &'static str {
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
pub(crate) fn moment(unix: i64) -> String {
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
