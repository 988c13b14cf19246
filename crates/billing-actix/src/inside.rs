//! Lets requests run inside the service's own runtime. Each thread of the server has a runtime that
//! ends with the thread's last connection; what a request began and others rely on, such as an insert
//! for many deliveries or a connection that a pool keeps, must not end with it.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Sleep, Timeout};

thread_local! {
    /// While a request is polled: the runtime of the thread that does it.
    static THREAD: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

/// A time limit for what a request does. It is kept by the thread's own timers: those of the service's
/// runtime have one lock for all threads, which every request would take several times.
pub(crate) fn timeout<F: Future>(patience: Duration, future: F) -> Timeout<F> {
    by_this_thread(|| tokio::time::timeout(patience, future))
}

/// The same for what only waits.
pub(crate) fn sleep(patience: Duration) -> Sleep {
    by_this_thread(|| tokio::time::sleep(patience))
}

fn by_this_thread<T>(make: impl FnOnce() -> T) -> T {
    let thread = THREAD.with_borrow(Clone::clone);
    // In a test there may be no server and no thread of its own.
    let _entered = thread.as_ref().map(Handle::enter);
    make()
}

/// A future that is polled and dropped inside a runtime, on whatever thread.
pub(crate) struct Inside<F> {
    runtime: Handle,
    thread: Handle,
    running: Option<Pin<Box<F>>>,
}

impl<F> Inside<F> {
    /// To be called on a thread of the server.
    pub(crate) fn new(runtime: Handle, future: F) -> Self {
        Self {
            runtime,
            thread: Handle::current(),
            running: Some(Box::pin(future)),
        }
    }
}

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let runtime = self.runtime.clone();
        let _inside = runtime.enter();
        THREAD.set(Some(self.thread.clone()));
        let poll = match &mut self.running {
            Some(running) => running.as_mut().poll(context),
            None => Poll::Pending,
        };
        THREAD.set(None);
        poll
    }
}

/// What is given up may still have something to tidy.
impl<F> Drop for Inside<F> {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        self.running = None;
    }
}
