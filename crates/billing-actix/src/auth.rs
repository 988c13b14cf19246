//! Who is calling: turns the credentials of a request into a principal (F.5 rows 11 to 13).

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use billing_domain::access::ports::KeyHasher;
use billing_domain::kernel::principal::Principal;

use self::api_key::Sha256KeyHasher;
use crate::problem::Problem;
use crate::problem::code::Code;
use crate::request_id::RequestId;
use crate::state::AppState;

pub(crate) mod api_key;
pub(crate) mod bearer;

/// How the audit trail names whoever holds the operator's static key.
const STATIC_OPERATOR: &str = "admin_key";

/// The longest credential that is looked at: a token with a large key set's signature fits.
const CREDENTIAL_BYTES_MAX: usize = 8 * 1024;

/// Authenticates a request.
///
/// # Errors
/// A 401, 403 or 400 problem that says no more than it must.
pub(crate) async fn authenticate(
    state: &AppState,
    request: &HttpRequest,
) -> Result<Principal, Problem> {
    let bearer = header(request, AUTHORIZATION.as_str())?;
    let api_key = header(request, "X-API-Key")?;
    let operator_key = header(request, "X-Operator-Key")?;
    match (bearer, api_key, operator_key) {
        (None, None, None) => Err(Problem::new(Code::AuthenticationRequired)),
        (Some(authorization), None, None) => {
            let token = authorization
                .split_once(' ')
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, token)| token.trim())
                .ok_or_else(|| {
                    Problem::new(Code::InvalidToken).detail("the scheme must be `Bearer`")
                })?;
            by_token(state, request, token).await
        }
        (None, Some(key), None) => by_api_key(state, key).await,
        (None, None, Some(key)) => {
            by_operator_key(state, key).ok_or_else(|| Problem::new(Code::InvalidApiKey))
        }
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            Err(Problem::new(Code::AmbiguousCredentials))
        }
    }
}

/// A header as text; one that is sent twice is refused rather than picked from.
fn header<'r>(request: &'r HttpRequest, name: &str) -> Result<Option<&'r str>, Problem> {
    let mut values = request.headers().get_all(name);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Problem::new(Code::AmbiguousCredentials));
    }
    match value.to_str() {
        Ok(text) if text.len() <= CREDENTIAL_BYTES_MAX => Ok(Some(text)),
        Ok(_) | Err(_) => Err(Problem::new(Code::AuthenticationRequired)
            .detail(format!("the header {name} cannot be read"))),
    }
}

async fn by_token(
    state: &AppState,
    request: &HttpRequest,
    token: &str,
) -> Result<Principal, Problem> {
    let Some(config) = &state.config.bearer else {
        return Err(Problem::new(Code::InvalidToken).detail("this service takes no bearer tokens"));
    };
    let claims = bearer::verify(config, token, state.use_cases.clock.now())
        .map_err(|error| Problem::new(Code::InvalidToken).detail(error.to_string()))?;
    if claims.is_operator {
        return Ok(Principal::Operator {
            name: claims.subject.to_string(),
        });
    }
    let user = state
        .use_cases
        .register_user
        .run(
            config.project,
            &claims.subject,
            claims.email.as_ref(),
            Some(&RequestId::of(request)),
        )
        .await?;
    Ok(Principal::User {
        user_id: user.id,
        project_id: user.project_id,
        // Only what this token vouches for: an older token's address may have changed hands.
        email: claims.email,
    })
}

async fn by_api_key(state: &AppState, key: &str) -> Result<Principal, Problem> {
    if let Some(operator) = by_operator_key(state, key) {
        return Ok(operator);
    }
    Ok(state.use_cases.authenticate_app.run(key).await?)
}

fn by_operator_key(state: &AppState, key: &str) -> Option<Principal> {
    let hash = state.config.operator_key_hash.as_deref()?;
    Sha256KeyHasher
        .matches(key, hash)
        .then(|| Principal::Operator {
            name: STATIC_OPERATOR.to_owned(),
        })
}
