//! Two sides, row by row: what differs, and a checksum of each.

use std::collections::BTreeMap;

use uuid::Uuid;

/// Which of the two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The record.
    Live,
    /// What the log leads to.
    Rebuilt,
}

/// The part of a row that follows from the log: column and value as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectedRow {
    /// Its id.
    pub id: Uuid,
    /// Its columns by name.
    pub fields: BTreeMap<String, String>,
}

/// One thing that is not as the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The log leads to a row that is not there.
    Missing {
        /// Which.
        id: Uuid,
    },
    /// A row is there that the log does not lead to.
    Unexplained {
        /// Which.
        id: Uuid,
    },
    /// A column has another value.
    Field {
        /// Of which row.
        id: Uuid,
        /// Which column.
        field: String,
        /// What is there.
        live: String,
        /// What the log leads to.
        rebuilt: String,
    },
}

impl Difference {
    /// Of which row.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Missing { id } | Self::Unexplained { id } | Self::Field { id, .. } => *id,
        }
    }
}

/// Two rows of one id: each column that differs.
pub fn compare(live: &ProjectedRow, rebuilt: &ProjectedRow) -> Vec<Difference> {
    let absent = || "(absent)".to_owned();
    let names = live.fields.keys().chain(rebuilt.fields.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    let differs = names
        .into_iter()
        .filter(|name| live.fields.get(*name) != rebuilt.fields.get(*name));
    differs
        .map(|name| Difference::Field {
            id: live.id,
            field: name.clone(),
            live: live.fields.get(name).cloned().unwrap_or_else(absent),
            rebuilt: rebuilt.fields.get(name).cloned().unwrap_or_else(absent),
        })
        .collect()
}

/// A running checksum of rows in the order of their ids: FNV-1a with 64 bits, which finds a
/// mistake and does not stop an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum(u64);

impl Default for Checksum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Checksum {
    /// Takes a row in.
    pub fn add(&mut self, row: &ProjectedRow) {
        self.bytes(row.id.as_bytes());
        for (name, value) in &row.fields {
            self.bytes(name.as_bytes());
            self.bytes(&[0]);
            self.bytes(value.as_bytes());
            self.bytes(&[0]);
        }
    }

    /// Sixteen hexadecimal digits.
    pub fn text(self) -> String {
        format!("{:016x}", self.0)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u128, fields: &[(&str, &str)]) -> ProjectedRow {
        let fields = fields.iter();
        ProjectedRow {
            id: Uuid::from_u128(id),
            fields: fields
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn only_columns_that_differ_are_named() {
        let live = row(1, &[("status", "active"), ("quantity", "5")]);
        let rebuilt = row(1, &[("status", "canceled"), ("quantity", "5")]);
        assert_eq!(
            compare(&live, &rebuilt),
            [Difference::Field {
                id: live.id,
                field: "status".to_owned(),
                live: "active".to_owned(),
                rebuilt: "canceled".to_owned(),
            }]
        );
        assert!(compare(&live, &live).is_empty());
    }

    #[test]
    fn a_checksum_tells_apart_values_columns_and_order() {
        let sum = |rows: &[ProjectedRow]| {
            let mut sum = Checksum::default();
            for row in rows {
                sum.add(row);
            }
            sum.text()
        };
        let (one, two) = (row(1, &[("a", "bc")]), row(2, &[("a", "bc")]));
        let forward = sum(&[one.clone(), two.clone()]);
        assert_eq!(forward, sum(&[one.clone(), two.clone()]));
        assert_ne!(forward, sum(&[two, one.clone()]));
        assert_ne!(
            sum(std::slice::from_ref(&one)),
            sum(&[row(1, &[("ab", "c")])])
        );
        assert_ne!(sum(&[one]), sum(&[]));
    }
}
