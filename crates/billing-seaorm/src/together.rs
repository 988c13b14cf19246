//! What is asked for at the same time is done together, so that many callers cost one statement.
//! Nobody waits for company: while one statement runs, whoever arrives joins the next one.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

#[derive(Debug)]
struct Asked<T, A> {
    item: T,
    told: oneshot::Sender<A>,
}

/// A meeting point of callers. At most one batch is on its way.
#[derive(Debug)]
pub(crate) struct Together<T, A> {
    waiting: Mutex<Vec<Asked<T, A>>>,
    turn: tokio::sync::Mutex<()>,
    limits: Limits<T>,
}

/// How much is done at once: a number of items, and of whatever is counted in them.
#[derive(Debug)]
pub(crate) struct Limits<T> {
    /// Items.
    pub(crate) items_max: usize,
    /// The sum of their weights; an item that is heavier goes alone.
    pub(crate) weight_max: usize,
    /// What an item weighs.
    pub(crate) weight: fn(&T) -> usize,
    /// How many wait at most; whoever comes then is turned away at once.
    pub(crate) waiting_max: usize,
}

impl<T: Send + 'static, A: Send + 'static> Together<T, A> {
    pub(crate) fn new(limits: Limits<T>) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            limits,
        })
    }

    /// Has one item answered, in a batch that runs in a task of its own: a caller that goes away
    /// takes nobody else's answer with it. `answer` gives one answer for each item, in order. `None`
    /// if too many wait already, or if it did not come to an end.
    pub(crate) async fn ask<F, B>(self: &Arc<Self>, item: T, answer: F) -> Option<A>
    where
        F: Fn(Vec<T>) -> B + Send + 'static,
        B: Future<Output = Vec<A>> + Send,
    {
        let (told, answered) = oneshot::channel();
        let is_first = {
            let mut waiting = self.waiting();
            if waiting.len() >= self.limits.waiting_max {
                return None;
            }
            waiting.push(Asked { item, told });
            waiting.len() == 1
        };
        // Whoever is not the first is taken along by the task of the first.
        if is_first {
            let together = Arc::clone(self);
            tokio::spawn(async move { together.answer_all(answer).await });
        }
        answered.await.ok()
    }

    async fn answer_all<F, B>(&self, answer: F)
    where
        F: Fn(Vec<T>) -> B + Send,
        B: Future<Output = Vec<A>> + Send,
    {
        let _turn = self.turn.lock().await;
        // What an end without an answer leaves behind would have nobody to take it along.
        let mut rest = TurnAway { all: Some(self) };
        loop {
            let batch = self.take_batch();
            if batch.is_empty() {
                break;
            }
            let (items, told): (Vec<T>, Vec<_>) = batch
                .into_iter()
                .map(|asked| (asked.item, asked.told))
                .unzip();
            let answers = answer(items).await;
            for (told, answer) in told.into_iter().zip(answers) {
                // Whoever asked may be gone.
                let _ = told.send(answer);
            }
        }
        rest.all = None;
    }

    /// The first of those who wait, as many as go together; at least one if anybody waits.
    fn take_batch(&self) -> Vec<Asked<T, A>> {
        let mut waiting = self.waiting();
        // Nobody waits for these any more.
        waiting.retain(|asked| !asked.told.is_closed());
        let (mut weight, mut count) = (0_usize, 0_usize);
        for asked in waiting.iter().take(self.limits.items_max) {
            weight = weight.saturating_add((self.limits.weight)(&asked.item));
            if count > 0 && weight > self.limits.weight_max {
                break;
            }
            count = count.saturating_add(1);
        }
        let rest = waiting.split_off(count);
        std::mem::replace(&mut *waiting, rest)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Asked<T, A>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Turns those away who wait, unless it is told that nobody does.
struct TurnAway<'a, T: Send + 'static, A: Send + 'static> {
    all: Option<&'a Together<T, A>>,
}

