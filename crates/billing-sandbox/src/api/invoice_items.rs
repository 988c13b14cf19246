//! Invoice items: create, retrieve, update, delete, list.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::invoices::lines::{put_first, take_off};
use crate::api::invoices::{customer_named, tax_rates};
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::invoice::item::{self, ItemTerms};
use crate::lives::invoice::{lines_of, totals};
use crate::lives::{discount, money, price};

/// Stripe Tax, fractional quantities, deferred items.
const NOT_DELETABLE: &str =
    "Can't delete an invoice item that is attached to an invoice that is no longer editable";

const UNSIMULATED: &str = "invoicing_rules tax_code";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/invoiceitems", create).lacks(UNSIMULATED),
    route("GET /v1/invoiceitems", list_items),
    route("GET /v1/invoiceitems/{}", retrieve),
    route("POST /v1/invoiceitems/{}", update).lacks(UNSIMULATED),
    route("DELETE /v1/invoiceitems/{}", delete),
];

/// What a request asks of an item, checked.
pub(crate) struct ItemChange {
    sent: Value,
    at: String,
    quantity: Option<i64>,
    rates: Option<Vec<Value>>,
    /// The whole price that was named.
    price: Option<Value>,
}

fn path(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}[{name}]")
    }
}

/// The tax rates that were sent, whole; none if the name was not sent.
pub(crate) fn rates(
    account: &Account,
    sent: &Value,
    at: &str,
) -> Result<Option<Vec<Value>>, StripeError> {
    if sent.get("tax_rates").is_none() {
        return Ok(None);
    }
    let ids = sent["tax_rates"].as_array().cloned().unwrap_or_default();
    tax_rates(account, &ids, &path(at, "tax_rates")).map(Some)
}

/// The discounts that were sent, made; none if the name was not sent.
pub(crate) fn own_discounts(
    account: &mut Account,
    sent: &Value,
    at: &str,
    item_id: &str,
) -> Result<Option<Vec<String>>, StripeError> {
    if sent.get("discounts").is_none() {
        return Ok(None);
    }
    let wanted = sent["discounts"].as_array().cloned().unwrap_or_default();
    let owner = discount::Owner {
        customer: account.get(item_id)["customer"].clone(),
        invoice_item: if item_id.is_empty() {
            Value::Null
        } else {
            json!(item_id)
        },
        ..discount::Owner::default()
    };
    discount::attach(account, &wanted, &owner, &path(at, "discounts")).map(Some)
}

impl ItemChange {
    pub(crate) fn read(account: &Account, sent: &Value, at: &str) -> Result<Self, StripeError> {
        let is_given = |name: &str| sent.get(name).is_some_and(|value| !value.is_null());
        if is_given("amount") {
            let beside = [
                "price",
                "pricing",
                "price_data",
                "unit_amount",
                "unit_amount_decimal",
                "quantity",
                "quantity_decimal",
            ];
            if let Some(other) = beside.iter().find(|name| is_given(name)) {
                return Err(StripeError::invalid(format!(
                    "You may only specify one of these parameters: amount, {other}."
                ))
                .param(&path(at, "amount")));
            }
        }
        if let Some(amount) = sent["amount"].as_i64()
            && !item::is_line_amount(amount)
        {
            return Err(StripeError::coded(
                "amount_too_large",
                "Amount must be no more than $999,999.99",
            )
            .param(&path(at, "amount")));
        }
        let quantity = match (sent["quantity"].as_i64(), sent["quantity_decimal"].as_str()) {
            (Some(quantity), _) => Some(quantity),
            (None, Some(text)) => Some(text.parse().map_err(|_| {
                StripeError::not_simulated("fractional quantities")
                    .param(&path(at, "quantity_decimal"))
            })?),
            (None, None) => None,
        };
        if quantity.is_some_and(|n| !(0..=money::QUANTITY_MAX).contains(&n)) {
            return Err(StripeError::coded(
                "parameter_invalid_integer",
                format!("This value must be between 0 and {}.", money::QUANTITY_MAX),
            )
            .param(&path(at, "quantity")));
        }
        let named = sent["pricing"]["price"].as_str().or(sent["price"].as_str());
        let price = match named {
            None => None,
            Some(id) => Some(one_time_price(account, id, &path(at, "price"))?),
        };
        Ok(Self {
            sent: sent.clone(),
            at: at.to_owned(),
            quantity,
            rates: rates(account, sent, at)?,
            price,
        })
    }

