//! Discounts: what coupons take off, for how long, and for whom.

use crate::json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::http::error::StripeError;
use crate::lives::calendar;
use crate::lives::decimal::Decimal;

pub(crate) mod leave;

pub(crate) static DUE: &[Action] = &[
    ("coupon.lapse", lapse_coupon),
    ("discount.run_out", leave::run_out),
    ("promotion_code.lapse", lapse_code),
];

/// What a discount is tied to; ids, or null.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owner {
    pub(crate) customer: Value,
    pub(crate) subscription: Value,
    pub(crate) subscription_item: Value,
    pub(crate) invoice: Value,
    pub(crate) invoice_item: Value,
    pub(crate) checkout_session: Value,
}

/// One line that discounts may apply to.
#[derive(Debug, Clone)]
pub(crate) struct Discountable {
    pub(crate) amount: i64,
    /// The id of the product, for coupons that apply to some products only.
    pub(crate) product: String,
}

/// What is redeemed: a coupon, by a promotion code or directly, or what another discount had left.
struct Redeemed {
    coupon: Value,
    promotion_code: Value,
    /// When a discount that is carried over began and ends.
    carried: Option<(Value, Value)>,
}

/// Makes discounts of `[{ coupon | promotion_code | discount }]` as sent in the parameter `param`,
/// counts the redemptions, and answers their ids in the order sent. Refused when a coupon is
/// unknown, expired, used up, or not for this customer. Old versions send one `coupon` or
/// `promotion_code` by itself: `param` is that name then.
/// Raises `customer.discount.created` for what is tied to a customer or to a subscription.
pub(crate) fn attach(
    account: &mut Account,
    sent: &[Value],
    owner: &Owner,
    param: &str,
) -> Result<Vec<String>, StripeError> {
    // All are looked at before any is counted, so that a refusal leaves nothing behind.
    let mut found = Vec::new();
    for (index, entry) in sent.iter().enumerate() {
        let at = |name: &str| {
            if param == name {
                param.to_owned()
            } else {
                format!("{param}[{index}][{name}]")
            }
        };
        found.push(resolve(account, entry, owner, &at)?);
    }
    let mut ids = Vec::new();
    for (entry, redeemed) in sent.iter().zip(found) {
        let kept = entry["discount"]
            .as_str()
            .filter(|id| belongs_to(account.get(id), owner));
        match kept {
            Some(id) => ids.push(id.to_owned()),
            None => ids.push(insert(account, &redeemed, owner)),
        }
    }
    Ok(ids)
}

/// Whether a discount is already tied to this owner, so that naming it keeps it.
fn belongs_to(discount: &Value, owner: &Owner) -> bool {
    discount["customer"] == owner.customer
        && discount["subscription"] == owner.subscription
        && discount["subscription_item"] == owner.subscription_item
        && discount["invoice"] == owner.invoice
        && discount["invoice_item"] == owner.invoice_item
        && discount["checkout_session"] == owner.checkout_session
}

fn resolve(
    account: &Account,
    entry: &Value,
    owner: &Owner,
    at: &dyn Fn(&str) -> String,
) -> Result<Redeemed, StripeError> {
    if let Some(id) = entry["discount"].as_str() {
        let discount = account.get(id);
        if discount["object"] != "discount" {
            return Err(StripeError::no_such_param("discount", id, &at("discount")));
        }
        return Ok(Redeemed {
            coupon: discount["_coupon"].clone(),
            promotion_code: discount["promotion_code"].clone(),
            carried: Some((discount["start"].clone(), discount["end"].clone())),
        });
    }
    if let Some(id) = entry["promotion_code"].as_str() {
        let param = at("promotion_code");
        let code = account.get(id);
        if code["object"] != "promotion_code" {
            return Err(StripeError::no_such_param("promotion code", id, &param));
        }
        redeemable_code(account, code, &owner.customer).map_err(|error| error.param(&param))?;
        let coupon = &code["promotion"]["coupon"];
        let coupon = account.get(coupon.as_str().unwrap_or_default());
        redeemable_coupon(account, coupon).map_err(|error| error.param(&param))?;
        return Ok(Redeemed {
            coupon: coupon.clone(),
            promotion_code: json!(id),
            carried: None,
        });
    }
    let Some(id) = entry["coupon"].as_str() else {
        return Err(StripeError::missing(&at("coupon")));
    };
    let coupon = account.get(id);
    if coupon["object"] != "coupon" {
        return Err(StripeError::no_such_param("coupon", id, &at("coupon")));
    }
    redeemable_coupon(account, coupon).map_err(|error| error.param(&at("coupon")))?;
    Ok(Redeemed {
        coupon: coupon.clone(),
        promotion_code: Value::Null,
        carried: None,
    })
}

