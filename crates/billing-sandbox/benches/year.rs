//! How long a year of 1,000 monthly subscriptions takes, with all its invoices, payments and events.
//!
//! The target is two seconds in a release build on two cores.

#![expect(clippy::print_stdout, reason = "a benchmark tells its numbers")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use std::time::{Duration, Instant};

use billing_sandbox::{ClockStart, Sandbox, SandboxConfig};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SUBSCRIPTIONS: usize = 1_000;
const YEAR_SECONDS: u64 = 365 * 86_400 + 7_200;
const TARGET: Duration = Duration::from_secs(2);

/// The processor time of this process so far, its threads' together; other programs on the machine do
/// not change it much. Only Linux tells it like this.
fn processor_time() -> Option<Duration> {
    // The 14th and 15th field, in hundredths of a second; the name before them may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// `1.2s (1.1s of the processor)`.
fn told(took: Duration, since: Option<Duration>) -> String {
    match (processor_time(), since) {
        (Some(now), Some(since)) => format!("{took:.2?} ({:.2?} of the processor)", now - since),
        _ => format!("{took:.2?}"),
    }
}

/// Sends a form and answers the id of what was made.
async fn post(sandbox: &Sandbox, http: &reqwest::Client, path: &str, body: String) -> String {
    let request = http
        .post(format!("{}{path}", sandbox.url()))
        .bearer_auth(sandbox.secret_key())
        .body(body);
    let text = request.send().await.unwrap().text().await.unwrap();
    let made: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(made["id"].is_string(), "{path}: {text}");
    made["id"].as_str().unwrap().to_owned()
}

async fn count(sandbox: &Sandbox, http: &reqwest::Client, path: &str) -> usize {
    let request = http
        .get(format!("{}{path}", sandbox.url()))
        .bearer_auth(sandbox.secret_key());
    let text = request.send().await.unwrap().text().await.unwrap();
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    list["data"].as_array().map_or(0, Vec::len)
}

#[tokio::main]
async fn main() {
    let config = SandboxConfig {
        clock: ClockStart::Fixed(1_790_000_000),
        auto_deliver: false,
        ..SandboxConfig::default()
    };
    let sandbox = Sandbox::start(config).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let price = "product_data[name]=Pro&currency=usd&unit_amount=1000&recurring[interval]=month";
    let price = post(&sandbox, &http, "/v1/prices", price.into()).await;
    let (began, busy) = (Instant::now(), processor_time());
    let mut customers = Vec::new();
    for _ in 0..SUBSCRIPTIONS {
        let customer = post(&sandbox, &http, "/v1/customers", String::new()).await;
        let body = format!("customer={customer}");
        let path = "/v1/payment_methods/pm_card_visa/attach";
        let method = post(&sandbox, &http, path, body).await;
        let body =
            format!("customer={customer}&items[0][price]={price}&default_payment_method={method}");
        post(&sandbox, &http, "/v1/subscriptions", body).await;
        customers.push(customer);
    }
    println!(
        "{SUBSCRIPTIONS} subscriptions made in {}, by as many requests as it takes",
        told(began.elapsed(), busy)
    );
    let (began, busy) = (Instant::now(), processor_time());
    sandbox.advance(Duration::from_secs(YEAR_SECONDS));
    let took = told(began.elapsed(), busy);
    let path = format!("/v1/invoices?limit=100&customer={}", customers[0]);
    let invoices = count(&sandbox, &http, &path).await;
    assert_eq!(invoices, 13, "one for each month and the first");
    println!(
        "{SUBSCRIPTIONS} subscriptions through 12 months in {took}, target {TARGET:?}, \
         {} invoices, {} events kept",
        SUBSCRIPTIONS * invoices,
        sandbox.events().len()
    );
}
