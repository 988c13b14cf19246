//! Whoever is not known yet: what all of them together can hold, and that they keep nobody out.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use billing_actix::HttpConfig;
use billing_domain::provider_events::observer::{Attempt, DeliveryOutcome, EventObserver};
use billing_domain::provider_events::receive_webhook::ReceiveWebhook;

use crate::over_tcp::{exchange, get as get_over_tcp, serve};
use crate::service::{Mood, Service, get};
use crate::webhook::registered;

const MIB: usize = 1024 * 1024;

/// For what must not happen by itself while a test lasts.
const NEVER: Duration = Duration::from_hours(1);

/// For what must happen, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Remembers how deliveries were answered.
#[derive(Default)]
struct Heard(Mutex<Vec<DeliveryOutcome>>);

impl EventObserver for Heard {
    fn delivery_answered(&self, outcome: DeliveryOutcome, _took: time::Duration) {
        self.0.lock().unwrap().push(outcome);
    }

    fn attempt_ended(&self, _attempt: &Attempt<'_>) {}
}

async fn service(heard: &Arc<Heard>, configure: impl FnOnce(&mut HttpConfig)) -> Service {
    let observer = heard.clone();
    let patient = |config: &mut HttpConfig| {
        config.body_timeout = NEVER;
        config.large_body_timeout = NEVER;
        config.request_timeout = NEVER;
        config.idle_timeout = Duration::from_millis(200);
        configure(config);
    };
    Service::with(patient, |_, use_cases| {
        let unheard = &use_cases.receive_webhook;
        use_cases.receive_webhook = Arc::new(ReceiveWebhook {
            core: unheard.core.clone(),
            verifier: unheard.verifier.clone(),
            inbox: unheard.inbox.clone(),
            handoff: unheard.handoff.clone(),
            observer,
        });
    })
    .await
}

fn head(fields: &str) -> Vec<u8> {
    format!(
        "POST /api/v1/webhooks/stripe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n\r\n"
    )
    .into_bytes()
}

/// A delivery as the provider sends it, with spaces behind it.
fn signed(service: &Service, id: &str, bytes: usize) -> Vec<u8> {
    let delivery = registered(service, id);
    let mut body = delivery.payload;
    body.resize(bytes.max(body.len()), b' ');
    let fields = format!(
        "Stripe-Signature: {}\r\nContent-Length: {}",
        delivery.signature,
        body.len()
    );
    [head(&fields), body].concat()
}

/// Sends this much and then nothing, and does not hang up.
struct Stranger {
    connection: TcpStream,
    answer: Receiver<String>,
}

impl Stranger {
    fn stalls_after(address: SocketAddr, sent: Vec<u8>) -> Self {
        let connection = TcpStream::connect(address).unwrap();
        let mut stream = connection.try_clone().unwrap();
        let (tell, answer) = channel();
        std::thread::spawn(move || {
            // It may be answered before it has sent everything.
            let _ = stream.write_all(&sent);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            let _ = tell.send(String::from_utf8_lossy(&answer).into_owned());
        });
        Self { connection, answer }
    }

    /// Most of the largest body, either way.
    fn large(address: SocketAddr, is_chunked: bool) -> Self {
        let body = vec![b'x'; 900 * 1024];
        let sent = if is_chunked {
            let size = format!("{MIB:x}\r\n").into_bytes();
            [head("Transfer-Encoding: chunked"), size, body].concat()
        } else {
            [head(&format!("Content-Length: {MIB}")), body].concat()
        };
        Self::stalls_after(address, sent)
    }

    fn hangs_up(self) {
        let _ = self.connection.shutdown(std::net::Shutdown::Both);
    }
}

/// Waits until so many of them are answered; gives the answers and who is still held.
async fn answered(strangers: Vec<Stranger>, count: usize) -> (Vec<String>, Vec<Stranger>) {
    let (mut answers, mut held) = (Vec::new(), strangers);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while answers.len() < count {
        held.retain(|stranger| match stranger.answer.try_recv() {
            Ok(answer) => {
                answers.push(answer);
                false
            }
            Err(_) => true,
        });
        assert!(tokio::time::Instant::now() < deadline, "{answers:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (answers, held)
}

fn assert_overloaded(answer: &str) {
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\"code\":\"overloaded\""), "{answer}");
    assert!(answer.contains("\r\nretry-after: 10\r\n"), "{answer}");
}

#[actix_web::test]
async fn strangers_hold_no_more_than_their_room_and_keep_no_ordinary_delivery_out() {
    let heard = Arc::new(Heard::default());
    let service = service(&heard, |config| config.unverified_bytes_max = 7 * MIB / 2).await;
    let (address, handle) = serve(&service);
    let strangers = (0..8).map(|number| Stranger::large(address, number % 2 == 0));
    let (answers, held) = answered(strangers.collect(), 5).await;
    for answer in &answers {
        assert_overloaded(answer);
    }

    let refused = exchange(address, signed(&service, "evt_large", 900 * 1024)).await;
    assert_overloaded(&refused);
    let shown = get("/api/v1/admin/webhook-events/evt_large").by_operator();
    assert_eq!(service.send(shown).await.status, 404);

    let stored = exchange(address, signed(&service, "evt_small", 8 * 1024)).await;
    assert!(stored.starts_with("HTTP/1.1 200"), "{stored}");
    let outcomes = heard.0.lock().unwrap().clone();
    let turned_away = outcomes.iter();
    let turned_away = turned_away.filter(|outcome| **outcome == DeliveryOutcome::TurnedAway);
    assert_eq!((turned_away.count(), outcomes.len()), (6, 7));
    assert_eq!(held.len(), 3);
    held.into_iter().for_each(Stranger::hangs_up);
    handle.stop(false).await;
}

#[actix_web::test]
async fn the_room_of_a_body_comes_back_when_its_connection_ends() {
    let heard = Arc::new(Heard::default());
    let service = service(&heard, |config| config.unverified_bytes_max = 3 * MIB / 2).await;
    let (address, handle) = serve(&service);
    for round in 0..3 {
        let strangers = (0..2).map(|number| Stranger::large(address, number == round % 2));
        let (answers, held) = answered(strangers.collect(), 1).await;
        assert_overloaded(&answers[0]);
        held.into_iter().for_each(Stranger::hangs_up);
        let large = signed(&service, &format!("evt_{round}"), 900 * 1024);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answer = exchange(address, large.clone()).await;
            if answer.contains("\"status\":\"received\"") {
                break;
            }
            // The server has not seen yet that somebody hung up.
            assert_overloaded(&answer);
            assert!(tokio::time::Instant::now() < deadline);
        }
    }
    handle.stop(false).await;
}

