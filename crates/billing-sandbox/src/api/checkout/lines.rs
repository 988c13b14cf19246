//! The lines of a Checkout Session: prices by id or made on the spot, quantities, tax rates.

use crate::json::{Value, json};

use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, catalogue};
use crate::http::error::StripeError;
use crate::http::params::Params;
use crate::lives::money::QUANTITY_MAX;
use crate::lives::price;

const LINE_ITEMS_MAX: usize = 100;
const RECURRING_MAX: usize = 20;

/// The lines that were sent, their amounts still to be found.
pub(crate) fn of(call: &mut Call<'_>, mode: &str) -> Result<Vec<Value>, StripeError> {
    let sent = call.params.list("/line_items").to_vec();
    if mode == "setup" {
        return if sent.is_empty() {
            Ok(Vec::new())
        } else {
            Err(super::terms::not_in_mode("line_items", mode))
        };
    }
    if sent.is_empty() {
        return Err(StripeError::missing("line_items"));
    }
    if sent.len() > LINE_ITEMS_MAX {
        return Err(
            StripeError::invalid("You can pass at most 100 line items.").param("line_items")
        );
    }
    let mut items: Vec<Value> = Vec::new();
    for (index, line) in sent.iter().enumerate() {
        let item = item_of(call, line, index)?;
        check_against(mode, &item, &items)?;
        items.push(item);
    }
    check_whole(mode, &items)?;
    Ok(items)
}

/// What only all lines together can get wrong.
pub(crate) fn check_whole(mode: &str, items: &[Value]) -> Result<(), StripeError> {
    if mode != "subscription" {
        return Ok(());
    }
    let recurring = items
        .iter()
        .filter(|item| !item["price"]["recurring"].is_null())
        .count();
    if recurring == 0 {
        return Err(StripeError::invalid(
            "You must provide at least one recurring price in `subscription` mode when using prices.",
        ));
    }
    if recurring > RECURRING_MAX || items.len() - recurring > RECURRING_MAX {
        return Err(StripeError::invalid(format!(
            "You can pass at most {RECURRING_MAX} recurring and {RECURRING_MAX} one-time prices."
        ))
        .param("line_items"));
    }
    Ok(())
}

fn check_against(mode: &str, item: &Value, earlier: &[Value]) -> Result<(), StripeError> {
    if mode == "payment" && !item["price"]["recurring"].is_null() {
        return Err(StripeError::invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to \
             `subscription` mode or use only one-time prices.",
        ));
    }
    if earlier
        .first()
        .is_some_and(|first| first["currency"] != item["currency"])
    {
        return Err(StripeError::invalid(
            "All prices on a Checkout Session must use the same currency.",
        ));
    }
    Ok(())
}

/// One line as an item of the session.
pub(crate) fn item_of(
    call: &mut Call<'_>,
    line: &Value,
    index: usize,
) -> Result<Value, StripeError> {
    let price = price_of(call, line, index)?;
    let price = in_session_currency(call, price, index)?;
    if !price["custom_unit_amount"].is_null() {
        return Err(
            StripeError::not_simulated("prices that the customer chooses")
                .param(&format!("line_items[{index}][price]")),
        );
    }
    let quantity = quantity_of(line, &price, index)?;
    let tax_rates = tax_rates_of(
        call,
        &line["tax_rates"],
        &format!("line_items[{index}][tax_rates]"),
    )?;
    let name = call
        .account
        .get(price["product"].as_str().unwrap_or_default())["name"]
        .clone();
    Ok(json!({
        "id": call.account.ids.next("li_"),
        "object": "item",
        "adjustable_quantity": adjustable(&line["adjustable_quantity"]),
        "amount_discount": 0,
        "amount_subtotal": 0,
        "amount_tax": 0,
        "amount_total": 0,
        "currency": price["currency"],
        "description": name,
        "metadata": merged_metadata(&json!({}), line.get("metadata"))?,
        "price": price,
        "quantity": quantity,
        "_discounts": [],
        "_tax_rates": tax_rates,
        "_taxes": [],
    }))
}

