//! What a path without an operation answers: 404, or 405 where another method would have one.

use actix_web::dev::ResourceDef;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;

use crate::problem::Problem;
use crate::problem::code::Code;

/// The methods of every path, taken from the OpenAPI document so that they cannot disagree.
pub(crate) struct KnownPaths(Vec<(ResourceDef, String)>);

impl KnownPaths {
    /// Reads the document.
    pub(crate) fn new(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        Self(
            paths
                .map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item).join(", ")))
                .collect(),
        )
    }

    fn methods_of(&self, path: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(pattern, _)| pattern.is_match(path))
            .map(|(_, methods)| methods.as_str())
    }
}

fn methods(item: &PathItem) -> Vec<&'static str> {
    let PathItem {
        get,
        put,
        post,
        delete,
        patch,
        ..
    } = item;
    let all = [
        ("GET", get.is_some()),
        ("HEAD", get.is_some()),
        ("PUT", put.is_some()),
        ("POST", post.is_some()),
        ("DELETE", delete.is_some()),
        ("PATCH", patch.is_some()),
    ];
    let present = all.into_iter().filter(|(_, is_there)| *is_there);
    present.map(|(name, _)| name).collect()
}

/// The default service.
pub(crate) async fn no_route(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let known = request
        .app_data::<Data<KnownPaths>>()
        .expect("`app` registers the known paths");
    Err(match known.methods_of(request.path()) {
        Some(methods) => Problem::new(Code::MethodNotAllowed).allow(methods.to_owned()),
        None => Problem::new(Code::NotFound).detail("there is no such route"),
    })
}
