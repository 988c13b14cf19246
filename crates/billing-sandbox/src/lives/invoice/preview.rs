//! The invoice that would come next, or that a change of a subscription would bring. Nothing is
//! stored, and nobody is told.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::calendar::Interval;
use crate::lives::invoice::{DRAFT_SECONDS, Draft, Line, draft_object, item, totals};
use crate::lives::proration::is_metered;
use crate::lives::subscription::{self, begin, billing, cycle};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Empty for a customer that is only imagined.
    pub(crate) customer: String,
    pub(crate) currency: String,
    /// The subscription as it is; null if there is none yet.
    pub(crate) before: Value,
    /// The subscription as it shall be; null if none is billed.
    pub(crate) after: Value,
    /// What the change is billed with, and whether it is invoiced at once.
    pub(crate) change_lines: Vec<Line>,
    pub(crate) is_invoiced_now: bool,
    /// Only what comes back in every period.
    pub(crate) is_recurring_only: bool,
    pub(crate) proration_date: i64,
    /// Further items, newest first.
    pub(crate) extra: Vec<Line>,
    /// Ids of the discounts, where they are not the subscription's or the customer's.
    pub(crate) discounts: Option<Vec<String>>,
    pub(crate) default_tax_rates: Option<Vec<Value>>,
    pub(crate) tax_exempt: Option<String>,
}

impl Wanted {
    /// Whether a subscription that exists would be another one.
    fn is_change(&self) -> bool {
        !self.before.is_null() && self.after != self.before
    }
}

/// What the preview consists of, and when it would be made.
struct Contents {
    lines: Vec<Line>,
    period: (i64, i64),
    created: i64,
}

/// The invoice, or nothing if nothing would be invoiced.
pub(crate) fn preview(account: &mut Account, wanted: &Wanted) -> Option<Value> {
    let contents = contents(account, wanted);
    if contents.lines.is_empty() {
        return None;
    }
    let bills = if wanted.before.is_null() {
        &wanted.after
    } else {
        &wanted.before
    };
    let discounts = wanted.discounts.clone().unwrap_or_else(|| {
        let owner = if bills.is_null() {
            json!({ "customer": wanted.customer, "discounts": [] })
        } else {
            bills.clone()
        };
        billing::discounts_of(account, &owner, contents.created)
    });
    let default_tax_rates = wanted
        .default_tax_rates
        .clone()
        .unwrap_or_else(|| billing::whole_rates(account, &bills["default_tax_rates"]));
    let is_sent = bills["collection_method"] == "send_invoice";
    let draft = Draft {
        customer: wanted.customer.clone(),
        subscription: wanted.before["id"].clone(),
        subscription_metadata: bills["metadata"].clone(),
        currency: wanted.currency.clone(),
        reason: "upcoming",
        lines: contents.lines,
        period: contents.period,
        discounts,
        default_tax_rates,
        days_until_due: is_sent.then(|| bills["days_until_due"].as_i64().unwrap_or(30)),
        subscription_proration_date: wanted.is_change().then_some(wanted.proration_date),
        ..Draft::default()
    };
    let mut invoice = draft_object(account, &draft);
    dress(&mut invoice, wanted, contents.created, is_sent);
    totals::apply(account, &mut invoice);
    let open = invoice["total"]
        .as_i64()
        .unwrap_or(0)
        .saturating_add(invoice["starting_balance"].as_i64().unwrap_or(0));
    invoice["ending_balance"] = json!(open.min(0));
    Some(invoice)
}

/// What tells a preview from an invoice.
fn dress(invoice: &mut Value, wanted: &Wanted, created: i64, is_sent: bool) {
    let id = invoice["id"].as_str().unwrap_or_default().to_owned();
    invoice["id"] = json!(format!("upcoming_{id}"));
    invoice["created"] = json!(created);
    invoice["webhooks_delivered_at"] = Value::Null;
    if wanted.customer.is_empty() {
        invoice["customer"] = Value::Null;
    }
    if !is_sent {
        invoice["next_payment_attempt"] = json!(created.saturating_add(DRAFT_SECONDS));
    }
    if let Some(tax_exempt) = &wanted.tax_exempt {
        invoice["customer_tax_exempt"] = json!(tax_exempt);
    }
    invoice["lines"]["url"] = json!(format!(
        "/v1/invoices/upcoming/lines?customer={}",
        wanted.customer
    ));
    for line in invoice["lines"]["data"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        let line_id = line["id"].as_str().unwrap_or_default().to_owned();
        line["id"] = json!(line_id.replacen("il_", "il_tmp_", 1));
        line["invoice"] = Value::Null;
    }
}

fn contents(account: &Account, wanted: &Wanted) -> Contents {
    let now = account.now;
    let at = wanted.proration_date;
    let mut lines = wanted.extra.clone();
    if wanted.before.is_null() {
        if wanted.after.is_null() {
            lines.extend(waiting(account, wanted));
        } else {
            if !wanted.is_recurring_only {
                lines.extend(waiting(account, wanted));
            }
            lines.extend(begin::first_lines(account, &wanted.after));
        }
        return Contents {
            lines,
            period: (now, now),
            created: now,
        };
    }
    let start = subscription::items(&wanted.before)
        .iter()
        .filter_map(|item| item["current_period_start"].as_i64())
        .max()
        .unwrap_or(now);
    if !wanted.is_recurring_only {
        let (prorations, plain): (Vec<Line>, Vec<Line>) = wanted
            .change_lines
            .iter()
            .cloned()
            .partition(|line| line.is_proration);
        lines.extend(prorations);
        lines.extend(waiting(account, wanted));
        if wanted.is_invoiced_now {
            lines.extend(plain);
        }
    }
    if wanted.is_invoiced_now && !wanted.is_recurring_only {
        return Contents {
            lines,
            period: (start, at),
            created: at,
        };
    }
    let end = cycle::next_end(&wanted.after).unwrap_or(now);
    lines.extend(renewal_lines(account, &wanted.after, end));
    Contents {
        lines,
        period: (start, end),
        created: end,
    }
}

/// The items of the customer that wait for this invoice.
fn waiting(account: &Account, wanted: &Wanted) -> Vec<Line> {
    let subscription = &wanted.before["id"];
    item::pending(account, &wanted.customer, &wanted.currency, None)
        .iter()
        .filter(|row| {
            let of = &row["parent"]["subscription_details"]["subscription"];
            of.is_null() || of == subscription
        })
        .map(item::as_line)
        .collect()
}

/// What the items ask for the periods that begin when one ends.
fn renewal_lines(account: &Account, subscription: &Value, end: i64) -> Vec<Line> {
    let is_ending = subscription["cancel_at"]
        .as_i64()
        .is_some_and(|at| at <= end);
    let anchor = subscription["billing_cycle_anchor"].as_i64().unwrap_or(end);
    let due = subscription::items(subscription)
        .iter()
        .filter(|item| item["current_period_end"].as_i64() == Some(end));
    let mut lines = Vec::new();
    for item in due {
        if is_metered(&item["price"]) {
            let start = item["current_period_start"].as_i64().unwrap_or(end);
            lines.push(billing::item_line(
                account,
                subscription,
                item,
                (start, end),
            ));
        } else if !is_ending {
            let period = Interval::of(&item["price"]).period_at(anchor, end);
            lines.push(billing::item_line(account, subscription, item, period));
        }
    }
    lines
}
