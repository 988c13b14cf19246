//! Invoices: create, retrieve, update, delete, list, search.

mod actions;
pub(crate) mod lines;
mod payments;
mod preview;
mod search;

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::invoice::{self, Draft, collect, item, totals};
use crate::lives::{discount, money, payment};

/// Connect, Stripe Tax, invoice templates, revisions.
const UNSIMULATED: &str = "account application_fee_amount automatic_tax from_invoice on_behalf_of \
    shipping_cost template template_version transfer_data";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/invoices", create).lacks(UNSIMULATED),
    route("GET /v1/invoices", list_invoices),
    route("GET /v1/invoices/search", search::search),
    route("GET /v1/invoices/upcoming", preview::create).lacks(preview::UNSIMULATED),
    route("GET /v1/invoices/upcoming/lines", preview::lines).lacks(preview::UNSIMULATED),
    route("POST /v1/invoices/create_preview", preview::create).lacks(preview::UNSIMULATED),
    route("GET /v1/invoices/{}", retrieve),
    route("POST /v1/invoices/{}", update).lacks(UNSIMULATED),
    route("DELETE /v1/invoices/{}", delete),
    route("POST /v1/invoices/{}/finalize", actions::finalize),
    route("POST /v1/invoices/{}/pay", actions::pay).lacks("mandate source"),
    route("POST /v1/invoices/{}/send", actions::send),
    route("POST /v1/invoices/{}/void", actions::void),
    route(
        "POST /v1/invoices/{}/mark_uncollectible",
        actions::mark_uncollectible,
    ),
    route("POST /v1/invoices/{}/attach_payment", payments::attach).lacks("payment_record"),
    route("GET /v1/invoices/{}/lines", lines::list),
    route("POST /v1/invoices/{}/lines/{}", lines::update_one).lacks(lines::UNSIMULATED),
    route("POST /v1/invoices/{}/add_lines", lines::add).lacks(lines::UNSIMULATED),
    route("POST /v1/invoices/{}/update_lines", lines::update_many).lacks(lines::UNSIMULATED),
    route("POST /v1/invoices/{}/remove_lines", lines::remove),
    route("GET /v1/invoice_payments", payments::list),
    route("GET /v1/invoice_payments/{}", payments::retrieve),
];

/// What may be set on a draft and is kept as it was sent.
const KEPT: &[&str] = &[
    "account_tax_ids",
    "custom_fields",
    "default_source",
    "description",
    "effective_at",
    "footer",
    "number",
    "rendering",
    "shipping_details",
    "statement_descriptor",
];

/// What may still be changed once an invoice is open.
const ALWAYS: &[&str] = &[
    "metadata",
    "expand",
    "auto_advance",
    "default_payment_method",
    "default_source",
    "payment_settings",
];

/// The customer of this id, or Stripe's refusal.
pub(crate) fn customer_named(account: &Account, id: &str) -> Result<(), StripeError> {
    let customer = account.get(id);
    if customer["object"] == "customer" && customer["deleted"].is_null() {
        return Ok(());
    }
    Err(StripeError::no_such_param("customer", id, "customer"))
}

/// The whole tax rates of these ids.
pub(crate) fn tax_rates(
    account: &Account,
    sent: &[Value],
    param: &str,
) -> Result<Vec<Value>, StripeError> {
    sent.iter()
        .enumerate()
        .map(|(index, id)| {
            let id = id.as_str().unwrap_or_default();
            let rate = account.get(id);
            if rate["object"] == "tax_rate" {
                Ok(rate.clone())
            } else {
                let at = format!("{param}[{index}]");
                Err(StripeError::no_such_param("tax rate", id, &at))
            }
        })
        .collect()
}

/// The discount that a customer has, by id.
pub(crate) fn customer_discount(account: &Account, customer_id: &str) -> Option<String> {
    let discount = &account.get(customer_id)["discount"];
    let id = discount.as_str().or_else(|| discount["id"].as_str())?;
    discount::is_live(account, id, account.now).then(|| id.to_owned())
}

