//! Lists by key: a limit and a cursor, never an offset.

/// How many rows one page may have.
pub const PAGE_LIMIT_MAX: u16 = 100;

/// How many rows a page has when nobody says.
pub const PAGE_LIMIT_DEFAULT: u16 = 20;

/// Which page of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    limit: u16,
    after: Option<String>,
}

/// The limit is not in `1..=PAGE_LIMIT_MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limit must be between 1 and {PAGE_LIMIT_MAX}")]
pub struct InvalidPageLimit;

impl PageRequest {
    /// Asks for at most `limit` rows after a cursor that an earlier page gave.
    ///
    /// # Errors
    /// [`InvalidPageLimit`].
    pub fn try_new(limit: u16, after: Option<String>) -> Result<Self, InvalidPageLimit> {
        if (1..=PAGE_LIMIT_MAX).contains(&limit) {
            Ok(Self { limit, after })
        } else {
            Err(InvalidPageLimit)
        }
    }

    /// Asks for the first page of the default size.
    pub fn first() -> Self {
        Self {
            limit: PAGE_LIMIT_DEFAULT,
            after: None,
        }
    }

    /// How many rows at most.
    pub fn limit(&self) -> u16 {
        self.limit
    }

    /// The key of the last row that the caller has, as an id's text.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }
}

/// One page of a list, in the order of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The cursor of the next page; absent on the last one.
    pub next: Option<String>,
}
