//! Our keys in Stripe's metadata: how an object at Stripe names the sale that it belongs to.

use billing_domain::kernel::id::IntentId;

use crate::fields::{Fields, ReadError};

/// Names the sale, on sessions, subscriptions and payments (B-048, E-039).
pub(crate) const INTENT_KEY: &str = "checkout_intent_id";
/// Names the request that opened a session, so that it is found again past the key window.
pub(crate) const REQUEST_KEY: &str = "checkout_request";
/// Names our customer on Stripe's.
pub(crate) const CUSTOMER_KEY: &str = "billing_customer_id";
/// Names the buyer.
pub(crate) const USER_KEY: &str = "user_id";
/// The reserved name.
pub(crate) const ENTERPRISE_NAME_KEY: &str = "enterprise_name";
/// The reserved slug.
pub(crate) const ENTERPRISE_SLUG_KEY: &str = "enterprise_slug";

/// The intent that the `metadata` of `object` names: none for what is not ours, an error
/// for what names ours and makes no sense. Where there is no `metadata` at all nobody can tell.
pub(crate) fn intent_in(object: &Fields<'_>) -> Result<Option<IntentId>, ReadError> {
    let Some(metadata) = object.nullable("metadata", object.child("metadata")?)? else {
        return Ok(None);
    };
    metadata
        .text(INTENT_KEY)?
        .map(|text| IntentId::parse(text).map_err(|_| metadata.malformed(INTENT_KEY)))
        .transpose()
}

/// Whether the metadata of an object says exactly this.
pub(crate) fn has_metadata(
    object: &Fields<'_>,
    key: &str,
    expected: &str,
) -> Result<bool, ReadError> {
    match object.child("metadata")? {
        None => Ok(false),
        Some(metadata) => Ok(metadata.text(key)? == Some(expected)),
    }
}
