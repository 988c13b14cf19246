//! Typed ids over UUIDv7: an order's id cannot be passed where an intent's is asked for.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// What a kind of id is called.
pub trait IdKind {
    /// The readable prefix, without the underscore; at most five letters.
    const PREFIX: &'static str;
}

/// An id of one kind: written `prefix_` and 32 hexadecimal digits.
///
/// A bare UUID is read as well (spec A-011); another kind's prefix is not.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

/// The text is not an id of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id: expected `{prefix}_` and 32 hexadecimal digits, or a UUID")]
pub struct InvalidId {
    /// The prefix that this kind of id has.
    pub prefix: &'static str,
}

impl<K: IdKind> Id<K> {
    /// Wraps a UUID that is known to be of this kind.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self {
            uuid,
            kind: PhantomData,
        }
    }

    /// The UUID that is stored.
    pub const fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// Parses the prefixed form or a bare UUID.
    ///
    /// # Errors
    /// [`InvalidId`] for anything else, another kind's prefix included.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId { prefix: K::PREFIX };
        let digits = match text.split_once('_') {
            Some((prefix, digits)) if prefix == K::PREFIX && digits.len() == 32 => digits,
            Some(_) => return Err(invalid),
            None if text.len() == 36 || text.len() == 32 => text,
            None => return Err(invalid),
        };
        match Uuid::try_parse(digits) {
            Ok(uuid) => Ok(Self::from_uuid(uuid)),
            Err(_) => Err(invalid),
        }
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl<K> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, self.uuid.simple())
    }
}

impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: IdKind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: IdKind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Declares each kind once: marker, prefix and the alias that the code uses.
macro_rules! id_kinds {
    ($($(#[$doc:meta])* $alias:ident, $marker:ident, $prefix:literal;)*) => {
        $(
            #[doc = concat!("Marks ids written `", $prefix, "_…`.")]
            #[derive(Debug)]
            pub enum $marker {}

            impl IdKind for $marker {
                const PREFIX: &'static str = $prefix;
            }

            $(#[$doc])*
            pub type $alias = Id<$marker>;
        )*

        /// Every prefix, so that a test can prove them distinct.
        pub const ID_PREFIXES: &[&str] = &[$($prefix),*];
    };
}

id_kinds! {
    /// Id of a checkout intent.
    IntentId, IntentKind, "chk";
    /// Id of an order.
    OrderId, OrderKind, "ord";
    /// Id of a refund.
    RefundId, RefundKind, "rfd";
    /// Id of a billing customer.
    CustomerId, CustomerKind, "cust";
    /// Id of a subscription's mirror.
    SubscriptionId, SubscriptionKind, "sub";
    /// Id of a product.
    ProductId, ProductKind, "prod";
    /// Id of a price.
    PriceId, PriceKind, "price";
    /// Id of a provisioning workflow.
    WorkflowId, WorkflowKind, "wf";
    /// Id of a tenant (an enterprise customer).
    TenantId, TenantKind, "ten";
    /// Id of a tenant's admin.
    TenantAdminId, TenantAdminKind, "tadm";
    /// Id of a tenant's catalogue.
    CatalogId, CatalogKind, "cat";
    /// Id of a customer agreement.
    AgreementId, AgreementKind, "agr";
    /// Id of a licence plan.
    PlanId, PlanKind, "plan";
    /// Id of a licence.
    LicenseId, LicenseKind, "lic";
    /// Id of a user of a project.
    UserId, UserKind, "user";
    /// Id of an entitlement.
    EntitlementId, EntitlementKind, "ent";
    /// Id of a project.
    ProjectId, ProjectKind, "proj";
    /// Id of an app.
    AppId, AppKind, "app";
    /// Id of an API key.
    ApiKeyId, ApiKeyKind, "key";
    /// Id of a stored provider event.
    InboxEventId, InboxEventKind, "whe";
    /// Id of the record of how far payloads were scrubbed.
    RetentionId, RetentionKind, "ret";
    /// Id of an outbox message.
    MessageId, MessageKind, "msg";
    /// Id of an audit entry.
    AuditId, AuditKind, "aud";
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = IntentId::parse(UUID).unwrap();
        assert_eq!(id.to_string(), "chk_01890a5dac96774bbcceb302099a8057");
        assert_eq!(IntentId::parse(&id.to_string()).unwrap(), id);
        assert_eq!(
            serde_json::from_str::<IntentId>(&serde_json::to_string(&id).unwrap()).unwrap(),
            id
        );
    }

    #[test]
    fn another_kinds_id_and_other_text_are_refused() {
        let order = OrderId::parse(UUID).unwrap().to_string();
        for text in [
            order.as_str(),
            "",
            "chk_",
            "chk_12",
            "42",
            "chk_é1890a5dac96774bbcceb302099a8057",
        ] {
            assert!(IntentId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_prefix_is_short_and_belongs_to_one_kind() {
        let mut prefixes = ID_PREFIXES.to_vec();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), ID_PREFIXES.len());
        assert!(prefixes.iter().all(|prefix| prefix.len() <= 5));
    }
}
