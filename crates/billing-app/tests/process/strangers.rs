//! Strangers who send much and never end: the program holds no more than it was told to, and stores
//! what is signed meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use billing_seaorm::testing::TestDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::bad_input::{Raw, event, told};
use crate::stage::Stage;

const MIB: usize = 1024 * 1024;

/// What the program may hold of strangers' bodies.
const ROOM_MIB: usize = 16;

/// Far more than there is room for.
const STRANGERS: usize = 300;

/// What so many connections, the deliveries between them and the allocator may cost beside.
const BESIDE_MIB: u64 = 120;

/// Sends all but the last byte of the largest body, and waits for an answer.
async fn stall(address: String) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/webhooks/stripe HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MIB}\r\n\r\n"
    );
    let sent = [head.into_bytes(), vec![b' '; MIB - 1]].concat();
    // It may be answered before it has sent everything.
    let _ = stream.write_all(&sent).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    told(&String::from_utf8_lossy(&answer))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_do_not_fill_the_memory_and_keep_no_delivery_out() {
    let mut stage = Stage::on(TestDatabase::sqlite().await).await;
    let room = (ROOM_MIB * MIB).to_string();
    stage.set("WEBHOOK_UNVERIFIED_BYTES_MAX", &room);
    let serving = stage.serve();
    let secret = stage.sandbox.webhook_secret().unwrap().to_owned();
    let before = serving.running.peak_kib();
    let address = serving.url.trim_start_matches("http://");
    let is_over = Arc::new(AtomicBool::new(false));

    let mut strangers = JoinSet::new();
    for _ in 0..STRANGERS {
        strangers.spawn(stall(address.to_owned()));
    }
    let watched = is_over.clone();
    let ends = tokio::spawn(async move {
        let ends = strangers.join_all().await;
        watched.store(true, Ordering::SeqCst);
        ends
    });
    let mut stored: i64 = 0;
    while !is_over.load(Ordering::SeqCst) || stored == 0 {
        let delivery = Raw::signed(&secret, event(&format!("evt_{stored}"), |_| {}));
        assert_eq!(
            delivery.send(&serving).await,
            (200, "received".to_owned()),
            "{stored}"
        );
        stored += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let ends = ends.await.unwrap();
    let count = |status: u16, code: &str| {
        let same = ends.iter().filter(|end| **end == (status, code.to_owned()));
        same.count()
    };
    let (refused, given_up) = (count(503, "overloaded"), count(408, "body_timeout"));
    // One that was answered while it was still sending may lose the answer.
    let unheard = count(0, "");
    assert_eq!(refused + given_up + unheard, STRANGERS, "{ends:?}");
    assert!(refused > 0, "{ends:?}");
    let database = stage.database.as_ref().unwrap();
    assert_eq!(database.row_count("provider_events").await, stored);
    if let (Some(before), Some(peak)) = (before, serving.running.peak_kib()) {
        let grown = (peak - before) / 1024;
        let most = u64::try_from(ROOM_MIB).unwrap() + BESIDE_MIB;
        assert!(grown < most, "{grown} MiB more than before");
    }
}
