//! Reads bodies of whom nobody knows yet, and bounds what all of them together hold in memory.
//!
//! A body of up to [`SMALL_BYTES`] needs no room, so that whoever holds all room open keeps no
//! ordinary delivery out; how many small ones there are is bounded by the server's connections.
//! A larger one takes room for what has arrived of it, and must be whole sooner: room that is held by
//! silence comes back within seconds.

use std::pin::pin;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::dto::body::{broken, declared_length, too_large};
use crate::inside;
use crate::problem::Problem;
use crate::problem::code::Code;
use crate::routes::state_of;

/// Most of Stripe's events have less.
const SMALL_BYTES: usize = 16 * 1024;

/// What a piece costs beside its bytes: the framework queues pieces, and keeps the queue's room.
const PIECE_BYTES: usize = 64;

/// The framework queues no more than it reads at once, which is 128 KiB: 20,000 pieces of one byte.
const PIECES_BYTES_MAX: usize = 1024 * 1024;

/// When a sender for whom there was no room should come back: by then, silence has lost its room.
const RETRY_AFTER_SECONDS: u64 = 10;

/// Room for bodies, in bytes; clones share it.
#[derive(Clone)]
pub(crate) struct Room(Arc<Semaphore>);

/// What one body has of it; given back with its end.
pub(crate) struct Taken {
    room: Room,
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
}

/// A body, and the room that it takes until whoever sent it is answered.
pub(crate) struct UnverifiedBody {
    pub(crate) bytes: Vec<u8>,
    pub(crate) taken: Taken,
}

impl Room {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        self.0.clone().try_acquire_many_owned(bytes).ok()
    }
}

impl Taken {
    fn nothing(room: &Room) -> Self {
        Self {
            room: room.clone(),
            bytes: 0,
            permit: None,
        }
    }

    /// Takes what is missing to so many bytes.
    fn grow_to(&mut self, bytes: usize) -> Result<(), Problem> {
        let missing = bytes.saturating_sub(self.bytes);
        let more = self.room.take(missing);
        let more =
            more.ok_or_else(|| Problem::new(Code::Overloaded).retry_after(RETRY_AFTER_SECONDS))?;
        self.bytes += missing;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }
}

/// Reads a webhook delivery, whose sender is known only once it is read.
pub(crate) async fn read_unverified(
    request: &HttpRequest,
    mut payload: Payload,
) -> Result<UnverifiedBody, Problem> {
    let state = state_of(request);
    let limit = state.config.webhook_bytes_max;
    let declared = declared_length(request);
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let began_at = Instant::now();
    let mut end = pin!(inside::sleep(state.config.body_timeout));
    let mut taken = Taken::nothing(&state.unverified);
    let mut bytes = Vec::new();
    let mut pieces_bytes = 0;
    loop {
        let piece = tokio::select! {
            biased;
            piece = payload.next() => piece,
            () = &mut end => return Err(Problem::new(Code::BodyTimeout)),
        };
        let Some(piece) = piece else {
            break;
        };
        let piece = piece.map_err(|error| broken(&error))?;
        let length = bytes.len() + piece.len();
        if length > limit {
            return Err(too_large(limit));
        }
        pieces_bytes = PIECES_BYTES_MAX.min(pieces_bytes + PIECE_BYTES);
        let capacity = capacity_for(length, bytes.capacity(), declared.unwrap_or(limit));
        if capacity.max(pieces_bytes) > SMALL_BYTES {
            taken.grow_to(capacity + pieces_bytes)?;
            let sooner = began_at + state.config.large_body_timeout;
            if sooner < end.deadline() {
                end.as_mut().reset(sooner);
            }
        }
        bytes.reserve_exact(capacity - bytes.len());
        bytes.extend_from_slice(&piece);
    }
    Ok(UnverifiedBody { bytes, taken })
}

/// Doubles what there is, and never takes more than was declared: that is a promise of the sender's,
/// and only what has arrived is worth memory.
fn capacity_for(length: usize, capacity: usize, most: usize) -> usize {
    if length <= capacity {
        return capacity;
    }
    length.next_power_of_two().min(most).max(length)
}
