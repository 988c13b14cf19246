//! In which order, how often and in which company the events of a history arrive.

use std::sync::Arc;

use billing_app::wiring::{Application, Storage};

use crate::chance::Chance;
use crate::history::{History, principal};
use crate::portrait::{Portrait, portrait};
use crate::service::{deliver, use_a_licence};

/// What happens next at the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// An event is delivered, to one of the endpoints.
    Event { place: usize, endpoint: usize },
    /// A sale is stored: events may have come before it.
    Sale(usize),
    /// The worker of the inbox takes a turn.
    Apply,
    /// Everybody works until nothing is due, and people use what they have.
    Work,
}

/// A whole run.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    /// Whether sales are among the arrivals; otherwise they are there before.
    has_late_sales: bool,
    steps: Vec<Arrival>,
}

/// Each event once, as it happened, with everybody at work.
pub(crate) fn in_order(history: &History) -> Arrivals {
    let mut steps = Vec::new();
    for place in 0..history.told.len() {
        steps.push(Arrival::Event { place, endpoint: 0 });
        steps.push(Arrival::Work);
    }
    Arrivals {
        has_late_sales: false,
        steps,
    }
}

impl Arrivals {
    /// Any order with any repetition, applied in any company.
    pub(crate) fn any(history: &History, chance: &mut Chance) -> Self {
        let count = history.told.len();
        let mut places: Vec<usize> = (0..count).collect();
        for _ in 0..chance.below(count) {
            let again = chance.below(count);
            places.push(again);
        }
        match chance.below(4) {
            // Nearly in order: each event at most a few places away.
            0 => {
                for at in 1..places.len() {
                    let back = chance.below(4).min(at);
                    places.swap(at, at - back);
                }
            }
            1 => places.reverse(),
            _ => chance.shuffle(&mut places),
        }
        let mut steps: Vec<Arrival> = Vec::new();
        for place in places {
            let endpoint = chance.below(history.told[place].deliveries.len());
            steps.push(Arrival::Event { place, endpoint });
        }
        let has_late_sales = chance.one_in(3);
        if has_late_sales {
            for number in 0..history.sales.len() {
                let at = chance.below(steps.len() + 1);
                steps.insert(at, Arrival::Sale(number));
            }
        }
        let company = 1 + chance.below(8);
        let mut worked = Vec::new();
        for step in steps {
            worked.push(step);
            if chance.one_in(company) {
                worked.push(*chance.pick(&[Arrival::Apply, Arrival::Work]));
            }
        }
        Self {
            has_late_sales,
            steps: worked,
        }
    }

    /// For people who look for the reason.
    pub(crate) fn words(&self, history: &History) -> Vec<String> {
        let words = self.steps.iter().map(|step| match step {
            Arrival::Event { place, endpoint } => {
                let told = &history.told[*place];
                format!("{place} {} to {endpoint}", told.event_type)
            }
            Arrival::Sale(number) => format!("sale {number}"),
            Arrival::Apply => "apply".to_owned(),
            Arrival::Work => "work".to_owned(),
        });
        words.collect()
    }
}

/// Lets a run happen over an empty record; gives what the record says then.
pub(crate) async fn tell(history: &History, storage: &Storage, arrivals: &Arrivals) -> Portrait {
    history.world.clock.set(history.opened_at);
    let writer = &storage.writer;
    let people = writer.commit(history.people()).await;
    people.expect("the record is empty");
    if !arrivals.has_late_sales {
        for number in 0..history.sales.len() {
            let sale = writer.commit(history.sale(number)).await;
            sale.expect("the sale is new");
        }
    }
    let frozen = Arc::new(history.frozen.clone());
    let listener = history.words.listener(&history.world, storage.clone());
    let application = listener.provider(frozen.clone(), frozen).application();
    for step in &arrivals.steps {
        match step {
            Arrival::Event { place, endpoint } => {
                deliver(&application, &history.told[*place].deliveries[*endpoint]).await;
            }
            Arrival::Sale(number) => {
                let sale = writer.commit(history.sale(*number)).await;
                sale.expect("the sale is new");
            }
            Arrival::Apply => {
                for applier in &application.workers.inbox {
                    applier.run().await.expect("nothing fails");
                }
            }
            Arrival::Work => work(history, &application, storage).await,
        }
    }
    work(history, &application, storage).await;
    portrait(storage, &history.subscriptions()).await
}

async fn work(history: &History, application: &Application, storage: &Storage) {
    application.workers.drain().await.expect("nothing fails");
    for user in &history.users {
        use_a_licence(application, storage, &principal(user)).await;
    }
}
