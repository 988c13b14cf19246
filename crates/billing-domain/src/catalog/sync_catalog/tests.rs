//! The catalogue after a plan file was applied, again and differently.

use super::*;
use crate::kernel::currency::Currency;
use crate::kernel::money::Money;
use crate::kernel::stored::Stored;
use crate::provider_events::reports::CatalogueReport;
use crate::testing::fixtures::{World, provider_ref, title};
use crate::testing::{FakeProvider, MemoryStore};

struct Shop {
    world: World,
    store: MemoryStore,
}

impl Shop {
    fn new() -> Self {
        Self {
            world: World::new(1),
            store: MemoryStore::new(),
        }
    }

    fn plan(&self) -> Vec<PlannedProduct> {
        let product = &self.world.product;
        vec![PlannedProduct {
            kind: product.kind,
            name: product.name.clone(),
            lookup_key: LookupKey::parse("team_yearly").unwrap(),
            feature_codes: product.feature_codes.clone(),
            quantity: product.quantity,
        }]
    }

    /// Applies a plan against a provider that has these prices.
    async fn sync(
        &self,
        plan: &[PlannedProduct],
        prices: Vec<ProviderPrice>,
    ) -> Result<u32, SyncCatalogError> {
        self.sync_where(plan, prices, true).await
    }

    /// The same, where the product is sold or archived.
    async fn sync_where(
        &self,
        plan: &[PlannedProduct],
        prices: Vec<ProviderPrice>,
        is_active: bool,
    ) -> Result<u32, SyncCatalogError> {
        let provider = FakeProvider::new(self.world.clock.clone());
        for price in prices {
            provider.put_catalogue_item(CatalogueReport {
                item: CatalogueItem::Product,
                id: price.product.clone(),
                is_active,
            });
            provider.add_price(price);
        }
        let provider = Arc::new(provider);
        let sync = SyncCatalog {
            core: Core {
                writer: Arc::new(self.store.clone()),
                clock: Arc::new(self.world.clock.clone()),
                ids: Arc::new(self.world.ids.clone()),
            },
            catalog: Arc::new(self.store.clone()),
            prices: provider.clone(),
            parties: provider,
        };
        sync.run(self.world.project.id, plan).await
    }

    fn prices(&self) -> Vec<Stored<Price>> {
        self.store.rows()
    }

    fn products(&self) -> Vec<Stored<Product>> {
        self.store.rows()
    }

    fn moved_price(&self) -> ProviderPrice {
        ProviderPrice {
            id: provider_ref("price_team_year_2"),
            unit_amount: Money::from_minor(12_000, Currency::USD),
            ..self.world.provider_price()
        }
    }
}

#[tokio::test]
async fn a_094_a_planned_product_is_sold_at_the_providers_price() {
    let shop = Shop::new();
    let changed = shop
        .sync(&shop.plan(), vec![shop.world.provider_price()])
        .await;
    assert_eq!(changed.unwrap(), 2);
    let (product, price) = (&shop.products()[0].value, &shop.prices()[0].value);
    assert_eq!(price.product_id, product.id);
    assert_eq!(price.unit_amount, shop.world.price.unit_amount);
    assert!(price.is_active && product.is_active);
}

#[tokio::test]
async fn a_094_the_same_plan_again_changes_nothing() {
    let shop = Shop::new();
    let prices = || vec![shop.world.provider_price()];
    shop.sync(&shop.plan(), prices()).await.unwrap();
    let (products, stored, messages) = (shop.products(), shop.prices(), shop.store.messages());
    assert_eq!(shop.sync(&shop.plan(), prices()).await.unwrap(), 0);
    assert_eq!(shop.products(), products);
    assert_eq!(shop.prices(), stored);
    assert_eq!(shop.store.messages(), messages);
}

#[tokio::test]
async fn a_095_a_key_that_moved_to_another_price_moves_here_and_the_old_one_is_kept() {
    let shop = Shop::new();
    shop.sync(&shop.plan(), vec![shop.world.provider_price()])
        .await
        .unwrap();
    let old = shop.prices()[0].value.id;
    let changed = shop
        .sync(&shop.plan(), vec![shop.moved_price()])
        .await
        .unwrap();
    assert_eq!(changed, 2, "one price is retired, one is new");
    let prices = shop.prices();
    assert_eq!(prices.len(), 2);
    let (retired, new): (Vec<_>, Vec<_>) = prices
        .into_iter()
        .map(|row| row.value)
        .partition(|price| price.id == old);
    assert_eq!(
        (retired[0].is_active, retired[0].lookup_key.clone()),
        (false, None)
    );
    assert_eq!(
        retired[0].unit_amount, shop.world.price.unit_amount,
        "prices are immutable"
    );
    assert_eq!(new[0].provider_id, shop.moved_price().id);
    let again = shop.sync(&shop.plan(), vec![shop.moved_price()]).await;
    assert_eq!(again.unwrap(), 0);
}

#[tokio::test]
async fn a_095_a_key_that_moves_back_revives_the_old_price() {
    let shop = Shop::new();
    let first = || vec![shop.world.provider_price()];
    shop.sync(&shop.plan(), first()).await.unwrap();
    shop.sync(&shop.plan(), vec![shop.moved_price()])
        .await
        .unwrap();
    shop.sync(&shop.plan(), first()).await.unwrap();
    let prices = shop.prices();
    assert_eq!(prices.len(), 2);
    let active: Vec<_> = prices
        .iter()
        .filter(|price| price.value.is_active)
        .collect();
    assert_eq!(active.len(), 1);
    assert_eq!(active[0].value.provider_id, shop.world.price.provider_id);
}

#[tokio::test]
async fn a_094_a_key_on_no_active_price_is_named_and_earlier_products_are_in_line() {
    let shop = Shop::new();
    let mut plan = shop.plan();
    let missing = LookupKey::parse("nowhere").unwrap();
    plan.push(PlannedProduct {
        lookup_key: missing.clone(),
        ..plan[0].clone()
    });
    let refused = shop.sync(&plan, vec![shop.world.provider_price()]).await;
    assert!(matches!(refused, Err(SyncCatalogError::MissingPrice(key)) if key == missing));
    assert_eq!(shop.products().len(), 1);
}

#[tokio::test]
async fn a_changed_description_changes_the_product_and_not_its_price() {
    let shop = Shop::new();
    let prices = || vec![shop.world.provider_price()];
    shop.sync(&shop.plan(), prices()).await.unwrap();
    let before = shop.prices();
    let mut plan = shop.plan();
    plan[0].name = title("Teams");
    assert_eq!(shop.sync(&plan, prices()).await.unwrap(), 1);
    assert_eq!(shop.products()[0].value.name, title("Teams"));
    assert_eq!(shop.prices(), before);
}

#[tokio::test]
async fn a_094_a_product_that_is_archived_is_not_sold_again_by_the_next_start() {
    let shop = Shop::new();
    let prices = || vec![shop.world.provider_price()];
    shop.sync(&shop.plan(), prices()).await.unwrap();
    for is_active in [false, true, false] {
        let changed = shop.sync_where(&shop.plan(), prices(), is_active).await;
        assert_eq!(changed.unwrap(), 1);
        assert_eq!(shop.products()[0].value.is_active, is_active);
        let again = shop.sync_where(&shop.plan(), prices(), is_active).await;
        assert_eq!(again.unwrap(), 0);
    }
    let new = Shop::new();
    let synced = new.sync_where(&new.plan(), prices(), false).await;
    assert_eq!(synced.unwrap(), 2);
    assert!(!new.products()[0].value.is_active, "its events came before");
}
