//! Payment methods, payment intents and charges.

use serde_json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::http::error::StripeError;
use crate::lives::card::{self, Behaviour, Decline, TestCard};
use crate::lives::checkout::CardEntry;

pub(crate) static DUE: &[Action] = &[];

/// Who pays and what for.
#[derive(Debug, Clone, Default)]
pub(crate) struct IntentTerms {
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) customer: Value,
    pub(crate) description: Value,
    pub(crate) metadata: Value,
    pub(crate) invoice: Value,
    pub(crate) receipt_email: Value,
    pub(crate) setup_future_usage: Value,
}

fn empty_address() -> Value {
    json!({ "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null })
}

/// Stores a payment method made of a test card; it belongs to nobody yet.
pub(crate) fn insert_method(account: &mut Account, card: &TestCard, entry: &CardEntry) -> String {
    let id = account.ids.next("pm_");
    let exp_month: i64 = entry.exp_month.parse().unwrap_or(12);
    let exp_year = full_year(&entry.exp_year).unwrap_or(2034);
    let text = |value: &str| {
        if value.is_empty() {
            Value::Null
        } else {
            json!(value)
        }
    };
    let last4 = &card.number[card.number.len() - 4..];
    let method = json!({
        "id": id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": empty_address(), "email": text(&entry.email), "name": text(&entry.name),
            "phone": null, "tax_id": null,
        },
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": null, "address_postal_code_check": null,
                "cvc_check": "pass",
            },
            "country": "US",
            "display_brand": card.brand,
            "exp_month": exp_month,
            "exp_year": exp_year,
            "fingerprint": format!("sandbox{:0>9}", card.number.get(4..13).unwrap_or("0")),
            "funding": card.funding,
            "generated_from": null,
            "last4": last4,
            "networks": { "available": [card.brand], "preferred": null },
            "regulated_status": "unregulated",
            "three_d_secure_usage": { "supported": true },
            "wallet": null,
        },
        "created": account.now,
        "customer": null,
        "customer_account": null,
        "livemode": false,
        "metadata": {},
        "type": "card",
        "_number": card.number,
    });
    account.insert(method)
}

/// `30`, `2030`: the year in full.
pub(crate) fn full_year(text: &str) -> Option<i64> {
    let year: i64 = text.parse().ok()?;
    let full = if (0..100).contains(&year) {
        2000 + year
    } else {
        year
    };
    (2000..2200).contains(&full).then_some(full)
}

/// The stored payment method of an id, or a new one of a named test card (`pm_card_visa`).
pub(crate) fn resolve_method(
    account: &mut Account,
    id: &str,
    param: &str,
) -> Result<String, StripeError> {
    if let Some(card) = id.strip_prefix("pm_card_").and_then(card::by_name) {
        return Ok(insert_method(account, card, &CardEntry::default()));
    }
    if account.get(id)["object"] == "payment_method" {
        return Ok(id.to_owned());
    }
    Err(StripeError::no_such_param("PaymentMethod", id, param))
}

pub(crate) fn behaviour_of(account: &Account, method_id: &str) -> Behaviour {
    let number = account.get(method_id)["_number"]
        .as_str()
        .unwrap_or_default();
    match card::by_number(number) {
        Ok(card) => card.behaviour,
        Err(decline) => Behaviour::Declines(decline),
    }
}

/// Cards that are declined at once cannot even be attached.
pub(crate) fn refuse_declining(account: &Account, method_id: &str) -> Result<(), StripeError> {
    match behaviour_of(account, method_id) {
        Behaviour::Declines(decline) => Err(card_error(&decline, Value::Null)),
        Behaviour::NeedsAuthentication => Err(StripeError::not_simulated("3-D Secure")),
        Behaviour::Succeeds | Behaviour::FailsWhenCharged(_) => Ok(()),
    }
}

/// The 402 of a decline, with the intent that it left behind.
pub(crate) fn card_error(decline: &Decline, intent: Value) -> StripeError {
    let mut error = StripeError::coded(decline.code, decline.message).status(402);
    error.kind = "card_error";
    error.param = Some(decline.param.to_owned());
    for name in ["advice_code", "decline_code", "network_decline_code"] {
        error = error.with(name, decline.members()[name].clone());
    }
    if intent.is_null() {
        error
    } else {
        error.with("payment_intent", intent)
    }
}

pub(crate) fn insert_intent(account: &mut Account, terms: &IntentTerms) -> String {
    let id = account.ids.next("pi_");
    let secret = account.ids.letters(25);
    let intent = json!({
        "id": id,
        "object": "payment_intent",
        "allowed_payment_method_types": null,
        "amount": terms.amount,
        "amount_capturable": 0,
        "amount_details": { "tip": {} },
        "amount_received": 0,
        "application": null,
        "application_fee_amount": null,
        "automatic_payment_methods": null,
        "canceled_at": null,
        "cancellation_reason": null,
        "capture_method": "automatic_async",
        "client_secret": format!("{id}_secret_{secret}"),
        "confirmation_method": "automatic",
        "created": account.now,
        "currency": terms.currency,
        "customer": terms.customer,
        "customer_account": null,
        "description": terms.description,
        "excluded_payment_method_types": null,
        "last_payment_error": null,
        "latest_charge": null,
        "livemode": false,
        "managed_payments": null,
        "metadata": if terms.metadata.is_null() { json!({}) } else { terms.metadata.clone() },
        "next_action": null,
        "on_behalf_of": null,
        "payment_method": null,
        "payment_method_configuration_details": null,
        "payment_method_options": { "card": {
            "installments": null, "mandate_options": null, "network": null,
            "request_three_d_secure": "automatic",
        } },
        "payment_method_types": ["card"],
        "payment_record": null,
        "processing": null,
        "receipt_email": terms.receipt_email,
        "review": null,
        "setup_future_usage": terms.setup_future_usage,
        "shipping": null,
        "source": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": "requires_payment_method",
        "transfer_data": null,
        "transfer_group": null,
        "_invoice": terms.invoice,
    });
    account.insert(intent)
}

