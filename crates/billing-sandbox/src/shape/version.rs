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

/// The dates of the releases that the tables have a column for.
const COLUMNS: &[&str] = &[
    "2023-10-16",
    "2024-04-10",
    "2024-06-20",
    "2025-02-24",
    "2025-08-27",
    "2025-10-29",
    "2026-02-25",
    "2026-03-25",
    "2026-08-26",
    "2026-10-28",
];

/// The columns in which a fact holds: `>4` from column 4 on, `<9` until column 8, nothing always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    from: u8,
    until: u8,
}

impl Range {
    pub(crate) const ALWAYS: Self = Self {
        from: 0,
        until: u8::MAX,
    };

    /// Reads the marks that a word ends with, and what comes before them.
    pub(crate) fn split(word: &str) -> (&str, Self) {
        let end = word.find(['<', '>']).unwrap_or(word.len());
        let (name, mut marks) = word.split_at(end);
        let mut range = Self::ALWAYS;
        while let Some(mark) = marks.chars().next() {
            let rest = &marks[1..];
            let digits = rest.find(['<', '>']).unwrap_or(rest.len());
            let column = rest[..digits].parse().unwrap_or(0);
            match mark {
                '>' => range.from = column,
                _ => range.until = column,
            }
            marks = &rest[digits..];
        }
        (name, range)
    }

    pub(crate) fn holds(self, version: Version) -> bool {
        let column = version.column();
        self.from <= column && column < self.until
    }
}

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

    /// The releases that the tables have a column of their own for, oldest first.
    pub(crate) fn described() -> impl Iterator<Item = Self> {
        let named = |date: &&str| RELEASES.iter().find(|release| release.starts_with(*date));
        COLUMNS
            .iter()
            .filter_map(named)
            .map(|release| Self(release))
    }

    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }

    /// The column of the tables that describes this release: the first listed one that is not
    /// older. Breaking changes come with a generation's first release, so nothing is shown early;
    /// additions go to all versions of a generation, as they do at Stripe.
    pub(crate) fn column(self) -> u8 {
        let at = COLUMNS
            .iter()
            .position(|date| !self.is_later_than(date))
            .unwrap_or(COLUMNS.len() - 1);
        u8::try_from(at).unwrap_or(u8::MAX)
    }

    fn is_later_than(self, date: &str) -> bool {
        self.0.get(..10).unwrap_or(self.0) > date
    }

    /// Whether this release came before a date (`2025-03-31`); dates order as text.
    pub(crate) fn is_before(self, date: &str) -> bool {
        self.0.get(..10).unwrap_or(self.0) < date
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_without_a_column_takes_the_next_of_its_generation() {
        let column = |text: &str| Version::parse(text).map(Version::column);
        assert_eq!(column("2023-10-16"), Some(0));
        assert_eq!(column("2024-09-30.acacia"), Some(3));
        assert_eq!(column("2025-03-31.basil"), Some(4));
        assert_eq!(column("2025-11-17.clover"), Some(6));
        assert_eq!(column("2026-10-28.endive"), Some(9));
    }

    #[test]
    fn ranges_are_read_from_the_marks_behind_a_name() {
        let (name, range) = Range::split("coupon>2<5");
        assert_eq!(name, "coupon");
        let holds = |text| Version::parse(text).is_some_and(|version| range.holds(version));
        assert!(!holds("2024-04-10"));
        assert!(holds("2024-06-20"));
        assert!(holds("2025-08-27.basil"));
        assert!(!holds("2025-10-29.clover"));
        assert_eq!(Range::split("plain"), ("plain", Range::ALWAYS));
    }
}