fn create(call: &mut Call<'_>) -> Answer {
    let subscription = call.params.or_null("/subscription");
    let subscription_row = match subscription.as_str() {
        Some(id) => {
            let row = call.account.get(id);
            if row["object"] != "subscription" {
                return Err(StripeError::no_such_param(
                    "subscription",
                    id,
                    "subscription",
                ));
            }
            row.clone()
        }
        None => Value::Null,
    };
    let customer = match call.params.text("/customer") {
        Some(id) => id.to_owned(),
        None => subscription_row["customer"]
            .as_str()
            .ok_or_else(|| StripeError::missing("customer"))?
            .to_owned(),
    };
    customer_named(call.account, &customer)?;
    let due = due_terms(call)?;
    let items = swept(call, &customer, &subscription)?;
    let currency = currency_of(call, &customer, &items)?;
    let items: Vec<Value> = items
        .into_iter()
        .filter(|row| row["currency"] == currency.as_str())
        .collect();
    let default_tax_rates = tax_rates(
        call.account,
        call.params.list("/default_tax_rates"),
        "default_tax_rates",
    )?;
    let default_payment_method = own_method(call, &customer)?;
    let metadata = merged_metadata(&json!({}), call.params.0.get("metadata"))?;
    let now = call.account.now;
    let draft = Draft {
        customer: customer.clone(),
        subscription,
        subscription_metadata: subscription_row["metadata"].clone(),
        currency,
        reason: "manual",
        lines: items.iter().map(item::as_line).collect(),
        period: (now, now),
        default_tax_rates,
        days_until_due: due.0,
        due_date: due.1,
        default_payment_method,
        metadata,
        auto_advance: call.params.flag("/auto_advance").unwrap_or(false),
        ..Draft::default()
    };
    let id = invoice::insert(call.account, &draft);
    let done = keep(call, &id).and_then(|()| discounts(call, &id, &customer, true));
    if let Err(error) = done {
        call.account.delete("invoice", &id, None);
        return Err(error);
    }
    item::take(call.account, &id);
    totals::renew(call.account, &id);
    call.account.raise("invoice.created", &id);
    Ok(call.account.get(&id).clone())
}

/// The days until an invoice is due and the date, as sent; only sent invoices have them.
fn due_terms(call: &Call<'_>) -> Result<(Option<i64>, Option<i64>), StripeError> {
    let days = call.params.int("/days_until_due");
    let date = call.params.int("/due_date");
    let is_sent = call.params.text("/collection_method") == Some("send_invoice");
    match (is_sent, days.is_some() || date.is_some()) {
        (true, false) => Err(StripeError::invalid(
            "If invoice collection method is 'send_invoice', you must specify 'due_date' or \
             'days_until_due'.",
        )),
        (false, true) => Err(StripeError::invalid(
            "You can only specify 'due_date' or 'days_until_due' if invoice collection method is \
             'send_invoice'.",
        )),
        _ => Ok((days, date)),
    }
}

/// The pending items that a new invoice takes up.
fn swept(call: &Call<'_>, customer: &str, subscription: &Value) -> Result<Vec<Value>, StripeError> {
    let behaviour = call.params.text("/pending_invoice_items_behavior");
    let wanted = subscription.as_str();
    if wanted.is_none() && !matches!(behaviour, Some("include" | "include_and_require")) {
        return Ok(Vec::new());
    }
    if behaviour == Some("exclude") {
        return Ok(Vec::new());
    }
    let items: Vec<Value> = call
        .account
        .rows_by("invoiceitem", "customer", customer)
        .rev()
        .filter(|row| row["invoice"].is_null())
        .filter(|row| {
            wanted.is_none_or(|id| row["parent"]["subscription_details"]["subscription"] == id)
        })
        .cloned()
        .collect();
    match (items.is_empty(), wanted, behaviour) {
        (true, Some(_), _) => Err(StripeError::coded(
            "invoice_no_subscription_line_items",
            "Nothing to invoice for subscription",
        )),
        (true, None, Some("include_and_require")) => Err(StripeError::coded(
            "invoice_no_customer_line_items",
            "Nothing to invoice for customer",
        )),
        _ => Ok(items),
    }
}

