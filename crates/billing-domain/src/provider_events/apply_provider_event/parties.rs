//! What a change of a customer, a product or a price at the provider means here. Their events are
//! hints: what counts is read, after the row that it is compared with, so that of two workers the one
//! that read the older truth meets a conflict and reads again.

use super::{ApplyError, ApplyProviderEvent, Decision, skipped};
use crate::catalog::ports::PriceName;
use crate::catalog::price::Price;
use crate::catalog::product::Product;
use crate::kernel::email::Email;
use crate::kernel::failure::StoreFailure;
use crate::kernel::text::ProviderRef;
use crate::kernel::transition::Transition;
use crate::provider_events::event::Payload;
use crate::provider_events::ports::ClaimedEvent;
use crate::provider_events::reports::{CatalogueItem, CatalogueReport, CustomerReport};

impl ApplyProviderEvent {
    /// Follows the address; forgets a customer that is gone.
    pub(super) async fn customer_changed(
        &self,
        event: &ClaimedEvent,
        payload: Payload<CustomerReport>,
    ) -> Result<Decision, ApplyError> {
        let id = match payload {
            Payload::Read(report) => report.id,
            Payload::Missing(id) => id,
        };
        let known = self.customers.customer_by_provider_id(&id).await;
        let Some(known) = known.map_err(StoreFailure::from)? else {
            return Ok(skipped("the customer is none of this service"));
        };
        let report = self.parties.customer(&id).await?;
        let transition = match report.filter(|report| !report.is_deleted) {
            None => known.value.unlink(),
            // An address that we would not take from a buyer is not taken from there either.
            Some(report) => match report.email.as_deref().map(Email::parse) {
                Some(Ok(email)) => known.value.change_email(email),
                Some(Err(_)) | None => Transition::AlreadyApplied,
            },
        };
        Ok(Decision::commit(
            self.changes(event).change_customer(&known, transition),
        ))
    }

    /// What the provider sells no more is not sold here either, until it is sold there again.
    pub(super) async fn catalogue_changed(
        &self,
        event: &ClaimedEvent,
        item: CatalogueItem,
        payload: Payload<CatalogueReport>,
    ) -> Result<Decision, ApplyError> {
        let id = match payload {
            Payload::Read(report) => report.id,
            Payload::Missing(id) => id,
        };
        match item {
            CatalogueItem::Product => self.product_changed(event, &id).await,
            CatalogueItem::Price => self.price_changed(event, id).await,
        }
    }

    async fn product_changed(
        &self,
        event: &ClaimedEvent,
        id: &ProviderRef,
    ) -> Result<Decision, ApplyError> {
        let known = self.catalog.product_by_provider_id(id).await;
        let Some(known) = known.map_err(StoreFailure::from)? else {
            return Ok(not_sold_here());
        };
        let edited = Product {
            is_active: self.is_sold(CatalogueItem::Product, id).await?,
            ..known.value.clone()
        };
        let transition = known.value.describe(edited);
        Ok(Decision::commit(
            self.changes(event).change_product(&known, transition),
        ))
    }

    async fn price_changed(
        &self,
        event: &ClaimedEvent,
        id: ProviderRef,
    ) -> Result<Decision, ApplyError> {
        let known = self.catalog.price(&PriceName::Provider(id.clone())).await;
        let Some(known) = known.map_err(StoreFailure::from)? else {
            return Ok(not_sold_here());
        };
        // A price that lost its lookup key to another one was retired here, and stays so.
        let is_retired = known.value.lookup_key.is_none() && !known.value.is_active;
        let is_sold = self.is_sold(CatalogueItem::Price, &id).await?;
        let edited = Price {
            is_active: is_sold && !is_retired,
            ..known.value.clone()
        };
        let transition = known.value.describe(edited);
        Ok(Decision::commit(
            self.changes(event).change_price(&known, transition),
        ))
    }

    async fn is_sold(&self, item: CatalogueItem, id: &ProviderRef) -> Result<bool, ApplyError> {
        let report = self.parties.catalogue_item(item, id).await?;
        Ok(report.is_some_and(|report| report.is_active))
    }
}

fn not_sold_here() -> Decision {
    skipped("this service does not sell it")
}
