//! What strangers and broken senders deliver: answered with a 4xx that leaves no trace, byte by byte
//! over real connections, on both databases. Nothing is a 5xx, and nothing panics.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use billing_app::clock::SystemClock;
use billing_domain::kernel::ports::Clock;
use billing_seaorm::testing::TestDatabase;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::stage::{Serving, Stage};

/// F.2: 1 MiB.
const BYTES_MAX: usize = 1024 * 1024;

/// A request as it is written to the connection.
pub(crate) struct Raw {
    head: String,
    body: Vec<u8>,
    /// Header lines that are no text.
    binary: Vec<u8>,
}

pub(crate) fn now() -> i64 {
    SystemClock.now().unix_seconds()
}

fn sign(secret: &str, at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// An event that means nothing to us, but is one.
pub(crate) fn event(id: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut event = json!({
        "id": id, "object": "event", "type": "plan.created", "created": now(),
        "livemode": false, "api_version": "2026-10-28.endive", "data": { "object": {} },
    });
    change(&mut event);
    serde_json::to_vec(&event).unwrap()
}

impl Raw {
    fn new(headers: &[&str], body: Vec<u8>) -> Self {
        let mut head = "POST /api/v1/webhooks/stripe HTTP/1.1\r\nHost: localhost\r\n\
                        Connection: close\r\nContent-Type: application/json\r\n"
            .to_owned();
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        let binary = Vec::new();
        Self { head, body, binary }
    }

    fn sized(headers: &[&str], body: Vec<u8>) -> Self {
        let length = format!("Content-Length: {}", body.len());
        Self::new(&[headers, &[&length]].concat(), body)
    }

    /// As Stripe sends it.
    pub(crate) fn signed(secret: &str, body: Vec<u8>) -> Self {
        let header = header(secret, now(), &body);
        Self::sized(&[&header], body)
    }

    /// In chunks, so that its length is not known before.
    fn chunked(secret: &str, body: &[u8]) -> Self {
        let header = header(secret, now(), body);
        let mut chunks = Vec::new();
        for chunk in body.chunks(64 * 1024) {
            chunks.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            chunks.extend(chunk);
            chunks.extend(b"\r\n");
        }
        chunks.extend(b"0\r\n\r\n");
        Self::new(&[&header, "Transfer-Encoding: chunked"], chunks)
    }

    /// Gives the status and the problem's code.
    pub(crate) async fn send(self, serving: &Serving) -> (u16, String) {
        let address = serving.url.trim_start_matches("http://").to_owned();
        let sent = [self.head.as_bytes(), &self.binary, b"\r\n", &self.body].concat();
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            let patience = Some(Duration::from_secs(30));
            stream.set_read_timeout(patience).unwrap();
            // It may answer and close before it has read everything.
            let _ = stream.write_all(&sent);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        });
        told(&answer.await.unwrap())
    }
}

/// The status of an answer and its problem's code.
pub(crate) fn told(answer: &str) -> (u16, String) {
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let status = status.parse().unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let code = problem["code"].as_str().or(problem["status"].as_str());
    (status, code.unwrap_or_default().to_owned())
}

fn header(secret: &str, at: i64, body: &[u8]) -> String {
    format!("Stripe-Signature: t={at},v1={}", sign(secret, at, body))
}

/// Each with its name, its status and its code.
fn refused(secret: &str) -> Vec<(&'static str, Raw, u16, &'static str)> {
    let good = || event("evt_refused", |_| {});
    let right = header(secret, now(), &good());
    let stranger = header("whsec_of_a_stranger", now(), &good());
    let unsigned = |headers: &[&str]| Raw::sized(headers, good());
    let at = |at: i64| Raw::sized(&[&header(secret, at, &good())], good());
    let mut altered = good();
    *altered.last_mut().unwrap() = b' ';
    let mut truncated = good();
    truncated.truncate(40);
    let mut not_text = unsigned(&[]);
    not_text.binary = b"Stripe-Signature: t=1,v1=\xff\xfe\r\n".to_vec();
    let old_scheme = right.replace("v1=", "v0=");
    let large = vec![b' '; BYTES_MAX + 1];
    let signature = "invalid_signature";
    vec![
        ("no signature", unsigned(&[]), 400, signature),
        (
            "an empty one",
            unsigned(&["Stripe-Signature: "]),
            400,
            signature,
        ),
        (
            "no scheme",
            unsigned(&["Stripe-Signature: abc"]),
            400,
            signature,
        ),
        ("forged", unsigned(&[&stranger]), 400, signature),
        ("only v0", unsigned(&[&old_scheme]), 400, signature),
        ("stale", at(now() - 3_600), 400, signature),
        ("of the future", at(now() + 3_600), 400, signature),
        ("altered", Raw::sized(&[&right], altered), 400, signature),
        (
            "truncated",
            Raw::sized(&[&right], truncated),
            400,
            signature,
        ),
        (
            "two, wrong first",
            unsigned(&[&stranger, &right]),
            400,
            signature,
        ),
        (
            "two, right first",
            unsigned(&[&right, &stranger]),
            400,
            signature,
        ),
        ("not text", not_text, 400, signature),
        (
            "ten thousand signatures",
            unsigned(&[&format!("Stripe-Signature: t=1{}", ",v1=00".repeat(4_000))]),
            400,
            signature,
        ),
        (
            "too large, declared",
            Raw::sized(&[], large.clone()),
            413,
            "payload_too_large",
        ),
        (
            "too large, in chunks",
            Raw::chunked(secret, &large),
            413,
            "payload_too_large",
        ),
        (
            "a length that is none",
            Raw::new(&[&right, "Content-Length: abc"], good()),
            400,
            "",
        ),
        (
            "two lengths",
            Raw::new(&[&right, "Content-Length: 5", "Content-Length: 6"], good()),
            400,
            "",
        ),
        (
            "a chunk of no size",
            Raw::new(&[&right, "Transfer-Encoding: chunked"], b"xyz\r\n".to_vec()),
            400,
            "bad_request",
        ),
    ]
}

