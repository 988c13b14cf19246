//! The server itself: a real listener, real connections, an orderly end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use billing_actix::server;

use crate::service::{Mood, Service};

pub(crate) fn serve(service: &Service) -> (SocketAddr, ServerHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (config, use_cases) = (
        service.state.config.clone(),
        service.state.use_cases.clone(),
    );
    let server = server(listener, config, use_cases).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, handle)
}

/// Sends bytes and reads until the server closes the connection.
pub(crate) async fn exchange(address: SocketAddr, sent: Vec<u8>) -> String {
    let exchanged = actix_web::web::block(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(&sent);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    exchanged.await.unwrap()
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes()
}

#[actix_web::test]
async fn a_panic_in_a_route_answers_its_own_connection_and_hurts_no_other() {
    let service = Service::new().await;
    let (address, handle) = serve(&service);
    service.readiness.turn(Mood::Panics);
    let answer = exchange(address, get("/ready")).await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert!(answer.contains("\"code\":\"internal_error\""), "{answer}");
    assert!(
        answer.to_lowercase().contains("x-request-id: req_"),
        "{answer}"
    );
    let answer = exchange(address, get("/health")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    handle.stop(true).await;
}

#[actix_web::test]
async fn a_body_that_is_declared_too_large_is_refused_before_it_is_sent() {
    let service = Service::new().await;
    let (address, handle) = serve(&service);
    let head = "POST /api/v1/webhooks/stripe HTTP/1.1\r\nHost: localhost\r\n\
                Content-Length: 5242880\r\nConnection: close\r\n\r\n";
    let answer = exchange(address, head.as_bytes().to_vec()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    handle.stop(true).await;
}

/// The connection stays open, and the rest of the body never comes.
#[actix_web::test]
async fn a_body_that_does_not_end_is_given_up_as_the_clients_fault() {
    let patience = Duration::from_millis(50);
    let service = Service::configured(|config| {
        config.body_timeout = patience;
        config.idle_timeout = patience;
    })
    .await;
    let (address, handle) = serve(&service);
    for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let request = format!(
            "POST /api/v1/webhooks/stripe HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\
             Connection: close\r\n\r\n5\r\nabc"
        );
        let answer = exchange(address, request.into_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{head}: {answer}");
        assert!(answer.contains("body_timeout"), "{head}: {answer}");
    }
    handle.stop(true).await;
}

#[actix_web::test]
async fn a_head_request_gets_the_headers_of_the_page_and_no_body() {
    let service = Service::new().await;
    let (address, handle) = serve(&service);
    let request = b"HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = exchange(address, request.to_vec()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    handle.stop(true).await;
}

#[actix_web::test]
async fn a_server_that_is_told_to_stop_stops() {
    let service = Service::new().await;
    let (address, handle) = serve(&service);
    assert!(
        exchange(address, get("/live"))
            .await
            .starts_with("HTTP/1.1 200")
    );
    handle.stop(true).await;
    assert!(TcpStream::connect(address).is_err());
}
