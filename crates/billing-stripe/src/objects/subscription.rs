//! Subscriptions, whose period moved to their items in 2025-03-31.basil.

use billing_domain::kernel::id::IntentId;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::subscriptions::subscription::{
    SubscriptionFacts, SubscriptionReport, SubscriptionStatus,
};

use super::Reading;
use super::metadata::intent_in;
use crate::fields::{Fields, ReadError};

/// Reads a subscription. Its period is its own until acacia, its items' since basil; an end that
/// was ordered is `cancel_at`, or the end of the period where only the flag says so.
pub(crate) fn read_subscription(
    object: &Fields<'_>,
) -> Result<Reading<SubscriptionReport>, ReadError> {
    let intent_id: Option<IntentId> = intent_in(object)?;
    let status = object.needed("status", object.text("status")?)?;
    let items = object.needed("items", object.list("items")?)?;
    let first = object.needed("items", items.first())?;
    let (period_start, period_end) = period(object, &items)?;
    let ends_with_period = object.flag("cancel_at_period_end")? == Some(true);
    let cancel_at = object.time("cancel_at")?;
    let facts = SubscriptionFacts {
        provider_id: object.needed("id", object.reference("id")?)?,
        customer: object.needed("customer", object.reference("customer")?)?,
        status: SubscriptionStatus::parse(status).ok_or_else(|| object.malformed("status"))?,
        quantity: quantity(object, first)?,
        price: match first.reference("price")? {
            Some(price) => Some(price),
            // Until 2020 there were plans only; their ids are ids of prices.
            None => first.reference("plan")?,
        },
        period_start,
        period_end,
        trial_end: object.time("trial_end")?,
        cancel_at: cancel_at.or(if ends_with_period { period_end } else { None }),
        canceled_at: object.time("canceled_at")?,
        ended_at: object.time("ended_at")?,
        has_pending_update: object.has("pending_update"),
    };
    Ok(Reading {
        is_complete: period_end.is_some() && period_start.is_some(),
        value: SubscriptionReport { intent_id, facts },
    })
}

type Period = (Option<Timestamp>, Option<Timestamp>);

/// The subscription's own period, else that of the item which ends last.
fn period(object: &Fields<'_>, items: &[Fields<'_>]) -> Result<Period, ReadError> {
    let own = period_of(object)?;
    if own.1.is_some() {
        return Ok(own);
    }
    let mut latest: Period = (None, None);
    for item in items {
        let candidate = period_of(item)?;
        if candidate.1 > latest.1 {
            latest = candidate;
        }
    }
    Ok(latest)
}

fn period_of(object: &Fields<'_>) -> Result<Period, ReadError> {
    Ok((
        object.time("current_period_start")?,
        object.time("current_period_end")?,
    ))
}

/// Units of the first item. A metered item has none, which is 0 and not an omission.
fn quantity(object: &Fields<'_>, first: &Fields<'_>) -> Result<u32, ReadError> {
    let given = match first.integer("quantity")? {
        Some(quantity) => Some(quantity),
        None => object.integer("quantity")?,
    };
    match given {
        Some(quantity) => u32::try_from(quantity).map_err(|_| first.malformed("quantity")),
        None if is_metered(first)? => Ok(0),
        None => first.needed("quantity", None),
    }
}

fn is_metered(item: &Fields<'_>) -> Result<bool, ReadError> {
    let recurring = match item.child("price")? {
        Some(price) => price.child("recurring")?,
        None => item.child("plan")?,
    };
    match recurring {
        Some(recurring) => Ok(recurring.text("usage_type")? == Some("metered")),
        None => Ok(false),
    }
}
