//! Payment methods: made of a test card, attached to a customer, used up and detached.

use crate::json::{Value, json};
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::http::error::StripeError;
use crate::lives::card::{self, Behaviour, Checks, TestCard};
use crate::lives::checkout::CardEntry;
use crate::lives::payment::card_error;

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Refused because it belonged to nobody when it was used, or to somebody once.
const USED_UP: &str = "The provided PaymentMethod was previously used with a PaymentIntent without \
    Customer attachment, shared with a connected account without Customer attachment, or was \
    detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you \
    must attach it to a Customer first.";

fn empty_address() -> Value {
    json!({ "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null })
}

/// The same for the same number in one account, as Stripe's is.
fn fingerprint(account: &Account, number: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(account.id.as_bytes());
    hasher.update(number.as_bytes());
    hasher
        .finalize()
        .iter()
        .take(16)
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect()
}

/// Month and year of now; a named test card is valid for a year more.
fn this_month(account: &Account) -> (i64, i64) {
    time::OffsetDateTime::from_unix_timestamp(account.now).map_or((12, 2033), |now| {
        (i64::from(u8::from(now.month())), i64::from(now.year()))
    })
}

/// Stores a payment method made of a test card; it belongs to nobody yet.
pub(crate) fn insert_method(account: &mut Account, card: &TestCard, entry: &CardEntry) -> String {
    let id = account.ids.next("pm_");
    let (month, year) = this_month(account);
    let exp_month: i64 = entry.exp_month.parse().unwrap_or(month);
    let exp_year = full_year(&entry.exp_year).unwrap_or(year + 1);
    let text = |value: &str| {
        if value.is_empty() {
            Value::Null
        } else {
            json!(value)
        }
    };
    let last4 = &card.number[card.number.len() - 4..];
    let is_named = entry.number.is_empty();
    let cvc_check = if is_named || !entry.cvc.is_empty() {
        json!("unchecked")
    } else {
        Value::Null
    };
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
                "cvc_check": cvc_check,
            },
            "country": card.country,
            "display_brand": display_brand(card.brand),
            "exp_month": exp_month,
            "exp_year": exp_year,
            "fingerprint": fingerprint(account, card.number),
            "funding": card.funding,
            "generated_from": null,
            "last4": last4,
            "networks": { "available": [card.brand], "preferred": null },
            "regulated_status": "unregulated",
            "three_d_secure_usage": { "supported": !card.names_of().contains("NotSupported") },
            "wallet": null,
        },
        "created": account.now,
        "customer": null,
        "customer_account": null,
        "livemode": false,
        "metadata": {},
        "type": "card",
        "_number": card.number,
        // A named card comes with everything that its checks need.
        "_has_zip": is_named,
    });
    account.insert(method)
}

/// A brand as cards of old write it: `Visa`, `American Express`.
fn spoken_brand(brand: &str) -> &'static str {
    match brand {
        "visa" => "Visa",
        "mastercard" => "MasterCard",
        "amex" => "American Express",
        "discover" => "Discover",
        "diners" => "Diners Club",
        "jcb" => "JCB",
        "unionpay" => "UnionPay",
        _ => "Unknown",
    }
}

/// A card as tokens and charges of old carry it, made of a method's card and what was typed.
pub(crate) fn old_card(account: &mut Account, method: &Value, sent: &Value) -> Value {
    let unchecked = |value: &Value| {
        if value.is_null() {
            Value::Null
        } else {
            json!("unchecked")
        }
    };
    let card = &method["card"];
    json!({
        "id": account.ids.next("card_"),
        "object": "card",
        "address_city": sent["address_city"],
        "address_country": sent["address_country"],
        "address_line1": sent["address_line1"],
        "address_line1_check": unchecked(&sent["address_line1"]),
        "address_line2": sent["address_line2"],
        "address_state": sent["address_state"],
        "address_zip": sent["address_zip"],
        "address_zip_check": unchecked(&sent["address_zip"]),
        "brand": spoken_brand(card["brand"].as_str().unwrap_or_default()),
        "country": card["country"],
        "cvc_check": card["checks"]["cvc_check"],
        "dynamic_last4": null,
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "last4": card["last4"],
        "metadata": {},
        "name": sent["name"],
        "networks": { "preferred": null },
        "regulated_status": "unregulated",
        "tokenization_method": null,
    })
}