    /// The price to be used: the one named, or one made for what was sent; none if nothing was.
    fn price(
        &self,
        account: &mut Account,
        old: &Value,
        currency: &str,
        name: &str,
    ) -> Result<Option<Value>, StripeError> {
        if let Some(price) = &self.price {
            return Ok(Some(price.clone()));
        }
        let data = &self.sent["price_data"];
        let decimal = |from: &Value| {
            from["unit_amount_decimal"]
                .as_str()
                .map(str::to_owned)
                .or_else(|| from["unit_amount"].as_i64().map(|n| n.to_string()))
        };
        if data.is_object() {
            let product = data["product"].as_str().unwrap_or_default();
            if account.get(product)["object"] != "product" {
                let at = path(&self.at, "price_data");
                return Err(StripeError::no_such_param(
                    "product",
                    product,
                    &format!("{at}[product]"),
                ));
            }
            let currency = money::currency(data["currency"].as_str().unwrap_or(currency))?;
            let unit = decimal(data).unwrap_or_else(|| "0".to_owned());
            check_decimal(&unit, &path(&self.at, "price_data"))?;
            return Ok(Some(item::one_off_price(
                account,
                &currency,
                &unit,
                Some(product),
                name,
            )));
        }
        let unit =
            decimal(&self.sent).or_else(|| self.sent["amount"].as_i64().map(|n| n.to_string()));
        let Some(unit) = unit else { return Ok(None) };
        check_decimal(&unit, &path(&self.at, "unit_amount_decimal"))?;
        let product = old["product"].as_str();
        Ok(Some(item::one_off_price(
            account, currency, &unit, product, name,
        )))
    }

    /// What a new item of a customer is made of; it is on no invoice yet.
    pub(crate) fn terms(
        &self,
        account: &mut Account,
        customer: &str,
        currency: &str,
        subscription: &Value,
    ) -> Result<ItemTerms, StripeError> {
        let metadata = merged_metadata(&json!({}), self.sent.get("metadata"))?;
        let description = &self.sent["description"];
        let name = description.as_str().unwrap_or("Invoice item").to_owned();
        let price = self
            .price(account, &Value::Null, currency, &name)?
            .unwrap_or_default();
        let quantity = self.quantity.unwrap_or(1);
        let description = if description.is_string() || self.sent["amount"].is_i64() {
            description.clone()
        } else {
            item::default_description(account, &price)
        };
        let period = &self.sent["period"];
        Ok(ItemTerms {
            customer: customer.to_owned(),
            currency: price["currency"].as_str().unwrap_or(currency).to_owned(),
            amount: price::amount_of(&price, quantity),
            quantity,
            price,
            description,
            period: period["start"].as_i64().zip(period["end"].as_i64()),
            is_discountable: self.sent["discountable"] != false,
            tax_rates: self.rates.clone().unwrap_or_default(),
            subscription: subscription.clone(),
            metadata,
            ..ItemTerms::default()
        })
    }

    /// Makes a new item of a customer; it is on no invoice yet.
    pub(crate) fn insert(
        &self,
        account: &mut Account,
        customer: &str,
        currency: &str,
        subscription: &Value,
    ) -> Result<String, StripeError> {
        let terms = self.terms(account, customer, currency, subscription)?;
        let id = item::insert(account, &terms);
        match own_discounts(account, &self.sent, &self.at, &id) {
            Ok(Some(discounts)) => {
                account.set(&id, "discounts", json!(discounts));
                item::renew(account, &id);
            }
            Ok(None) => {}
            Err(error) => {
                account.delete("invoiceitem", &id, None);
                return Err(error);
            }
        }
        Ok(id)
    }

