//! Runs the endpoint of a request: its route, its parameters, what it answers in the version that
//! was asked for.

use crate::json::Value;

use crate::account::Account;
use crate::api;
use crate::http::error::StripeError;
use crate::http::exchange::Request;
use crate::http::form;
use crate::http::params::{self, Params};
use crate::http::v2;
use crate::lives;
use crate::shape::expand::{self, expand};
use crate::shape::render::render;
use crate::shape::version::Version;

const NOT_A_FORM: &str = "Invalid request (check that your POST content type is \
    application/x-www-form-urlencoded). If you have any questions, we can help at \
    https://support.stripe.com/.";

pub(crate) fn run(
    account: &mut Account,
    request: &Request,
    version: Version,
) -> Result<Value, StripeError> {
    // HEAD is GET without the body, which the listener leaves out.
    let method = match request.method.as_str() {
        "HEAD" => "GET",
        other => other,
    };
    let (route, path_ids) = api::routes::find(method, &request.path, version)?;
    let params = sent(route, request, version)?;
    api::routes::refuse_unsimulated(route, &params)?;
    let paths: Vec<String> = params
        .list("/expand")
        .iter()
        .filter_map(|path| path.as_str().map(str::to_owned))
        .collect();
    expand::refuse_too_deep(&paths)?;
    expand::refuse_unknown(route.endpoint, &paths, version)?;
    enter_clock(account, &request.method, &params, &path_ids)?;
    let answered = (route.run)(&mut api::Call {
        account,
        params,
        ids: path_ids,
        version,
    })?;
    if v2::is_path(&request.path) {
        return Ok(shown_in_v2(account, &answered));
    }
    let shown = in_version(account, &answered, &paths, version)?;
    if let Some(mut findings) = account.findings.take() {
        findings.check(&shown, version);
        let exists = |version: &Version| params::exists(route.endpoint, *version);
        for other in Version::described().filter(exists) {
            if let Ok(shown) = in_version(account, &answered, &paths, other) {
                findings.check_elsewhere(&shown, other);
            }
        }
        account.findings = Some(findings);
    }
    Ok(shown)
}

/// The objects of API v2 have one shape in all versions: that of the newest.
fn shown_in_v2(account: &mut Account, answered: &Value) -> Value {
    let version = Version::newest();
    let shown = render(answered, version);
    if let Some(findings) = &mut account.findings {
        let rows = shown["data"].as_array().into_iter().flatten();
        // Events have no shape of their own but that of their type; what was deleted is told by its id.
        let is_described = |value: &&Value| {
            value["object"] != "v2.core.event" && value.as_object().is_some_and(|all| all.len() > 2)
        };
        for object in rows.chain([&shown]).filter(is_described) {
            findings.check(object, version);
        }
    }
    shown
}

/// What was sent, in the query and in the body, as the endpoint understands it.
fn sent(route: &api::Route, request: &Request, version: Version) -> Result<Params, StripeError> {
    if v2::is_path(&request.path) {
        return v2::params(&request.query, &request.body);
    }
    let content_type = request.header("content-type").unwrap_or_default();
    if content_type.starts_with("multipart/") {
        return Err(StripeError::not_simulated("uploads of files"));
    }
    if !request.body.is_empty() && content_type.starts_with("application/json") {
        return Err(StripeError::invalid(NOT_A_FORM).validation());
    }
    let sent = form::parse(&format!("{}&{}", request.query, request.body))?;
    params::check(route.endpoint, &sent, version)
}

/// An answer as a version shows it, with what was asked to be expanded.
fn in_version(
    account: &Account,
    answered: &Value,
    paths: &[String],
    version: Version,
) -> Result<Value, StripeError> {
    let mut shown = show(answered, version);
    for path in paths {
        expand(account, &mut shown, path, version)?;
    }
    Ok(shown)
}

/// Events come rendered in the version of their creation; everything else takes the request's.
fn show(answered: &Value, version: Version) -> Value {
    let is_event = |value: &Value| value["object"] == "event";
    if is_event(answered) || (answered["object"] == "list" && is_event(&answered["data"][0])) {
        return answered.clone();
    }
    render(answered, version)
}

/// A request about a customer who is on a test clock happens at that clock's time.
fn enter_clock(
    account: &mut Account,
    method: &str,
    params: &Params,
    path_ids: &[String],
) -> Result<(), StripeError> {
    const NAMES: [&str; 7] = [
        "customer",
        "subscription",
        "invoice",
        "payment_intent",
        "charge",
        "schedule",
        "test_clock",
    ];
    let named = NAMES.iter().filter_map(|name| params.0[*name].as_str());
    let ids: Vec<String> = path_ids
        .iter()
        .cloned()
        .chain(named.map(str::to_owned))
        .collect();
    // To look at anything is to wait until the clocks have arrived.
    if method == "GET" {
        lives::test_clock::arrive(account);
    }
    for id in ids {
        api::test_clocks::refuse_while_advancing(account, &id)?;
        account.enter_clock_of(&id);
    }
    Ok(())
}
