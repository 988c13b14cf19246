//! How far the provider's list of events was looked through.

use sea_orm::entity::prelude::{
    ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};
use uuid::Uuid;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_scans")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    pub position: i64,
    pub window_from: Option<i64>,
    pub window_until: Option<i64>,
    pub page_after: Option<String>,
    pub finished_at: Option<i64>,
    pub found_count: i64,
    pub found_at: Option<i64>,
    pub last_error: Option<String>,
    pub holder: Option<Uuid>,
    pub leased_until: Option<i64>,
    pub next_at: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
