//! The inbox of the provider's events.

use sea_orm::entity::prelude::{
    ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};
use uuid::Uuid;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub provider_event_id: String,
    pub event_type: String,
    pub api_version: Option<String>,
    pub is_live: bool,
    pub account: Option<String>,
    pub payload: Vec<u8>,
    pub signature: String,
    pub correlation_id: Option<String>,
    pub created_at: i64,
    pub received_at: i64,
    pub status: String,
    pub attempts: i64,
    pub next_attempt_at: Option<i64>,
    pub claimed_until: Option<i64>,
    pub applied_at: Option<i64>,
    pub settled_at: Option<i64>,
    pub last_error: Option<String>,
    pub version: i64,
    pub subject: Option<String>,
    pub lane: i64,
    pub abandoned: i64,
    pub waiting_for: Option<String>,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
