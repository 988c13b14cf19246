//! Tokens of raw cards, as Stripe.js makes them.

use crate::json::{Value, json};

use crate::api::{Answer, Call, Route, payment_methods, route};
use crate::http::error::StripeError;
use crate::lives::payment::{self, method};

const NOT_SIMULATED: &str = "account bank_account person pii cvc_update customer";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/tokens", create).lacks(NOT_SIMULATED),
    route("GET /v1/tokens/{}", retrieve),
];

fn create(call: &mut Call<'_>) -> Answer {
    let sent = call.params.or_null("/card");
    if sent.is_null() {
        return Err(StripeError::invalid(
            "You must supply either a card, customer, PII data, bank account, or account to create \
             a token.",
        ));
    }
    if !sent.is_object() {
        return Err(StripeError::invalid("Invalid object").param("card"));
    }
    let (card, entry) = payment_methods::check_card(call.account, &sent, "card")?;
    // A card's fingerprint and months are those of a method made of it.
    let method_id = payment::insert_method(call.account, card, &entry);
    let method = call.account.snapshot(&method_id);
    call.account.delete("payment_method", &method_id, None);
    let texts: crate::json::Map = sent
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.is_string())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let sent = Value::Object(texts);
    let id = call.account.ids.next("tok_");
    let token = json!({
        "id": id,
        "object": "token",
        "card": method::old_card(call.account, &method, &sent),
        "client_ip": "127.0.0.1",
        "created": call.account.now,
        "livemode": false,
        "type": "card",
        "used": false,
        "_number": card.number,
        "_cvc": entry.cvc,
    });
    call.account.insert(token);
    Ok(call.account.get(&id).clone())
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account.fetch("token", &call.id(), "token").cloned()
}