/// The bounds within which the customer may change a quantity, or null.
pub(crate) fn adjustable(sent: &Value) -> Value {
    if sent["enabled"] != true {
        return Value::Null;
    }
    json!({ "enabled": true, "maximum": sent["maximum"], "minimum": sent["minimum"] })
}

/// The quantity: one is needed for everything but metered prices, which may not have one.
fn quantity_of(line: &Value, price: &Value, index: usize) -> Result<Value, StripeError> {
    let at = format!("line_items[{index}][quantity]");
    let is_metered = price["recurring"]["usage_type"] == "metered";
    match line["quantity"].as_i64() {
        None if is_metered => Ok(Value::Null),
        None => Err(StripeError::missing(&at)),
        Some(_) if is_metered => Err(StripeError::invalid(format!(
            "Quantity should not be specified where usage_type is `metered`. Remove quantity from \
             `line_items[{index}]`"
        ))
        .param(&at)),
        Some(quantity) if (1..=QUANTITY_MAX).contains(&quantity) => Ok(json!(quantity)),
        Some(_) => Err(StripeError::coded(
            "parameter_invalid_integer",
            "This value must be greater than or equal to 1.",
        )
        .param(&at)),
    }
}

/// The price in the session's currency, if one was asked for that is not the price's own.
fn in_session_currency(call: &Call<'_>, price: Value, index: usize) -> Answer {
    let Some(wanted) = call.params.text("/currency").map(str::to_lowercase) else {
        return Ok(price);
    };
    price::in_currency(&price, &wanted).ok_or_else(|| {
        let own = price["currency"].as_str().unwrap_or_default();
        StripeError::invalid(format!(
            "The price specified only supports `{own}`. This doesn't match the expected currency: \
             `{wanted}`."
        ))
        .param(&format!("line_items[{index}][price]"))
    })
}

/// Ids of tax rates, each of which must exist.
pub(crate) fn tax_rates_of(
    call: &Call<'_>,
    sent: &Value,
    param: &str,
) -> Result<Value, StripeError> {
    let ids = sent.as_array().map_or(&[][..], Vec::as_slice);
    for (index, id) in ids.iter().enumerate() {
        let id = id.as_str().unwrap_or_default();
        if call.account.get(id)["object"] != "tax_rate" {
            let at = format!("{param}[{index}]");
            return Err(StripeError::no_such_param("tax rate", id, &at));
        }
    }
    Ok(json!(ids))
}

fn price_of(call: &mut Call<'_>, line: &Value, index: usize) -> Result<Value, StripeError> {
    if let Some(data) = line.get("price_data").filter(|data| !data.is_null()) {
        if !line["price"].is_null() {
            return Err(StripeError::invalid(format!(
                "You may only specify one of these parameters: line_items[{index}][price], \
                 line_items[{index}][price_data]."
            )));
        }
        let mut data = Params(data.clone());
        if let Some(product) = data.at("/product_data").cloned() {
            let mut product_call = Call {
                account: &mut *call.account,
                params: Params(product),
                ids: Vec::new(),
                version: call.version,
            };
            let made = catalogue::create_product(&mut product_call)?;
            data.0["product"] = made["id"].clone();
        }
        let id = catalogue::insert_price(call.account, &data)?;
        // A price that was made for one session is not offered elsewhere.
        call.account.set(&id, "active", json!(false));
        catalogue::raise_price_created(call.account, &id);
        return Ok(call.account.get(&id).clone());
    }
    let at = format!("line_items[{index}][price]");
    let id = line["price"]
        .as_str()
        .ok_or_else(|| StripeError::missing(&at))?;
    let price = call.account.get(id);
    if price["object"] != "price" {
        return Err(StripeError::no_such_param("price", id, &at));
    }
    if price["active"] != true {
        return Err(StripeError::invalid(
            "The price specified is inactive. This field only accepts active prices.",
        )
        .param(&at));
    }
    Ok(price.clone())
}
