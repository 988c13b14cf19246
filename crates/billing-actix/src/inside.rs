//! Lets requests run inside the service's own runtime. Each thread of the server has a runtime that
//! ends with the thread's last connection; what a request began and others rely on, such as an insert
//! for many deliveries or a connection that a pool keeps, must not end with it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that is polled and dropped inside a runtime, on whatever thread.
pub(crate) struct Inside<F> {
    runtime: Handle,
    running: Option<Pin<Box<F>>>,
}

impl<F> Inside<F> {
    pub(crate) fn new(runtime: Handle, future: F) -> Self {
        Self {
            runtime,
            running: Some(Box::pin(future)),
        }
    }
}

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let runtime = self.runtime.clone();
        let _inside = runtime.enter();
        match &mut self.running {
            Some(running) => running.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

/// What is given up may still have something to tidy.
impl<F> Drop for Inside<F> {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        self.running = None;
    }
}
