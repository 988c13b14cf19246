//! Rows are parsed, not trusted: what does not make sense is an error that names the place.

use billing_domain::catalog::ports::{CatalogReader, PriceName};
use billing_domain::checkout::ports::IntentReader;
use billing_domain::kernel::ports::StoreError;
use billing_domain::licensing::ports::LicenseReader;
use billing_domain::provisioning::ports::WorkflowReader;
use billing_seaorm::testing::TestDatabase;

use crate::fixtures::World;

fn place<T: std::fmt::Debug>(read: Result<T, StoreError>) -> (&'static str, &'static str) {
    match read {
        Err(StoreError::Inconsistent { table, column, .. }) => (table, column),
        other => panic!("an inconsistent row was read: {other:?}"),
    }
}

#[tokio::test]
async fn an_intent_that_does_not_make_sense_is_not_read() {
    let corruptions = [
        ("state = 'paid'", "paid_at"),
        ("state = 'sold'", "state"),
        ("paid_at = 1", "paid_at"),
        ("state = 'expired'", "expired_at"),
        ("slug = NULL", "slug"),
        ("slug = 'No Slug'", "slug"),
        ("name_folded = 'other'", "name_folded"),
        ("quantity = 0", "quantity"),
        ("terms = '[]'", "terms"),
        ("country = 'de'", "country"),
        ("checkout_state = 'opened'", "opened_session"),
        ("checkout_state = 'requested'", "checkout_request"),
        ("checkout_attempt = 1", "checkout_attempt"),
        ("expires_at = 9223372036854775807", "expires_at"),
        ("version = 0", "version"),
        ("version = -1", "version"),
        ("session_ref = 'a b'", "session_ref"),
    ];
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;
        database
            .execute("CREATE TABLE sound AS SELECT * FROM checkout_intents")
            .await;
        for (corruption, column) in corruptions {
            let assigned = corruption.split_once(" = ").unwrap().0;
            database
                .execute(&format!("UPDATE checkout_intents SET {corruption}"))
                .await;
            let read = store.intent(world.intent.id()).await;
            assert_eq!(place(read), ("checkout_intents", column), "{corruption}");
            database
                .execute(&format!(
                    "UPDATE checkout_intents SET {assigned} = (SELECT {assigned} FROM sound)"
                ))
                .await;
        }
        assert!(store.intent(world.intent.id()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn other_rows_that_do_not_make_sense_are_not_read() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;
        for sql in [
            "UPDATE prices SET currency = 'xyz'",
            "UPDATE licenses SET state = 'assigned'",
            "UPDATE provisioning_workflows SET steps = '[{\"name\":\"dance\"}]'",
        ] {
            database.execute(sql).await;
        }
        let price = store.price(&PriceName::Id(world.price.id)).await;
        assert_eq!(place(price), ("prices", "currency"));
        let license = store.license(world.license.id).await;
        assert_eq!(place(license), ("licenses", "email"));
        let workflow = store.workflow(world.workflow.id).await;
        assert_eq!(place(workflow), ("provisioning_workflows", "steps"));
    }
}
