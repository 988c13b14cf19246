//! Requests per second of the sandbox beside a bare actix handler that answers as many bytes, on the
//! same machine in the same run: the ratio is what can be compared.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use std::io::Write;
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use billing_sandbox::{ClockStart, Sandbox, SandboxConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// As in the binary; the bare handler has it as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: usize = 8;
const WARM_UP: Duration = Duration::from_millis(300);
const MEASURED: Duration = Duration::from_secs(2);

/// A request that keeps its connection.
fn request(address: &str, key: &str, path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends one request and reads its answer; the answer's length.
async fn exchange(stream: &mut TcpStream, request: &str, buffer: &mut Vec<u8>) -> usize {
    stream.write_all(request.as_bytes()).await.unwrap();
    buffer.clear();
    loop {
        let mut chunk = vec![0_u8; 16_384];
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "the server closed the connection");
        buffer.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(buffer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        assert!(head.starts_with("HTTP/1.1 200"), "{text}");
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        if body.len() >= length {
            return length;
        }
    }
}

/// Requests per second over several connections.
async fn rate(address: &str, request: &str) -> f64 {
    let begun = Instant::now();
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, request) = (address.to_owned(), request.to_owned());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(&address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut buffer = Vec::new();
                let mut count = 0_u32;
                while begun.elapsed() < WARM_UP + MEASURED {
                    exchange(&mut stream, &request, &mut buffer).await;
                    if begun.elapsed() >= WARM_UP {
                        count += 1;
                    }
                }
                count
            })
        })
        .collect();
    let mut total = 0_u32;
    for worker in workers {
        total += worker.await.unwrap();
    }
    f64::from(total) / MEASURED.as_secs_f64()
}

/// A handler that reads the form and answers so many bytes of JSON.
fn start_actix() -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let answer = |length: usize| {
                move |body: web::Bytes| async move {
                    assert!(!body.is_empty());
                    let filling = "x".repeat(length.saturating_sub(10));
                    HttpResponse::Ok().json(serde_json::json!({ "body": filling }))
                }
            };
            let server = HttpServer::new(move || {
                App::new()
                    .route("/small", web::post().to(answer(1_000)))
                    .route("/large", web::post().to(answer(4_000)))
            })
            .workers(2)
            .bind(("127.0.0.1", 0))
            .unwrap();
            sender.send(server.addrs()[0].to_string()).unwrap();
            server.run().await.unwrap();
        });
    });
    receiver.recv().unwrap()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let sandbox = Sandbox::start(SandboxConfig {
        clock: ClockStart::Fixed(1_790_000_000),
        ..SandboxConfig::default()
    })
    .await
    .unwrap();
    let address = sandbox.url().trim_start_matches("http://").to_owned();
    let key = sandbox.secret_key().to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let mut buffer = Vec::new();
    let product = "currency=usd&unit_amount=1500&product_data[name]=Pack&lookup_key=pack";
    let price = request(&address, &key, "/v1/prices", product);
    exchange(&mut stream, &price, &mut buffer).await;
    let text = String::from_utf8_lossy(&buffer).into_owned();
    let price = text
        .split("\"id\": \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let customer = "email=jenny%40example.com&name=Jenny+Rosen&metadata[user]=7";
    let session = format!(
        "mode=payment&success_url=https%3A%2F%2Fexample.com&line_items[0][price]={price}\
         &line_items[0][quantity]=2"
    );
    let actix = start_actix();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{CONNECTIONS} connections, {} s each",
        MEASURED.as_secs()
    )
    .unwrap();
    writeln!(
        out,
        "{:<28}{:>12}{:>14}{:>9}",
        "", "sandbox/s", "bare actix/s", "ratio"
    )
    .unwrap();
    for (name, path, body, bare) in [
        ("customer create", "/v1/customers", customer, "/small"),
        (
            "checkout session create",
            "/v1/checkout/sessions",
            session.as_str(),
            "/large",
        ),
    ] {
        let ours = rate(&address, &request(&address, &key, path, body)).await;
        let theirs = rate(&actix, &request(&actix, &key, bare, body)).await;
        writeln!(
            out,
            "{name:<28}{ours:>12.0}{theirs:>14.0}{:>9.2}",
            ours / theirs
        )
        .unwrap();
    }
}
