//! The listener: HTTP/1.1 in, one answer out, or a connection that ends without one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::http::exchange::{Reply, Request};
use crate::http::{control, conventions};
use crate::pages;
use crate::world::{RequestRecord, World};

/// Larger than any request that Stripe takes as a form.
const BODY_BYTES_MAX: usize = 1 << 20;
/// A sandbox of a year has hundreds of megabytes of events.
const SNAPSHOT_BYTES_MAX: usize = 1 << 30;

/// Ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox cuts this connection")]
struct Cut;

/// Serves until the task is aborted; open connections end with it.
pub(crate) async fn serve(listener: TcpListener, world: Arc<World>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        if world.is_offline.load(Ordering::SeqCst) {
            continue;
        }
        // A webhook test answers in well under the 40 ms that Nagle's algorithm would add.
        let _ = stream.set_nodelay(true);
        let world = Arc::clone(&world);
        connections.spawn(async move {
            let service = service_fn(move |incoming| respond(Arc::clone(&world), incoming));
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
}

async fn respond(
    world: Arc<World>,
    incoming: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Cut> {
    let request = match read(incoming).await {
        Ok(request) => request,
        Err(reply) => return Ok(response(reply)),
    };
    if world.is_offline.load(Ordering::SeqCst) {
        return Err(Cut);
    }
    let path = request.path.as_str();
    let reply = if ["/v1/", "/v2/"].iter().any(|root| path.starts_with(root)) || path == "/v1" {
        // As at Stripe, a request that has begun is carried out even if its client is gone.
        let carried_out = tokio::spawn(async move {
            let reply = conventions::answer(&world, &request).await;
            log(&world, &request, reply.as_ref());
            reply
        });
        carried_out.await.map_err(|_| Cut)?
    } else if path.starts_with("/sandbox/") {
        Some(control::answer(&world, &request).await)
    } else {
        Some(pages::answer(&world, &request))
    };
    reply.map(response).ok_or(Cut)
}

async fn read(incoming: hyper::Request<Incoming>) -> Result<Request, Reply> {
    let (head, body) = incoming.into_parts();
    let max = match head.uri.path() {
        "/sandbox/snapshot" => SNAPSHOT_BYTES_MAX,
        _ => BODY_BYTES_MAX,
    };
    let body = Limited::new(body, max).collect().await.map_err(|_| {
        let error = crate::http::error::StripeError::invalid("Request body too large.").status(413);
        Reply::json(413, &error.body("", ""))
    })?;
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    })
}

fn response(reply: Reply) -> hyper::Response<Full<Bytes>> {
    let body = Bytes::from(reply.body);
    let mut builder = hyper::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(name.as_ref(), value.as_ref());
    }
    // A header that HTTP cannot carry (a line break in an echoed key) loses the headers only.
    builder.body(Full::new(body.clone())).unwrap_or_else(|_| {
        let mut bare = hyper::Response::new(Full::new(body));
        *bare.status_mut() = hyper::StatusCode::from_u16(reply.status).unwrap_or_default();
        bare
    })
}

pub(crate) fn log(world: &World, request: &Request, reply: Option<&Reply>) {
    let request_id = reply
        .and_then(|reply| reply.headers.iter().find(|(name, _)| *name == "request-id"))
        .map(|(_, id)| id.to_string())
        .unwrap_or_default();
    let status = reply.map_or(0, |reply| reply.status);
    tracing::debug!(request.id = %request_id, status, "{} {}", request.method, request.path);
    let record = RequestRecord {
        at: world.clock.now(),
        method: request.method.clone(),
        path: request.path.clone(),
        status,
        request_id,
    };
    world.exchanges.keep(record.clone(), request, reply);
    world.log(record);
}