fn is_used_up(limited: &Value) -> bool {
    let used = limited["times_redeemed"].as_i64().unwrap_or(0);
    limited["max_redemptions"]
        .as_i64()
        .is_some_and(|most| used >= most)
}

/// Whether a coupon can still be redeemed, which is what its `valid` says.
pub(crate) fn is_valid(coupon: &Value, now: i64) -> bool {
    !is_used_up(coupon) && coupon["redeem_by"].as_i64().is_none_or(|by| now <= by)
}

fn redeemable_coupon(account: &Account, coupon: &Value) -> Result<(), StripeError> {
    let id = coupon["id"].as_str().unwrap_or_default();
    if is_used_up(coupon) {
        return Err(StripeError::coded(
            "coupon_expired",
            format!("Coupon {id} is used up and cannot be applied."),
        ));
    }
    if !is_valid(coupon, account.now) {
        return Err(StripeError::coded(
            "coupon_expired",
            format!("Coupon expired: {id}"),
        ));
    }
    Ok(())
}

fn redeemable_code(account: &Account, code: &Value, customer: &Value) -> Result<(), StripeError> {
    let refused = |why: &str| {
        StripeError::invalid(format!(
            "This promotion code cannot be redeemed because {why}."
        ))
    };
    if is_used_up(code) {
        return Err(refused("it has been used the maximum number of times"));
    }
    let expires_at = code["expires_at"].as_i64();
    if expires_at.is_some_and(|at| account.now > at) {
        return Err(refused("it has expired"));
    }
    if code["active"] != true {
        return Err(refused("it is inactive"));
    }
    if !code["customer"].is_null() && code["customer"] != *customer {
        return Err(refused("it belongs to a different customer"));
    }
    let is_first_only = code["restrictions"]["first_time_transaction"] == true;
    if is_first_only && customer.as_str().is_some_and(|id| has_paid(account, id)) {
        return Err(refused("the associated customer has prior transactions")
            .code("promotion_code_customer_not_first_time"));
    }
    Ok(())
}

/// Whether a customer has paid before, which is what "first-time" means.
fn has_paid(account: &Account, customer: &str) -> bool {
    account
        .rows_by("invoice", "customer", customer)
        .any(|invoice| invoice["status"] == "paid" && invoice["amount_paid"] != 0)
        || account
            .rows("charge")
            .any(|charge| charge["customer"] == customer && charge["paid"] == true)
}

/// Refuses promotion codes whose minimum amount (in the currency's smallest unit) is not reached;
/// looked at when they are redeemed and never again.
pub(crate) fn check_minimum(
    account: &Account,
    sent: &[Value],
    amount: i64,
    currency: &str,
    param: &str,
) -> Result<(), StripeError> {
    for (index, entry) in sent.iter().enumerate() {
        let code = account.get(entry["promotion_code"].as_str().unwrap_or_default());
        let restrictions = &code["restrictions"];
        let least = if restrictions["minimum_amount_currency"] == currency {
            restrictions["minimum_amount"].as_i64()
        } else {
            code["_currency_options"][currency]["minimum_amount"].as_i64()
        };
        let is_elsewhere = least.is_none() && !restrictions["minimum_amount"].is_null();
        if is_elsewhere || least.is_some_and(|least| amount < least) {
            let here = format!("{param}[{index}][promotion_code]");
            return Err(StripeError::invalid(
                "This promotion code cannot be redeemed because the associated purchase does not \
                 meet the minimum amount requirement.",
            )
            .param(if param == "promotion_code" {
                param
            } else {
                &here
            }));
        }
    }
    Ok(())
}

