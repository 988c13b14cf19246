//! Charges: one for each try to move money, and what becomes of it: captured, settled, or released.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::card::{self, Decline, TestCard};
use crate::lives::payment::method;

/// Test cards are held for a week.
pub(crate) const HELD_SECONDS: i64 = 7 * 86_400;

/// How the holder's bank was asked, for a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authentication {
    None,
    Passed,
}

/// Stores the charge of one try to pay an intent; both outcomes leave one.
pub(crate) fn insert(
    account: &mut Account,
    intent_id: &str,
    method_id: &str,
    decline: Option<&Decline>,
    authentication: Authentication,
) -> String {
    let intent = account.snapshot(intent_id);
    insert_for(account, &intent, method_id, decline, authentication)
}

/// Stores the charge of one try, for terms that look like an intent's; those without an id are of a
/// charge of its own.
pub(crate) fn insert_for(
    account: &mut Account,
    intent: &Value,
    method_id: &str,
    decline: Option<&Decline>,
    authentication: Authentication,
) -> String {
    let id = account.ids.next("ch_");
    if let Some(method) = account.edit(method_id) {
        method::note_checks(method);
    }
    let method = account.snapshot(method_id);
    let is_paid = decline.is_none();
    let is_held = is_paid && captures_manually(intent);
    let risk = method::card_of(account, method_id).map_or("normal", |card| card.risk);
    let card = details(account, intent, &method, is_paid, authentication);
    let invoice = intent["_invoice"].clone();
    let mut charge = json!({
        "id": id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": if is_paid && !is_held { intent["amount"].clone() } else { json!(0) },
        "amount_refunded": 0,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": null,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": statement(intent),
        "captured": is_paid && !is_held,
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
        "outcome": outcome(decline, risk),
        "paid": is_paid,
        "payment_intent": intent["id"],
        "payment_method": method_id,
        "payment_method_details": { "card": card, "type": "card" },
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": null,
        "receipt_url": null,
        "refunded": false,
        "review": null,
        "shipping": intent["shipping"],
        "source": null,
        "source_transfer": null,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": if is_paid { "succeeded" } else { "failed" },
        "transfer_data": null,
        "transfer_group": intent["transfer_group"],
        "_invoice": invoice,
        "_number": method["_number"],
    });
    if is_paid {
        charge["receipt_url"] = if intent["_invoice"].is_null() {
            receipt_url(account)
        } else {
            invoice_receipt_url(account)
        };
    }
    if is_held {
        charge["payment_method_details"]["card"]["capture_before"] =
            json!(account.now.saturating_add(HELD_SECONDS));
    }
    account.insert(charge)
}

/// A new address of a receipt; it changes whenever the charge does.
pub(crate) fn receipt_url(account: &mut Account) -> Value {
    let token = account.ids.letters(60);
    json!(format!("https://pay.stripe.com/receipts/payment/{token}"))
}

fn invoice_receipt_url(account: &mut Account) -> Value {
    let token = account.ids.letters(60);
    json!(format!(
        "https://pay.stripe.com/receipts/invoices/{token}?s=ap"
    ))
}

/// The test card of a charge.
pub(crate) fn card_of(charge: &Value) -> Option<&'static TestCard> {
    card::by_number(charge["_number"].as_str()?).ok()
}

/// Whether the money is only held until somebody captures it.
pub(crate) fn captures_manually(intent: &Value) -> bool {
    intent["capture_method"] == "manual"
        || intent["payment_method_options"]["card"]["capture_method"] == "manual"
}

fn statement(intent: &Value) -> Value {
    let suffix = intent["statement_descriptor_suffix"].as_str();
    json!(suffix.map_or_else(
        || "SANDBOX".to_owned(),
        |suffix| format!("SANDBOX* {}", suffix.to_uppercase())
    ))
}

fn details(
    account: &mut Account,
    intent: &Value,
    method: &Value,
    is_paid: bool,
    authentication: Authentication,
) -> Value {
    let card = &method["card"];
    let three_d_secure = match authentication {
        Authentication::None => Value::Null,
        Authentication::Passed => json!({
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "exemption_indicator": null,
            "result": "authenticated",
            "result_reason": null,
            "transaction_id": account.ids.letters(32).to_lowercase(),
            "version": "2.2.0",
        }),
    };
    json!({
        "amount_authorized": if is_paid { intent["amount"].clone() } else { Value::Null },
        "authorization_code": if is_paid { json!(account.ids.digits(6)) } else { Value::Null },
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "electronic_commerce_indicator": match (authentication, card["brand"].as_str()) {
            (Authentication::Passed, _) => json!("05"),
            (Authentication::None, Some("visa")) => json!("07"),
            (Authentication::None, _) => Value::Null,
        },
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": { "status": "disabled" },
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": { "status": "unavailable" },
        "installments": null,
        "last4": card["last4"],
        "mandate": null,
        "multicapture": { "status": "unavailable" },
        "network": card["brand"],
        "network_token": { "used": false },
        "network_transaction_id": account.ids.digits(15),
        "overcapture": { "maximum_amount_capturable": intent["amount"], "status": "unavailable" },
        "regulated_status": card["regulated_status"],
        "three_d_secure": three_d_secure,
        "transaction_link_id": null,
        "wallet": null,
    })
}

fn outcome(decline: Option<&Decline>, risk: &str) -> Value {
    let score = match risk {
        "elevated" => 70,
        "highest" => 90,
        _ => 20,
    };
    let text = |value: &str| {
        if value.is_empty() {
            Value::Null
        } else {
            json!(value)
        }
    };
    match decline {
        None => json!({
            "advice_code": null, "network_advice_code": null, "network_decline_code": null,
            "network_status": "approved_by_network", "reason": null, "risk_level": risk,
            "risk_score": score, "seller_message": "Payment complete.", "type": "authorized",
        }),
        Some(decline) if decline.decline_code == card::FRAUD.decline_code => json!({
            "advice_code": null, "network_advice_code": null, "network_decline_code": null,
            "network_status": "not_sent_to_network", "reason": "highest_risk_level",
            "risk_level": "highest", "risk_score": 90,
            "seller_message": "Stripe blocked this payment as too risky.", "type": "blocked",
        }),
        Some(decline) => json!({
            "advice_code": text(decline.advice_code),
            "network_advice_code": text(decline.network_advice_code),
            "network_decline_code": text(decline.network_decline_code),
            "network_status": "declined_by_network", "reason": decline.decline_code,
            "risk_level": risk, "risk_score": score,
            "seller_message": if decline.decline_code == "generic_decline" {
                "The bank did not return any further details with this decline.".to_owned()
            } else {
                format!("The bank returned the decline code `{}`.", decline.decline_code)
            },
            "type": "issuer_declined",
        }),
    }
}
