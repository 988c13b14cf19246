//! Changes of an open Checkout Session by the one who made it.

use crate::json::{Value, json};

use crate::api::checkout::shown::shown;
use crate::api::checkout::{asks, lines};
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call};
use crate::http::error::StripeError;
use crate::lives::checkout::totals;

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let session = call
        .account
        .fetch_snapshot("checkout.session", &id, "session")?;
    let metadata = merged_metadata(&session["metadata"], call.params.0.get("metadata"))?;
    let changes_open = [
        "collected_information",
        "line_items",
        "payment_intent_data",
        "shipping_options",
    ];
    if changes_open.iter().any(|name| call.params.has(name)) && session["status"] != "open" {
        let status = session["status"].as_str().unwrap_or_default();
        return Err(StripeError::invalid(format!(
            "Only Checkout Sessions with a status in [\"open\"] can be updated. This Checkout \
             Session has a status of `{status}`."
        )));
    }
    let items = revised_items(call, &session)?;
    let shipping = if call.params.has("shipping_options") {
        Some(asks::shipping_options(call, &session["currency"])?)
    } else {
        None
    };
    let intent_data = revised_intent_data(call, &session)?;
    let details = call
        .params
        .at("/collected_information/shipping_details")
        .cloned();
    if let Some(stored) = call.account.edit(&id) {
        stored["metadata"] = metadata;
        stored["_payment_intent_data"] = intent_data;
        if let Some(items) = items {
            stored["_line_items"] = json!(items);
        }
        if let Some(options) = shipping {
            stored["shipping_options"] = options;
        }
        if let Some(details) = details {
            stored["collected_information"] = json!({
                "business_name": null, "individual_name": null,
                "shipping_details": {
                    "address": {
                        "city": details["address"]["city"],
                        "country": details["address"]["country"],
                        "line1": details["address"]["line1"],
                        "line2": details["address"]["line2"],
                        "postal_code": details["address"]["postal_code"],
                        "state": details["address"]["state"],
                    },
                    "name": details["name"],
                },
            });
        }
    }
    if session["status"] == "open" {
        totals::settle(call.account, &id);
    }
    Ok(shown(call, &id))
}

/// The lines as they were sent: those with an id are kept and changed, those without are new, and
/// those that were not sent are gone.
fn revised_items(call: &mut Call<'_>, session: &Value) -> Result<Option<Vec<Value>>, StripeError> {
    if !call.params.has("line_items") {
        return Ok(None);
    }
    let known = totals::items_of(session);
    let mut items = Vec::new();
    for (index, line) in call.params.list("/line_items").to_vec().iter().enumerate() {
        let Some(id) = line["id"].as_str() else {
            items.push(lines::item_of(call, line, index)?);
            continue;
        };
        let at = format!("line_items[{index}][id]");
        let mut item = known
            .iter()
            .find(|item| item["id"] == id)
            .cloned()
            .ok_or_else(|| StripeError::no_such_param("line item", id, &at))?;
        if let Some(quantity) = line["quantity"].as_i64() {
            if quantity < 1 {
                return Err(StripeError::coded(
                    "parameter_invalid_integer",
                    "This value must be greater than or equal to 1.",
                )
                .param(&format!("line_items[{index}][quantity]")));
            }
            item["quantity"] = json!(quantity);
        }
        if line.get("adjustable_quantity").is_some() {
            item["adjustable_quantity"] = lines::adjustable(&line["adjustable_quantity"]);
        }
        if line.get("tax_rates").is_some() {
            let param = format!("line_items[{index}][tax_rates]");
            item["_tax_rates"] = lines::tax_rates_of(call, &line["tax_rates"], &param)?;
        }
        item["metadata"] = merged_metadata(&item["metadata"], line.get("metadata"))?;
        items.push(item);
    }
    if items.is_empty() {
        return Err(StripeError::missing("line_items"));
    }
    lines::check_whole(session["mode"].as_str().unwrap_or_default(), &items)?;
    Ok(Some(items))
}

fn revised_intent_data(call: &Call<'_>, session: &Value) -> Answer {
    let mut data = session["_payment_intent_data"].clone();
    let Some(sent) = call
        .params
        .0
        .get("payment_intent_data")
        .and_then(Value::as_object)
    else {
        return Ok(data);
    };
    for (name, value) in sent {
        data[name] = if name == "metadata" {
            merged_metadata(&data["metadata"], Some(value))?
        } else {
            value.clone()
        };
    }
    Ok(data)
}
