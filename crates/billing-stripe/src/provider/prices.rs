//! Prices by lookup key.

use billing_domain::catalog::ports::ProviderPrice;
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::text::LookupKey;
use stripe_client_core::StripeRequest;
use stripe_product::price::ListPrice;

use super::{StripeProvider, outcome, read_answer};
use crate::objects::read_price;

/// Stripe takes no more of them in one request.
const LOOKUP_KEYS_MAX: usize = 10;

impl StripeProvider {
    /// Lists the active prices with these keys. A key belongs to one price at a time, so one
    /// page holds them all.
    pub(super) async fn list_prices(
        &self,
        keys: &[LookupKey],
    ) -> Result<Vec<ProviderPrice>, ProviderError> {
        if keys.len() > LOOKUP_KEYS_MAX {
            return Err(outcome::rejected(
                "too_many_lookup_keys",
                "at most 10 at once",
            ));
        }
        // Without keys Stripe would list every price.
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let request = ListPrice::new().active(true).lookup_keys(names).limit(100);
        let answer = match self.call(request.build()).await {
            Ok(answer) => answer,
            Err(error) => return Err(outcome::failure(error)),
        };
        let prices = read_answer(&answer, |list| {
            let elements = list.needed("data", list.elements()?)?;
            // The reason goes out with the error, so it is not an unreadable answer.
            Ok(elements
                .iter()
                .map(|price| read_price(price).map_err(|error| error.field().to_owned()))
                .collect::<Result<Vec<_>, _>>())
        })?;
        prices.map_err(|field| {
            outcome::rejected(
                "price_unusable",
                &format!("a price is not usable: `{field}`"),
            )
        })
    }
}
