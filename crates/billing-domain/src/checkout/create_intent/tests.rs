//! Who may reserve what, and what asking again does (A-012, A-045… ).

use time::Duration;

use super::*;
use crate::checkout::intent::{IntentState, Quantity};
use crate::kernel::text::{CompanyName, CountryCode, Slug};
use crate::testing::Workbench;
use crate::testing::fixtures::{intent_request, links};

type Created = Result<CheckoutIntent, CreateIntentError>;

async fn create(bench: &Workbench, principal: &Principal, wanted: &IntentRequest) -> Created {
    let request = Request::new(principal);
    bench.create_intent().run(&request, wanted).await
}

async fn somebody_else(bench: &Workbench, name: &str) -> Principal {
    bench.principal(&bench.world.seed_user(&bench.store, name).await)
}

fn reserving(slug: &str, name: &str) -> IntentRequest {
    IntentRequest {
        reservation: Some(Reservation {
            slug: Slug::parse(slug).unwrap(),
            name: CompanyName::parse(name).unwrap(),
        }),
        ..intent_request("acme")
    }
}

async fn commit(bench: &Workbench, intent: &CheckoutIntent, commands: Vec<IntentCommand>) {
    for command in commands {
        let id = intent.id();
        let stored = bench.store.intent(id).await.unwrap().unwrap();
        let transition = stored.value.apply(command, bench.now()).unwrap();
        let changes = bench.world.changes().change_intent(&stored, transition);
        bench.core().writer.commit(changes).await.unwrap();
    }
}

fn paid() -> IntentCommand {
    IntentCommand::MarkPaid {
        links: links("acme", Some("sub")),
    }
}

#[tokio::test]
async fn a_048_a_reservation_lasts_as_long_as_the_operator_says() {
    let bench = Workbench::new().await;
    let intent = create(&bench, &bench.buyer(), &intent_request("acme")).await;
    let expires_at = intent.unwrap().parts().expires_at;
    assert_eq!(expires_at.since(bench.now()), Duration::hours(24));
}

#[tokio::test]
async fn a_012_a_user_who_asks_again_keeps_the_one_intent() {
    let bench = Workbench::new().await;
    let buyer = bench.buyer();
    let first = create(&bench, &buyer, &intent_request("acme")).await;
    bench.clock().advance(Duration::hours(1));
    let second = create(&bench, &buyer, &intent_request("other")).await;
    assert_eq!(first.unwrap().id(), second.unwrap().id());
    let slug = bench.intent().parts().reservation.clone().unwrap().slug;
    assert_eq!(slug.as_str(), "other");
}

#[tokio::test]
async fn a_012_a_customer_can_buy_again_after_everything_was_delivered() {
    let bench = Workbench::new().await;
    let buyer = bench.buyer();
    let first = create(&bench, &buyer, &intent_request("acme"))
        .await
        .unwrap();
    commit(&bench, &first, vec![paid(), IntentCommand::MarkFulfilled]).await;
    let second = create(&bench, &buyer, &intent_request("more"))
        .await
        .unwrap();
    assert_ne!(first.id(), second.id());
    assert_eq!(bench.store.intents().len(), 2);
}

#[tokio::test]
async fn a_012_two_twins_of_one_request_end_with_one_intent() {
    let bench = Workbench::new().await;
    let (twin, event) = bench.world.intent(bench.world.user.id, "acme");
    let id = twin.id();
    let rival = bench.world.changes().insert_intent(twin, event);
    let bench = bench.with_rivals(vec![rival]);
    let created = create(&bench, &bench.buyer(), &intent_request("acme")).await;
    assert_eq!(created.unwrap().id(), id);
    assert_eq!(bench.store.intents().len(), 1);
}

#[tokio::test]
async fn a_045_the_owner_is_not_blocked_by_their_own_reservation() {
    let bench = Workbench::new().await;
    let buyer = bench.buyer();
    create(&bench, &buyer, &intent_request("acme"))
        .await
        .unwrap();
    bench.clock().advance(Duration::hours(1));
    let again = create(&bench, &buyer, &intent_request("acme"))
        .await
        .unwrap();
    assert_eq!(
        again.parts().expires_at.since(bench.now()),
        Duration::hours(24)
    );
}

