//! The load generator: raw HTTP over connections that stay open, in a process of its own, with events
//! that are made and signed before the clock starts.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::cli::Failure;
use crate::clock::SystemClock;
use crate::commands::say;
use billing_domain::kernel::ports::Clock;

/// What to send.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// Where the service listens.
    #[arg(long)]
    pub address: std::net::SocketAddr,
    /// The signing secret.
    #[arg(long)]
    pub secret: String,
    /// How many connections send at the same time.
    #[arg(long)]
    pub connections: usize,
    /// For how long.
    #[arg(long)]
    pub millis: u64,
    /// How many events there are at most.
    #[arg(long)]
    pub events: u32,
    /// The number of the first one.
    #[arg(long)]
    pub first: u32,
    /// How many subscriptions they are about, in turn.
    #[arg(long)]
    pub subscriptions: u32,
    /// Events in a second; as fast as they are answered without.
    #[arg(long)]
    pub rate: Option<f64>,
}

/// One event of about three kilobytes: a subscription's quantity changed.
pub fn event(number: u32, subscriptions: u32) -> String {
    // Another second for each round of the subscriptions, so that each event is news.
    let (round, subscription) = (number / subscriptions, number % subscriptions);
    let created = EPOCH + i64::from(round) + 1;
    let (start, end) = (EPOCH, EPOCH + 2_592_000);
    let quantity = 10 + round % 7;
    let notes = "Lorem ipsum dolor sit amet, consectetur adipiscing elit; ".repeat(24);
    format!(
        r#"{{"id":"evt_bench_{number:010}","object":"event","api_version":"2026-09-30.endive","created":{created},"livemode":false,"pending_webhooks":1,"type":"customer.subscription.updated","request":{{"id":"req_{number:010}","idempotency_key":null}},"data":{{"object":{{"id":"sub_bench_{subscription:06}","object":"subscription","application":null,"automatic_tax":{{"enabled":false,"disabled_reason":null,"liability":null}},"billing_cycle_anchor":{start},"billing_mode":{{"type":"flexible"}},"cancel_at":null,"cancel_at_period_end":false,"canceled_at":null,"collection_method":"charge_automatically","created":{start},"currency":"usd","customer":"cus_bench_{subscription:06}","days_until_due":null,"default_payment_method":"pm_bench_{subscription:06}","default_tax_rates":[],"description":"{notes}","discounts":[],"ended_at":null,"items":{{"object":"list","data":[{{"id":"si_bench_{subscription:06}","object":"subscription_item","created":{start},"current_period_start":{start},"current_period_end":{end},"metadata":{{}},"price":{{"id":"price_bench","object":"price","active":true,"billing_scheme":"per_unit","currency":"usd","product":"prod_bench","recurring":{{"interval":"month","interval_count":1,"usage_type":"licensed"}},"type":"recurring","unit_amount":10000}},"quantity":{quantity},"subscription":"sub_bench_{subscription:06}","tax_rates":[]}}],"has_more":false,"total_count":1,"url":"/v1/subscription_items?subscription=sub_bench_{subscription:06}"}},"latest_invoice":"in_bench_{number:010}","livemode":false,"metadata":{{}},"on_behalf_of":null,"pause_collection":null,"pending_setup_intent":null,"pending_update":null,"schedule":null,"start_date":{start},"status":"active","test_clock":null,"transfer_data":null,"trial_end":null,"trial_start":null}},"previous_attributes":{{"items":{{"data":[{{"quantity":1}}]}}}}}}}}"#
    )
}

/// Before every event: when the subscriptions were seen last.
pub const EPOCH: i64 = 1_790_000_000;

/// Sends and prints what came back.
///
/// # Errors
/// [`Failure`].
pub fn run(args: &LoadArgs) -> Result<(), Failure> {
    let signed_at = SystemClock.now().unix_seconds();
    let requests: Vec<Vec<u8>> = (args.first..args.first.saturating_add(args.events))
        .map(|number| request(&event(number, args.subscriptions), signed_at, &args.secret))
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::failed("no runtime", &error))?;
    let sent = LocalSet::new().block_on(&runtime, send(args, requests))?;
    say(&format!(
        "{} {} {} {} {}",
        sent.count, sent.seconds, sent.p50_us, sent.p99_us, sent.failed
    ))
}

/// What came back, as it is handed from process to process.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Answers.
    pub count: u32,
    /// How long that took.
    pub seconds: f64,
    /// The median of the answers' times.
    pub p50_us: u64,
    /// All but one of a hundred were faster.
    pub p99_us: u64,
    /// Answers other than 200.
    pub failed: u32,
}

