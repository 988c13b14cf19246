//! Tax rates, tax codes, and tax ids.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::customers::known;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::http::params::choices_of;
use crate::shape::version::Version;

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/tax_rates", create_rate),
    route("GET /v1/tax_rates", list_rates),
    route("GET /v1/tax_rates/{}", retrieve_rate),
    route("POST /v1/tax_rates/{}", update_rate),
    route("GET /v1/tax_codes", list_codes),
    route("GET /v1/tax_codes/{}", retrieve_code),
    route("POST /v1/customers/{}/tax_ids", create_customer_id),
    route("GET /v1/customers/{}/tax_ids", list_customer_ids),
    route("GET /v1/customers/{}/tax_ids/{}", retrieve_customer_id),
    route("DELETE /v1/customers/{}/tax_ids/{}", delete_customer_id),
    route("POST /v1/tax_ids", create_id),
    route("GET /v1/tax_ids", list_ids),
    route("GET /v1/tax_ids/{}", retrieve_id),
    route("DELETE /v1/tax_ids/{}", delete_id),
];

pub(crate) fn create_rate(call: &mut Call<'_>) -> Answer {
    let percentage = call
        .params
        .at("/percentage")
        .and_then(Value::as_f64)
        .unwrap_or(0.0);
    if !(0.0..=100.0).contains(&percentage) {
        return Err(StripeError::invalid(format!(
            "Invalid decimal: {percentage}; must be between 0 and 100"
        ))
        .param("percentage"));
    }
    let percentage = shown_number((percentage * 10_000.0).round() / 10_000.0);
    let rate = json!({
        "id": call.account.ids.next("txr_"),
        "object": "tax_rate",
        "active": call.params.flag("/active").unwrap_or(true),
        "country": call.params.or_null("/country"),
        "created": call.account.now,
        "description": call.params.or_null("/description"),
        "display_name": call.params.or_null("/display_name"),
        "effective_percentage": percentage,
        "flat_amount": null,
        "inclusive": call.params.flag("/inclusive").unwrap_or(false),
        "jurisdiction": call.params.or_null("/jurisdiction"),
        "jurisdiction_level": null,
        "livemode": false,
        "metadata": merged_metadata(&json!({}), call.params.0.get("metadata"))?,
        "percentage": percentage,
        "rate_type": "percentage",
        "state": call.params.or_null("/state"),
        "tax_type": call.params.or_null("/tax_type"),
    });
    let id = call.account.insert(rate);
    call.account.raise("tax_rate.created", &id);
    Ok(call.account.get(&id).clone())
}

/// Stripe writes percentages with a fraction, be it zero.
fn shown_number(value: f64) -> Value {
    json!(value)
}

pub(crate) fn retrieve_rate(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("tax_rate", &call.id(), "tax_rate")
        .cloned()
}

