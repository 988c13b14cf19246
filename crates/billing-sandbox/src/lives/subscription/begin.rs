//! How a subscription begins: its first invoice, and the payment that makes it active.

use crate::json::{Value, json};

use crate::account::Account;
use crate::http::error::StripeError;
use crate::lives::calendar::Interval;
use crate::lives::discount::{self, Owner};
use crate::lives::invoice::{self, Line, open};
use crate::lives::proration::{self, Rate, is_metered};
use crate::lives::subscription::{self, Terms, billing, collection, items, pending, trial};
use crate::lives::{price, reaction};

/// What becomes of a subscription whose first payment does not succeed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstPayment {
    /// Tried; without success it is incomplete.
    Allowed,
    /// Not tried; incomplete until the customer pays.
    Deferred,
    /// Tried, and nothing is written if it fails.
    Required,
}

/// A new subscription with what is not part of the object.
#[derive(Debug, Clone)]
pub(crate) struct Beginning {
    /// Its status is worked out here.
    pub(crate) terms: Terms,
    pub(crate) one_time: Vec<(Value, i64)>,
    /// Discounts as sent, and the parameter in which they were.
    pub(crate) discounts: Vec<Value>,
    pub(crate) discounts_param: &'static str,
    pub(crate) payment: FirstPayment,
    pub(crate) is_off_session: bool,
    /// Its first invoice is a draft for an hour, as those of schedules are.
    pub(crate) is_draft: bool,
}

/// Begins a subscription: its object, its first invoice, the payment of it, and all their events.
/// When this is refused, nothing was written.
pub(crate) fn begin(account: &mut Account, beginning: &Beginning) -> Result<String, StripeError> {
    let mut terms = beginning.terms.clone();
    let is_sent = member(&terms, "collection_method") == "send_invoice";
    let waits = is_sent || beginning.is_draft;
    let is_charged = !waits && asks_for_money(account, beginning);
    if is_charged && beginning.payment != FirstPayment::Deferred {
        check_payable(account, beginning)?;
    }
    terms.status = match (terms.trial_end, is_charged) {
        (Some(_), _) => "trialing",
        (None, true) => "incomplete",
        (None, false) => "active",
    };
    terms.members.push(("_is_beginning", json!(true)));
    let id = subscription::insert(account, &terms);
    if let Err(error) = attach_discounts(account, &id, beginning) {
        account.delete("subscription", &id, None);
        return Err(error);
    }
    let currency = account.get(&id)["currency"].clone();
    let customer = terms.customer;
    let customer_before = fix_currency(account, &customer, &currency);
    let first = insert_first_invoice_if_any(account, &id, &beginning.one_time);
    if let Some(invoice_id) = &first {
        account.raise("invoice.created", invoice_id);
        if !waits {
            collect_first(account, &id, invoice_id, beginning);
        } else if beginning.is_draft {
            invoice::plan_advance(account, invoice_id);
        }
    } else if account.get(&id)["status"] == "incomplete" {
        account.set(&id, "status", json!("active"));
    }
    if let Some(before) = customer_before {
        account.raise_update("customer.updated", &customer, &before);
    }
    finish(account, &id);
    Ok(id)
}

/// The events of a subscription that has begun.
fn finish(account: &mut Account, id: &str) {
    let now = account.now;
    if let Some(members) = account.edit(id).and_then(Value::as_object_mut) {
        members.shift_remove("_is_beginning");
        members.shift_remove("_stub");
    }
    let subscription = account.snapshot(id);
    let waits_for_card = matches!(subscription["status"].as_str(), Some("trialing" | "active"))
        && subscription["collection_method"] == "charge_automatically"
        && collection::method_of(account, &subscription).is_none();
    if waits_for_card {
        collection::ask_for_method(account, id);
    }
    account.raise("customer.subscription.created", id);
    if subscription["status"] == "incomplete" {
        let at = now.saturating_add(subscription::FIRST_PAYMENT_SECONDS);
        account.when(at, "subscription.incomplete", id);
    } else {
        trial::announce_if_near(account, id);
        let customer = text(&subscription["customer"]);
        reaction::subscriptions_changed(account, &customer);
    }
}

