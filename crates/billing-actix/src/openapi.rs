//! The OpenAPI document, made from the same list of operations that the server mounts.

use actix_web::App;
use utoipa::Modify;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_actix_web::AppExt;

use crate::routes::operations;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Billing",
        description = "A billing service in front of Stripe. Every error is `application/problem+json` (RFC 9457) with a stable `code`.",
        license(name = "MIT OR Apache-2.0")
    ),
    modifiers(&Credentials)
)]
struct Document;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "A user's token; with the role `operator`, an operator's.",
            ))
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        for (name, header, description) in [
            (
                "api_key",
                "X-API-Key",
                "An application's key: its own project only.",
            ),
            (
                "operator_key",
                "X-Operator-Key",
                "The operator's static key.",
            ),
        ] {
            let value = ApiKeyValue::with_description(header, description);
            components.add_security_scheme(name, SecurityScheme::ApiKey(ApiKey::Header(value)));
        }
    }
}

/// The document of every operation.
pub fn openapi() -> OpenApi {
    let app = App::new()
        .into_utoipa_app()
        .openapi(Document::openapi())
        .configure(operations);
    let (_, document) = app.split_for_parts();
    document
}
