//! Customers and the catalogue: F.2, "mirror e-mail / status inactive, id cleared", "mark inactive".

use super::*;
use crate::provider_events::reports::{CatalogueItem, CatalogueReport, CustomerReport};
use crate::testing::fixtures::{email, provider_ref};

fn customer_of(bench: &Workbench) -> crate::customers::customer::BillingCustomer {
    let mut rows = bench.store.rows();
    assert_eq!(rows.len(), 1);
    rows.remove(0).value
}

fn changed(report: &CustomerReport) -> ProviderEvent {
    ProviderEvent::CustomerChanged(Payload::Read(report.clone()))
}

async fn with_customer(address: &str, is_deleted: bool) -> (Workbench, CustomerReport) {
    let bench = Workbench::new().await;
    bench.open_page("acme").await;
    let report = CustomerReport {
        id: customer_of(&bench).provider_id().unwrap().clone(),
        email: Some(address.to_owned()),
        is_deleted,
    };
    bench.provider.put_customer(report.clone());
    (bench, report)
}

#[tokio::test]
async fn f_2_a_customer_updated_at_the_provider_has_its_address_here() {
    let (bench, report) = with_customer("new@example.com", false).await;
    // What the event says may be old; what the provider has now counts.
    let old = CustomerReport {
        email: Some("old@example.com".to_owned()),
        ..report
    };
    assert_eq!(
        told(&bench, "evt_1", changed(&old)).await,
        InboxStatus::Applied
    );
    assert_eq!(customer_of(&bench).email, email("new@example.com"));
}

#[tokio::test]
async fn f_2_an_address_that_is_none_leaves_ours_alone() {
    let (bench, report) = with_customer("nonsense", false).await;
    let before = customer_of(&bench);
    assert_eq!(
        told(&bench, "evt_1", changed(&report)).await,
        InboxStatus::Applied
    );
    assert_eq!(customer_of(&bench), before);
}

#[tokio::test]
async fn f_2_a_customer_deleted_at_the_provider_is_unlinked_and_asked_for_anew() {
    let (bench, report) = with_customer("ada@example.com", true).await;
    let gone = report.id.clone();
    assert_eq!(
        told(&bench, "evt_1", changed(&report)).await,
        InboxStatus::Applied
    );
    assert_eq!(customer_of(&bench).provider_id(), None);
    let audit = bench.store.audit();
    assert!(
        audit
            .iter()
            .any(|entry| entry.action == "customer_unlinked")
    );
    // A late event of the deleted one finds nobody.
    let status = told(&bench, "evt_2", changed(&report)).await;
    assert!(matches!(status, InboxStatus::Skipped { .. }), "{status:?}");
    assert!(gone.as_str().starts_with("cus_"));
}

#[tokio::test]
async fn f_2_what_the_provider_sells_no_more_is_not_sold_here() {
    for item in [CatalogueItem::Product, CatalogueItem::Price] {
        let bench = Workbench::new().await;
        let id = match item {
            CatalogueItem::Product => bench.world.product.provider_id.clone(),
            CatalogueItem::Price => bench.world.price.provider_id.clone(),
        };
        for is_active in [false, true] {
            let report = CatalogueReport {
                item,
                id: id.clone(),
                is_active,
            };
            bench.provider.put_catalogue_item(report.clone());
            let event = ProviderEvent::CatalogueChanged(item, Payload::Missing(id.clone()));
            let name = format!("evt_{is_active}");
            assert_eq!(told(&bench, &name, event).await, InboxStatus::Applied);
            let buyer = bench.buyer();
            let started = bench
                .start_checkout()
                .run(&Request::new(&buyer), &bench.wish("acme"))
                .await;
            assert_eq!(started.is_ok(), is_active, "{item:?}: {started:?}");
        }
    }
}

#[tokio::test]
async fn f_2_the_catalogue_and_the_customers_of_somebody_else_are_skipped() {
    let bench = Workbench::new().await;
    let id = provider_ref("prod_other");
    let events = [
        ProviderEvent::CatalogueChanged(CatalogueItem::Product, Payload::Missing(id.clone())),
        ProviderEvent::CatalogueChanged(CatalogueItem::Price, Payload::Missing(id.clone())),
        ProviderEvent::CustomerChanged(Payload::Missing(id)),
    ];
    for (number, event) in events.into_iter().enumerate() {
        let status = told(&bench, &format!("evt_{number}"), event).await;
        assert!(matches!(status, InboxStatus::Skipped { .. }), "{status:?}");
    }
}
