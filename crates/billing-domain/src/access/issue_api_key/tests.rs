//! What is made when a key is issued, and what is kept of it (E-012, E-014).

use super::*;
use crate::testing::fixtures::title;
use crate::testing::{PlainHasher, Workbench};

fn issuing(bench: &Workbench) -> IssueApiKey {
    IssueApiKey {
        core: bench.core(),
        access: Arc::new(bench.store.clone()),
        hasher: Arc::new(PlainHasher),
    }
}

#[tokio::test]
async fn e_012_only_prefix_and_digest_of_a_key_are_kept() {
    let bench = Workbench::new().await;
    let issued = issuing(&bench)
        .run(&title("Academy"), &title("Web"), None)
        .await
        .unwrap();
    let stored = bench.store.rows::<ApiKey>()[0].value.clone();
    assert_eq!(stored, issued.key);
    assert_eq!(stored.prefix.chars().count(), KEY_PREFIX_CHARS);
    assert!(issued.secret.starts_with(&stored.prefix));
    assert_eq!(stored.hash, PlainHasher.hash(&issued.secret));
    assert!(
        !format!("{issued:?}").contains(&issued.secret),
        "it is not printed"
    );
}

#[tokio::test]
async fn project_and_application_are_made_once() {
    let bench = Workbench::new().await;
    let issue = issuing(&bench);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let issued = issue.run(&title("Lab"), &title("Mobile"), None).await;
        keys.push(issued.unwrap());
    }
    assert_eq!(keys[0].project_id, keys[1].project_id);
    assert_eq!(keys[0].key.app_id, keys[1].key.app_id);
    assert_ne!(keys[0].secret, keys[1].secret);
    assert_eq!(bench.store.rows::<Project>().len(), 2);
    assert_eq!(bench.store.rows::<App>().len(), 2);
}

#[tokio::test]
async fn a_project_that_somebody_else_makes_meanwhile_is_found() {
    let bench = Workbench::new().await;
    let (project, event) = Project::new(bench.world.id(), title("Lab"));
    let id = project.id;
    let rival = bench.world.changes().insert_project(project, event);
    let raced = bench.with_rivals(vec![rival]);
    assert_eq!(
        issuing(&raced).ensure_project(&title("Lab")).await.unwrap(),
        id
    );
}
