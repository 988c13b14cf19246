//! Reads what the form of the checkout page sent.

use crate::json::Value;

use crate::account::Account;
use crate::http::form::Node;
use crate::lives::checkout::entry::DebitOutcome;
use crate::lives::checkout::{CardEntry, PayWith, Submission, debit, saved};
use crate::pages::fields::{typed, typed_address};

pub(super) fn of(account: &Account, session: &Value, fields: &Node) -> Submission {
    let chosen = typed(fields, "pay_with");
    let pay_with = match debit::offered(session) {
        Some(kind) if chosen == "debit" => PayWith::Debit(kind.to_owned()),
        _ if saved::is_offered(account, session, &chosen) => PayWith::Method(chosen),
        _ => PayWith::Card,
    };
    let debit_outcome = if typed(fields, "debit_outcome") == "fails" {
        DebitOutcome::Fails
    } else {
        DebitOutcome::Succeeds
    };
    let tax_id = (typed(fields, "tax_id_type"), typed(fields, "tax_id"));
    let custom = session["custom_fields"].as_array().into_iter().flatten();
    Submission {
        card: card(fields),
        pay_with,
        debit_outcome,
        phone: typed(fields, "phone"),
        address: typed_address(fields, "address"),
        shipping_name: typed(fields, "shipping_name"),
        shipping_address: typed_address(fields, "shipping"),
        fields: custom
            .filter_map(|field| field["key"].as_str())
            .map(|key| (key.to_owned(), typed(fields, &format!("field_{key}"))))
            .collect(),
        business_name: typed(fields, "business_name"),
        individual_name: typed(fields, "individual_name"),
        tax_id: Some(tax_id).filter(|(_, value)| !value.is_empty()),
        accepts_terms: !typed(fields, "terms").is_empty(),
        wants_promotions: !typed(fields, "promotions").is_empty(),
        is_brief: false,
    }
}

/// The card of a form; the expiry is one field, as on the card.
pub(in crate::pages) fn card(fields: &Node) -> CardEntry {
    let expiry = typed(fields, "expiry");
    let (month, year) = expiry.split_once('/').unwrap_or((expiry.as_str(), ""));
    CardEntry {
        number: typed(fields, "number"),
        exp_month: month.trim().to_owned(),
        exp_year: year.trim().to_owned(),
        cvc: typed(fields, "cvc"),
        name: typed(fields, "name"),
        email: typed(fields, "email"),
    }
}