/// The currency that was sent, that of the newest item, the customer's, or the account's.
fn currency_of(call: &Call<'_>, customer: &str, items: &[Value]) -> Result<String, StripeError> {
    if let Some(sent) = call.params.text("/currency") {
        return money::currency(sent).map_err(|error| error.param("currency"));
    }
    let newest = items.first().and_then(|row| row["currency"].as_str());
    let theirs = call.account.get(customer)["currency"].as_str();
    Ok(newest.or(theirs).unwrap_or("usd").to_owned())
}

fn own_method(call: &mut Call<'_>, customer: &str) -> Result<Value, StripeError> {
    let Some(id) = call
        .params
        .text("/default_payment_method")
        .map(str::to_owned)
    else {
        return Ok(Value::Null);
    };
    let id = payment::resolve_method(call.account, &id, "default_payment_method")?;
    let owner = &call.account.get(&id)["customer"];
    if owner.is_string() && owner != customer {
        return Err(StripeError::coded(
            "resource_missing",
            format!(
                "The customer does not have a payment method with the ID {id}. The payment method \
                 must be attached to the customer."
            ),
        )
        .param("default_payment_method"));
    }
    Ok(json!(id))
}

/// Keeps what was sent and needs no thought.
fn keep(call: &mut Call<'_>, id: &str) -> Result<(), StripeError> {
    for name in KEPT {
        if !call.params.has(name) {
            continue;
        }
        let mut value = call.params.or_null(&format!("/{name}"));
        if *name == "rendering" && value.is_object() {
            value = invoice::rendering(&value);
        }
        call.account.set(id, name, value);
    }
    if let Some(old) = call.params.at("/rendering_options") {
        let rendering = invoice::rendering(old);
        call.account.set(id, "rendering", rendering);
    }
    if let Some(Value::Object(sent)) = call.params.at("/payment_settings").cloned()
        && let Some(invoice) = call.account.edit(id)
    {
        for (name, value) in sent {
            invoice["payment_settings"][name] = value;
        }
    }
    let number = call.params.text("/number");
    let is_taken = number.is_some_and(|number| {
        let mut others = call.account.rows("invoice");
        others.any(|row| row["number"] == number && row["id"] != id)
    });
    if is_taken {
        return Err(StripeError::invalid(
            "This invoice number is already taken. Please enter a different number.",
        )
        .param("number"));
    }
    Ok(())
}

/// Sets the invoice's discounts as sent; a new invoice without any has its customer's.
fn discounts(
    call: &mut Call<'_>,
    id: &str,
    customer: &str,
    is_new: bool,
) -> Result<(), StripeError> {
    if call.params.has("discounts") {
        let sent = call.params.list("/discounts").to_vec();
        let owner = discount::Owner {
            customer: json!(customer),
            invoice: json!(id),
            ..discount::Owner::default()
        };
        let invoice = call.account.get(id);
        let amount = invoice["subtotal"].as_i64().unwrap_or(0);
        let currency = invoice["currency"].as_str().unwrap_or("usd").to_owned();
        discount::check_minimum(call.account, &sent, amount, &currency, "discounts")?;
        let ids = discount::attach(call.account, &sent, &owner, "discounts")?;
        call.account.set(id, "discounts", json!(ids));
    } else if is_new {
        let ids: Vec<String> = customer_discount(call.account, customer)
            .into_iter()
            .collect();
        call.account.set(id, "discounts", json!(ids));
    }
    Ok(())
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("invoice", &id, "id")?;
    let is_draft = before["status"] == "draft";
    let sent: Vec<String> = call
        .params
        .0
        .as_object()
        .into_iter()
        .flat_map(|members| members.keys().map(ToString::to_string))
        .collect();
    if !is_draft && let Some(name) = sent.iter().find(|name| !ALWAYS.contains(&name.as_str())) {
        return Err(
            StripeError::invalid("Finalized invoices can't be updated in this way").param(name),
        );
    }
    let metadata = merged_metadata(&before["metadata"], call.params.0.get("metadata"))?;
    let customer = before["customer"].as_str().unwrap_or_default().to_owned();
    if is_draft {
        change_draft(call, &id, &before, &customer)?;
    }
    if call.params.has("default_payment_method") {
        let method = own_method(call, &customer)?;
        call.account.set(&id, "default_payment_method", method);
    }
    call.account.set(&id, "metadata", metadata);
    keep(call, &id)?;
    if let Some(wanted) = call.params.flag("/auto_advance") {
        call.account.set(&id, "auto_advance", json!(wanted));
    }
    if call.params.has("auto_advance") || call.params.has("collection_method") {
        invoice::plan_advance(call.account, &id);
    }
    totals::renew(call.account, &id);
    call.account.raise_update("invoice.updated", &id, &before);
    Ok(call.account.get(&id).clone())
}

