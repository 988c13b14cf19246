//! What a browser may do with a publishable key: see and confirm the intent whose client secret it
//! has, and turn a card into a token or a payment method.

use crate::http::exchange::Request;
use crate::http::form;
use crate::http::keys;
use crate::world::World;

/// The request as a secret key would make it, if its publishable key allows it.
pub(crate) fn as_secret(world: &World, request: &Request) -> Option<Request> {
    let key = keys::sent(request);
    let rest = key.strip_prefix("pk_test_")?;
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let secret_key = match (request.method.as_str(), path.as_slice()) {
        // Keys of any value are taken, so the one with the same ending is its account's.
        ("POST", ["v1", "tokens" | "payment_methods"]) => format!("sk_test_{rest}"),
        ("GET", ["v1", "payment_intents" | "setup_intents", id])
        | ("POST", ["v1", "payment_intents" | "setup_intents", id, "confirm"]) => {
            let sent = if request.method == "GET" {
                &request.query
            } else {
                &request.body
            };
            let secret = sent
                .split('&')
                .find_map(|pair| pair.strip_prefix("client_secret="))
                .map(form::decode)?;
            world.key_of_secret(id, &secret)?
        }
        _ => return None,
    };
    let without_secret = |text: &str| {
        let kept: Vec<&str> = text
            .split('&')
            .filter(|pair| !pair.starts_with("client_secret="))
            .collect();
        kept.join("&")
    };
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        .filter(|(name, _)| name != "authorization")
        .cloned()
        .collect();
    headers.push(("authorization".into(), format!("Bearer {secret_key}")));
    Some(Request {
        query: without_secret(&request.query),
        body: without_secret(&request.body),
        headers,
        ..request.clone()
    })
}