fn display_brand(brand: &'static str) -> &'static str {
    match brand {
        "amex" => "american_express",
        "diners" => "diners_club",
        "unionpay" => "union_pay",
        other => other,
    }
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

/// The test card that a payment method was made of.
pub(crate) fn card_of(account: &Account, method_id: &str) -> Option<&'static TestCard> {
    card::by_number(account.get(method_id)["_number"].as_str()?).ok()
}

/// How a payment method fares, its own checks included.
pub(crate) fn behaviour_of(account: &Account, method_id: &str) -> Behaviour {
    let method = account.get(method_id);
    let card = match card::by_number(method["_number"].as_str().unwrap_or_default()) {
        Ok(card) => card,
        Err(decline) => return Behaviour::Declines(decline),
    };
    let has_cvc = !method["card"]["checks"]["cvc_check"].is_null();
    let has_zip = method["_has_zip"] == true
        || !method["billing_details"]["address"]["postal_code"].is_null();
    match card.checks {
        Checks::CvcFails if has_cvc => Behaviour::Declines(card::CVC),
        Checks::ZipFails if has_zip => Behaviour::Declines(card::ZIP),
        _ => card.behaviour,
    }
}

/// Cards that are declined at once cannot even be attached.
pub(crate) fn refuse_declining(account: &Account, method_id: &str) -> Result<(), StripeError> {
    match behaviour_of(account, method_id) {
        Behaviour::Declines(decline) => Err(card_error(&decline, Value::Null)),
        _ => Ok(()),
    }
}

/// Refuses a method that cannot be used again, or that belongs to somebody else than the payer.
pub(crate) fn refuse_unusable(
    account: &Account,
    method_id: &str,
    customer: &Value,
    owner_kind: &str,
) -> Result<(), StripeError> {
    let method = account.get(method_id);
    if method["_is_used_up"] == true {
        return Err(StripeError::invalid(USED_UP));
    }
    let Some(owner) = method["customer"].as_str() else {
        return Ok(());
    };
    match customer.as_str() {
        Some(payer) if payer == owner => Ok(()),
        Some(payer) => Err(StripeError::invalid(format!(
            "The PaymentMethod {method_id} does not belong to the Customer you supplied {payer}. \
             Please use this PaymentMethod with the Customer that it belongs to instead."
        ))
        .param("payment_method")),
        None if owner_kind == "SetupIntent" => Err(StripeError::invalid(format!(
            "The payment method supplied ({method_id}) belongs to the Customer {owner}. Please \
             include the Customer in the `customer` parameter on the SetupIntent."
        ))
        .param("payment_method")),
        None => Err(StripeError::coded(
            "parameter_missing",
            format!(
                "The `payment_method` parameter supplied {method_id} belongs to the Customer \
                 {owner}. Please include the Customer in the `customer` parameter on the \
                 PaymentIntent."
            ),
        )
        .param("source")),
    }
}

/// Gives a method to a customer; its checks are done on this occasion.
pub(crate) fn attach(account: &mut Account, method_id: &str, customer: &str) {
    if let Some(method) = account.edit(method_id) {
        method["customer"] = json!(customer);
        note_checks(method);
    }
    account.raise("payment_method.attached", method_id);
}

/// What the issuer said when it was first asked.
pub(crate) fn note_checks(method: &mut Value) {
    let Ok(card) = card::by_number(method["_number"].as_str().unwrap_or_default()) else {
        return;
    };
    // A bank account settles as a card does, and has nothing to check.
    if !method["card"].is_object() {
        return;
    }
    let has_address = |name: &str| !method["billing_details"]["address"][name].is_null();
    let (has_line, has_zip) = (
        has_address("line1"),
        has_address("postal_code") || method["_has_zip"] == true && card.checks != Checks::Pass,
    );
    let (line, zip) = match card.checks {
        Checks::Pass | Checks::CvcFails => ("pass", "pass"),
        Checks::ZipFails => ("pass", "fail"),
        Checks::LineFails => ("fail", "pass"),
        Checks::AddressFails => ("fail", "fail"),
        Checks::Unavailable => ("unavailable", "unavailable"),
    };
    let checks = &mut method["card"]["checks"];
    if checks["cvc_check"] == "unchecked" {
        let is_wrong = card.checks == Checks::CvcFails;
        checks["cvc_check"] = json!(if is_wrong { "fail" } else { "pass" });
    }
    if has_line || (has_zip && card.checks != Checks::Pass && card.checks != Checks::ZipFails) {
        checks["address_line1_check"] = json!(line);
    }
    if has_zip {
        checks["address_postal_code_check"] = json!(zip);
    }
}

/// Takes a method from its customer; it can never be used again.
pub(crate) fn detach(account: &mut Account, method_id: &str, before: &Value) {
    if let Some(method) = account.edit(method_id) {
        method["customer"] = Value::Null;
        method["_is_used_up"] = json!(true);
    }
    let customer_id = before["customer"].as_str().unwrap_or_default();
    if let Some(customer) = account.edit(customer_id)
        && customer["invoice_settings"]["default_payment_method"] == method_id
    {
        customer["invoice_settings"]["default_payment_method"] = Value::Null;
    }
    account.raise_update("payment_method.detached", method_id, before);
}

/// Lets go of the methods of a customer who is deleted; none of them can be used again.
pub(crate) fn release_all(account: &mut Account, customer: &str) {
    let owned: Vec<String> = account
        .rows("payment_method")
        .filter(|row| row["customer"] == customer)
        .filter_map(|row| row["id"].as_str().map(str::to_owned))
        .collect();
    for id in owned {
        if let Some(method) = account.edit(&id) {
            method["customer"] = Value::Null;
            method["_is_used_up"] = json!(true);
        }
    }
}