fn insert(account: &mut Account, redeemed: &Redeemed, owner: &Owner) -> String {
    let coupon_id = redeemed.coupon["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut coupon = redeemed.coupon.clone();
    // A Checkout Session redeems only when it is completed: see `redeem`.
    if redeemed.carried.is_none() && owner.checkout_session.is_null() {
        count(account, &coupon_id);
        if let Some(code) = redeemed.promotion_code.as_str() {
            count(account, code);
        }
        coupon = account.get(&coupon_id).clone();
    }
    let start = account.now;
    let end = match coupon["duration_in_months"].as_i64() {
        Some(months) if coupon["duration"] == "repeating" => {
            json!(calendar::after(start, "month", months))
        }
        _ => Value::Null,
    };
    let (start, end) = redeemed.carried.clone().unwrap_or((json!(start), end));
    let id = account.ids.next("di_");
    account.insert(json!({
        "id": id,
        "object": "discount",
        "checkout_session": owner.checkout_session,
        "customer": owner.customer,
        "customer_account": null,
        "end": end,
        "invoice": owner.invoice,
        "invoice_item": owner.invoice_item,
        "promotion_code": redeemed.promotion_code,
        "source": { "coupon": coupon_id, "type": "coupon" },
        "start": start,
        "subscription": owner.subscription,
        "subscription_item": owner.subscription_item,
        // What it was when it was redeemed: a coupon that is deleted keeps its discounts.
        "_coupon": coupon,
    }));
    if let Some(end) = end.as_i64() {
        account.when(end, "discount.run_out", &id);
    }
    if is_told(account.get(&id)) {
        account.raise("customer.discount.created", &id);
    }
    id
}

/// Events tell of the discounts of customers and of subscriptions as a whole.
fn is_told(discount: &Value) -> bool {
    let is_of_part = [
        "checkout_session",
        "invoice",
        "invoice_item",
        "subscription_item",
    ]
    .iter()
    .any(|name| !discount[*name].is_null());
    !is_of_part && !discount["customer"].is_null()
}

/// Counts one redemption of a coupon or of a promotion code.
fn count(account: &mut Account, id: &str) {
    let now = account.now;
    let Some(limited) = account.edit(id) else {
        return;
    };
    let used = limited["times_redeemed"].as_i64().unwrap_or(0);
    limited["times_redeemed"] = json!(used.saturating_add(1));
    if limited["object"] == "coupon" {
        limited["valid"] = json!(is_valid(limited, now));
    } else if is_used_up(limited) {
        limited["active"] = json!(false);
    }
}

/// Counts the redemptions of discounts that were made for a Checkout Session.
pub(crate) fn redeem(account: &mut Account, discounts: &[String]) {
    for id in discounts {
        let discount = account.get(id);
        let counted = [&discount["source"]["coupon"], &discount["promotion_code"]];
        let counted: Vec<String> = counted
            .iter()
            .filter_map(|id| id.as_str().map(str::to_owned))
            .collect();
        for id in counted {
            count(account, &id);
        }
    }
}

/// The time to redeem a coupon has passed, for its promotion codes too.
fn lapse_coupon(account: &mut Account, id: &str) {
    if account.get(id)["object"] != "coupon" {
        return;
    }
    account.set(id, "valid", json!(false));
    for code in codes_of(account, id) {
        account.set(&code, "active", json!(false));
    }
}

/// A promotion code is active only as long as its coupon is valid.
fn lapse_code(account: &mut Account, id: &str) {
    account.set(id, "active", json!(false));
}

/// The promotion codes of a coupon.
pub(crate) fn codes_of(account: &Account, coupon: &str) -> Vec<String> {
    account
        .rows("promotion_code")
        .filter(|code| code["promotion"]["coupon"] == coupon)
        .filter_map(|code| code["id"].as_str().map(str::to_owned))
        .collect()
}

/// Ends discounts that were taken away or have run out; `customer.discount.deleted` is raised for
/// those that events tell of. What they were stays, because invoices name them.
pub(crate) fn detach(account: &mut Account, discounts: &[String]) {
    for id in discounts {
        let discount = account.snapshot(id);
        if discount["object"] != "discount" || discount["_ended"] == true {
            continue;
        }
        account.set(id, "_ended", json!(true));
        if is_told(&discount) {
            account.raise_with("customer.discount.deleted", discount, None);
        }
    }
}

/// What each discount takes off each line: `[discount][line]`, positive, in the order in which the
/// discounts are given, each on what the ones before have left. Lines of credit are left alone.
pub(crate) fn amounts(
    account: &Account,
    discounts: &[String],
    lines: &[Discountable],
) -> Vec<Vec<i64>> {
    let mut left: Vec<i64> = lines.iter().map(|line| line.amount.max(0)).collect();
    let mut taken = Vec::new();
    for id in discounts {
        let discount = account.get(id);
        let coupon = &discount["_coupon"];
        let applies: Vec<i64> = left
            .iter()
            .zip(lines)
            .map(|(left, line)| if applies_to(coupon, line) { *left } else { 0 })
            .collect();
        let off = match Decimal::of(&coupon["percent_off"]) {
            Some(percent) => applies
                .iter()
                .map(|amount| {
                    percent
                        .share(*amount, Decimal::whole(100))
                        .clamp(0, *amount)
                })
                .collect(),
            None => split(amount_off(account, discount), &applies),
        };
        for (left, off) in left.iter_mut().zip(&off) {
            *left -= off;
        }
        taken.push(off);
    }
    taken
}

fn applies_to(coupon: &Value, line: &Discountable) -> bool {
    coupon["_applies_to"]["products"]
        .as_array()
        .is_none_or(|products| {
            products.is_empty() || products.iter().any(|product| *product == line.product)
        })
}

/// The amount that a coupon takes off in the currency of what its discount is tied to.
fn amount_off(account: &Account, discount: &Value) -> i64 {
    let coupon = &discount["_coupon"];
    let owners = [
        "invoice",
        "invoice_item",
        "checkout_session",
        "subscription",
        "customer",
    ];
    let currency = owners
        .iter()
        .find_map(|name| account.get(discount[*name].as_str()?)["currency"].as_str());
    let amount = match currency {
        Some(currency) if coupon["currency"] != currency => {
            &coupon["_currency_options"][currency]["amount_off"]
        }
        _ => &coupon["amount_off"],
    };
    amount.as_i64().unwrap_or(0).max(0)
}

/// Splits an amount over lines in proportion: each share is rounded down and the last line takes
/// the rest. No line gives more than it has.
fn split(amount: i64, lines: &[i64]) -> Vec<i64> {
    let total = lines
        .iter()
        .fold(0_i64, |sum, line| sum.saturating_add(*line));
    if amount >= total {
        return lines.to_vec();
    }
    let share = |line: i64| {
        let exact = i128::from(amount) * i128::from(line) / i128::from(total.max(1));
        i64::try_from(exact).unwrap_or(0)
    };
    let mut shares: Vec<i64> = lines.iter().map(|line| share(*line)).collect();
    let mut rest = amount - shares.iter().sum::<i64>();
    for (share, line) in shares.iter_mut().zip(lines).rev() {
        let more = rest.min(line - *share);
        *share += more;
        rest -= more;
    }
    shares
}

/// Whether a discount still applies to what is billed at a time (seconds).
pub(crate) fn is_live(account: &Account, discount: &str, at: i64) -> bool {
    let discount = account.get(discount);
    discount["object"] == "discount"
        && discount["_ended"] != true
        && discount["end"].as_i64().is_none_or(|end| at < end)
}

/// Whether a discount is used up by one invoice.
pub(crate) fn is_once(account: &Account, discount: &str) -> bool {
    account.get(discount)["_coupon"]["duration"] == "once"
}

#[cfg(test)]
mod tests;
