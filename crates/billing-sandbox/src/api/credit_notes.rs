//! Credit notes: create, preview, retrieve, update, void, list, and their lines.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::invoices::tax_rates;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::credit_note::line::{CreditLine, amount_of_units};
use crate::lives::credit_note::{self, Terms};

/// Shipping, and taxes told line by line.
const UNSIMULATED: &str = "shipping_cost tax_amounts payment_record_refund";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/credit_notes", create).lacks(UNSIMULATED),
    route("GET /v1/credit_notes", list_notes),
    route("GET /v1/credit_notes/preview", preview).lacks(UNSIMULATED),
    route("GET /v1/credit_notes/preview/lines", preview_lines).lacks(UNSIMULATED),
    route("GET /v1/credit_notes/{}", retrieve),
    route("POST /v1/credit_notes/{}", update),
    route("POST /v1/credit_notes/{}/void", void),
    route("GET /v1/credit_notes/{}/lines", lines),
];

/// What the request asks for, checked.
fn terms(call: &mut Call<'_>) -> Result<Terms, StripeError> {
    let invoice_id = call.params.require("invoice")?.to_owned();
    let invoice = call.account.snapshot(&invoice_id);
    if invoice["object"] != "invoice" {
        return Err(StripeError::no_such_param(
            "invoice",
            &invoice_id,
            "invoice",
        ));
    }
    if !matches!(
        invoice["status"].as_str(),
        Some("open" | "paid" | "uncollectible")
    ) {
        return Err(StripeError::invalid(
            "You can only create credit notes for open, paid, or uncollectible invoices.",
        )
        .param("invoice"));
    }
    for name in ["credit_amount", "refund_amount", "out_of_band_amount"] {
        if call.params.int(&format!("/{name}")).is_some_and(|n| n < 0) {
            return Err(StripeError::invalid("Invalid non-negative integer").param(name));
        }
    }
    let lines = lines_of(call, &invoice)?;
    let mut refunds = Vec::new();
    let named = call
        .params
        .text("/refund")
        .map(|id| json!({ "refund": id }));
    let sent = call.params.list("/refunds").iter().cloned().chain(named);
    for (index, entry) in sent.enumerate() {
        let at = format!("refunds[{index}][refund]");
        let id = entry["refund"].as_str().unwrap_or_default();
        let refund = call.account.get(id);
        if refund["object"] != "refund" {
            return Err(StripeError::no_such_param("refund", id, &at));
        }
        let amount = entry["amount_refunded"].as_i64();
        let amount = amount.or(refund["amount"].as_i64()).unwrap_or(0);
        refunds.push((id.to_owned(), amount));
    }
    Ok(Terms {
        invoice: invoice_id,
        lines,
        credit_amount: call.params.int("/credit_amount").unwrap_or(0),
        out_of_band_amount: call.params.int("/out_of_band_amount"),
        refund_amount: call.params.int("/refund_amount").unwrap_or(0),
        refunds,
        memo: call.params.or_null("/memo"),
        reason: call.params.or_null("/reason"),
        effective_at: call.params.int("/effective_at"),
        metadata: merged_metadata(&json!({}), call.params.0.get("metadata"))?,
    })
}

fn lines_of(call: &Call<'_>, invoice: &Value) -> Result<Vec<CreditLine>, StripeError> {
    let sent = call.params.list("/lines");
    if sent.is_empty() {
        // An amount alone is one line of its own, tax included.
        let Some(amount) = call.params.int("/amount") else {
            return Err(StripeError::missing("amount"));
        };
        if amount < 1 {
            return Err(StripeError::coded(
                "parameter_invalid_integer",
                "This value must be greater than or equal to 1.",
            )
            .param("amount"));
        }
        return Ok(vec![CreditLine::Custom {
            description: Value::Null,
            quantity: 1,
            unit_amount: amount,
            unit_amount_decimal: amount.to_string(),
            tax_rates: Vec::new(),
        }]);
    }
    sent.iter()
        .enumerate()
        .map(|(index, line)| line_of(call.account, invoice, line, &format!("lines[{index}]")))
        .collect()
}

