//! Tokens of raw cards, as Stripe.js makes them.

use serde_json::{Value, json};

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
    let unchecked = |value: &Value| {
        if value.is_null() {
            Value::Null
        } else {
            json!("unchecked")
        }
    };
    let id = call.account.ids.next("tok_");
    let token = json!({
        "id": id,
        "object": "token",
        "card": {
            "id": call.account.ids.next("card_"),
            "object": "card",
            "address_city": sent["address_city"],
            "address_country": sent["address_country"],
            "address_line1": sent["address_line1"],
            "address_line1_check": unchecked(&sent["address_line1"]),
            "address_line2": sent["address_line2"],
            "address_state": sent["address_state"],
            "address_zip": sent["address_zip"],
            "address_zip_check": unchecked(&sent["address_zip"]),
            "brand": method::spoken_brand(card.brand),
            "country": card.country,
            "cvc_check": unchecked(&sent["cvc"]),
            "dynamic_last4": null,
            "exp_month": method["card"]["exp_month"],
            "exp_year": method["card"]["exp_year"],
            "fingerprint": method["card"]["fingerprint"],
            "funding": card.funding,
            "last4": method["card"]["last4"],
            "metadata": {},
            "name": sent["name"],
            "networks": { "preferred": null },
            "regulated_status": "unregulated",
            "tokenization_method": null,
            "wallet": null,
        },
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
