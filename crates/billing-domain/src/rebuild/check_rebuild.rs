//! Compares the record with what the log leads to: table by table, with a checksum of each, and
//! every difference by its object.

use std::sync::Arc;

use super::comparison::{Checksum, Difference, ProjectedRow, Side, compare};
use super::ports::Projection;
use super::replay_history::{ReplayHistory, ReplayedHistory};
use crate::kernel::audit::EntityKind;
use crate::kernel::failure::StoreFailure;
use crate::kernel::timestamp::Timestamp;

/// How many rows of each side are in memory at a time.
pub const COMPARED_PAGE: u32 = 512;

/// How many differences of one table are named.
pub const DIFFERENCES_MAX: usize = 100;

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckProgress {
    /// So many commits were replayed.
    Replayed(u64),
    /// So many rows of a table were compared.
    Compared(EntityKind, u64),
}

/// What became of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// Of which kind of entity.
    pub kind: EntityKind,
    /// Rows on the live side.
    pub live_count: u64,
    /// Rows that the log leads to.
    pub rebuilt_count: u64,
    /// Over the rows of the live side.
    pub live_checksum: String,
    /// Over the rows that the log leads to.
    pub rebuilt_checksum: String,
    /// What differs; the first [`DIFFERENCES_MAX`].
    pub differences: Vec<Difference>,
    /// How many differences there are.
    pub difference_count: u64,
    /// Rows that differ because they changed while this ran.
    pub changed_meanwhile: u64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildReport {
    /// What was replayed.
    pub replayed: ReplayedHistory,
    /// Each table.
    pub tables: Vec<TableReport>,
}

impl RebuildReport {
    /// Whether the record is what the log leads to.
    pub fn is_proved(&self) -> bool {
        self.replayed.is_as_recorded()
            && self.tables.iter().all(|table| table.difference_count == 0)
    }
}

/// Checks a rebuild.
pub struct CheckRebuild {
    /// Replays the log.
    pub replay: ReplayHistory,
    /// Reads both sides.
    pub projection: Arc<dyn Projection>,
}

impl CheckRebuild {
    /// Replays and compares. `as_of` is when the history was read: what changed later is no
    /// difference.
    ///
    /// # Errors
    /// [`StoreFailure`].
    pub async fn run(
        &self,
        as_of: Timestamp,
        progress: &(dyn Fn(CheckProgress) + Send + Sync),
    ) -> Result<RebuildReport, StoreFailure> {
        let told = |done| progress(CheckProgress::Replayed(done));
        let replayed = self.replay.run(None, &told).await?;
        let mut tables = Vec::new();
        for kind in self.projection.kinds() {
            tables.push(self.table(kind, as_of, progress).await?);
        }
        Ok(RebuildReport { replayed, tables })
    }

    async fn table(
        &self,
        kind: EntityKind,
        as_of: Timestamp,
        progress: &(dyn Fn(CheckProgress) + Send + Sync),
    ) -> Result<TableReport, StoreFailure> {
        let mut live = Rows::of(&*self.projection, Side::Live, kind);
        let mut rebuilt = Rows::of(&*self.projection, Side::Rebuilt, kind);
        let mut report = TableReport {
            kind,
            live_count: 0,
            rebuilt_count: 0,
            live_checksum: String::new(),
            rebuilt_checksum: String::new(),
            differences: Vec::new(),
            difference_count: 0,
            changed_meanwhile: 0,
        };
        loop {
            if live.is_between_pages() {
                progress(CheckProgress::Compared(kind, live.count));
            }
            let (here, there) = (live.peek().await?, rebuilt.peek().await?);
            let found = match (here, there) {
                (None, None) => break,
                (Some(here), Some(there)) if here.id == there.id => {
                    let found = compare(here, there);
                    live.take();
                    rebuilt.take();
                    found
                }
                (Some(here), there) if there.is_none_or(|there| here.id < there.id) => {
                    let found = vec![Difference::Unexplained { id: here.id }];
                    live.take();
                    found
                }
                (_, Some(there)) => {
                    let found = vec![Difference::Missing { id: there.id }];
                    rebuilt.take();
                    found
                }
                (Some(_), None) => break,
            };
            let Some(first) = found.first() else { continue };
            if self
                .projection
                .is_changed_since(kind, first.id(), as_of)
                .await?
            {
                report.changed_meanwhile = report.changed_meanwhile.saturating_add(1);
                continue;
            }
            for difference in found {
                report.difference_count = report.difference_count.saturating_add(1);
                if report.differences.len() < DIFFERENCES_MAX {
                    report.differences.push(difference);
                }
            }
        }
        (report.live_count, report.live_checksum) = live.end();
        (report.rebuilt_count, report.rebuilt_checksum) = rebuilt.end();
        Ok(report)
    }
}

/// The rows of one side, page by page.
struct Rows<'a> {
    projection: &'a dyn Projection,
    side: Side,
    kind: EntityKind,
    page: std::collections::VecDeque<ProjectedRow>,
    last: Option<uuid::Uuid>,
    is_over: bool,
    count: u64,
    checksum: Checksum,
}

impl<'a> Rows<'a> {
    fn of(projection: &'a dyn Projection, side: Side, kind: EntityKind) -> Self {
        Self {
            projection,
            side,
            kind,
            page: std::collections::VecDeque::new(),
            last: None,
            is_over: false,
            count: 0,
            checksum: Checksum::default(),
        }
    }

    async fn peek(&mut self) -> Result<Option<&ProjectedRow>, StoreFailure> {
        if self.page.is_empty() && !self.is_over {
            let rows = self
                .projection
                .rows(self.side, self.kind, self.last, COMPARED_PAGE)
                .await?;
            self.last = rows.last().map(|row| row.id).or(self.last);
            self.is_over = rows.is_empty();
            self.page = rows.into();
        }
        Ok(self.page.front())
    }

    fn is_between_pages(&self) -> bool {
        self.page.is_empty()
    }

    fn take(&mut self) {
        if let Some(row) = self.page.pop_front() {
            self.count = self.count.saturating_add(1);
            self.checksum.add(&row);
        }
    }

    fn end(self) -> (u64, String) {
        (self.count, self.checksum.text())
    }
}
