//! What a customer changes on the page before paying: quantities, a promotion code, the shipping.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::checkout::totals;
use crate::lives::discount::{self, Owner};

/// The largest quantity where the session sets no bound of its own, as at Stripe.
pub(crate) const QUANTITY_DEFAULT_MAX: i64 = 99;

/// The bounds of a line's quantity, if the customer may change it.
pub(crate) fn bounds(item: &Value) -> Option<(i64, i64)> {
    let adjustable = &item["adjustable_quantity"];
    if adjustable["enabled"] != true {
        return None;
    }
    let least = adjustable["minimum"].as_i64().unwrap_or(0);
    let most = adjustable["maximum"]
        .as_i64()
        .unwrap_or(QUANTITY_DEFAULT_MAX);
    Some((least, most))
}

/// Sets quantities by the lines' ids. Refused, and nothing changed, when one is out of bounds.
pub(crate) fn quantities(
    account: &mut Account,
    id: &str,
    wanted: &[(String, i64)],
) -> Result<(), String> {
    if wanted.is_empty() {
        return Ok(());
    }
    let session = account.get(id).clone();
    let mut items = totals::items_of(&session);
    for (item_id, quantity) in wanted {
        let Some(item) = items.iter_mut().find(|item| item["id"] == item_id.as_str()) else {
            continue;
        };
        if item["quantity"] == *quantity {
            continue;
        }
        let Some((least, most)) = bounds(item) else {
            return Err("This quantity cannot be changed.".to_owned());
        };
        if !(least..=most).contains(quantity) {
            return Err(format!("Choose a quantity from {least} to {most}."));
        }
        item["quantity"] = json!(quantity);
    }
    let is_left = |item: &Value| item["quantity"].as_i64() != Some(0);
    if !items.iter().any(is_left) {
        return Err("Choose at least one.".to_owned());
    }
    if items == totals::items_of(&session) {
        return Ok(());
    }
    account.set(id, "_line_items", json!(items));
    totals::settle(account, id);
    Ok(())
}

/// Adds one of the items that the session offers beside what is bought, or takes it off again.
pub(crate) fn optional_item(account: &mut Account, id: &str, price_id: &str) -> Result<(), String> {
    let session = account.get(id).clone();
    let offered = session["optional_items"].as_array().into_iter().flatten();
    let Some(offer) = offered.into_iter().find(|item| item["price"] == price_id) else {
        return Err("This item is not offered.".to_owned());
    };
    let mut items = totals::items_of(&session);
    let count = items.len();
    items.retain(|item| item["_is_optional"] != true || item["price"]["id"] != price_id);
    if items.len() == count {
        let price = account.get(price_id).clone();
        let product = account.get(price["product"].as_str().unwrap_or_default());
        let name = product["name"].clone();
        items.push(json!({
            "id": account.ids.next("li_"),
            "object": "item",
            "adjustable_quantity": offer["adjustable_quantity"],
            "amount_discount": 0,
            "amount_subtotal": 0,
            "amount_tax": 0,
            "amount_total": 0,
            "currency": price["currency"],
            "description": name,
            "metadata": {},
            "price": price,
            "quantity": offer["quantity"],
            "_discounts": [],
            "_is_optional": true,
            "_tax_rates": [],
            "_taxes": [],
        }));
    }
    account.set(id, "_line_items", json!(items));
    totals::settle(account, id);
    Ok(())
}

/// Chooses one of the session's shipping rates.
pub(crate) fn shipping(account: &mut Account, id: &str, rate: &str) -> Result<(), String> {
    let session = account.get(id);
    let options = session["shipping_options"].as_array();
    let is_offered =
        options.is_some_and(|options| options.iter().any(|option| option["shipping_rate"] == rate));
    if !is_offered {
        return Err("This shipping option is not available.".to_owned());
    }
    account.set(id, "shipping_cost", json!({ "shipping_rate": rate }));
    totals::settle(account, id);
    Ok(())
}

/// Applies a promotion code that the customer typed.
pub(crate) fn promotion_code(account: &mut Account, id: &str, code: &str) -> Result<(), String> {
    let invalid = || "This code is invalid.".to_owned();
    let session = account.get(id).clone();
    if session["allow_promotion_codes"] != true {
        return Err("This checkout takes no promotion codes.".to_owned());
    }
    // Codes are told apart without regard to case, as they are at Stripe.
    let found = account
        .rows("promotion_code")
        .rfind(|row| {
            row["active"] == true
                && row["code"]
                    .as_str()
                    .is_some_and(|known| known.eq_ignore_ascii_case(code))
        })
        .and_then(|row| row["id"].as_str())
        .map(str::to_owned);
    let Some(found) = found else {
        return Err(invalid());
    };
    apply(account, id, &json!([{ "promotion_code": found }])).map_err(|_| invalid())
}

/// Takes a promotion code off again.
pub(crate) fn no_promotion_code(account: &mut Account, id: &str) {
    if account.get(id)["allow_promotion_codes"] != true {
        return;
    }
    if let Some(session) = account.edit(id) {
        session["discounts"] = json!([]);
        session["_discounts"] = json!([]);
    }
    totals::settle(account, id);
}

/// Applies `[{ coupon | promotion_code }]` to a session, in place of what was applied before.
pub(crate) fn apply(
    account: &mut Account,
    id: &str,
    sent: &Value,
) -> Result<(), crate::http::error::StripeError> {
    let owner = Owner {
        customer: account.get(id)["customer"].clone(),
        checkout_session: json!(id),
        ..Owner::default()
    };
    let list = sent.as_array().map_or(&[][..], Vec::as_slice);
    let session = account.get(id);
    let amount = totals::gross(session);
    let currency = session["currency"].as_str().unwrap_or_default();
    discount::check_minimum(account, list, amount, currency, "discounts")?;
    let ids = discount::attach(account, list, &owner, "discounts")?;
    let shown: Vec<Value> = ids
        .iter()
        .zip(list)
        .map(|(discount, sent)| {
            let discount = account.get(discount);
            json!({
                "coupon": match &discount["source"]["coupon"] {
                    Value::Null => sent["coupon"].clone(),
                    known => known.clone(),
                },
                "promotion_code": sent["promotion_code"],
            })
        })
        .collect();
    if let Some(session) = account.edit(id)
        && session["mode"] != "setup"
    {
        session["discounts"] = json!(shown);
        session["_discounts"] = json!(ids);
    }
    totals::settle(account, id);
    Ok(())
}