    /// Changes an item that exists, and the line that bills it.
    pub(crate) fn apply(&self, account: &mut Account, id: &str) -> Result<(), StripeError> {
        let old = account.get(id).clone();
        let metadata = merged_metadata(&old["metadata"], self.sent.get("metadata"))?;
        let currency = old["currency"].as_str().unwrap_or("usd").to_owned();
        let name = old["description"]
            .as_str()
            .unwrap_or("Invoice item")
            .to_owned();
        let price = self.price(account, &old["_price"], &currency, &name)?;
        let discounts = own_discounts(account, &self.sent, &self.at, id)?;
        // An amount is for the whole item; anything else is for each of its units.
        let quantity = match (self.quantity, self.sent["amount"].is_i64()) {
            (Some(quantity), _) => quantity,
            (None, true) => 1,
            (None, false) => old["quantity"].as_i64().unwrap_or(1),
        };
        if let Some(row) = account.edit(id) {
            row["metadata"] = metadata;
            for name in ["description", "discountable", "period"] {
                if let Some(value) = self.sent.get(name).filter(|value| !value.is_null()) {
                    row[name] = value.clone();
                }
            }
            if let Some(price) = price {
                row["pricing"]["price_details"] =
                    json!({ "price": price["id"], "product": price["product"] });
                row["pricing"]["unit_amount_decimal"] = price["unit_amount_decimal"].clone();
                row["_price"] = price;
            }
            if row["proration"] != true {
                row["amount"] = json!(price::amount_of(&row["_price"], quantity));
            }
            row["quantity"] = json!(quantity);
            row["quantity_decimal"] = json!(quantity.to_string());
            if let Some(rates) = &self.rates {
                row["tax_rates"] = json!(rates);
            }
            if let Some(discounts) = discounts {
                row["discounts"] = json!(discounts);
            }
        }
        item::renew(account, id);
        Ok(())
    }
}

/// Up to twelve decimals, as Stripe takes them.
fn check_decimal(text: &str, param: &str) -> Result<(), StripeError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if is_digits(whole) && is_digits(fraction) && whole.len() <= 10 && fraction.len() <= 12 {
        return Ok(());
    }
    Err(StripeError::invalid(format!("Invalid decimal: {text}")).param(param))
}

fn one_time_price(account: &Account, id: &str, param: &str) -> Result<Value, StripeError> {
    let price = account.get(id);
    if price["object"] != "price" {
        return Err(StripeError::no_such_param("price", id, param));
    }
    if price["active"] == false {
        return Err(StripeError::invalid(
            "The price specified is inactive. This field only accepts active prices.",
        )
        .param(param));
    }
    if !price["recurring"].is_null() {
        return Err(StripeError::invalid(
            "The price specified is set to `type=recurring` but this field only accepts prices \
             with `type=one_time`.",
        )
        .param(param));
    }
    Ok(price.clone())
}

fn create(call: &mut Call<'_>) -> Answer {
    let sent = call.params.0.clone();
    let invoice_id = sent["invoice"].as_str().map(str::to_owned);
    if let Some(id) = &invoice_id {
        let row = call.account.get(id);
        if row["object"] != "invoice" {
            return Err(StripeError::no_such_param("invoice", id, "invoice"));
        }
        if row["status"] != "draft" {
            return Err(StripeError::coded(
                "invoice_not_editable",
                "Invalid invoice: This invoice is no longer editable",
            )
            .param("invoice"));
        }
    }
    if let Some(id) = sent["subscription"].as_str()
        && call.account.get(id)["object"] != "subscription"
    {
        return Err(StripeError::no_such_param(
            "subscription",
            id,
            "subscription",
        ));
    }
    let of_invoice = call.account.get(invoice_id.as_deref().unwrap_or_default());
    let customer = sent["customer"]
        .as_str()
        .or(of_invoice["customer"].as_str())
        .ok_or_else(|| StripeError::missing("customer"))?
        .to_owned();
    customer_named(call.account, &customer)?;
    let given = [
        "amount",
        "price",
        "pricing",
        "price_data",
        "unit_amount",
        "unit_amount_decimal",
    ];
    if given.iter().all(|name| sent[*name].is_null()) {
        return Err(StripeError::missing("amount"));
    }
    let change = ItemChange::read(call.account, &sent, "")?;
    let currency = match sent["currency"].as_str() {
        Some(text) => money::currency(text).map_err(|error| error.param("currency"))?,
        None => {
            let theirs = &call.account.get(&customer)["currency"];
            theirs.as_str().unwrap_or("usd").to_owned()
        }
    };
    let of_invoice = of_currency(call.account, invoice_id.as_deref());
    if let Some(expected) = of_invoice
        && change.price.is_none()
        && sent["price_data"].is_null()
        && expected != currency
    {
        return Err(StripeError::invalid(format!(
            "The currency of the invoice item ({currency}) must match the currency of the invoice \
             ({expected})."
        ))
        .param("currency"));
    }
    let id = change.insert(call.account, &customer, &currency, &sent["subscription"])?;
    let before = invoice_id.as_deref().map(|id| call.account.snapshot(id));
    if let Some(invoice_id) = &invoice_id {
        put_first(call.account, invoice_id, &id);
    }
    call.account.raise("invoiceitem.created", &id);
    if let (Some(invoice_id), Some(before)) = (&invoice_id, before) {
        call.account
            .raise_update("invoice.updated", invoice_id, &before);
    }
    Ok(call.account.get(&id).clone())
}

