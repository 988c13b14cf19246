//! One answer for one key.

use std::sync::Arc;

use async_trait::async_trait;
use billing_domain::kernel::ports::{AnswerReader, StoreError, StoredAnswer};
use billing_domain::kernel::recorded_answer::RequestKey;
use billing_domain::testing::MemoryStore;
use serde_json::json;

use crate::checkout::session_body;
use crate::service::{Service, post};

const INTENTS: &str = "/api/v1/checkout-intents";
const SESSION: &str = "/api/v1/customer-billing/checkout-session";

#[actix_web::test]
async fn the_same_request_with_the_same_key_is_answered_the_same() {
    let service = Service::new().await;
    let body = json!({"quantity": 7});
    let first = service
        .send(post(INTENTS, &body).by("ada").with_key("k 1"))
        .await;
    let again = service
        .send(post(INTENTS, &body).by("ada").with_key("k 1"))
        .await;
    assert_eq!(
        (first.status, first.header("idempotent-replayed")),
        (201, "")
    );
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (201, "true")
    );
    assert_eq!(first.body, again.body);
    // Another caller's key of the same name is another key.
    let other = service
        .send(post(INTENTS, &body).by("bob").with_key("k 1"))
        .await;
    assert_ne!(other.json()["id"], first.json()["id"]);
}

#[actix_web::test]
async fn the_same_key_with_another_request_is_refused_and_changes_nothing() {
    let service = Service::new().await;
    let first = post(INTENTS, &json!({"quantity": 7}))
        .by("ada")
        .with_key("k");
    assert_eq!(service.send(first).await.status, 201);
    let audit = service.store.audit().len();
    let calls = [
        post(INTENTS, &json!({"quantity": 8})),
        post(&format!("{INTENTS}?a=b"), &json!({"quantity": 7})),
    ];
    for call in calls {
        let reused = service.send(call.by("ada").with_key("k")).await;
        assert_eq!(
            (reused.status, reused.code().as_str()),
            (409, "idempotency_key_reused")
        );
    }
    assert_eq!(service.store.audit().len(), audit);
}

#[actix_web::test]
async fn a_105_a_page_is_replayed_even_after_it_was_paid() {
    let service = Service::new().await;
    let call = || {
        post(SESSION, &session_body("acme", "ada"))
            .by("ada")
            .with_key("buy")
    };
    let first = service.send(call()).await;
    service
        .provider
        .pay(&service.provider.sessions()[0].id)
        .unwrap();
    let again = service.send(call()).await;
    assert_eq!((again.status, again.body), (201, first.body));
}

#[actix_web::test]
async fn twenty_requests_at_once_with_one_key_make_one_intent_and_one_answer() {
    let service = Service::new().await;
    for path in [INTENTS, SESSION] {
        let body = if path == INTENTS {
            json!({"quantity": 7})
        } else {
            session_body("acme", "ada")
        };
        let calls = (0..20)
            .map(|_| post(path, &body).by("ada").with_key("once"))
            .collect();
        let answers = service.send_all(calls).await;
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (201, &answers[0].body));
        }
    }
    assert_eq!(service.store.intents().len(), 1);
    assert_eq!(service.provider.sessions().len(), 1);
}

#[actix_web::test]
async fn a_failed_request_is_not_remembered() {
    let service = Service::new().await;
    let wrong = post(SESSION, &session_body("acme", "eve"))
        .by("ada")
        .with_key("k");
    assert_eq!(service.send(wrong).await.code(), "admin_email_mismatch");
    let right = post(SESSION, &session_body("acme", "ada"))
        .by("ada")
        .with_key("k");
    assert_eq!(service.send(right).await.status, 201);
}

#[actix_web::test]
async fn a_key_that_is_empty_too_long_or_not_printable_is_refused() {
    let service = Service::new().await;
    for key in ["", &"k".repeat(256), "a\tb", "ä"] {
        let answer = service
            .send(
                post(INTENTS, &json!({"quantity": 7}))
                    .by("ada")
                    .with_key(key),
            )
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_idempotency_key"),
            "{key}"
        );
    }
    assert!(service.store.intents().is_empty());
}

/// Looks, and then lets everybody else look before it answers.
struct Hesitant(MemoryStore);

#[async_trait]
impl AnswerReader for Hesitant {
    async fn answer(&self, key: &RequestKey) -> Result<Option<StoredAnswer>, StoreError> {
        let answer = self.0.answer(key).await;
        actix_web::rt::task::yield_now().await;
        answer
    }
}

#[actix_web::test]
async fn a_twin_that_lost_the_race_replays_the_winners_answer() {
    let service = Service::with(
        |_| {},
        |store, use_cases| use_cases.answers = Arc::new(Hesitant(store.clone())),
    )
    .await;
    for path in [INTENTS, SESSION] {
        let body = if path == INTENTS {
            json!({"quantity": 7})
        } else {
            session_body("acme", "ada")
        };
        let calls = (0..20)
            .map(|_| post(path, &body).by("ada").with_key("once"))
            .collect();
        let answers = service.send_all(calls).await;
        let fresh = answers
            .iter()
            .filter(|answer| answer.header("idempotent-replayed").is_empty());
        assert_eq!(fresh.count(), 1);
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (201, &answers[0].body));
        }
    }
    assert_eq!(service.store.intents().len(), 1);
}
