//! A project's user is known again (E-022).

use super::*;
use crate::testing::Workbench;
use crate::testing::fixtures::email;

async fn register(bench: &Workbench, name: &str, address: Option<&str>) -> User {
    let register = RegisterUser {
        core: bench.core(),
        users: Arc::new(bench.store.clone()),
    };
    let external_id = ExternalUserId::parse(name).unwrap();
    let address = address.map(email);
    let project = bench.world.project.id;
    let registered = register.run(project, &external_id, address.as_ref(), None);
    registered.await.unwrap()
}

#[tokio::test]
async fn e_022_a_user_who_comes_again_is_the_same_user() {
    let bench = Workbench::new().await;
    let first = register(&bench, "bob", Some("bob@example.com")).await;
    let messages = bench.store.messages();
    assert_eq!(
        register(&bench, "bob", Some("bob@example.com")).await,
        first
    );
    assert_eq!(
        register(&bench, "bob", None).await,
        first,
        "no address says nothing"
    );
    assert_eq!(bench.store.messages(), messages);
}

#[tokio::test]
async fn e_022_a_changed_address_is_taken_over() {
    let bench = Workbench::new().await;
    let first = register(&bench, "bob", Some("bob@example.com")).await;
    let moved = register(&bench, "bob", Some("bob@new.example")).await;
    assert_eq!(moved.id, first.id);
    assert_eq!(moved.email, Some(email("bob@new.example")));
}

#[tokio::test]
async fn e_022_two_first_visits_at_once_make_one_user() {
    let bench = Workbench::new().await;
    let (twin, event) = bench.world.another_user("bob");
    let id = twin.id;
    let rival = bench.world.changes().insert_user(twin, event);
    let raced = bench.with_rivals(vec![rival]);
    assert_eq!(
        register(&raced, "bob", Some("bob@example.com")).await.id,
        id
    );
}
