//! Puts the routes behind a listener: limits, time-outs, documentation, graceful end.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::LOCATION;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, Error, HttpResponse, HttpServer};
use tokio::runtime::Handle;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::SwaggerUi;

use crate::config::HttpConfig;
use crate::connections::{Connection, Connections};
use crate::inside::Inside;
use crate::openapi::openapi;
use crate::request_id::around;
use crate::routes::metrics::open_routes;
use crate::routes::no_route::{KnownPaths, no_route};
use crate::routes::operations;
use crate::state::{AppState, MetricsPage, UseCases};

/// Serves until it is told to stop by its handle; signals are the caller's business.
///
/// The server begins to work when it is polled, so spawn or await it. Requests run in the runtime
/// in which this is called: it must outlive the server.
///
/// # Errors
/// The listener cannot be used.
///
/// # Panics
/// Outside a runtime.
pub fn server(
    listener: TcpListener,
    config: HttpConfig,
    use_cases: UseCases,
) -> std::io::Result<Server> {
    let workers = config.workers.max(1);
    // The framework counts for each thread.
    let connections_max = config.connections_max.div_ceil(workers).max(1);
    let head_timeout = config.head_timeout;
    let shutdown_seconds = config.shutdown_timeout.as_secs();
    let runtime = Handle::current();
    let connections = Arc::new(Connections::default());
    let idle = Connections::end_the_idle(Arc::downgrade(&connections), config.idle_timeout);
    runtime.spawn(idle);
    let state = Data::new(AppState::new(use_cases, config));
    let application = move || {
        let runtime = runtime.clone();
        app(state.clone()).wrap(from_fn(move |request, next| {
            Inside::new(runtime.clone(), told(request, next))
        }))
    };
    let server = HttpServer::new(application)
        .workers(workers)
        .max_connections(connections_max)
        .on_connect(move |stream, kept| connections.note(stream, kept))
        .client_request_timeout(head_timeout)
        .client_disconnect_timeout(Duration::from_secs(1))
        .shutdown_timeout(shutdown_seconds)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

/// Tells a connection when a request begins and when it is answered.
async fn told(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let connection = request.request().conn_data::<Arc<Connection>>().cloned();
    if let Some(connection) = &connection {
        connection.asks();
    }
    let answer = next.call(request).await;
    if let Some(connection) = &connection {
        connection.is_answered();
    }
    answer
}

/// Serves the metrics alone, without credentials, on an address that only Prometheus reaches.
///
/// # Errors
/// The listener cannot be used.
pub fn metrics_server(
    listener: TcpListener,
    metrics: Arc<dyn MetricsPage>,
) -> std::io::Result<Server> {
    let metrics = Data::from(metrics);
    let server =
        HttpServer::new(move || App::new().app_data(metrics.clone()).configure(open_routes))
            .workers(1)
            .disable_signals()
            .listen(listener)?;
    Ok(server.run())
}

/// The application, for the server and for tests.
pub fn app(
    state: Data<AppState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let document = openapi();
    let known_paths = Data::new(KnownPaths::new(&document));
    App::new()
        .app_data(state)
        .app_data(known_paths)
        .into_utoipa_app()
        .configure(operations)
        .into_app()
        .route("/docs", web::get().to(to_docs))
        .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", document))
        .default_service(web::to(no_route))
        .wrap(from_fn(around))
}

/// The page's files are relative to its folder.
async fn to_docs() -> HttpResponse {
    HttpResponse::Found()
        .insert_header((LOCATION, "/docs/index.html"))
        .finish()
}
