//! Metrics: for operators on the service's address, for everybody on an address of their own.

use std::net::TcpListener;
use std::sync::Arc;

use async_trait::async_trait;
use billing_actix::{MetricsPage, metrics_server};

use crate::over_tcp::{exchange, get as get_over_tcp};
use crate::service::{Service, get};

/// One metric that never changes.
pub(crate) struct FixedMetrics;

#[async_trait]
impl MetricsPage for FixedMetrics {
    async fn render(&self) -> String {
        "billing_build 1\n".to_owned()
    }
}

#[actix_web::test]
async fn f_3_metrics_are_for_operators() {
    let service = Service::new().await;
    let page = service.send(get("/metrics").by_operator()).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.body, "billing_build 1\n");
    assert!(
        page.header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    assert_eq!(service.send(get("/metrics")).await.status, 401);
    assert_eq!(service.send(get("/metrics").by("ada")).await.status, 403);
    let key = service.api_key("default").await;
    let app = get("/metrics").header("X-API-Key", &key);
    assert_eq!(service.send(app).await.status, 403);
}

#[actix_web::test]
async fn the_open_address_has_the_metrics_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = metrics_server(listener, Arc::new(FixedMetrics)).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let page = exchange(address, get_over_tcp("/metrics")).await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.ends_with("billing_build 1\n"), "{page}");
    for path in ["/", "/health", "/api/v1/admin/webhook-events"] {
        let other = exchange(address, get_over_tcp(path)).await;
        assert!(other.starts_with("HTTP/1.1 404"), "{path}: {other}");
    }
    handle.stop(false).await;
}