/// Signed rightly, and no event.
fn signed_nonsense() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let with = |key: &str, value: Value| event("evt_refused", |event| event[key] = value);
    let nested = |levels: usize| {
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let text = String::from_utf8(event("evt_refused", |_| {})).unwrap();
        text.replace("\"object\":{}", &format!("\"object\":{deep}"))
            .into_bytes()
    };
    let text = |from: &str, to: &str| {
        let text = String::from_utf8(event("evt_refused", |_| {})).unwrap();
        text.replace(from, to).into_bytes()
    };
    let marked = [&b"\xef\xbb\xbf"[..], &event("evt_refused", |_| {})].concat();
    let no_event = "invalid_event";
    vec![
        ("nothing", Vec::new(), no_event),
        ("null", b"null".to_vec(), no_event),
        ("an array", b"[]".to_vec(), no_event),
        (
            "half of it",
            event("evt_refused", |_| {})[..60].to_vec(),
            no_event,
        ),
        (
            "not UTF-8",
            text("plan", "pl\\u0061n")
                .into_iter()
                .map(|b| if b == b'\\' { 0xff } else { b })
                .collect(),
            no_event,
        ),
        ("a byte order mark", marked, no_event),
        ("NUL bytes", vec![0; 300], no_event),
        (
            "half a character",
            text("plan.created", "\\ud800"),
            no_event,
        ),
        ("nested deeply", nested(100_000), no_event),
        ("nested beyond the reader", nested(140), no_event),
        ("an id with NUL", with("id", json!("evt_\0")), no_event),
        (
            "an id that is long",
            with("id", json!("e".repeat(300))),
            no_event,
        ),
        ("an id that is a number", with("id", json!(7)), no_event),
        ("no id", with("id", Value::Null), no_event),
        ("a type with NUL", with("type", json!("a\0b")), no_event),
        (
            "a type that is an object",
            with("type", json!({})),
            no_event,
        ),
        (
            "a version that is long",
            with("api_version", json!("v".repeat(300))),
            no_event,
        ),
        (
            "an account that is a number",
            with("account", json!(1)),
            no_event,
        ),
        (
            "a time that no clock has",
            with("created", json!(i64::MAX)),
            no_event,
        ),
        (
            "a time that is too large",
            text("\"livemode\"", "\"created\":1e999,\"livemode\""),
            no_event,
        ),
        ("a time in words", with("created", json!("soon")), no_event),
        ("no mode", with("livemode", Value::Null), no_event),
        ("a mode in words", with("livemode", json!("yes")), no_event),
        (
            "the other mode",
            with("livemode", json!(true)),
            "wrong_mode",
        ),
    ]
}

async fn row_counts(database: &TestDatabase) -> Vec<i64> {
    let tables = ["provider_events", "audit_entries", "outbox_messages"];
    let mut counts = Vec::new();
    for table in tables {
        counts.push(database.row_count(table).await);
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_5_bad_deliveries_are_refused_without_a_trace() {
    for database in TestDatabase::every().await {
        let name = database.name();
        let stage = Stage::on(database).await;
        let serving = stage.serve();
        let database = stage.database.as_ref().unwrap();
        let secret = stage.sandbox.webhook_secret().unwrap().to_owned();
        let before = row_counts(database).await;
        for (case, request, status, code) in refused(&secret) {
            let answer = request.send(&serving).await;
            assert_eq!(
                (answer.0, answer.1.as_str()),
                (status, code),
                "{name}: {case}"
            );
        }
        for (case, body, code) in signed_nonsense() {
            let answer = Raw::signed(&secret, body).send(&serving).await;
            assert_eq!((answer.0, answer.1.as_str()), (400, code), "{name}: {case}");
        }
        assert_eq!(row_counts(database).await, before, "{name}");

        // The limit itself is let in, in whatever way it comes, and so is what has other schemes.
        let mut largest = event("evt_largest", |_| {});
        largest.resize(BYTES_MAX, b' ');
        let largest = Raw::chunked(&secret, &largest).send(&serving).await;
        assert_eq!(largest, (200, "received".to_owned()), "{name}");
        let body = event("evt_schemes", |_| {});
        let (right, wrong) = (sign(&secret, now(), &body), sign("other", now(), &body));
        let header = format!(
            "Stripe-Signature: t={},v0={wrong},v1={wrong},v1={right}",
            now()
        );
        let answer = Raw::sized(&[&header], body).send(&serving).await;
        assert_eq!(answer, (200, "received".to_owned()), "{name}");

        serving.running.signal("TERM");
        let ended = serving.running.end();
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
        assert!(
            !ended.stderr.contains("panicked"),
            "{name}: {}",
            ended.stderr
        );
    }
}
