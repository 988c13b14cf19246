//! What a customer types into the checkout page, and what is wrong with it.

use std::collections::BTreeMap;

use crate::json::{Value, json};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::lives::payment;

/// A card as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CardEntry {
    pub(crate) number: String,
    pub(crate) exp_month: String,
    pub(crate) exp_year: String,
    pub(crate) cvc: String,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// What the customer pays with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PayWith {
    /// The card of the entry.
    #[default]
    Card,
    /// A bank debit of this type, which is paid for certain only later.
    Debit(String),
    /// A payment method that exists already.
    Method(String),
}

/// How a bank debit ends, and whether that waits for the clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DebitOutcome {
    #[default]
    Succeeds,
    Fails,
}

/// Everything that is submitted with one press of the button; texts as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Submission {
    pub(crate) card: CardEntry,
    pub(crate) pay_with: PayWith,
    pub(crate) debit_outcome: DebitOutcome,
    pub(crate) phone: String,
    /// `line1`, `line2`, `city`, `state`, `postal_code`, `country`.
    pub(crate) address: BTreeMap<String, String>,
    pub(crate) shipping_name: String,
    pub(crate) shipping_address: BTreeMap<String, String>,
    /// Custom fields by their keys.
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) business_name: String,
    pub(crate) individual_name: String,
    pub(crate) tax_id: Option<(String, String)>,
    pub(crate) accepts_terms: bool,
    pub(crate) wants_promotions: bool,
    /// Whether what the page asks beyond the card may be left out, because no page was there.
    pub(crate) is_brief: bool,
}

/// An entry that cannot be right: the message, and the field's name.
pub(crate) type Problem = (String, String);

fn problem(message: &str, field: &str) -> Result<(), Problem> {
    Err((message.to_owned(), field.to_owned()))
}

/// The first thing that is wrong with a submission, in the order of the page.
pub(crate) fn check(
    account: &Account,
    session: &Value,
    submission: &Submission,
) -> Result<(), Problem> {
    check_email(account, session, &submission.card)?;
    if !submission.is_brief {
        check_contact(session, submission)?;
    }
    if submission.pay_with != PayWith::Card || !super::needs_card(session) {
        return Ok(());
    }
    check_card(account.now, &submission.card)
}

fn check_email(account: &Account, session: &Value, card: &CardEntry) -> Result<(), Problem> {
    if known_email(account, session).is_some() {
        return Ok(());
    }
    let is_address = card
        .email
        .split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
    if is_address {
        return Ok(());
    }
    problem("Your email is incomplete.", "email")
}

/// The email address that need not be asked for.
pub(crate) fn known_email(account: &Account, session: &Value) -> Option<String> {
    let customer = account.get(session["customer"].as_str().unwrap_or_default());
    let known = customer["email"].as_str();
    known
        .or(session["customer_email"].as_str())
        .map(str::to_owned)
}

fn check_contact(session: &Value, submission: &Submission) -> Result<(), Problem> {
    if session["phone_number_collection"]["enabled"] == true && submission.phone.is_empty() {
        return problem("Your phone number is incomplete.", "phone");
    }
    if !session["shipping_address_collection"].is_null() {
        check_shipping(session, submission)?;
    }
    for (name, typed) in [
        ("business", &submission.business_name),
        ("individual", &submission.individual_name),
    ] {
        let asked = &session["name_collection"][name];
        if asked["enabled"] == true && asked["optional"] != true && typed.is_empty() {
            return problem("Your name is incomplete.", &format!("{name}_name"));
        }
    }
    if let Some((kind, value)) = &submission.tax_id
        && !crate::api::tax::is_well_formed(kind, value)
    {
        return problem("Your tax id is invalid.", "tax_id");
    }
    for field in session["custom_fields"].as_array().into_iter().flatten() {
        check_field(field, submission)?;
    }
    if session["billing_address_collection"] == "required" {
        check_address(
            &submission.address,
            "address",
            "Your billing address is incomplete.",
        )?;
    }
    let asks_terms = session["consent_collection"]["terms_of_service"] == "required";
    if asks_terms && !submission.accepts_terms {
        return problem("Please accept the terms of service to go on.", "terms");
    }
    Ok(())
}

