//! Drives many futures at once on the task that waits for them: reads that are asked for at the same
//! time can then be answered together. Only those that were woken are polled again.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Told when one of the futures can go on.
struct Bell {
    has_rung: AtomicBool,
    task: Arc<Mutex<Option<Waker>>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.as_ref() {
            task.wake_by_ref();
        }
    }
}

struct Slot<'a, T> {
    running: Option<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
    output: Option<T>,
    bell: Arc<Bell>,
}

/// Waits for all of them; the answers are in the order of the futures.
pub(super) async fn side_by_side<'a, T: Unpin>(
    futures: Vec<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
) -> Vec<T> {
    let task = Arc::new(Mutex::new(None));
    let mut slots: Vec<Slot<'a, T>> = futures
        .into_iter()
        .map(|running| Slot {
            running: Some(running),
            output: None,
            bell: Arc::new(Bell {
                has_rung: AtomicBool::new(true),
                task: Arc::clone(&task),
            }),
        })
        .collect();
    std::future::poll_fn(|context| {
        *task.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        let mut is_pending = false;
        for slot in &mut slots {
            let Some(running) = &mut slot.running else {
                continue;
            };
            if slot.bell.has_rung.swap(false, Ordering::AcqRel) {
                let waker = Waker::from(Arc::clone(&slot.bell));
                match running.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(output) => {
                        slot.output = Some(output);
                        slot.running = None;
                        continue;
                    }
                    Poll::Pending => {}
                }
            }
            is_pending = true;
        }
        if is_pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    slots.into_iter().filter_map(|slot| slot.output).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_are_in_the_order_of_the_futures_whoever_ends_first() {
        let (told, waiting) = tokio::sync::oneshot::channel();
        let first: Pin<Box<dyn Future<Output = u8> + Send>> =
            Box::pin(async move { waiting.await.unwrap() });
        let second: Pin<Box<dyn Future<Output = u8> + Send>> = Box::pin(async move {
            tokio::task::yield_now().await;
            told.send(1).unwrap();
            2
        });
        assert_eq!(side_by_side(vec![first, second]).await, [1, 2]);
        let none: Vec<Pin<Box<dyn Future<Output = u8> + Send>>> = Vec::new();
        assert!(side_by_side(none).await.is_empty());
    }
}
