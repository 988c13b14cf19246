//! What every operation with a body begins and ends with: who asks, what is sent, and one answer for
//! one key.

use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use billing_domain::kernel::principal::Principal;
use billing_domain::kernel::recorded_answer::RecordedAnswer;
use billing_domain::kernel::request::Request;
use serde::de::DeserializeOwned;

use super::state_of;
use crate::auth::authenticate;
use crate::dto::body::{parse_json, read};
use crate::idempotency;
use crate::problem::Problem;
use crate::request_id::RequestId;
use crate::state::{AppState, UseCases};

/// A request of somebody who is known, with its body read.
pub(super) struct Call<'r> {
    request: &'r HttpRequest,
    state: &'r AppState,
    /// Who asks.
    pub(super) principal: Principal,
    /// What was sent.
    pub(super) body: Bytes,
}

impl<'r> Call<'r> {
    /// Finds out who asks, then reads at most the configured number of bytes.
    pub(super) async fn read(request: &'r HttpRequest, payload: Payload) -> Result<Self, Problem> {
        let state = state_of(request);
        let principal = authenticate(state, request).await?;
        let body = read(request, payload, state.config.json_bytes_max).await?;
        Ok(Self {
            request,
            state,
            principal,
            body,
        })
    }

    /// Like [`Call::read`], for what needs billing to be switched on (C-004).
    pub(super) async fn read_if_billing(
        request: &'r HttpRequest,
        payload: Payload,
    ) -> Result<Self, Problem> {
        state_of(request).require_billing()?;
        Self::read(request, payload).await
    }

    /// What to call.
    pub(super) fn use_cases(&self) -> &'r UseCases {
        &self.state.use_cases
    }

    /// The body's shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        parse_json(self.request, &self.body)
    }

    /// The request of an operation that may be repeated as it is.
    pub(super) fn request<T>(&self) -> Request<'_, T> {
        let id = RequestId::of(self.request);
        Request::new(&self.principal).identified_by(Some(id))
    }

    /// Runs a use case at most once for each key ([`idempotency::answer_once`]).
    pub(super) async fn answer_once<T, E>(
        &self,
        render: impl Fn(&T) -> RecordedAnswer + Send + Sync,
        run: impl AsyncFnOnce(&Request<'_, T>) -> Result<T, E>,
    ) -> Result<HttpResponse, Problem>
    where
        E: Into<Problem>,
    {
        let Self {
            request,
            state,
            principal,
            body,
        } = self;
        idempotency::answer_once(state, request, principal, body, render, run).await
    }
}