fn line_of(
    account: &Account,
    invoice: &Value,
    sent: &Value,
    at: &str,
) -> Result<CreditLine, StripeError> {
    if sent["type"] == "invoice_line_item" {
        let param = format!("{at}[invoice_line_item]");
        let Some(id) = sent["invoice_line_item"].as_str() else {
            return Err(StripeError::missing(&param));
        };
        let line = credit_note::line_named(invoice, id)
            .ok_or_else(|| StripeError::no_such_param("line_item", id, &param))?;
        let quantity = sent["quantity"].as_i64();
        let (quantity, amount) = match (quantity, sent["amount"].as_i64()) {
            (Some(_), Some(_)) => {
                return Err(StripeError::invalid(
                    "You may only specify one of these parameters: amount, quantity.",
                )
                .param(&format!("{at}[amount]")));
            }
            (Some(n), None) => (Some(n), amount_of_units(line, n)),
            (None, Some(amount)) => (None, amount),
            (None, None) => {
                let all = line["quantity"].as_i64().unwrap_or(1);
                (Some(all), line["amount"].as_i64().unwrap_or(0))
            }
        };
        let most = line["amount"].as_i64().unwrap_or(0);
        if amount > most || amount < 0 {
            return Err(StripeError::invalid(
                "The credited amount of a line must not be greater than the amount of the line.",
            )
            .param(&format!("{at}[amount]")));
        }
        return Ok(CreditLine::Invoiced {
            line: line.clone(),
            quantity,
            amount,
        });
    }
    let decimal = sent["unit_amount_decimal"].as_str();
    let unit_amount = match (sent["unit_amount"].as_i64(), decimal) {
        (Some(unit), _) => unit,
        (None, Some(text)) => text.parse::<i64>().map_err(|_| {
            StripeError::not_simulated("fractions of a cent on credit notes")
                .param(&format!("{at}[unit_amount_decimal]"))
        })?,
        (None, None) => return Err(StripeError::missing(&format!("{at}[unit_amount]"))),
    };
    let rates = sent["tax_rates"].as_array().cloned().unwrap_or_default();
    Ok(CreditLine::Custom {
        description: sent["description"].clone(),
        quantity: sent["quantity"].as_i64().unwrap_or(1),
        unit_amount,
        unit_amount_decimal: unit_amount.to_string(),
        tax_rates: tax_rates(account, &rates, &format!("{at}[tax_rates]"))?,
    })
}

fn check_amount(call: &Call<'_>, note: &Value) -> Result<(), StripeError> {
    match call.params.int("/amount") {
        Some(amount) if note["total"] != amount => Err(StripeError::invalid(
            "The amount of the credit note must equal the sum of its lines.",
        )
        .param("amount")),
        _ => Ok(()),
    }
}

fn create(call: &mut Call<'_>) -> Answer {
    let terms = terms(call)?;
    let note = credit_note::preview(call.account, &terms)?;
    check_amount(call, &note)?;
    let id = credit_note::issue(call.account, &terms)?;
    Ok(call.account.get(&id).clone())
}

fn previewed(call: &mut Call<'_>) -> Answer {
    let terms = terms(call)?;
    let note = credit_note::preview(call.account, &terms)?;
    check_amount(call, &note)?;
    Ok(note)
}

fn preview(call: &mut Call<'_>) -> Answer {
    previewed(call)
}

fn preview_lines(call: &mut Call<'_>) -> Answer {
    let note = previewed(call)?;
    let rows: Vec<&Value> = note["lines"]["data"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    list::cut(call, &rows, "line_item", "/v1/credit_notes/preview/lines")
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account.fetch("credit_note", &call.id(), "id").cloned()
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("credit_note", &id, "id")?;
    let metadata = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    call.account.set(&id, "metadata", metadata);
    if call.params.has("memo") {
        let memo = call.params.or_null("/memo");
        call.account.set(&id, "memo", memo);
    }
    call.account
        .raise_update("credit_note.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

fn void(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    if call.account.fetch("credit_note", &id, "id")?["status"] == "void" {
        return Err(StripeError::invalid(
            "This credit note has already been voided.",
        ));
    }
    credit_note::void(call.account, &id);
    Ok(call.account.get(&id).clone())
}

fn lines(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let note = call.account.fetch("credit_note", &id, "credit_note")?;
    let rows: Vec<&Value> = note["lines"]["data"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    list::cut(
        call,
        &rows,
        "line_item",
        &format!("/v1/credit_notes/{id}/lines"),
    )
}

fn list_notes(call: &mut Call<'_>) -> Answer {
    list::page(call, "credit_note", "/v1/credit_notes", |row| {
        list::is(call, "customer", row, "customer") && list::is(call, "invoice", row, "invoice")
    })
}