impl<T: Send + 'static, A: Send + 'static> Drop for TurnAway<'_, T, A> {
    fn drop(&mut self) {
        if let Some(together) = self.all {
            together.waiting().clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn of_two() -> Arc<Together<u32, u32>> {
        Together::new(Limits {
            items_max: 2,
            weight_max: 10,
            weight: |item| usize::try_from(*item).unwrap(),
            waiting_max: 4,
        })
    }

    #[tokio::test]
    async fn too_many_are_turned_away_and_whoever_left_is_not_waited_for() {
        let together = of_two();
        let (open, opened) = oneshot::channel::<()>();
        let opened = Arc::new(tokio::sync::Mutex::new(Some(opened)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let ask = |item| {
            let (together, opened, seen) = (together.clone(), opened.clone(), seen.clone());
            tokio::spawn(async move {
                let answer = move |items: Vec<u32>| {
                    let (opened, seen) = (opened.clone(), seen.clone());
                    async move {
                        if let Some(opened) = opened.lock().await.take() {
                            opened.await.unwrap();
                        }
                        seen.lock().unwrap().extend(items.clone());
                        items
                    }
                };
                together.ask(item, answer).await
            })
        };
        let held = ask(1);
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let waiting = [ask(2), ask(3), ask(4), ask(5)];
        tokio::task::yield_now().await;
        assert_eq!(ask(6).await.unwrap(), None, "there is no room");
        waiting[1].abort();
        tokio::task::yield_now().await;
        open.send(()).unwrap();
        assert_eq!(held.await.unwrap(), Some(1));
        let [second, third, fourth, fifth] = waiting;
        assert!(third.await.unwrap_err().is_cancelled());
        for (task, item) in [(second, 2), (fourth, 4), (fifth, 5)] {
            assert_eq!(task.await.unwrap(), Some(item));
        }
        assert_eq!(*seen.lock().unwrap(), [1, 2, 4, 5]);
    }

    #[tokio::test]
    async fn whoever_arrives_while_a_batch_runs_is_answered_by_the_next_ones() {
        let together = of_two();
        let batches = Arc::new(Mutex::new(Vec::new()));
        let asked = (1..=4).map(|item| {
            let batches = Arc::clone(&batches);
            together.ask(item, move |items| {
                batches.lock().unwrap().push(items.clone());
                async move {
                    tokio::task::yield_now().await;
                    items.into_iter().map(|item| item * 10).collect()
                }
            })
        });
        let answers = futures_util::future::join_all(asked).await;
        assert_eq!(answers, [10, 20, 30, 40].map(Some));
        assert_eq!(*batches.lock().unwrap(), [vec![1, 2], vec![3, 4]]);
    }

    #[tokio::test]
    async fn what_is_too_heavy_goes_alone_and_goes() {
        let together = of_two();
        let largest = Arc::new(AtomicUsize::new(0));
        let asked = [4, 30, 5, 5].map(|item| {
            let largest = Arc::clone(&largest);
            together.ask(item, move |items| {
                largest.fetch_max(items.len(), Ordering::SeqCst);
                if items.contains(&30) {
                    assert_eq!(items, [30]);
                }
                std::future::ready(items)
            })
        });
        let answers = futures_util::future::join_all(asked).await;
        assert_eq!(answers, [4, 30, 5, 5].map(Some));
        assert_eq!(largest.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_end_without_an_answer_leaves_nobody_waiting_and_nobody_locked_out() {
        let together = of_two();
        let asked = [1, 2, 3].map(|item| {
            together.ask(item, |items: Vec<u32>| async move {
                assert!(items.is_empty(), "this batch ends badly");
                items
            })
        });
        assert_eq!(
            futures_util::future::join_all(asked).await,
            [None, None, None]
        );
        let again = together.ask(4, std::future::ready).await;
        assert_eq!(again, Some(4));
    }
}