impl Sent {
    /// Reads the line.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        Some(Self {
            count: words.next()?.parse().ok()?,
            seconds: words.next()?.parse().ok()?,
            p50_us: words.next()?.parse().ok()?,
            p99_us: words.next()?.parse().ok()?,
            failed: words.next()?.parse().ok()?,
        })
    }
}

struct Shared {
    args: LoadArgs,
    requests: Vec<Vec<u8>>,
    next: Cell<usize>,
    failed: Cell<u32>,
    times: RefCell<Vec<u64>>,
    begun: Instant,
}

async fn send(args: &LoadArgs, requests: Vec<Vec<u8>>) -> Result<Sent, Failure> {
    let lost = |error: std::io::Error| Failure::failed("the connection was lost", &error);
    let mut streams = Vec::new();
    for _ in 0..args.connections {
        let stream = TcpStream::connect(args.address).await.map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        streams.push(stream);
    }
    say("begun")?;
    let shared = Rc::new(Shared {
        args: args.clone(),
        times: RefCell::new(Vec::with_capacity(requests.len())),
        requests,
        next: Cell::new(0),
        failed: Cell::new(0),
        begun: Instant::now(),
    });
    let mut senders = Vec::new();
    for stream in streams {
        senders.push(tokio::task::spawn_local(one_connection(
            stream,
            shared.clone(),
        )));
    }
    for sender in senders {
        let ended = sender
            .await
            .map_err(|error| Failure::failed("a sender ended", &error))?;
        ended.map_err(lost)?;
    }
    let seconds = shared.begun.elapsed().as_secs_f64();
    let mut times = shared.times.take();
    times.sort_unstable();
    let at = |percent: usize| {
        times
            .get(times.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    Ok(Sent {
        count: u32::try_from(times.len()).unwrap_or(u32::MAX),
        seconds,
        p50_us: at(50),
        p99_us: at(99),
        failed: shared.failed.get(),
    })
}

async fn one_connection(mut stream: TcpStream, shared: Rc<Shared>) -> std::io::Result<()> {
    let until = Duration::from_millis(shared.args.millis);
    let mut answer = vec![0_u8; 4_096];
    while shared.begun.elapsed() < until {
        let place = shared.next.get();
        let Some(request) = shared.requests.get(place) else {
            break;
        };
        shared.next.set(place + 1);
        let mut asked = Instant::now();
        if let Some(rate) = shared.args.rate {
            // Measured from when it was due: waiting for a connection counts.
            let number = f64::from(u32::try_from(place).unwrap_or(u32::MAX));
            let due = shared.begun + Duration::from_secs_f64(number / rate);
            tokio::time::sleep_until(due.into()).await;
            asked = due;
        }
        stream.write_all(request).await?;
        let is_ok = read_answer(&mut stream, &mut answer).await?;
        if !is_ok {
            shared.failed.set(shared.failed.get() + 1);
        }
        let micros = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
        shared.times.borrow_mut().push(micros);
    }
    Ok(())
}

/// Reads one answer with its length; whether it is 200.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> std::io::Result<bool> {
    let mut filled = 0;
    loop {
        let count = stream.read(&mut buffer[filled..]).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        filled += count;
        let text = String::from_utf8_lossy(&buffer[..filled]);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_length = name.eq_ignore_ascii_case("content-length");
                is_length
                    .then(|| value.trim().parse::<usize>().ok())
                    .flatten()
            });
            if body.len() >= length.unwrap_or_default() {
                return Ok(head.starts_with("HTTP/1.1 200"));
            }
        }
    }
}

/// What Stripe would sign a body with.
pub(super) fn signature_header(body: &str, signed_at: i64, secret: &str) -> String {
    let signature = hmac_sha256(secret.as_bytes(), format!("{signed_at}.{body}").as_bytes());
    format!("t={signed_at},v1={}", hex::encode(signature))
}

fn request(body: &str, signed_at: i64, secret: &str) -> Vec<u8> {
    format!(
        "POST /api/v1/webhooks/stripe HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
         Stripe-Signature: {}\r\nContent-Length: {}\r\n\r\n{body}",
        signature_header(body, signed_at, secret),
        body.len()
    )
    .into_bytes()
}

/// RFC 2104 for keys of at most 64 bytes, which ours is.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    for (byte, of_key) in block.iter_mut().zip(key) {
        *byte = *of_key;
    }
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_document_of_about_three_kilobytes() {
        let text = event(12_345, 100);
        assert!((2_600..3_600).contains(&text.len()), "{}", text.len());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["data"]["object"]["customer"], "cus_bench_000045");
        assert_eq!(value["created"], EPOCH + 124);
    }

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        let signature = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert!(hex::encode(signature).starts_with("5bdcc146bf60754e6a042426089575c7"));
    }
}