#[tokio::test]
async fn a_046_the_slug_alone_and_the_name_alone_conflict() {
    let bench = Workbench::new().await;
    create(&bench, &bench.buyer(), &reserving("acme", "Acme"))
        .await
        .unwrap();
    let eve = somebody_else(&bench, "eve").await;
    for taken in [reserving("acme", "Other"), reserving("other", "Acme")] {
        let refused = create(&bench, &eve, &taken).await;
        assert!(matches!(refused, Err(CreateIntentError::SlugReserved)));
    }
    assert!(
        create(&bench, &eve, &reserving("other", "Other"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_051_a_name_conflicts_whatever_its_case() {
    let bench = Workbench::new().await;
    create(&bench, &bench.buyer(), &reserving("acme", "Acme Corp"))
        .await
        .unwrap();
    let eve = somebody_else(&bench, "eve").await;
    let refused = create(&bench, &eve, &reserving("other", "aCME cORP")).await;
    assert!(matches!(refused, Err(CreateIntentError::SlugReserved)));
}

#[tokio::test]
async fn a_051_the_loser_of_a_race_for_a_slug_is_told_that_it_is_reserved() {
    let bench = Workbench::new().await;
    let eve = bench.world.seed_user(&bench.store, "eve").await;
    let (winner, event) = bench.world.intent(eve.id, "acme");
    let rival = bench.world.changes().insert_intent(winner, event);
    let bench = bench.with_rivals(vec![rival]);
    let refused = create(&bench, &bench.buyer(), &intent_request("acme")).await;
    assert!(matches!(refused, Err(CreateIntentError::SlugReserved)));
    assert_eq!(bench.intent().user_id(), eve.id);
}

#[tokio::test]
async fn a_052_the_slug_of_a_provisioned_customer_is_refused() {
    let bench = Workbench::new().await;
    let records = bench.world.customer_records("acme", None);
    let changes = records.insert_into(bench.world.changes());
    bench.core().writer.commit(changes).await.unwrap();
    let refused = create(&bench, &bench.buyer(), &intent_request("acme")).await;
    assert!(matches!(refused, Err(CreateIntentError::SlugReserved)));
    assert!(bench.store.intents().is_empty());
}

#[tokio::test]
async fn a_053_an_expired_reservation_is_free_for_somebody_else() {
    let bench = Workbench::new().await;
    create(&bench, &bench.buyer(), &intent_request("acme"))
        .await
        .unwrap();
    bench.clock().advance(Duration::hours(24));
    bench.sweep_intents().run().await.unwrap();
    let eve = somebody_else(&bench, "eve").await;
    assert!(create(&bench, &eve, &intent_request("acme")).await.is_ok());
    // The first owner comes back: their row is reused, and the slug is gone.
    let refused = create(&bench, &bench.buyer(), &intent_request("acme")).await;
    assert!(matches!(refused, Err(CreateIntentError::SlugReserved)));
}

#[tokio::test]
async fn a_049_a_reservation_whose_time_ran_out_is_in_nobodys_way_before_it_is_swept() {
    let bench = Workbench::new().await;
    let first = create(&bench, &bench.buyer(), &intent_request("acme"))
        .await
        .unwrap();
    bench.clock().advance(Duration::hours(24));
    let eve = somebody_else(&bench, "eve").await;
    create(&bench, &eve, &intent_request("acme")).await.unwrap();
    assert_eq!(bench.intent_with(first.id()).state().name(), "expired");
}

#[tokio::test]
async fn a_049_an_expired_intent_is_renewed_in_its_row_and_keeps_what_is_not_said_again() {
    let bench = Workbench::new().await;
    let buyer = bench.buyer();
    let first = create(&bench, &buyer, &intent_request("acme"))
        .await
        .unwrap();
    bench.clock().advance(Duration::hours(24));
    bench.sweep_intents().run().await.unwrap();
    let wanted = IntentRequest {
        quantity: Quantity::parse(7).unwrap(),
        reservation: None,
        country: None,
        terms: crate::checkout::intent::Terms::default(),
    };
    let renewed = create(&bench, &buyer, &wanted).await.unwrap();
    assert_eq!(renewed.id(), first.id());
    assert_eq!(*renewed.state(), IntentState::Created);
    assert_eq!(renewed.parts().quantity.count(), 7);
    assert_eq!(renewed.parts().reservation, first.parts().reservation);
    assert_eq!(renewed.parts().country, first.parts().country);
    assert_eq!(renewed.parts().terms, first.parts().terms);
}

#[tokio::test]
async fn a_049_a_paid_intent_is_given_unchanged() {
    let bench = Workbench::new().await;
    let buyer = bench.buyer();
    let intent = create(&bench, &buyer, &intent_request("acme"))
        .await
        .unwrap();
    commit(&bench, &intent, vec![paid()]).await;
    let before = bench.intent();
    let given = create(&bench, &buyer, &intent_request("other"))
        .await
        .unwrap();
    assert_eq!(given, before);
    assert_eq!(bench.intent(), before);
}

#[tokio::test]
async fn a_049_a_purchase_that_failed_after_its_payment_is_not_replaced() {
    let bench = Workbench::new().await;
    let buyer = bench.buyer();
    let intent = create(&bench, &buyer, &intent_request("acme"))
        .await
        .unwrap();
    let message = "it did not work".to_owned();
    let failed = IntentCommand::MarkProvisioningError { message };
    commit(&bench, &intent, vec![paid(), failed]).await;
    let refused = create(&bench, &buyer, &intent_request("other")).await;
    assert!(matches!(
        refused,
        Err(CreateIntentError::EarlierPurchaseFailed)
    ));
}

#[tokio::test]
async fn a_113_nobody_reserves_from_a_country_under_embargo() {
    let bench = Workbench::new().await;
    let wanted = IntentRequest {
        country: Some(CountryCode::parse("KP").unwrap()),
        ..intent_request("acme")
    };
    let refused = create(&bench, &bench.buyer(), &wanted).await;
    assert!(matches!(
        refused,
        Err(CreateIntentError::CountryNotSupported)
    ));
    assert!(bench.store.intents().is_empty());
}

#[tokio::test]
async fn only_a_user_can_create_an_intent() {
    let bench = Workbench::new().await;
    let refused = create(&bench, &bench.operator(), &intent_request("acme")).await;
    assert!(matches!(refused, Err(CreateIntentError::NotAUser)));
}
