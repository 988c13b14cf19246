//! Whoever was accepted before the end is answered as at any other time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use billing_actix::{Readiness, ReadinessCheck};
use tokio::sync::{Notify, oneshot};

use crate::over_tcp::{exchange, get, serve};
use crate::service::Service;

/// Longer than a thread of the server takes to end that has nothing to do.
const AN_IDLE_THREAD_ENDS: Duration = Duration::from_millis(500);

/// A port whose work for one request is done by a task that another request began, as deliveries are
/// stored together.
#[derive(Default)]
struct Shared {
    /// What the first request's task tells the second.
    told: Mutex<Option<oneshot::Receiver<()>>>,
    waits: Notify,
    goes_on: Arc<Notify>,
    ended: Arc<Notify>,
}

/// Rings however the task ends.
struct RingAtEnd(Arc<Notify>);

impl Drop for RingAtEnd {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl Readiness for Shared {
    async fn checks(&self) -> Vec<ReadinessCheck> {
        let told = self.told.lock().unwrap().take();
        let is_ready = if let Some(told) = told {
            self.waits.notify_one();
            told.await.is_ok()
        } else {
            let (tell, told) = oneshot::channel();
            *self.told.lock().unwrap() = Some(told);
            let (goes_on, ended) = (self.goes_on.clone(), RingAtEnd(self.ended.clone()));
            tokio::spawn(async move {
                goes_on.notified().await;
                let _ = tell.send(());
                drop(ended);
            });
            true
        };
        vec![ReadinessCheck {
            name: "shared",
            is_ready,
            detail: String::new(),
        }]
    }
}

#[actix_web::test]
async fn a_thread_that_ends_takes_nothing_with_it_that_another_request_waits_for() {
    let shared = Arc::new(Shared::default());
    let port = shared.clone();
    let configure = |config: &mut billing_actix::HttpConfig| config.workers = 2;
    let service = Service::with(configure, |_, use_cases| use_cases.readiness = port).await;
    let (address, handle) = serve(&service);
    // Connections go to the threads in turn.
    let first = exchange(address, get("/ready")).await;
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    let second = actix_web::rt::spawn(exchange(address, get("/ready")));
    shared.waits.notified().await;
    let stopping = actix_web::rt::spawn(handle.stop(true));
    let ended = shared.ended.notified();
    let _ = actix_web::rt::time::timeout(AN_IDLE_THREAD_ENDS, ended).await;
    shared.goes_on.notify_one();
    let second = second.await.unwrap();
    assert!(second.starts_with("HTTP/1.1 200"), "{second}");
    stopping.await.unwrap();
}
