//! The rows of the memory store: one map per kind, the unique index, and the queues.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::inbox::{InboxRow, LaneRow};
use super::outbox::OutboxRow;
use super::scans::ScanRow;
use crate::access::api_key::ApiKey;
use crate::access::project::{App, Project};
use crate::access::user::User;
use crate::catalog::price::Price;
use crate::catalog::product::Product;
use crate::checkout::intent::CheckoutIntent;
use crate::customers::customer::BillingCustomer;
use crate::deliveries::scan::ScanKind;
use crate::entitlements::entitlement::Entitlement;
use crate::kernel::audit::{AuditEntry, Entity};
use crate::kernel::change_set::UniqueRule;
use crate::kernel::ports::StoredAnswer;
use crate::kernel::stored::Stored;
use crate::kernel::timestamp::Timestamp;
use crate::licensing::agreement::{Catalog, CustomerAgreement};
use crate::licensing::license::License;
use crate::licensing::plan::SubscriptionPlan;
use crate::provider_events::lane::Lane;
use crate::provider_events::parent::Parent;
use crate::provider_events::payload_retention::PayloadRetention;
use crate::provisioning::workflow::ProvisioningWorkflow;
use crate::subscriptions::subscription::Subscription;
use crate::tenants::tenant::{Tenant, TenantAdmin};

/// Rows by id.
pub type Rows<T> = BTreeMap<Uuid, Stored<T>>;

/// A kind of entity that the store keeps.
pub trait Kept: Entity {
    /// Its table.
    fn rows(tables: &Tables) -> &Rows<Self>;

    /// Its table, to write.
    fn rows_mut(tables: &mut Tables) -> &mut Rows<Self>;

    /// What no other row of the kind may hold at the same time.
    fn unique_keys(&self) -> Vec<(UniqueRule, String)>;
}

/// Declares each table once.
macro_rules! tables {
    ($($field:ident: $entity:ty;)*) => {
        /// Every table.
        #[derive(Debug, Default)]
        #[expect(missing_docs, reason = "each table is named after its entity")]
        pub struct Tables {
            $(pub $field: Rows<$entity>,)*
        }

        $(
            impl Kept for $entity {
                fn rows(tables: &Tables) -> &Rows<Self> {
                    &tables.$field
                }

                fn rows_mut(tables: &mut Tables) -> &mut Rows<Self> {
                    &mut tables.$field
                }

                fn unique_keys(&self) -> Vec<(UniqueRule, String)> {
                    super::unique::UniqueKeys::keys(self)
                }
            }
        )*
    };
}

tables! {
    projects: Project;
    apps: App;
    api_keys: ApiKey;
    users: User;
    products: Product;
    prices: Price;
    customers: BillingCustomer;
    tenants: Tenant;
    tenant_admins: TenantAdmin;
    intents: CheckoutIntent;
    subscriptions: Subscription;
    workflows: ProvisioningWorkflow;
    catalogs: Catalog;
    agreements: CustomerAgreement;
    plans: SubscriptionPlan;
    licenses: License;
    entitlements: Entitlement;
    retentions: PayloadRetention;
}

/// Caller, route and key of a request.
pub(super) type AnswerKey = (String, String, String);

/// Everything in the store.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) tables: Tables,
    /// Which row holds a unique value.
    pub(super) unique: HashMap<(UniqueRule, String), Uuid>,
    pub(super) answers: HashMap<AnswerKey, (StoredAnswer, Timestamp)>,
    pub(super) audit: Vec<AuditEntry>,
    pub(super) outbox: Vec<OutboxRow>,
    /// Who has the outbox, and until when.
    pub(super) outbox_lease: Option<(String, Timestamp)>,
    pub(super) inbox: BTreeMap<Uuid, InboxRow>,
    pub(super) scans: BTreeMap<ScanKind, ScanRow>,
    pub(super) lanes: BTreeMap<Lane, LaneRow>,
}

impl State {
    /// Makes the events due that wait for one of these.
    pub(super) fn wake(&mut self, parents: &[Parent]) {
        for row in self.inbox.values_mut() {
            row.wake(parents);
        }
    }

    /// Whether nobody has to wait for it any more.
    pub(super) fn is_known(&self, parent: &Parent) -> bool {
        let mut intents = self.tables.intents.values();
        match parent {
            Parent::Intent(id) => intents.any(|row| row.value.id() == *id),
            Parent::SaleOf(subscription) => intents
                .any(|row| row.value.parts().links.subscription.as_ref() == Some(subscription)),
        }
    }
}