#[actix_web::test]
async fn a_large_body_loses_its_room_sooner_than_a_small_one() {
    let heard = Arc::new(Heard::default());
    let service = service(&heard, |config| {
        config.large_body_timeout = Duration::from_millis(50);
    })
    .await;
    let (address, handle) = serve(&service);
    let small = [head(&format!("Content-Length: {MIB}")), vec![b'x'; 1_000]].concat();
    let small = Stranger::stalls_after(address, small);
    let strangers = (0..4).map(|number| Stranger::large(address, number % 2 == 0));
    let (answers, _) = answered(strangers.collect(), 4).await;
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("body_timeout"), "{answer}");
    }
    assert!(small.answer.try_recv().is_err(), "it holds next to nothing");
    small.hangs_up();
    handle.stop(false).await;
}

/// The limit is one of the bytes that came, whatever was said of them before.
#[actix_web::test]
async fn a_body_in_chunks_is_refused_at_the_first_byte_over_the_limit() {
    let heard = Arc::new(Heard::default());
    let service = service(&heard, |_| {}).await;
    let (address, handle) = serve(&service);
    for (bytes, status) in [(MIB, "400"), (MIB + 1, "413")] {
        let chunk = [format!("{bytes:x}\r\n").into_bytes(), vec![b'x'; bytes]].concat();
        let sent = [
            head("Transfer-Encoding: chunked"),
            chunk,
            b"\r\n0\r\n\r\n".to_vec(),
        ];
        let answer = exchange(address, sent.concat()).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{bytes}: {answer}");
    }
    handle.stop(false).await;
}

/// The framework keeps 32 bytes for each piece that it has queued.
#[actix_web::test]
async fn a_body_in_tiny_pieces_takes_room_for_each_of_them() {
    let heard = Arc::new(Heard::default());
    let service = service(&heard, |config| config.unverified_bytes_max = MIB / 4).await;
    let (address, handle) = serve(&service);
    let pieces = b"1\r\nx\r\n".repeat(8_000);
    let sent = [head("Transfer-Encoding: chunked"), pieces].concat();
    let (answers, _) = answered(vec![Stranger::stalls_after(address, sent)], 1).await;
    assert_overloaded(&answers[0]);
    handle.stop(false).await;
}

/// Each would be kept for ever by the framework alone.
#[actix_web::test]
async fn a_connection_is_not_kept_between_two_requests_by_whatever_trick() {
    let idle = |config: &mut HttpConfig| config.idle_timeout = Duration::from_millis(200);
    let service = Service::configured(idle).await;
    let (address, handle) = serve(&service);
    let live = "GET /live HTTP/1.1\r\nHost: localhost\r\n";
    let tricks = [
        // The beginning of a second head.
        format!("{live}\r\nGET /li"),
        // A body in chunks that nobody reads and that does not end.
        format!("{live}Transfer-Encoding: chunked\r\n\r\n5\r\nabc"),
        format!("{live}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"),
    ];
    let tricks = tricks.map(|sent| Stranger::stalls_after(address, sent.into_bytes()));
    let (answers, _) = answered(tricks.into(), 3).await;
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    handle.stop(false).await;
}

/// A request that takes long is not between two.
#[actix_web::test]
async fn a_request_may_take_longer_than_a_connection_may_idle() {
    let idle = |config: &mut HttpConfig| {
        config.idle_timeout = Duration::from_millis(300);
        config.request_timeout = Duration::from_millis(1_500);
    };
    let service = Service::configured(idle).await;
    let (address, handle) = serve(&service);
    service.readiness.turn(Mood::Hangs);
    let live = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned();
    let sent = live.into_bytes().into_iter().chain(get_over_tcp("/ready"));
    let answers = exchange(address, sent.collect()).await;
    assert!(answers.starts_with("HTTP/1.1 200"), "{answers}");
    assert!(answers.contains("HTTP/1.1 503"), "{answers}");
    handle.stop(false).await;
}

#[actix_web::test]
async fn whoever_comes_while_every_connection_is_taken_waits_for_one() {
    let configure = |config: &mut HttpConfig| {
        config.workers = 1;
        config.connections_max = 2;
    };
    let service = Service::configured(configure).await;
    let (address, handle) = serve(&service);
    let begun = || Stranger::stalls_after(address, head("Content-Length: 100"));
    let first = [begun(), begun()];
    let (tell, answer) = channel();
    actix_web::rt::spawn(async move {
        let answer = exchange(address, get_over_tcp("/live")).await;
        tell.send(answer).unwrap();
    });
    // Far longer than an answer takes.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(answer.try_recv().is_err());
    first.into_iter().for_each(Stranger::hangs_up);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Ok(answer) = answer.try_recv() {
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            break;
        }
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    handle.stop(false).await;
}
