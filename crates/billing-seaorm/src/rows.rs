//! One file per table: its columns, and the written-out way from an entity to a row and back.
//!
//! Rows are parsed, not trusted: what does not make sense is [`StoreError::Inconsistent`].

use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::timestamp::Timestamp;
use sea_orm::EntityTrait;
use serde::de::DeserializeOwned;
use uuid::Uuid;

pub(crate) mod agreement;
pub(crate) mod answer;
pub(crate) mod api_key;
pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod catalog;
mod checkout_document;
pub(crate) mod customer;
pub(crate) mod delivery_cells;
pub(crate) mod entitlement;
pub(crate) mod event_scan;
pub(crate) mod intent;
pub(crate) mod license;
pub(crate) mod outbox;
pub(crate) mod plan;
pub(crate) mod price;
pub(crate) mod product;
pub(crate) mod project;
pub(crate) mod provider_event;
pub(crate) mod provider_event_attempt;
pub(crate) mod reading_document;
pub(crate) mod retention;
pub(crate) mod stored_event;
pub(crate) mod subscription;
pub(crate) mod tenant;
pub(crate) mod tenant_admin;
pub(crate) mod user;
pub(crate) mod workflow;

/// A table whose rows are entities of the domain under a version.
pub(crate) trait Row: EntityTrait {
    /// The entity.
    type Value;
    /// The column of its id.
    const ID: Self::Column;
    /// The column of its version.
    const VERSION: Self::Column;

    /// Writes an entity out.
    fn encode(value: &Self::Value, version: Version) -> Self::Model;

    /// Reads an entity back.
    fn decode(model: Self::Model) -> Result<Stored<Self::Value>, StoreError>;
}

/// Names table and row while columns are parsed, so that an error says where it was.
pub(crate) struct Cells {
    table: &'static str,
    row: String,
}

impl Cells {
    pub(crate) fn of(table: &'static str, id: Uuid) -> Self {
        Self {
            table,
            row: id.to_string(),
        }
    }

    /// A row whose key is a name.
    pub(crate) fn named(table: &'static str, name: &str) -> Self {
        Self {
            table,
            row: name.to_owned(),
        }
    }

    pub(crate) fn inconsistent(&self, column: &'static str) -> StoreError {
        StoreError::Inconsistent {
            table: self.table,
            column,
            row: self.row.clone(),
        }
    }

    pub(crate) fn parsed<T, E>(
        &self,
        column: &'static str,
        parsed: Result<T, E>,
    ) -> Result<T, StoreError> {
        parsed.map_err(|_| self.inconsistent(column))
    }

    pub(crate) fn present<T>(
        &self,
        column: &'static str,
        cell: Option<T>,
    ) -> Result<T, StoreError> {
        cell.ok_or_else(|| self.inconsistent(column))
    }

    /// Refuses a cell that the row's state has no place for.
    pub(crate) fn absent<T>(
        &self,
        column: &'static str,
        cell: Option<&T>,
    ) -> Result<(), StoreError> {
        match cell {
            None => Ok(()),
            Some(_) => Err(self.inconsistent(column)),
        }
    }

    pub(crate) fn optional<T, E>(
        &self,
        column: &'static str,
        cell: Option<&str>,
        parse: fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        cell.map(parse)
            .transpose()
            .map_err(|_| self.inconsistent(column))
    }

    pub(crate) fn time(&self, column: &'static str, micros: i64) -> Result<Timestamp, StoreError> {
        self.parsed(column, Timestamp::from_unix_micros(micros))
    }

    pub(crate) fn optional_time(
        &self,
        column: &'static str,
        micros: Option<i64>,
    ) -> Result<Option<Timestamp>, StoreError> {
        micros.map(|micros| self.time(column, micros)).transpose()
    }

    pub(crate) fn present_time(
        &self,
        column: &'static str,
        micros: Option<i64>,
    ) -> Result<Timestamp, StoreError> {
        self.time(column, self.present(column, micros)?)
    }

    pub(crate) fn count(&self, column: &'static str, number: i64) -> Result<u32, StoreError> {
        self.parsed(column, u32::try_from(number))
    }

    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        self.parsed(column, serde_json::from_str(text))
    }

    pub(crate) fn stored<T>(&self, value: T, version: i64) -> Result<Stored<T>, StoreError> {
        let number = self.count("version", version)?;
        if number == 0 {
            return Err(self.inconsistent("version"));
        }
        Ok(Stored::restore(value, Version::restore(number)))
    }
}

/// The version as a column.
pub(crate) fn version_cell(version: Version) -> i64 {
    i64::from(version.number())
}

/// A time as a column.
pub(crate) fn micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(|at| at.unix_micros())
}

/// A document as a column.
pub(crate) fn json_text<T: serde::Serialize>(document: &T) -> String {
    serde_json::to_string(document)
        .expect("documents of texts, numbers and lists have no key that JSON could not write")
}
