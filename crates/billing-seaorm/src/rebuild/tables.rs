//! Which tables a rebuild knows, and what it does with each: the one place that a new table goes to.

use billing_domain::kernel::audit::EntityKind;
use billing_domain::kernel::ports::StoreError;
use billing_domain::rebuild::comparison::ProjectedRow;
use sea_orm::EntityName;
use serde_json::Value;
use uuid::Uuid;

use super::RebuildStore;
use crate::rows::{
    Cells, agreement, catalog, customer, entitlement, intent, license, plan, price, product,
    project, subscription, tenant, tenant_admin, user, workflow,
};
use crate::store::SeaOrmStore;

/// Names each kind once: copied as people and the catalogue gave it, rebuilt and compared but for
/// some columns, or left alone.
macro_rules! tables {
    (
        copied { $($copied:ident => $copied_row:ident;)* }
        rebuilt { $($kind:ident => $row:ident, except $columns:expr;)* }
        left { $($left:ident),* }
    ) => {
        /// The kinds that are rebuilt and compared, in order.
        pub(super) const REBUILT: &[EntityKind] = &[$(EntityKind::$kind),*];

        /// The columns of a kind that are not compared, because no recorded commit says what they
        /// must be: people gave them, or they only count writes. `None` for a kind that is copied
        /// as a whole, or has no part in this.
        pub fn not_compared(kind: EntityKind) -> Option<&'static [&'static str]> {
            match kind {
                $(EntityKind::$kind => Some(&$columns),)*
                $(EntityKind::$copied)|* | $(EntityKind::$left)|* => None,
            }
        }

        impl RebuildStore {
            /// Copies the tables that no event writes.
            pub(super) async fn copy_all(&self) -> Result<(), StoreError> {
                $(self.copy::<$copied_row::Entity>().await?;)*
                Ok(())
            }

            /// Takes a rebuilt kind's row over from the live store; does nothing for another kind.
            pub(super) async fn give_whole(
                &self,
                kind: EntityKind,
                id: Uuid,
            ) -> Result<(), StoreError> {
                match kind {
                    $(EntityKind::$kind => self.give_row::<$row::Entity>(id).await,)*
                    $(EntityKind::$copied)|* | $(EntityKind::$left)|* => Ok(()),
                }
            }

            /// A page of a rebuilt kind; nothing of another kind.
            pub(super) async fn page(
                store: &SeaOrmStore,
                kind: EntityKind,
                after: Option<Uuid>,
                limit: u32,
            ) -> Result<Vec<ProjectedRow>, StoreError> {
                match kind {
                    $(EntityKind::$kind => {
                        Self::page_of::<$row::Entity>(store, &$columns, after, limit).await
                    })*
                    $(EntityKind::$copied)|* | $(EntityKind::$left)|* => Ok(Vec::new()),
                }
            }

            /// Puts a row of a recorded case into the store that is rebuilt.
            pub(super) async fn restore_row(
                &self,
                table: &str,
                row: Value,
            ) -> Result<(), StoreError> {
                $(if table == $copied_row::Entity.table_name() {
                    return self.restore_into::<$copied_row::Entity>(row).await;
                })*
                $(if table == $row::Entity.table_name() {
                    return self.restore_into::<$row::Entity>(row).await;
                })*
                Err(Cells::of("recorded_case", Uuid::nil()).inconsistent("table"))
            }
        }
    };
}

tables! {
    copied {
        Project => project;
        User => user;
        Product => product;
        Price => price;
        Customer => customer;
    }
    rebuilt {
        Tenant => tenant, except ["version"];
        TenantAdmin => tenant_admin, except ["version"];
        // The request itself, its conversation with the provider, and words for operators.
        Intent => intent, except [
            "version",
            "updated_at",
            "created_at",
            "slug",
            "name",
            "name_folded",
            "country",
            "terms",
            "expires_at",
            "checkout_state",
            "checkout_attempt",
            "checkout_request",
            "checkout_requested_at",
            "opened_session",
            "last_checkout_error",
            "last_provisioning_error",
        ];
        Subscription => subscription, except ["version"];
        Workflow => workflow, except ["version"];
        // The product's name at that time.
        Catalog => catalog, except ["version", "title"];
        Agreement => agreement, except ["version"];
        Plan => plan, except ["version", "title"];
        // Who was invited, and with which key.
        License => license, except ["version", "email", "activation_key", "assigned_at"];
        // Which features the product had at that time.
        Entitlement => entitlement, except ["version", "feature_code"];
    }
    left { App, ApiKey, ProviderEvent, Retention }
}