pub(crate) fn update_rate(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("tax_rate", &id, "tax_rate")?;
    let mut rate = Value::clone(&before);
    for name in [
        "active",
        "country",
        "description",
        "display_name",
        "jurisdiction",
        "state",
        "tax_type",
    ] {
        if call.params.has(name) {
            rate[name] = call.params.or_null(&format!("/{name}"));
        }
    }
    rate["metadata"] = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    if let Some(stored) = call.account.edit(&id) {
        *stored = rate;
    }
    call.account.raise_update("tax_rate.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

pub(crate) fn list_rates(call: &mut Call<'_>) -> Answer {
    let active = call.params.flag("/active");
    let inclusive = call.params.flag("/inclusive");
    list::page(call, "tax_rate", "/v1/tax_rates", |row| {
        active.is_none_or(|on| row["active"] == on)
            && inclusive.is_none_or(|on| row["inclusive"] == on)
    })
}

/// A few of Stripe's tax codes: id, name, description.
const CODES: &[(&str, &str, &str)] = &[
    (
        "txcd_00000000",
        "Nontaxable",
        "Any nontaxable good or service.",
    ),
    (
        "txcd_10000000",
        "General - Electronically Supplied Services",
        "Services delivered over a network, nearly without human work.",
    ),
    (
        "txcd_10103000",
        "Software as a service (SaaS) - personal use",
        "Software that runs elsewhere, for private use.",
    ),
    (
        "txcd_10103001",
        "Software as a service (SaaS) - business use",
        "Software that runs elsewhere, for business use.",
    ),
    (
        "txcd_10202000",
        "Downloadable Software - personal use",
        "Software to download, for private use.",
    ),
    (
        "txcd_10302000",
        "Digital Books - downloaded - non subscription - with permanent rights",
        "Books to download and keep.",
    ),
    (
        "txcd_20030000",
        "General - Services",
        "Services of any kind.",
    ),
    (
        "txcd_99999999",
        "General - Tangible Goods",
        "Physical goods that can be moved or touched.",
    ),
];

/// Whether an id has the form of Stripe's tax codes. The few that are listed are not all there are.
pub(crate) fn is_code(id: &str) -> bool {
    id.strip_prefix("txcd_")
        .is_some_and(|digits| digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn code_object(id: &str) -> Option<Value> {
    let (id, name, description) = CODES.iter().find(|(known, _, _)| *known == id)?;
    Some(json!({ "id": id, "object": "tax_code", "description": description, "name": name }))
}

pub(crate) fn list_codes(call: &mut Call<'_>) -> Answer {
    let rows: Vec<Value> = CODES
        .iter()
        .filter_map(|(id, _, _)| code_object(id))
        .collect();
    let rows: Vec<&Value> = rows.iter().collect();
    list::cut(call, &rows, "tax code", "/v1/tax_codes")
}

pub(crate) fn retrieve_code(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    code_object(&id).ok_or_else(|| StripeError::no_such("tax code", &id, "id"))
}

/// Checks and stores a tax id of a customer, or of the account itself.
pub(crate) fn insert_id(
    account: &mut Account,
    kind: &str,
    value: &str,
    owner: &Value,
    param: &str,
) -> Result<String, StripeError> {
    if !is_well_formed(kind, value) {
        return Err(
            StripeError::coded("tax_id_invalid", format!("Invalid value for {kind}.")).param(param),
        );
    }
    let is_verified = matches!(kind, "eu_vat" | "gb_vat" | "au_abn");
    let id = account.ids.next("txi_");
    account.insert(json!({
        "id": id,
        "object": "tax_id",
        "country": country(kind, value),
        "created": account.now,
        "customer": owner["customer"],
        "customer_account": null,
        "livemode": false,
        "owner": owner,
        "type": kind,
        "value": value,
        "verification": {
            "status": if is_verified { "pending" } else { "unavailable" },
            "verified_address": null,
            "verified_name": null,
        },
    }));
    if owner["type"] == "customer" {
        account.raise("customer.tax_id.created", &id);
    }
    if is_verified {
        account.when(account.now, "tax_id.verify", &id);
    }
    Ok(id)
}

pub(crate) fn is_well_formed(kind: &str, value: &str) -> bool {
    let is_alphanumeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let plain = value.replace([' ', '-', '.', '/'], "");
    let is_trial = plain.len() == 9
        && plain
            .bytes()
            .all(|byte| plain.starts_with(char::from(byte)));
    match kind {
        "eu_vat" => {
            let (country, number) = plain.split_at(plain.len().min(2));
            let is_country = EU.split(' ').any(|code| code == country);
            is_trial || (is_country && (7..=13).contains(&number.len()) && is_alphanumeric(number))
        }
        "gb_vat" => is_trial || (plain.starts_with("GB") && matches!(plain.len(), 7 | 11 | 14)),
        "us_ein" | "ca_bn" | "no_vat" | "nz_gst" => digits >= 8 && plain.len() <= 12,
        "au_abn" => is_trial || (digits == 11 && plain.len() == 11),
        _ => !plain.is_empty() && plain.len() <= 40,
    }
}

const EU: &str =
    "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI";

fn country(kind: &str, value: &str) -> Value {
    let code = match kind {
        "eu_vat" => match value.get(..2) {
            Some("EL") => "GR",
            Some(code) if EU.split(' ').any(|known| known == code) => code,
            _ => return Value::Null,
        },
        "eu_oss_vat" => return Value::Null,
        other => other.get(..2).unwrap_or_default(),
    };
    json!(code.to_uppercase())
}

/// The tax ids of `tax_id_data`, checked as far as possible before the customer is made.
pub(crate) fn read_ids(
    sent: &Value,
    version: Version,
) -> Result<Vec<(String, String)>, StripeError> {
    let known = choices_of("POST /v1/customers/{}/tax_ids", "type", version);
    let mut out = Vec::new();
    for (index, entry) in sent.as_object().into_iter().flatten() {
        let at = |name: &str| format!("tax_id_data[{index}][{name}]");
        let text = |name: &str| {
            entry[name]
                .as_str()
                .ok_or_else(|| StripeError::missing(&at(name)))
        };
        let kind = text("type")?;
        if !known.iter().any(|choice| choice == kind) {
            return Err(StripeError::invalid(format!(
                "Invalid {}: must be one of {}",
                at("type"),
                crate::http::params::one_of(&known)
            ))
            .param(&at("type")));
        }
        let value = text("value")?;
        if !is_well_formed(kind, value) {
            return Err(
                StripeError::coded("tax_id_invalid", format!("Invalid value for {kind}."))
                    .param(&at("value")),
            );
        }
        out.push((kind.to_owned(), value.to_owned()));
    }
    Ok(out)
}

pub(crate) fn owned_by(customer: &str) -> Value {
    json!({ "customer": customer, "customer_account": null, "type": "customer" })
}

fn create_for(call: &mut Call<'_>, owner: &Value) -> Answer {
    let kind = call.params.require("type")?.to_owned();
    let value = call.params.require("value")?.to_owned();
    let id = insert_id(call.account, &kind, &value, owner, "value")?;
    Ok(call.account.get(&id).clone())
}

pub(crate) fn create_customer_id(call: &mut Call<'_>) -> Answer {
    let customer = call.id();
    crate::api::customers::live(call.account, &customer, "customer")?;
    create_for(call, &owned_by(&customer))
}

pub(crate) fn create_id(call: &mut Call<'_>) -> Answer {
    let owner = match call.params.text("/owner/type") {
        Some("customer") => {
            let Some(customer) = call.params.text("/owner/customer") else {
                return Err(StripeError::missing("owner[customer]"));
            };
            known(call.account, customer, "owner[customer]")?;
            owned_by(customer)
        }
        None | Some("self") => json!({ "customer_account": null, "type": "self" }),
        Some(_) => {
            return Err(
                StripeError::not_simulated("tax ids of connected accounts").param("owner[type]")
            );
        }
    };
    create_for(call, &owner)
}

pub(crate) fn list_customer_ids(call: &mut Call<'_>) -> Answer {
    let customer = call.id();
    crate::api::customers::live(call.account, &customer, "customer")?;
    let rows: Vec<&Value> = call
        .account
        .rows_by("tax_id", "customer", &customer)
        .rev()
        .collect();
    list::cut(
        call,
        &rows,
        "tax_id",
        &format!("/v1/customers/{customer}/tax_ids"),
    )
}

pub(crate) fn list_ids(call: &mut Call<'_>) -> Answer {
    let kind = call.params.text("/owner/type").unwrap_or("self");
    let customer = call.params.text("/owner/customer");
    list::page(call, "tax_id", "/v1/tax_ids", |row| {
        row["owner"]["type"] == kind && customer.is_none_or(|id| row["customer"] == id)
    })
}

/// The customer's tax id of the path, as its id.
fn customer_id(call: &Call<'_>) -> Result<String, StripeError> {
    let customer = call.id();
    let id = call.ids.get(1).cloned().unwrap_or_default();
    crate::api::customers::live(call.account, &customer, "customer")?;
    if call.account.fetch("tax_id", &id, "id")?["customer"] != customer.as_str() {
        return Err(StripeError::no_such("tax_id", &id, "id"));
    }
    Ok(id)
}

pub(crate) fn retrieve_customer_id(call: &mut Call<'_>) -> Answer {
    let id = customer_id(call)?;
    Ok(call.account.get(&id).clone())
}

pub(crate) fn retrieve_id(call: &mut Call<'_>) -> Answer {
    call.account.fetch("tax_id", &call.id(), "id").cloned()
}

pub(crate) fn delete_customer_id(call: &mut Call<'_>) -> Answer {
    let id = customer_id(call)?;
    Ok(remove_id(call.account, &id))
}

pub(crate) fn delete_id(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    call.account.fetch("tax_id", &id, "id")?;
    Ok(remove_id(call.account, &id))
}

fn remove_id(account: &mut Account, id: &str) -> Value {
    let tax_id = account.snapshot(id);
    account.delete("tax_id", id, None);
    if tax_id["owner"]["type"] == "customer" {
        account.raise_with("customer.tax_id.deleted", tax_id, None);
    }
    json!({ "id": id, "object": "tax_id", "deleted": true })
}
