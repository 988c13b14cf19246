//! Those who apply events: turns over the lanes, and beside them the events about which Stripe has to
//! be asked.

use std::sync::Arc;
use std::time::Duration;

use billing_domain::provider_events::drain_inbox::{DrainInbox, DrainReport, LINGER};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::{Bells, REST_AFTER_FAILURE, Turn, work};

/// How soon one turn follows another: a turn costs the same few statements for one event as for a
/// hundred.
const PACE: Duration = Duration::from_millis(20);

/// Several times within a lease, so that one that is missed does no harm.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// About how many subjects of one applier Stripe is asked at once. A replica has two appliers, and
/// Stripe allows 25 calls a second in test mode and 100 in live mode to all replicas together.
const QUESTIONS_MAX: usize = 4;

/// How long a shutdown waits for Stripe's answers; what is not answered by then stays in the inbox.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// Applies events, and gives a sign of life while a turn takes long.
pub(super) async fn apply(
    applier: Arc<DrainInbox>,
    bell: Arc<Notify>,
    bells: Bells,
    poll: Duration,
    stop: watch::Receiver<bool>,
) {
    // What an earlier life left in hand: the inbox has it.
    give_back(&applier).await;
    let questions = Arc::new(Notify::new());
    let mut askers = JoinSet::new();
    for _ in 0..QUESTIONS_MAX {
        let (applier, bells) = (applier.clone(), bells.clone());
        askers.spawn(ask(applier, questions.clone(), bells, stop.clone()));
    }
    let turn = || async {
        let report = applier.turn().await;
        // Of a turn that fails as well.
        if applier.has_questions() {
            questions.notify_one();
        }
        let report = report?;
        ring_for(report, &bells);
        Ok(if report.lingers {
            Turn::IdleFor(LINGER.unsigned_abs())
        } else {
            report.claimed().into()
        })
    };
    let last_turn = Notify::new();
    let taking_turns = async {
        work("inbox", bell, PACE, poll, stop, &turn).await;
        last_turn.notify_one();
    };
    let asking = async {
        let too_late = async {
            last_turn.notified().await;
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            () = end_of(askers) => {}
            () = too_late => {
                tracing::warn!("Stripe has not answered; it is asked again after the next start");
            }
        }
    };
    let working = async { tokio::join!(taking_turns, asking) };
    let renewing = async {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            if let Err(error) = applier.renew().await {
                tracing::warn!(error = %error, "the lanes in hand could not be renewed");
            }
        }
    };
    tokio::select! {
        _ = working => {}
        () = renewing => {}
    }
    give_back(&applier).await;
}

/// Asks about what turns have set aside, one subject at a time.
async fn ask(
    applier: Arc<DrainInbox>,
    questions: Arc<Notify>,
    bells: Bells,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        if applier.has_questions() {
            // Somebody else begins the next one meanwhile.
            questions.notify_one();
            match applier.ask().await {
                Ok(report) => ring_for(report, &bells),
                Err(error) => {
                    tracing::warn!(error = %error, "an event is read again after a failure");
                    tokio::time::sleep(REST_AFTER_FAILURE).await;
                }
            }
            continue;
        }
        tokio::select! {
            () = questions.notified() => {}
            // A closed channel means that whoever could say stop is gone.
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

/// Waits for all of them. A panic is passed on: the events that were in that one's hands are read
/// again only when everything in hand is given back.
async fn end_of(mut askers: JoinSet<()>) {
    while let Some(ended) = askers.join_next().await {
        if let Err(error) = ended
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

fn ring_for(report: DrainReport, bells: &Bells) {
    if report.applied > 0 {
        bells.provisioning.notify_one();
        bells.outbox.notify_one();
    }
}

async fn give_back(applier: &DrainInbox) {
    if let Err(error) = applier.release().await {
        tracing::warn!(error = %error, "the lanes in hand are free when their lease ends");
    }
}
