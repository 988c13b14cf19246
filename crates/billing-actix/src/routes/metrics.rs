//! What the service counts and measures, for Prometheus. It names no user, but how much is sold is
//! nobody else's business: on the service's own address it is for operators.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, web};

use super::state_of;
use crate::auth::authenticate;
use crate::problem::Problem;
use crate::problem::code::Code;
use crate::state::MetricsPage;

/// <https://prometheus.io/docs/instrumenting/exposition_formats/>
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counters and measurements in Prometheus' text format.
#[utoipa::path(
    tag = "operations",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"), super::Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[get("/metrics")]
pub(super) async fn read_metrics(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let principal = authenticate(state, &request).await?;
    if !principal.is_operator() {
        return Err(Problem::new(Code::Forbidden).detail("only an operator may see the metrics"));
    }
    Ok(page(state.use_cases.metrics.as_ref()).await)
}

/// The same without credentials, on an address of its own that the network protects.
pub(crate) async fn open_metrics(metrics: Data<dyn MetricsPage>) -> HttpResponse {
    page(metrics.get_ref()).await
}

/// What the open address serves.
pub(crate) fn open_routes(config: &mut web::ServiceConfig) {
    config.route("/metrics", web::get().to(open_metrics));
}

async fn page(metrics: &dyn MetricsPage) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(TEXT_FORMAT)
        .body(metrics.render().await)
}
