//! One customer at Stripe for each of ours (B-044, B-045).

use std::collections::HashMap;

use billing_domain::checkout::ports::CustomerOrder;
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::text::ProviderRef;
use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_core::customer::{CreateCustomer, ListCustomer, RetrieveCustomer, SearchCustomer};

use super::{StripeProvider, outcome, read_answer};
use crate::objects::{CUSTOMER_KEY, has_metadata};
use crate::transport::Answer;

impl StripeProvider {
    /// Looks for the customer that carries our id, and creates it under the order's key if there
    /// is none. The search lags behind by up to a minute; the key covers that minute, and the
    /// search covers the time when the key is forgotten.
    pub(super) async fn find_or_create_customer(
        &self,
        order: &CustomerOrder,
    ) -> Result<ProviderRef, ProviderError> {
        if let Some(found) = self.find_customer(order).await? {
            return Ok(found);
        }
        let Created { id, is_replay } = self.create_customer(order, &order.idempotency_key).await?;
        if !is_replay || self.is_alive(&id).await? {
            return Ok(id);
        }
        // The key remembers a customer that was deleted since. Everybody who finds out derives
        // the same next key, so there is still only one.
        let key = format!("{}:after:{id}", order.idempotency_key);
        Ok(self.create_customer(order, &key).await?.id)
    }

    async fn create_customer(
        &self,
        order: &CustomerOrder,
        key: &str,
    ) -> Result<Created, ProviderError> {
        let mut request =
            CreateCustomer::new()
                .email(order.email.as_str())
                .metadata(HashMap::from([(
                    CUSTOMER_KEY.to_owned(),
                    order.customer_id.to_string(),
                )]));
        if let Some(name) = &order.name {
            request = request.name(name.as_str());
        }
        match self.call_once(request.build(), key).await {
            Ok(answer) => Ok(Created {
                id: read_answer(&answer, |customer| {
                    customer.needed("id", customer.reference("id")?)
                })?,
                is_replay: answer.is_replay,
            }),
            // The address or name changed between two attempts: the customer of the first one
            // exists, and the search will know it within a minute.
            Err(error) if outcome::is_key_reused(&error) => {
                Err(ProviderError::Unreachable(Box::new(error)))
            }
            Err(error) => Err(outcome::failure(error)),
        }
    }

    async fn find_customer(
        &self,
        order: &CustomerOrder,
    ) -> Result<Option<ProviderRef>, ProviderError> {
        let query = format!("metadata[\"{CUSTOMER_KEY}\"]:\"{}\"", order.customer_id);
        let search = SearchCustomer::new(query).limit(10);
        match self.call(search.build()).await {
            Ok(answer) => read_match(&answer, order),
            // Some regions have no search; there the list by address has to do.
            Err(error) if outcome::is_invalid_request(&error) => {
                let list = ListCustomer::new().email(order.email.as_str()).limit(100);
                self.find_in(list.build(), order).await
            }
            Err(error) => Err(outcome::failure(error)),
        }
    }

    async fn find_in(
        &self,
        request: RequestBuilder,
        order: &CustomerOrder,
    ) -> Result<Option<ProviderRef>, ProviderError> {
        match self.call(request).await {
            Ok(answer) => read_match(&answer, order),
            Err(error) => Err(outcome::failure(error)),
        }
    }

    /// Whether the customer still exists: Stripe answers for a deleted one with a stub.
    async fn is_alive(&self, id: &ProviderRef) -> Result<bool, ProviderError> {
        let request = RetrieveCustomer::new(id.as_str()).build();
        let is_deleted = self
            .retrieve(request, |customer| customer.flag("deleted"))
            .await?;
        Ok(is_deleted.is_some_and(|flag| flag != Some(true)))
    }
}

/// What creating gave, and whether it was the memory of an earlier attempt.
struct Created {
    id: ProviderRef,
    is_replay: bool,
}

/// The oldest customer with our id: where there are two, everybody takes the same.
fn read_match(
    answer: &Answer,
    order: &CustomerOrder,
) -> Result<Option<ProviderRef>, ProviderError> {
    let expected = order.customer_id.to_string();
    read_answer(answer, |list| {
        let mut oldest = None;
        for customer in list.needed("data", list.elements()?)? {
            if has_metadata(&customer, CUSTOMER_KEY, &expected)? {
                let created = customer.integer("created")?;
                let id = customer.needed("id", customer.reference("id")?)?;
                let candidate = (created, id);
                oldest = Some(oldest.map_or(candidate.clone(), |known| candidate.min(known)));
            }
        }
        Ok(oldest.map(|(_, id)| id))
    })
}
