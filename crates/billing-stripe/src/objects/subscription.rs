//! Subscriptions, whose period moved to their items in 2025-03-31.basil.

use billing_domain::kernel::id::IntentId;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::subscriptions::subscription::{
    SubscriptionFacts, SubscriptionReport, SubscriptionStatus,
};

use super::metadata::intent_in;
use crate::fields::{Fields, ReadError};

/// Reads a subscription; what is not mentioned at all is never taken for "no". Its period is its own until acacia, its items' since basil; an end that
/// was ordered is `cancel_at`, or the end of the period where only the flag says so.
pub(crate) fn read_subscription(object: &Fields<'_>) -> Result<SubscriptionReport, ReadError> {
    let intent_id: Option<IntentId> = intent_in(object)?;
    let status = object.needed("status", object.text("status")?)?;
    let items = object.needed("items", object.list("items")?)?;
    let first = object.needed("items", items.first())?;
    let (period_start, period_end) = period(object, &items)?;
    let flag = "cancel_at_period_end";
    let ends_with_period = object.needed(flag, object.flag(flag)?)?;
    let cancel_at = object.nullable_time("cancel_at")?;
    let facts = SubscriptionFacts {
        provider_id: object.needed("id", object.reference("id")?)?,
        customer: object.needed("customer", object.reference("customer")?)?,
        status: SubscriptionStatus::parse(status).ok_or_else(|| object.malformed("status"))?,
        quantity: quantity(object, first)?,
        price: match first.reference("price")? {
            Some(price) => Some(price),
            // Until 2020 there were plans only; their ids are ids of prices.
            None => Some(first.needed("price", first.reference("plan")?)?),
        },
        period_start: Some(period_start),
        period_end: Some(period_end),
        trial_end: object.nullable_time("trial_end")?,
        cancel_at: cancel_at.or(ends_with_period.then_some(period_end)),
        canceled_at: object.nullable_time("canceled_at")?,
        ended_at: object.nullable_time("ended_at")?,
        has_pending_update: {
            let pending = object.child("pending_update")?;
            object.nullable("pending_update", pending)?.is_some()
        },
    };
    Ok(SubscriptionReport { intent_id, facts })
}

type Period = (Timestamp, Timestamp);

/// The subscription's own period, else that of the item which ends last.
fn period(object: &Fields<'_>, items: &[Fields<'_>]) -> Result<Period, ReadError> {
    if object.mentions("current_period_end") || object.mentions("current_period_start") {
        return period_of(object);
    }
    let mut latest: Option<Period> = None;
    for item in items {
        let candidate = period_of(item)?;
        if latest.is_none_or(|latest| candidate.1 > latest.1) {
            latest = Some(candidate);
        }
    }
    object.needed("current_period_end", latest)
}

fn period_of(object: &Fields<'_>) -> Result<Period, ReadError> {
    let (start, end) = ("current_period_start", "current_period_end");
    Ok((
        object.needed(start, object.time(start)?)?,
        object.needed(end, object.time(end)?)?,
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
