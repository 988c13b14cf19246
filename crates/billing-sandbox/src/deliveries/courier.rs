//! Carries deliveries to their endpoints: each endpoint gets its events in order and one at a time for
//! as long as it answers promptly, and a few at once when it does not, so that none waits for another.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::account::Account;
use crate::deliveries::sender::{self, DeliveryOutcome};
use crate::deliveries::{Attempt, Delivery};
use crate::world::World;

/// How many deliveries an endpoint may leave unanswered at a time.
const IN_FLIGHT_MAX: usize = 8;
/// An endpoint that has not answered for this long is sent its next event all the same.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often the background looks for retries that have become due.
const RETRY_TICK: Duration = Duration::from_millis(50);

/// What an endpoint is busy with.
#[derive(Debug, Clone, Copy)]
struct Busy {
    in_flight: usize,
    last_start: Instant,
}

struct Sent {
    /// In which order it was started.
    order: u64,
    account: Arc<Mutex<Account>>,
    delivery: Delivery,
    attempt: Attempt,
}

#[derive(Default)]
struct Courier {
    tasks: JoinSet<Sent>,
    busy: HashMap<String, Busy>,
    started: u64,
    outcomes: Vec<(u64, DeliveryOutcome)>,
}

impl Courier {
    /// Starts everything that is due and whose endpoint can take it, in order.
    fn start_due(&mut self, world: &Arc<World>) {
        for account in world.all_accounts() {
            while let Some((delivery, signed, is_live)) = self.next(world, &account) {
                self.started += 1;
                let order = self.started;
                if !is_live {
                    let attempt = sender::gone(world);
                    self.note(world, order, &account, &delivery, attempt, false);
                    continue;
                }
                let busy = self.busy.entry(delivery.endpoint_id.clone());
                let busy = busy.or_insert_with(|| Busy {
                    in_flight: 0,
                    last_start: Instant::now(),
                });
                busy.in_flight += 1;
                busy.last_start = Instant::now();
                let (world, account) = (Arc::clone(world), Arc::clone(&account));
                self.tasks.spawn(async move {
                    let attempt = sender::try_once(&world, &signed).await;
                    Sent {
                        order,
                        account,
                        delivery,
                        attempt,
                    }
                });
            }
        }
    }

    fn next(
        &self,
        world: &World,
        account: &Mutex<Account>,
    ) -> Option<(Delivery, sender::SignedDelivery, bool)> {
        let mut account = account.lock().expect("no panic under the lock");
        let is_free = |endpoint: &str| {
            self.busy.get(endpoint).is_none_or(|busy| {
                busy.in_flight == 0
                    || (busy.in_flight < IN_FLIGHT_MAX && busy.last_start.elapsed() >= PATIENCE)
            })
        };
        let delivery = account.outbox.start_next(world.retry_ms(), is_free)?;
        let signed = sender::signed(&account, &delivery, world.clock.now());
        let is_live = account.get(&delivery.endpoint_id)["status"] == "enabled";
        Some((delivery, signed, is_live))
    }

    fn finish(&mut self, world: &World, sent: Sent) {
        if let Some(busy) = self.busy.get_mut(&sent.delivery.endpoint_id) {
            busy.in_flight = busy.in_flight.saturating_sub(1);
        }
        self.note(
            world,
            sent.order,
            &sent.account,
            &sent.delivery,
            sent.attempt,
            true,
        );
    }

    fn note(
        &mut self,
        world: &World,
        order: u64,
        account: &Mutex<Account>,
        delivery: &Delivery,
        attempt: Attempt,
        is_live: bool,
    ) {
        let mut account = account.lock().expect("no panic under the lock");
        let noted = sender::note(world, &mut account, delivery.number, &attempt, is_live);
        self.outcomes
            .extend(noted.map(|delivery| (order, DeliveryOutcome { delivery, attempt })));
    }
}

/// Sends everything that is due, and tells how it went in the order in which it was started.
pub(crate) async fn deliver_due(world: &Arc<World>) -> Vec<DeliveryOutcome> {
    let mut courier = Courier::default();
    loop {
        courier.start_due(world);
        if courier.tasks.is_empty() {
            break;
        }
        // If nobody has answered by then, those who wait behind get their turn.
        let ended = tokio::time::timeout(PATIENCE, courier.tasks.join_next()).await;
        if let Ok(Some(Ok(sent))) = ended {
            courier.finish(world, sent);
        }
    }
    courier.outcomes.sort_by_key(|(order, _)| *order);
    let outcomes = courier.outcomes.into_iter();
    outcomes.map(|(_, outcome)| outcome).collect()
}

/// Runs the background deliveries: whenever something was raised, and when a retry is due.
pub(crate) async fn deliver_in_background(world: Arc<World>) -> Infallible {
    let mut courier = Courier::default();
    loop {
        courier.start_due(&world);
        // Nobody asks the background how it went; the deliveries themselves say so.
        courier.outcomes.clear();
        tokio::select! {
            Some(sent) = courier.tasks.join_next() => {
                if let Ok(sent) = sent {
                    courier.finish(&world, sent);
                }
            }
            () = world.wake.notified() => {}
            () = tokio::time::sleep(RETRY_TICK) => world.advance(0),
        }
    }
}
