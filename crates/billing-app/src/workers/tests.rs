//! What becomes of a worker whose turn ends badly.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

#[tokio::test]
async fn a_worker_that_panics_begins_again_and_the_others_go_on() {
    let (stop, stopped) = watch::channel(false);
    let mut crew = Crew::new(stopped);
    let turns = [Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0))];
    for (number, name) in ["panics", "goes on"].into_iter().enumerate() {
        let turns = turns[number].clone();
        let interval = Duration::from_millis(1);
        crew.add(name, Arc::new(Notify::new()), interval, move || {
            let turn = turns.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(number != 0 || turn != 0, "the first turn ends badly");
                Ok(0_u32)
            }
        });
    }
    let both_go_on = async {
        while turns.iter().any(|turns| turns.load(Ordering::SeqCst) < 5) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let patience = REST_AFTER_FAILURE * 20;
    tokio::time::timeout(patience, both_go_on).await.unwrap();
    stop.send(true).unwrap();
    while let Some(ended) = crew.tasks.join_next().await {
        ended.unwrap();
    }
}
