//! Ends connections that stay between two requests. The framework limits the time for the head of a
//! connection's first request, and for nothing after an answer: neither for the next head, nor for
//! the rest of a body in chunks, nor for the reading of the answer. Whoever used that could keep
//! every connection for ever.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix_web::dev::Extensions;

/// How often it is looked at them.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The open connections of one server.
#[derive(Default)]
pub(crate) struct Connections(Mutex<Vec<Weak<Connection>>>);

/// One of them.
pub(crate) struct Connection {
    /// A second handle of its socket.
    socket: TcpStream,
    /// Since when it is between two requests.
    answered_at: Mutex<Option<Instant>>,
}

impl Connections {
    /// For the framework, which tells of each new connection.
    pub(crate) fn note(&self, stream: &dyn Any, kept: &mut Extensions) {
        let Some(stream) = stream.downcast_ref::<actix_web::rt::net::TcpStream>() else {
            return;
        };
        // Without a second handle it goes on as the framework has it.
        let Ok(socket) = stream.as_fd().try_clone_to_owned() else {
            return;
        };
        let connection = Arc::new(Connection {
            socket: socket.into(),
            answered_at: Mutex::new(None),
        });
        locked(&self.0).push(Arc::downgrade(&connection));
        kept.insert(connection);
    }

    /// Ends what stays between two requests for longer than this, for as long as there is a server.
    pub(crate) async fn end_the_idle(connections: Weak<Self>, timeout: Duration) {
        let mut looks = tokio::time::interval(LOOK_INTERVAL.min(timeout));
        while let Some(open) = connections.upgrade() {
            locked(&open.0).retain(|connection| {
                let connection = connection.upgrade();
                if let Some(connection) = &connection
                    && connection.is_idle_for(timeout)
                {
                    // Whoever hung up meanwhile has ended it already.
                    let _ = connection.socket.shutdown(Shutdown::Both);
                }
                connection.is_some()
            });
            drop(open);
            looks.tick().await;
        }
    }
}

impl Connection {
    pub(crate) fn asks(&self) {
        *locked(&self.answered_at) = None;
    }

    pub(crate) fn is_answered(&self) {
        *locked(&self.answered_at) = Some(Instant::now());
    }

    fn is_idle_for(&self, timeout: Duration) -> bool {
        locked(&self.answered_at).is_some_and(|at| at.elapsed() > timeout)
    }
}

/// Nothing here is half done when somebody panics.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
