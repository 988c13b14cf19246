//! One sale with everything that hangs on it, as JSON and back: the rows of a recorded case.

use std::collections::BTreeMap;

use billing_domain::kernel::id::IntentId;
use billing_domain::kernel::ports::StoreError;
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Select};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::RebuildStore;
use crate::fault::store_error;
use crate::rows::{
    Cells, Row, agreement, catalog, customer, entitlement, intent, license, plan, price, product,
    project, subscription, tenant, tenant_admin, user, workflow,
};

/// Rows by table, in the order in which they can be inserted.
pub type Rows = BTreeMap<String, Vec<Value>>;

impl RebuildStore {
    pub(super) async fn restore_into<R>(&self, row: Value) -> Result<(), StoreError>
    where
        R: Row,
        R::Model: IntoActiveModel<R::ActiveModel> + DeserializeOwned,
        R::ActiveModel: Send,
    {
        let cells = Cells::of("recorded_case", Uuid::nil());
        let model: R::Model = cells.parsed("row", serde_json::from_value(row))?;
        self.put::<R>(model).await
    }

    /// Puts the rows of a case into the store that is rebuilt.
    pub async fn restore(&self, rows: &Rows) -> Result<(), StoreError> {
        for (table, rows) in rows {
            for row in rows {
                self.restore_row(table, row.clone()).await?;
            }
        }
        Ok(())
    }

    /// The rebuilt sales that these texts name, by our ids or the provider's.
    pub async fn sales_named(&self, texts: &[String]) -> Result<Vec<Uuid>, StoreError> {
        use intent::Column;
        let ids = texts.iter().filter_map(|text| IntentId::parse(text).ok());
        let ids: Vec<Uuid> = ids.map(|id| id.uuid()).collect();
        let named = Condition::any()
            .add(Column::Id.is_in(ids))
            .add(Column::SessionRef.is_in(texts))
            .add(Column::SubscriptionRef.is_in(texts))
            .add(Column::CustomerRef.is_in(texts));
        let sales = self.found(intent::Entity::find().filter(named)).await?;
        Ok(sales.into_iter().map(|sale| sale.id).collect())
    }

    async fn found<R: Row>(&self, selection: Select<R>) -> Result<Vec<R::Model>, StoreError> {
        selection
            .all(self.rebuilt.reads())
            .await
            .map_err(store_error)
    }

    /// Everything that is rebuilt of these sales.
    pub async fn family(&self, sales: &[Uuid]) -> Result<Rows, StoreError> {
        let sales = sales.to_vec();
        let intents = intent::Entity::find().filter(intent::Column::Id.is_in(sales.clone()));
        let intents = self.found(intents).await?;
        let users = of(&intents, |row| Some(row.user_id));
        let users = user::Entity::find().filter(user::Column::Id.is_in(users));
        let users = self.found(users).await?;
        let owners = of(&users, |row| Some(row.id));
        let customers = customer::Entity::find().filter(customer::Column::OwnerId.is_in(owners));
        let customers = self.found(customers).await?;
        let subscriptions = subscription::Entity::find()
            .filter(subscription::Column::IntentId.is_in(sales.clone()));
        let subscriptions = self.found(subscriptions).await?;
        let workflows = workflow::Entity::find().filter(workflow::Column::IntentId.is_in(sales));
        let workflows = self.found(workflows).await?;
        let tenants = of(&intents, |row| row.tenant_id);
        let admins = tenant_admin::Column::TenantId.is_in(tenants.clone());
        let admins = self
            .found(tenant_admin::Entity::find().filter(admins))
            .await?;
        let catalogs = catalog::Column::TenantId.is_in(tenants.clone());
        let catalogs = self.found(catalog::Entity::find().filter(catalogs)).await?;
        let agreements = agreement::Column::TenantId.is_in(tenants.clone());
        let agreements = self
            .found(agreement::Entity::find().filter(agreements))
            .await?;
        let tenants = tenant::Entity::find().filter(tenant::Column::Id.is_in(tenants));
        let tenants = self.found(tenants).await?;
        let of_workflows = of(&workflows, |row| Some(row.id));
        let plans = plan::Entity::find().filter(plan::Column::WorkflowId.is_in(of_workflows));
        let plans = self.found(plans).await?;
        let of_plans = of(&plans, |row| Some(row.id));
        let licenses = license::Entity::find().filter(license::Column::PlanId.is_in(of_plans));
        let licenses = self.found(licenses).await?;
        let sources = of(&licenses, |row| Some(row.id));
        let entitlements = entitlement::Column::SourceId.is_in(sources);
        let entitlements = entitlement::Entity::find().filter(entitlements);
        let entitlements = self.found(entitlements).await?;
        let mut sold = of(&plans, |row| Some(row.product_id));
        sold.extend(of(&catalogs, |row| Some(row.product_id)));
        let prices = price::Entity::find().filter(price::Column::ProductId.is_in(sold.clone()));
        let prices = self.found(prices).await?;
        let products = product::Entity::find().filter(product::Column::Id.is_in(sold));
        let products = self.found(products).await?;
        let projects = of(&users, |row| Some(row.project_id));
        let projects = project::Entity::find().filter(project::Column::Id.is_in(projects));
        let projects = self.found(projects).await?;
        Ok(BTreeMap::from([
            as_json::<project::Entity>(&projects),
            as_json::<user::Entity>(&users),
            as_json::<product::Entity>(&products),
            as_json::<price::Entity>(&prices),
            as_json::<customer::Entity>(&customers),
            as_json::<tenant::Entity>(&tenants),
            as_json::<tenant_admin::Entity>(&admins),
            as_json::<intent::Entity>(&intents),
            as_json::<subscription::Entity>(&subscriptions),
            as_json::<workflow::Entity>(&workflows),
            as_json::<catalog::Entity>(&catalogs),
            as_json::<agreement::Entity>(&agreements),
            as_json::<plan::Entity>(&plans),
            as_json::<license::Entity>(&licenses),
            as_json::<entitlement::Entity>(&entitlements),
        ]))
    }
}

fn of<M>(rows: &[M], id: impl Fn(&M) -> Option<Uuid>) -> Vec<Uuid> {
    rows.iter().filter_map(id).collect()
}

/// A table's rows under its name, in the order of their ids, so that two dumps of the same rows are
/// the same text.
fn as_json<R>(rows: &[R::Model]) -> (String, Vec<Value>)
where
    R: Row + Default,
    R::Model: Serialize,
{
    let mut rows: Vec<Value> = rows
        .iter()
        .filter_map(|row| serde_json::to_value(row).ok())
        .collect();
    rows.sort_by_key(|row| row["id"].to_string());
    (R::default().table_name().to_owned(), rows)
}
