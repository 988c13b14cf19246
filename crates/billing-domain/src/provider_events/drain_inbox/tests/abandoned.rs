//! An event that ends its worker is found and parked, and costs its neighbours nothing but time.

use super::order::Replica;
use super::*;
use crate::provider_events::ports::{DecodeError, EventDecoder};

const POISON: &str = "evt_cus_1_0002";

/// Decodes what it is given, and ends the worker at one event.
struct Deadly(super::order::Diary);

impl EventDecoder for Deadly {
    fn decode(&self, event_type: &str, payload: &[u8]) -> Result<ProviderEvent, DecodeError> {
        let decoded = self.0.decode(event_type, payload);
        assert_ne!(event_type, POISON, "this ends its worker");
        decoded
    }
}

/// Takes turns until there is nothing to do or the worker has ended; whether it lives.
async fn works_until_it_ends(replica: Replica) -> bool {
    let Replica {
        mut drain, diary, ..
    } = replica;
    let mut apply = Arc::into_inner(drain.apply).unwrap();
    apply.decoder = Arc::new(Deadly(diary));
    drain.apply = Arc::new(apply);
    let working = tokio::spawn(async move { while drain.run().await.unwrap().claimed() > 0 {} });
    match working.await {
        Ok(()) => true,
        Err(ended) => {
            assert!(ended.is_panic());
            false
        }
    }
}

#[tokio::test]
async fn f_2_an_event_that_ends_its_worker_is_parked_after_five_attempts_and_its_neighbours_applied()
 {
    let bench = Workbench::new().await;
    let sender = Replica::beside(&bench);
    for number in 1..=3 {
        sender.receives("cus_1", number).await;
        sender.receives("cus_2", number).await;
    }
    let (mut deaths, mut decided) = (0, Vec::new());
    loop {
        let replica = Replica::beside(&bench);
        let diary = replica.diary.clone();
        let lives = works_until_it_ends(replica).await;
        decided.extend(diary.decided());
        if lives {
            break;
        }
        deaths += 1;
        assert!(deaths <= ABANDONED_MAX, "it goes on for ever: {decided:?}");
        // Nobody touches its lanes before.
        bench.clock().advance(LEASE);
    }
    assert_eq!(deaths, ABANDONED_MAX);
    let attempts = decided.iter().filter(|event| *event == POISON).count();
    assert_eq!(attempts, usize::try_from(ABANDONED_MAX).unwrap());
    let statuses = bench.store.event_statuses();
    let parked: Vec<&InboxStatus> = (statuses.iter())
        .filter(|status| !matches!(status, InboxStatus::Skipped { .. }))
        .collect();
    let [InboxStatus::Parked { reason }] = parked[..] else {
        panic!("the neighbours ended, and it is parked: {statuses:?}");
    };
    assert_eq!(
        reason, "its worker ended 5 times while it applied this event",
        "an operator reads why"
    );
    // Nobody else was begun over and over: with the poison once, and then by itself.
    for neighbour in ["evt_cus_1_0001", "evt_cus_1_0003", "evt_cus_2_0002"] {
        let attempts = decided.iter().filter(|event| *event == neighbour).count();
        assert!((1..=2).contains(&attempts), "{neighbour}: {decided:?}");
    }
    let of_subject = decided.iter().filter(|event| event.contains("cus_1"));
    assert!(of_subject.is_sorted(), "in order to the end: {decided:?}");
}

#[tokio::test]
async fn an_attempt_that_was_heard_of_begins_the_count_anew() {
    let bench = with_thin_event().await;
    for _ in 0..3 * ABANDONED_MAX {
        assert_eq!(slow_worker(&bench).await.len(), 1);
        bench.clock().advance(LEASE);
        unreachable(&bench);
        assert_eq!(bench.drain().await.retried, 1);
        bench.clock().set(retry_time(&bench));
    }
    assert_eq!(bench.drain().await.applied, 1, "nobody gave it up");
}