/// Charges the intent to a payment method. Both outcomes leave a charge; the events are the caller's,
/// because their order differs with what the payment is for.
pub(crate) fn charge(
    account: &mut Account,
    intent_id: &str,
    method_id: &str,
) -> Result<String, Decline> {
    let decline = match behaviour_of(account, method_id) {
        Behaviour::Succeeds => None,
        Behaviour::Declines(decline) | Behaviour::FailsWhenCharged(decline) => Some(decline),
        // Off-session payments cannot answer a challenge: the issuer declines.
        Behaviour::NeedsAuthentication => Some(Decline {
            code: "authentication_required",
            decline_code: "authentication_required",
            message: "Your card was declined. This transaction requires authentication.",
            ..card::GENERIC
        }),
    };
    let charge_id = insert_charge(account, intent_id, method_id, decline.as_ref());
    let method = account.get(method_id).clone();
    let Some(intent) = account.edit(intent_id) else {
        return Ok(charge_id);
    };
    intent["latest_charge"] = json!(charge_id);
    match decline {
        None => {
            intent["status"] = json!("succeeded");
            intent["amount_received"] = intent["amount"].clone();
            intent["payment_method"] = json!(method_id);
            intent["last_payment_error"] = Value::Null;
            Ok(charge_id)
        }
        Some(decline) => {
            let mut error = decline.members();
            error["charge"] = json!(charge_id);
            error["message"] = json!(decline.message);
            error["payment_method"] = crate::shape::render::without_private(&method);
            error["type"] = json!("card_error");
            let page = decline.code.replace('_', "-");
            error["doc_url"] = json!(format!("https://stripe.com/docs/error-codes/{page}"));
            intent["status"] = json!("requires_payment_method");
            intent["payment_method"] = Value::Null;
            intent["last_payment_error"] = error;
            Err(decline)
        }
    }
}

fn insert_charge(
    account: &mut Account,
    intent_id: &str,
    method_id: &str,
    decline: Option<&Decline>,
) -> String {
    let id = account.ids.next("ch_");
    let intent = account.get(intent_id).clone();
    let method = account.get(method_id).clone();
    let is_paid = decline.is_none();
    let mut card = method["card"].clone();
    if let Some(members) = card.as_object_mut() {
        members.shift_remove("networks");
        members.shift_remove("generated_from");
        members.shift_remove("display_brand");
        members.shift_remove("three_d_secure_usage");
        members.insert("network".into(), method["card"]["brand"].clone());
        members.insert(
            "amount_authorized".into(),
            if is_paid {
                intent["amount"].clone()
            } else {
                Value::Null
            },
        );
        members.insert("installments".into(), Value::Null);
        members.insert("mandate".into(), Value::Null);
        for name in [
            "authorization_code",
            "electronic_commerce_indicator",
            "network_transaction_id",
            "transaction_link_id",
        ] {
            members.insert(name.into(), Value::Null);
        }
        members.insert("three_d_secure".into(), Value::Null);
    }
    let outcome = match decline {
        None => json!({
            "advice_code": null, "network_advice_code": null, "network_decline_code": null,
            "network_status": "approved_by_network", "reason": null, "risk_level": "normal",
            "risk_score": 20, "seller_message": "Payment complete.", "type": "authorized",
        }),
        Some(decline) => json!({
            "advice_code": decline.advice_code, "network_advice_code": null,
            "network_decline_code": decline.network_decline_code,
            "network_status": "declined_by_network", "reason": decline.decline_code,
            "risk_level": "normal", "risk_score": 20,
            "seller_message": if decline.decline_code == "generic_decline" {
                "The bank did not return any further details with this decline.".to_owned()
            } else {
                format!("The bank returned the decline code `{}`.", decline.decline_code)
            },
            "type": "issuer_declined",
        }),
    };
    let charge = json!({
        "id": id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": if is_paid { intent["amount"].clone() } else { json!(0) },
        "amount_refunded": 0,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": null,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "SANDBOX",
        "captured": is_paid,
        "created": account.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": false,
        "failure_balance_transaction": null,
        "failure_code": decline.map(|d| d.code),
        "failure_message": decline.map(|d| d.message),
        "fraud_details": {},
        "livemode": false,
        "metadata": intent["metadata"],
        "on_behalf_of": null,
        "outcome": outcome,
        "paid": is_paid,
        "payment_intent": intent_id,
        "payment_method": method_id,
        "payment_method_details": { "card": card, "type": "card" },
        "receipt_email": intent["receipt_email"],
        "receipt_number": null,
        "receipt_url": null,
        "refunded": false,
        "review": null,
        "shipping": null,
        "source": null,
        "source_transfer": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": if is_paid { "succeeded" } else { "failed" },
        "transfer_data": null,
        "transfer_group": null,
        "_invoice": intent["_invoice"],
    });
    account.insert(charge)
}

/// Raises what a failed try to pay an intent raises.
pub(crate) fn raise_failed(account: &mut Account, intent_id: &str) {
    let charge_id = account.get(intent_id)["latest_charge"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    account.raise("charge.failed", &charge_id);
    account.raise("payment_intent.payment_failed", intent_id);
}
