//! Retention over the memory store, with a scrubber that is told what to leave.

use std::sync::Arc;

use time::Duration;

use super::{ScrubOrder, ScrubPayloads};
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::id::InboxEventId;
use crate::kernel::ports::{BillingWriter, Core};
use crate::kernel::text::Reason;
use crate::provider_events::event::{Payload, ProviderEvent};
use crate::provider_events::event_filter::EventName;
use crate::provider_events::ports::{
    DecodeError, EventInbox, EventLog, MockEventDecoder, MockPayloadScrubber, PayloadArchive,
};
use crate::provider_events::reports::CustomerReport;
use crate::testing::MemoryStore;
use crate::testing::contract::commit::delivery;
use crate::testing::fixtures::{World, provider_ref};

/// `mail:` is what a payload says about a person; the number behind it is a fact.
fn customer(payload: &[u8]) -> ProviderEvent {
    let text = String::from_utf8_lossy(payload).into_owned();
    let (email, id) = match text.split_once(':') {
        Some((_, id)) => (Some("ada@acme.example".to_owned()), id.to_owned()),
        None => (None, text),
    };
    ProviderEvent::CustomerChanged(Payload::Read(CustomerReport {
        id: provider_ref(&format!("cus_{id}")),
        email,
        is_deleted: false,
    }))
}

struct Bench {
    world: World,
    store: MemoryStore,
    use_case: ScrubPayloads,
}

impl Bench {
    /// `loses` is a payload that the scrubber makes say something else.
    fn new(loses: &'static [u8]) -> Self {
        let world = World::new(11);
        let store = MemoryStore::new();
        let mut scrubber = MockPayloadScrubber::new();
        scrubber.expect_scrub().returning(move |payload| {
            if payload == loses {
                return Ok(b"0".to_vec());
            }
            let text = String::from_utf8_lossy(payload).into_owned();
            Ok(text.rsplit(':').next().unwrap_or_default().into())
        });
        let mut decoder = MockEventDecoder::new();
        decoder.expect_decode().returning(|_, payload| {
            if payload == b"broken" {
                return Err(DecodeError {
                    field: "body".to_owned(),
                });
            }
            Ok(customer(payload))
        });
        let use_case = ScrubPayloads {
            core: Core {
                writer: Arc::new(store.clone()),
                clock: Arc::new(world.clock.clone()),
                ids: Arc::new(world.ids.clone()),
            },
            archive: Arc::new(store.clone()),
            scrubber: Arc::new(scrubber),
            decoder: Arc::new(decoder),
        };
        Self {
            world,
            store,
            use_case,
        }
    }

    async fn applied(&self, name: &str, payload: &[u8]) -> InboxEventId {
        let id = self.received(name, payload).await;
        let set = ChangeSet::caused_by(Cause::ProviderEvent(id), self.world.now());
        self.store.commit(set).await.unwrap();
        id
    }

    async fn received(&self, name: &str, payload: &[u8]) -> InboxEventId {
        let mut event = delivery(&self.world, name);
        event.payload = payload.to_vec();
        let id = event.id;
        self.store.record(event).await.unwrap();
        id
    }

    async fn discard(&self, id: InboxEventId) {
        let known = self.store.event(&EventName::Id(id)).await.unwrap().unwrap();
        let reason = Reason::parse("not ours").unwrap();
        let discarded = known.value.discard(&reason, self.world.now()).unwrap();
        let set = self
            .world
            .changes()
            .change_provider_event(&known, discarded);
        self.store.commit(set).await.unwrap();
    }

    async fn payload(&self, id: InboxEventId) -> Vec<u8> {
        let record = self.store.event_record(&EventName::Id(id)).await.unwrap();
        record.unwrap().payload
    }

    fn now_seconds(&self) -> i64 {
        self.world.now().unix_seconds()
    }

    fn order(&self) -> ScrubOrder {
        ScrubOrder {
            received_before: self.world.now().plus(Duration::hours(1)),
            is_rehearsal: false,
            from_the_first: false,
            cause: Cause::Job("scrub_payloads"),
        }
    }
}

