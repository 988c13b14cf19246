//! How far scans got, in memory.

use std::collections::BTreeSet;

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use crate::deliveries::ports::ScanLog;
use crate::deliveries::scan::Scan;
use crate::kernel::ports::StoreError;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;

#[derive(Debug, Clone)]
pub(super) struct ScanRow {
    scan: Scan,
    lease: Option<(Uuid, Timestamp)>,
    next_at: Timestamp,
}

impl ScanRow {
    fn is_of(&self, holder: Uuid) -> bool {
        self.lease.is_some_and(|(of, _)| of == holder)
    }

    fn is_free_at(&self, now: Timestamp) -> bool {
        self.lease.is_none_or(|(_, until)| until <= now)
    }
}

#[async_trait]
impl ScanLog for MemoryStore {
    async fn claim_scan(
        &self,
        first: &Scan,
        holder: Uuid,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Option<Scan>, StoreError> {
        self.call("claim_scan", |state| {
            let row = state.scans.entry(first.kind).or_insert_with(|| ScanRow {
                scan: first.clone(),
                lease: None,
                next_at: now,
            });
            let is_due = row.is_free_at(now) && row.next_at <= now;
            is_due.then(|| {
                row.lease = Some((holder, leased_until));
                row.scan.clone()
            })
        })
    }

    async fn keep_scan(
        &self,
        scan: &Scan,
        holder: Uuid,
        leased_until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.call("keep_scan", |state| {
            let row = state.scans.get_mut(&scan.kind);
            row.filter(|row| row.is_of(holder)).is_some_and(|row| {
                row.scan = scan.clone();
                row.lease = Some((holder, leased_until));
                true
            })
        })
    }

    async fn release_scan(
        &self,
        scan: &Scan,
        holder: Uuid,
        next_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.call("release_scan", |state| {
            let row = state.scans.get_mut(&scan.kind);
            if let Some(row) = row.filter(|row| row.is_of(holder)) {
                row.scan = scan.clone();
                row.lease = None;
                row.next_at = next_at;
            }
        })
    }

    async fn hurry_scans(
        &self,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.call("hurry_scans", |state| {
            let mut count = 0_u64;
            for row in state.scans.values_mut().filter(|row| row.is_free_at(now)) {
                row.next_at = row.next_at.min(now);
                if let Some(since) = since.filter(|since| *since < row.scan.position) {
                    row.scan.position = since;
                    row.scan.window = None;
                }
                count = count.saturating_add(1);
            }
            count
        })
    }

    async fn scans(&self) -> Result<Vec<Scan>, StoreError> {
        self.call("scans", |state| {
            state.scans.values().map(|row| row.scan.clone()).collect()
        })
    }

    async fn unknown_events(&self, ids: &[ProviderRef]) -> Result<Vec<ProviderRef>, StoreError> {
        self.call("unknown_events", |state| {
            let known: BTreeSet<&ProviderRef> = state
                .inbox
                .values()
                .map(|row| &row.event.envelope.provider_event_id)
                .collect();
            let unknown = ids.iter().filter(|id| !known.contains(id));
            unknown.cloned().collect()
        })
    }
}
