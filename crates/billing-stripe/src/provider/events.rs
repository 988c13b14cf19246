//! Stripe's own list of events, which it keeps for 30 days
//! (<https://docs.stripe.com/api/events/list>).

use async_trait::async_trait;
use billing_domain::deliveries::ports::{
    CURSOR_UNKNOWN, EventPage, EventQuery, EventSource, ListedEvent,
};
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::text::ProviderRef;
use serde::Deserialize;
use serde_json::value::RawValue;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{StripeProvider, is_plain, outcome};
use crate::transport::Answer;
use crate::webhook::{EVENT_TYPES, read_envelope};

/// As many as Stripe gives at once.
const PAGE: &str = "100";

/// A page, each event as the bytes that came.
#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    has_more: bool,
}

#[async_trait]
impl EventSource for StripeProvider {
    async fn list_events(&self, query: &EventQuery) -> Result<EventPage, ProviderError> {
        let request = list_request(query)?;
        match self.call(request).await {
            Ok(answer) => self.read_page(&answer),
            // Older than Stripe keeps.
            Err(error) if query.after.is_some() && outcome::is_invalid_request(&error) => {
                match outcome::failure(error) {
                    ProviderError::Rejected { code, message } if code == "resource_missing" => {
                        Err(outcome::rejected(CURSOR_UNKNOWN, &message))
                    }
                    other => Err(other),
                }
            }
            Err(error) => Err(outcome::failure(error)),
        }
    }
}

impl StripeProvider {
    fn read_page(&self, answer: &Answer) -> Result<EventPage, ProviderError> {
        let unreadable = |what: &str| {
            let message = format!("{what} in the answer of {:?}", answer.request_id);
            outcome::rejected("unreadable_answer", &message)
        };
        let listed: Listed<'_> =
            serde_json::from_slice(&answer.body).map_err(|_| unreadable("no list of events"))?;
        let mut page = EventPage::default();
        let mut last = None;
        for raw in listed.data {
            let payload = raw.get().as_bytes();
            let Some(envelope) = read_envelope(payload) else {
                // It would be refused at the door too, and must not keep the others from being read.
                tracing::error!(
                    stripe.request_id = answer.request_id,
                    "an event of Stripe's list has no envelope and is passed over"
                );
                continue;
            };
            last = Some(envelope.provider_event_id.clone());
            let is_wanted = EVENT_TYPES.contains(&envelope.event_type.as_str());
            if is_wanted && envelope.is_live == self.mode.is_live() {
                page.events.push(ListedEvent {
                    envelope,
                    payload: payload.to_vec(),
                });
            }
        }
        if listed.has_more && last.is_none() {
            return Err(unreadable("no event"));
        }
        page.next = last.filter(|_| listed.has_more);
        Ok(page)
    }
}

fn list_request(query: &EventQuery) -> Result<RequestBuilder, ProviderError> {
    let EventQuery {
        only_undelivered,
        from,
        until,
        after,
    } = query;
    let mut pairs = vec![
        format!("created[gte]={}", from.unix_seconds()),
        format!("created[lte]={}", until.unix_seconds()),
        format!("limit={PAGE}"),
    ];
    if *only_undelivered {
        pairs.push("delivery_success=false".to_owned());
    }
    if let Some(id) = after {
        pairs.push(format!("starting_after={}", plain(id)?));
    }
    let mut request = RequestBuilder::new(StripeMethod::Get, "/events");
    request.query = Some(pairs.join("&"));
    Ok(request)
}

fn plain(id: &ProviderRef) -> Result<&ProviderRef, ProviderError> {
    if is_plain(id) {
        Ok(id)
    } else {
        Err(outcome::rejected(CURSOR_UNKNOWN, "not an id"))
    }
}
