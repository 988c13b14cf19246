//! The API versions that exist, and their order.

/// Stripe's releases since the oldest generation that is rendered.
const RELEASES: &[&str] = &[
    "2023-10-16",
    "2024-04-10",
    "2024-06-20",
    "2024-09-30.acacia",
    "2024-10-28.acacia",
    "2024-11-20.acacia",
    "2024-12-18.acacia",
    "2025-01-27.acacia",
    "2025-02-24.acacia",
    "2025-03-31.basil",
    "2025-04-30.basil",
    "2025-05-28.basil",
    "2025-06-30.basil",
    "2025-07-30.basil",
    "2025-08-27.basil",
    "2025-09-30.clover",
    "2025-10-29.clover",
    "2025-11-17.clover",
    "2025-12-15.clover",
    "2026-01-28.clover",
    "2026-02-25.clover",
    "2026-03-25.dahlia",
    "2026-04-22.dahlia",
    "2026-05-27.dahlia",
    "2026-06-24.dahlia",
    "2026-07-29.dahlia",
    "2026-08-26.dahlia",
    "2026-09-30.endive",
    "2026-10-28.endive",
];

/// One of Stripe's API releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(&'static str);

impl Version {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        RELEASES
            .iter()
            .find(|release| **release == text)
            .map(|release| Self(release))
    }

    pub(crate) fn newest() -> Self {
        Self(RELEASES[RELEASES.len() - 1])
    }

    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether this release came before a date (`2025-03-31`); dates order as text.
    pub(crate) fn is_before(self, date: &str) -> bool {
        self.0.get(..10).unwrap_or(self.0) < date
    }
}