/// Whether the first invoice comes to something.
fn asks_for_money(account: &Account, beginning: &Beginning) -> bool {
    let terms = &beginning.terms;
    let once = beginning
        .one_time
        .iter()
        .any(|(price, quantity)| price::amount_of(price, *quantity) > 0);
    let is_free_stub = terms.members.iter().any(|(name, _)| *name == "_stub");
    let recurring = terms.trial_end.is_none()
        && !is_free_stub
        && terms.item_terms.iter().any(|item| {
            !is_metered(&item.price) && price::amount_of(&item.price, item.quantity) > 0
        });
    let is_waived = beginning.discounts.iter().any(|sent| {
        let code = account.get(sent["promotion_code"].as_str().unwrap_or_default());
        let coupon = sent["coupon"]
            .as_str()
            .or(code["promotion"]["coupon"].as_str());
        let percent = &account.get(coupon.unwrap_or_default())["percent_off"];
        percent.as_f64().is_some_and(|percent| percent >= 100.0)
    });
    (once || recurring) && !is_waived
}

/// Refuses what cannot be paid: no payment method at all, or, where payment is required, one that
/// will fail.
fn check_payable(account: &Account, beginning: &Beginning) -> Result<(), StripeError> {
    let terms = &beginning.terms;
    let probe = json!({
        "customer": terms.customer,
        "default_payment_method": terms.default_payment_method,
        "default_source": member(terms, "default_source"),
    });
    let Some(method) = collection::method_of(account, &probe) else {
        return Err(no_method());
    };
    if beginning.payment == FirstPayment::Required {
        collection::refuse_failing(account, &method, beginning.is_off_session)?;
    }
    Ok(())
}

/// Stripe's refusal where there is nothing to charge.
pub(crate) fn no_method() -> StripeError {
    StripeError::coded(
        "resource_missing",
        "This customer has no attached payment source or default payment method. Please consider \
         adding a default payment method. For more information, visit \
         https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
    )
    .executed()
}

fn member<'a>(terms: &'a Terms, name: &str) -> &'a Value {
    static NONE: Value = Value::Null;
    let found = terms.members.iter().find(|(known, _)| *known == name);
    found.map_or(&NONE, |(_, value)| value)
}

fn attach_discounts(
    account: &mut Account,
    id: &str,
    beginning: &Beginning,
) -> Result<(), StripeError> {
    let owner = Owner {
        customer: json!(beginning.terms.customer),
        subscription: json!(id),
        ..Owner::default()
    };
    let param = beginning.discounts_param;
    let items = &beginning.terms.item_terms;
    let amount = items
        .iter()
        .filter(|item| !is_metered(&item.price))
        .map(|item| price::amount_of(&item.price, item.quantity))
        .fold(0, i64::saturating_add);
    let currency = items.first().map(|item| &item.price["currency"]);
    let currency = currency.and_then(Value::as_str).unwrap_or_default();
    discount::check_minimum(account, &beginning.discounts, amount, currency, param)?;
    let own = discount::attach(account, &beginning.discounts, &owner, param)?;
    account.set(id, "discounts", json!(own));
    discount::leave::note_first(account, id);
    for (place, item) in beginning.terms.item_terms.iter().enumerate() {
        if item.discounts.is_empty() {
            continue;
        }
        let owner = Owner {
            subscription_item: account.get(id)["items"]["data"][place]["id"].clone(),
            ..owner.clone()
        };
        let param = format!("items[{place}][discounts]");
        let own = discount::attach(account, &item.discounts, &owner, &param)?;
        if let Some(stored) = account.edit(id) {
            stored["items"]["data"][place]["discounts"] = json!(own);
        }
    }
    Ok(())
}

/// Opens the first invoice and collects it, as far as that is wanted.
fn collect_first(account: &mut Account, id: &str, invoice_id: &str, beginning: &Beginning) {
    if beginning.payment == FirstPayment::Deferred {
        open::open(account, invoice_id);
    } else {
        collection::collect_now(account, id, invoice_id, beginning.is_off_session);
    }
}