fn change_draft(
    call: &mut Call<'_>,
    id: &str,
    before: &Value,
    customer: &str,
) -> Result<(), StripeError> {
    let method = call
        .params
        .text("/collection_method")
        .or(before["collection_method"].as_str())
        .unwrap_or("charge_automatically")
        .to_owned();
    let days = call.params.int("/days_until_due");
    let date = call.params.int("/due_date");
    if method != "send_invoice" && (days.is_some() || date.is_some()) {
        return Err(StripeError::invalid(
            "You can only specify 'due_date' or 'days_until_due' if invoice collection method is \
             'send_invoice'.",
        ));
    }
    let rates = tax_rates(
        call.account,
        call.params.list("/default_tax_rates"),
        "default_tax_rates",
    )?;
    discounts(call, id, customer, false)?;
    let created = before["created"].as_i64().unwrap_or(0);
    let due = date.or_else(|| days.map(|n| created.saturating_add(n.saturating_mul(86_400))));
    let has_rates = call.params.has("default_tax_rates");
    if let Some(invoice) = call.account.edit(id) {
        if has_rates {
            invoice["default_tax_rates"] = json!(rates);
        }
        if let Some(due) = due {
            invoice["due_date"] = json!(due);
        }
        if method != "send_invoice" {
            invoice["due_date"] = Value::Null;
        }
        invoice["collection_method"] = json!(method);
    }
    Ok(())
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("invoice", &call.id(), "invoice")
        .cloned()
}

fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("invoice", &id, "invoice")?;
    if before["status"] != "draft" {
        return Err(StripeError::invalid("You can only delete draft invoices."));
    }
    // Its items stay tied to it and are dead with it, as at Stripe.
    call.account.delete("invoice", &id, None);
    call.account.raise_with("invoice.deleted", before, None);
    Ok(json!({ "id": id, "object": "invoice", "deleted": true }))
}

fn list_invoices(call: &mut Call<'_>) -> Answer {
    let subscription = call.params.text("/subscription");
    list::page(call, "invoice", "/v1/invoices", |row| {
        list::is(call, "customer", row, "customer")
            && list::is(call, "status", row, "status")
            && list::is(call, "collection_method", row, "collection_method")
            && list::within(call.params.at("/due_date"), row["due_date"].as_i64())
            && subscription.is_none_or(|id| invoice::subscription_of(row) == Some(id))
    })
}

/// The payment method that an invoice would be charged to, or Stripe's refusal.
fn method_for(account: &Account, invoice: &Value) -> Result<String, StripeError> {
    collect::method_of(account, invoice).ok_or_else(|| {
        StripeError::coded(
            "resource_missing",
            "There is no `default_payment_method` set on this Customer or Invoice. Please set \
             either property before attempting to pay this Invoice.",
        )
    })
}
