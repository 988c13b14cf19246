//! Which keys open what (E-010…E-014).

use time::Duration;

use super::*;
use crate::access::api_key::ApiKey;
use crate::access::issue_api_key::{IssueApiKey, IssuedKey};
use crate::access::ports::{KeyOwner, MockAccessReader};
use crate::access::project::{App, Project};
use crate::kernel::timestamp::Timestamp;
use crate::testing::fixtures::title;
use crate::testing::{PlainHasher, Workbench};

type Authenticated = Result<Principal, AuthenticateAppError>;

async fn issue(bench: &Workbench, expires_at: Option<Timestamp>) -> IssuedKey {
    let issue = IssueApiKey {
        core: bench.core(),
        access: Arc::new(bench.store.clone()),
        hasher: Arc::new(PlainHasher),
    };
    let issued = issue
        .run(&title("Academy"), &title("Web"), expires_at)
        .await;
    issued.unwrap()
}

async fn authenticate(bench: &Workbench, presented: &str) -> Authenticated {
    let authenticate = AuthenticateApp {
        clock: Arc::new(bench.world.clock.clone()),
        access: Arc::new(bench.store.clone()),
        hasher: Arc::new(PlainHasher),
    };
    authenticate.run(presented).await
}

#[tokio::test]
async fn e_012_a_key_opens_its_own_project() {
    let bench = Workbench::new().await;
    let issued = issue(&bench, None).await;
    let principal = authenticate(&bench, &issued.secret).await.unwrap();
    let expected = Principal::App {
        app_id: bench.world.app.id,
        project_id: bench.world.project.id,
    };
    assert_eq!(principal, expected);
}

#[tokio::test]
async fn e_012_the_right_prefix_with_another_secret_opens_nothing() {
    let bench = Workbench::new().await;
    let issued = issue(&bench, None).await;
    let (prefix, _) = issued.secret.split_at(KEY_PREFIX_CHARS);
    for presented in [
        prefix.to_owned(),
        format!("{prefix}guess"),
        format!("{}x", issued.secret),
    ] {
        let refused = authenticate(&bench, &presented).await;
        assert!(
            matches!(refused, Err(AuthenticateAppError::InvalidKey)),
            "{presented}"
        );
    }
}

#[tokio::test]
async fn e_010_an_unknown_or_empty_key_opens_nothing() {
    let bench = Workbench::new().await;
    issue(&bench, None).await;
    for presented in ["", "bk_", "bk_nobody_was_given_this", "ключ"] {
        let refused = authenticate(&bench, presented).await;
        assert!(
            matches!(refused, Err(AuthenticateAppError::InvalidKey)),
            "{presented}"
        );
    }
}

#[tokio::test]
async fn e_014_a_key_stops_at_the_second_at_which_it_expires() {
    let bench = Workbench::new().await;
    let expires_at = bench.now().plus(Duration::days(1));
    let issued = issue(&bench, Some(expires_at)).await;
    bench.clock().set(expires_at.minus(Duration::seconds(1)));
    assert!(authenticate(&bench, &issued.secret).await.is_ok());
    bench.clock().set(expires_at);
    let refused = authenticate(&bench, &issued.secret).await;
    assert!(matches!(refused, Err(AuthenticateAppError::InvalidKey)));
}

#[tokio::test]
async fn e_014_a_revoked_key_opens_nothing_and_the_new_one_goes_on() {
    let bench = Workbench::new().await;
    let old = issue(&bench, None).await;
    let new = issue(&bench, None).await;
    let keys = bench.store.rows::<ApiKey>();
    let stored = keys.iter().find(|key| key.value.id == old.key.id).unwrap();
    let transition = stored.value.revoke(bench.now());
    let changes = bench.world.changes().change_api_key(stored, transition);
    bench.writer.commit(changes).await.unwrap();
    let refused = authenticate(&bench, &old.secret).await;
    assert!(matches!(refused, Err(AuthenticateAppError::InvalidKey)));
    assert!(authenticate(&bench, &new.secret).await.is_ok());
}

#[tokio::test]
async fn e_011_nothing_opens_a_project_or_an_app_that_is_switched_off() {
    let bench = Workbench::new().await;
    let issued = issue(&bench, None).await;
    let owner = |app_is_active, project_is_active| KeyOwner {
        key: issued.key.clone(),
        app: App {
            is_active: app_is_active,
            ..bench.world.app.clone()
        },
        project: Project {
            is_active: project_is_active,
            ..bench.world.project.clone()
        },
    };
    for owner in [owner(false, true), owner(true, false)] {
        let mut access = MockAccessReader::new();
        access
            .expect_key_by_prefix()
            .returning(move |_| Ok(Some(owner.clone())));
        let authenticate = AuthenticateApp {
            clock: Arc::new(bench.world.clock.clone()),
            access: Arc::new(access),
            hasher: Arc::new(PlainHasher),
        };
        let refused = authenticate.run(&issued.secret).await;
        assert!(matches!(refused, Err(AuthenticateAppError::Inactive)));
        // Who does not have the key does not learn that the project is off.
        let guessed = authenticate.run("bk_guess").await;
        assert!(matches!(guessed, Err(AuthenticateAppError::InvalidKey)));
    }
}