fn insert_first_invoice_if_any(
    account: &mut Account,
    id: &str,
    one_time: &[(Value, i64)],
) -> Option<String> {
    let subscription = account.snapshot(id);
    let mut lines = pending::lines(account, id);
    lines.extend(first_lines(account, &subscription));
    for (price, quantity) in one_time {
        lines.push(one_time_line(account, &subscription, price, *quantity));
    }
    drop(subscription);
    let now = account.now;
    (!lines.is_empty())
        .then(|| billing::insert_invoice(account, id, "subscription_create", lines, (now, now)))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The first invoice, as a draft: the first period (a part of it before a later anchor), or nothing
/// during a trial. One-time prices that were bought along are on it as well.
pub(crate) fn insert_first_invoice(
    account: &mut Account,
    id: &str,
    one_time: &[(Value, i64)],
) -> String {
    insert_first_invoice_if_any(account, id, one_time).unwrap_or_default()
}

/// A line for something that is billed once.
pub(crate) fn one_time_line(
    account: &Account,
    subscription: &Value,
    price: &Value,
    quantity: i64,
) -> Line {
    Line {
        amount: price::amount_of(price, quantity),
        description: subscription::line_text(account, price, quantity),
        price: price.clone(),
        quantity,
        period: (account.now, account.now),
        tax_rates: billing::whole_rates(account, &subscription["default_tax_rates"]),
        ..Line::default()
    }
}

/// What the items of a new subscription ask for their first period.
pub(crate) fn first_lines(account: &Account, subscription: &Value) -> Vec<Line> {
    let now = account.now;
    let is_classic = !proration::is_flexible(subscription);
    let mut lines = Vec::new();
    for item in items(subscription) {
        let end = item["current_period_end"].as_i64().unwrap_or(now);
        if subscription["status"] == "trialing" {
            if !is_metered(&item["price"]) || is_classic {
                lines.push(billing::trial_line(account, subscription, item, (now, end)));
            }
            continue;
        }
        if is_metered(&item["price"]) {
            // Nothing is used yet; classic mode shows that as a line of nothing.
            if is_classic {
                lines.push(billing::item_line(account, subscription, item, (now, now)));
            }
            continue;
        }
        lines.extend(elapsed_line(account, subscription, item));
        lines.extend(current_line(account, subscription, item, end));
    }
    lines
}

/// The current period: whole, or the part of it that is left before the anchor.
fn current_line(account: &Account, subscription: &Value, item: &Value, end: i64) -> Option<Line> {
    let now = account.now;
    let line = billing::item_line(account, subscription, item, (now, end));
    let anchor = subscription["billing_cycle_anchor"].as_i64().unwrap_or(now);
    let (start, whole_end) = Interval::of(&item["price"]).period_at(anchor, now);
    if (start, whole_end) == (now, end) {
        return Some(line);
    }
    if subscription["_stub"] == "none" {
        return None;
    }
    let rate = Rate {
        amount: line.amount,
        start,
        end: whole_end,
    };
    Some(Line {
        amount: rate.share(now, end),
        ..line
    })
}

/// The time since a start in the past.
fn elapsed_line(account: &Account, subscription: &Value, item: &Value) -> Option<Line> {
    let now = account.now;
    let start = subscription["start_date"].as_i64()?;
    if start >= now || subscription["_stub"] == "none" {
        return None;
    }
    let line = billing::item_line(account, subscription, item, (start, now));
    let interval = Interval::of(&item["price"]);
    let mut amount = 0_i64;
    let mut from = start;
    // Period by period, so that whole ones cost what they always cost; a hundred years of months.
    for _ in 0..1_200 {
        if from >= now {
            break;
        }
        let (whole_start, whole_end) = interval.period_at(start, from);
        let rate = Rate {
            amount: line.amount,
            start: whole_start,
            end: whole_end,
        };
        amount = amount.saturating_add(rate.share(from, whole_end.min(now)));
        from = whole_end.max(from.saturating_add(1));
    }
    Some(Line { amount, ..line })
}

/// Remembers the currency that a customer's first subscription fixes.
pub(crate) fn fix_currency(
    account: &mut Account,
    customer_id: &str,
    currency: &Value,
) -> Option<Value> {
    let before = account.snapshot(customer_id);
    if !before["currency"].is_null() {
        return None;
    }
    account.set(customer_id, "currency", json!(currency));
    Some(before)
}