fn of_currency(account: &Account, invoice_id: Option<&str>) -> Option<String> {
    let currency = account.get(invoice_id?)["currency"].as_str()?;
    Some(currency.to_owned())
}

/// The item of this id, or Stripe's 404.
fn fetch(account: &Account, id: &str) -> Result<Value, StripeError> {
    let row = account.get(id);
    if row["object"] == "invoiceitem" {
        return Ok(row.clone());
    }
    Err(StripeError::coded(
        "resource_missing",
        format!("No such Invoice Item: '{id}'(livemode=false)"),
    )
    .param("id")
    .status(404))
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    fetch(call.account, &call.id())
}

/// The item, if it may still be changed: it waits, or it is on a draft.
fn changeable(account: &Account, id: &str) -> Result<Value, StripeError> {
    let row = fetch(account, id)?;
    let Some(invoice_id) = row["invoice"].as_str() else {
        return Ok(row);
    };
    match account.get(invoice_id)["status"].as_str() {
        Some("draft") => Ok(row),
        None => Err(StripeError::invalid("This invoice item has been deleted.")),
        Some(_) => Err(StripeError::coded(
            "invoice_not_editable",
            "This invoice is no longer editable",
        )),
    }
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let row = changeable(call.account, &id)?;
    let sent = call.params.0.clone();
    let change = ItemChange::read(call.account, &sent, "")?;
    let invoice_id = row["invoice"].as_str().unwrap_or_default().to_owned();
    let before = call.account.snapshot(&invoice_id);
    change.apply(call.account, &id)?;
    if !before.is_null() {
        call.account
            .raise_update("invoice.updated", &invoice_id, &before);
    }
    Ok(call.account.get(&id).clone())
}

fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let row = changeable(call.account, &id).map_err(|error| match error.status {
        404 => error,
        _ => StripeError::invalid(NOT_DELETABLE),
    })?;
    let snapshot = call.account.snapshot(&id);
    if let Some(invoice_id) = row["invoice"].as_str() {
        let before = call.account.snapshot(invoice_id);
        let line = lines_of(&before)
            .iter()
            .find(|line| item::item_of(line) == Some(id.as_str()));
        if let Some(line) = line {
            take_off(call.account, invoice_id, &line["id"]);
        }
        totals::renew(call.account, invoice_id);
        call.account
            .raise_update("invoice.updated", invoice_id, &before);
    }
    call.account.delete("invoiceitem", &id, None);
    call.account
        .raise_with("invoiceitem.deleted", snapshot, None);
    Ok(json!({ "id": id, "object": "invoiceitem", "deleted": true }))
}

fn list_items(call: &mut Call<'_>) -> Answer {
    let pending = call.params.flag("/pending");
    let rows: Vec<&Value> = call
        .account
        .rows("invoiceitem")
        .rev()
        .filter(|row| {
            list::is(call, "customer", row, "customer")
                && list::is(call, "invoice", row, "invoice")
                && pending.is_none_or(|wanted| row["invoice"].is_null() == wanted)
                && list::within(call.params.at("/created"), row["date"].as_i64())
        })
        .collect();
    list::cut(call, &rows, "invoiceitem", "/v1/invoiceitems")
}