#[tokio::test]
async fn what_is_personal_goes_and_what_would_say_something_else_stays() {
    let bench = Bench::new(b"mail:2");
    let one = bench.applied("evt_1", b"mail:1").await;
    let two = bench.applied("evt_2", b"mail:2").await;
    let broken = bench.applied("evt_3", b"broken").await;
    let waiting = bench.received("evt_4", b"mail:4").await;
    let report = bench.use_case.run(&bench.order(), &|_| {}).await.unwrap();
    assert_eq!(
        (
            report.scrubbed_count,
            report.irreducible_count,
            report.unsettled_count
        ),
        (1, 2, 1)
    );
    let discarded = bench.received("evt_5", b"broken").await;
    bench.discard(discarded).await;
    let report = bench.use_case.run(&bench.order(), &|_| {}).await.unwrap();
    assert_eq!((report.scrubbed_count, report.irreducible_count), (1, 0));
    let record = bench.store.event_record(&EventName::Id(discarded)).await;
    assert!(
        record.unwrap().unwrap().signature.is_empty(),
        "it is scrubbed"
    );
    assert_eq!(bench.payload(one).await, b"1");
    assert_eq!(bench.payload(two).await, b"mail:2");
    assert_eq!(bench.payload(broken).await, b"broken");
    assert_eq!(bench.payload(waiting).await, b"mail:4");
}

#[tokio::test]
async fn a_rehearsal_counts_and_changes_nothing() {
    let bench = Bench::new(b"");
    let one = bench.applied("evt_1", b"mail:1").await;
    let order = ScrubOrder {
        is_rehearsal: true,
        ..bench.order()
    };
    let report = bench.use_case.run(&order, &|_| {}).await.unwrap();
    assert_eq!(report.scrubbed_count, 1);
    assert_eq!(bench.payload(one).await, b"mail:1");
    assert_eq!(bench.store.retention().await.unwrap(), None);
}

#[tokio::test]
async fn it_goes_on_where_it_stopped_and_each_batch_is_audited() {
    let bench = Bench::new(b"");
    let waiting = bench.received("evt_0", b"mail:0").await;
    for number in 0..450 {
        bench.applied(&format!("evt_a{number}"), b"mail:1").await;
    }
    let report = bench.use_case.run(&bench.order(), &|_| {}).await.unwrap();
    assert_eq!((report.scrubbed_count, report.unsettled_count), (450, 1));
    let audited = |bench: &Bench| {
        let entries = bench.store.audit();
        entries
            .iter()
            .filter(|entry| entry.action == "payloads_scrubbed")
            .count()
    };
    assert_eq!(audited(&bench), 3);

    // Applied since: it is behind the place where the next run goes on.
    let set = ChangeSet::caused_by(Cause::ProviderEvent(waiting), bench.world.now());
    bench.store.commit(set).await.unwrap();
    let later = bench.applied("evt_later", b"mail:1").await;
    let report = bench.use_case.run(&bench.order(), &|_| {}).await.unwrap();
    assert_eq!(report.scrubbed_count, 1);
    assert_eq!(bench.payload(later).await, b"1");
    assert_eq!(bench.payload(waiting).await, b"mail:0");
    let order = ScrubOrder {
        from_the_first: true,
        ..bench.order()
    };
    let report = bench.use_case.run(&order, &|_| {}).await.unwrap();
    assert_eq!(report.scrubbed_count, 1);
    assert_eq!(bench.payload(waiting).await, b"0");
}

#[tokio::test]
async fn what_did_not_rest_is_looked_at_again_once_a_month() {
    let bench = Bench::new(b"");
    let waiting = bench.received("evt_0", b"mail:0").await;
    bench.applied("evt_1", b"mail:1").await;
    bench.use_case.run(&bench.order(), &|_| {}).await.unwrap();
    let set = ChangeSet::caused_by(Cause::ProviderEvent(waiting), bench.world.now());
    bench.store.commit(set).await.unwrap();
    let mut scrubbed = Vec::new();
    for _ in 0..61 {
        bench.world.clock.advance(Duration::days(1));
        // As on every day, something was looked at and the place moved on.
        bench
            .applied(&format!("evt_{}", bench.now_seconds()), b"mail:1")
            .await;
        bench.use_case.run(&bench.order(), &|_| {}).await.unwrap();
        scrubbed.push(bench.payload(waiting).await == b"0");
    }
    let after = scrubbed.iter().position(|is_scrubbed| *is_scrubbed);
    assert!(after.is_some_and(|days| days <= 30), "{after:?}");
}
