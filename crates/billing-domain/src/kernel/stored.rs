//! A value as it was read: with the version that a later write must name.

/// The version of a stored row: 1 when it is inserted, one more with each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u32);

impl Version {
    /// The version of a row that was just inserted.
    pub const FIRST: Self = Self(1);

    /// The version in storage. Only for adapters.
    pub const fn restore(number: u32) -> Self {
        Self(number)
    }

    /// The number that is stored.
    pub const fn number(&self) -> u32 {
        self.0
    }

    /// The version after one more change.
    #[must_use]
    pub const fn next(&self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A value and the version under which it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// The value.
    pub value: T,
    /// The version that the row had.
    pub version: Version,
}

impl<T> Stored<T> {
    /// Pairs a value with the version of its row. Only for adapters.
    pub const fn restore(value: T, version: Version) -> Self {
        Self { value, version }
    }
}
