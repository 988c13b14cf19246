//! Customers, products and prices as Stripe has them now, for events that only say that they changed.

use async_trait::async_trait;
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::provider_events::ports::PartyProvider;
use billing_domain::provider_events::reports::{CatalogueItem, CatalogueReport, CustomerReport};
use stripe_client_core::StripeRequest;
use stripe_core::customer::RetrieveCustomer;
use stripe_product::price::RetrievePrice;
use stripe_product::product::RetrieveProduct;

use super::{StripeProvider, is_plain};
use crate::fields::{Fields, ReadError};
use crate::objects::{read_catalogue, read_customer};

#[async_trait]
impl PartyProvider for StripeProvider {
    async fn customer(&self, id: &ProviderRef) -> Result<Option<CustomerReport>, ProviderError> {
        if !is_plain(id) {
            return Ok(None);
        }
        let request = RetrieveCustomer::new(id.as_str()).build();
        let found = self.retrieve(request, |object| {
            if is_deleted(object)? {
                return Ok(None);
            }
            read_customer(object, false).map(Some)
        });
        Ok(found.await?.flatten())
    }

    async fn catalogue_item(
        &self,
        item: CatalogueItem,
        id: &ProviderRef,
    ) -> Result<Option<CatalogueReport>, ProviderError> {
        if !is_plain(id) {
            return Ok(None);
        }
        let request = match item {
            CatalogueItem::Product => RetrieveProduct::new(id.as_str()).build(),
            CatalogueItem::Price => RetrievePrice::new(id.as_str()).build(),
        };
        let found = self.retrieve(request, |object| {
            if is_deleted(object)? {
                return Ok(None);
            }
            read_catalogue(object, item, false).map(Some)
        });
        Ok(found.await?.flatten())
    }
}

/// What is deleted is answered with its id and this flag, and nothing else.
fn is_deleted(object: &Fields<'_>) -> Result<bool, ReadError> {
    Ok(object.flag("deleted")? == Some(true))
}