fn check_shipping(session: &Value, submission: &Submission) -> Result<(), Problem> {
    if submission.shipping_name.is_empty() {
        return problem("Your shipping name is incomplete.", "shipping_name");
    }
    let message = "Your shipping address is incomplete.";
    check_address(&submission.shipping_address, "shipping", message)?;
    let country = submission.shipping_address.get("country");
    let allowed = session["shipping_address_collection"]["allowed_countries"].as_array();
    let is_allowed = allowed.is_none_or(|list| {
        list.iter()
            .any(|code| code.as_str() == country.map(String::as_str))
    });
    if is_allowed {
        return Ok(());
    }
    problem("We do not ship to this country.", "shipping_country")
}

fn check_address(
    address: &BTreeMap<String, String>,
    prefix: &str,
    message: &str,
) -> Result<(), Problem> {
    for part in ["line1", "city", "postal_code", "country"] {
        if address.get(part).is_none_or(String::is_empty) {
            return problem(message, &format!("{prefix}_{part}"));
        }
    }
    Ok(())
}

fn check_field(field: &Value, submission: &Submission) -> Result<(), Problem> {
    let key = field["key"].as_str().unwrap_or_default();
    let kind = field["type"].as_str().unwrap_or_default();
    let name = format!("field_{key}");
    let label = field["label"]["custom"].as_str().unwrap_or(key);
    let typed = submission.fields.get(key).map_or("", String::as_str);
    if typed.is_empty() {
        if field["optional"] == true || !field[kind]["default_value"].is_null() {
            return Ok(());
        }
        return problem(&format!("{label} is required."), &name);
    }
    let length = i64::try_from(typed.chars().count()).unwrap_or(i64::MAX);
    let settings = &field[kind];
    let is_known = kind != "dropdown"
        || settings["options"]
            .as_array()
            .is_some_and(|options| options.iter().any(|option| option["value"] == typed));
    let is_digits = kind != "numeric" || typed.bytes().all(|b| b.is_ascii_digit());
    let fits = settings["minimum_length"]
        .as_i64()
        .is_none_or(|min| length >= min)
        && settings["maximum_length"]
            .as_i64()
            .is_none_or(|max| length <= max);
    if is_known && is_digits && fits {
        return Ok(());
    }
    problem(&format!("{label} is not valid."), &name)
}

/// Whether a card's date and code can be right; whether the number is, its issuer says.
pub(crate) fn check_card(now: i64, card: &CardEntry) -> Result<(), Problem> {
    let month: i64 = card.exp_month.parse().unwrap_or(0);
    let Some(year) = payment::full_year(&card.exp_year).filter(|_| (1..=12).contains(&month))
    else {
        return problem("Your card's expiration date is incomplete.", "expiry");
    };
    let now = time::OffsetDateTime::from_unix_timestamp(now).ok();
    let this_month = now.map_or(0, |n| {
        i64::from(n.year()) * 12 + i64::from(u8::from(n.month()))
    });
    if year * 12 + month < this_month {
        return problem("Your card's expiration date is in the past.", "expiry");
    }
    let is_cvc = matches!(card.cvc.len(), 3 | 4) && card.cvc.bytes().all(|b| b.is_ascii_digit());
    if !is_cvc {
        return problem("Your card's security code is incomplete.", "cvc");
    }
    Ok(())
}

/// Text, or null where nothing was typed.
pub(crate) fn or_null(typed: &str) -> Value {
    if typed.is_empty() {
        Value::Null
    } else {
        json!(typed)
    }
}

/// An address of Stripe's; the country is American where none is asked for, as on their page.
pub(crate) fn address_of(typed: &BTreeMap<String, String>, default_country: Value) -> Value {
    let part = |name: &str| typed.get(name).map_or(Value::Null, |text| or_null(text));
    let country = match part("country") {
        Value::Null => default_country,
        typed => typed,
    };
    json!({
        "city": part("city"), "country": country, "line1": part("line1"), "line2": part("line2"),
        "postal_code": part("postal_code"), "state": part("state"),
    })
}
