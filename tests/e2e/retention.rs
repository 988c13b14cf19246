//! What is personal goes from old payloads, and nothing that a rebuild needs.

use billing_app::clock::SystemClock;
use billing_domain::kernel::change_set::Cause;
use billing_domain::kernel::ports::Clock;
use billing_domain::provider_events::scrub_payloads::{ScrubOrder, ScrubReport};
use billing_tests::house::House;
use reqwest::Method;
use serde_json::Value;
use time::Duration;

use crate::rebuild::{check, proved, story};

async fn scrub(house: &House, is_rehearsal: bool) -> ScrubReport {
    let order = ScrubOrder {
        received_before: SystemClock.now().plus(Duration::hours(1)),
        is_rehearsal,
        from_the_first: false,
        cause: Cause::Job("scrub_payloads"),
    };
    let application = &house.world.service.application;
    let report = application.scrub_payloads.run(&order, &|_| {}).await;
    report.expect("the database answers")
}

/// Every payload as text, with signature, headers and address.
async fn payloads(house: &House) -> Vec<String> {
    let operator = &house.world.credentials.operator;
    let path = "/api/v1/admin/webhook-events?limit=100";
    let list = house.request(Method::GET, path).bearer_auth(operator);
    let list = house.send(list).await;
    let items = list.body["items"].as_array().expect("a list has items");
    let mut texts = Vec::new();
    for item in items {
        let id = item["id"].as_str().expect("an event has an id");
        let path = format!("/api/v1/admin/webhook-events/{id}");
        let event = house.request(Method::GET, &path).bearer_auth(operator);
        texts.push(house.send(event).await.text);
    }
    texts
}

#[tokio::test]
async fn a_scrubbed_log_has_nothing_personal_and_proves_the_record() {
    for house in House::every().await {
        story(&house).await;
        let before = payloads(&house).await.join("\n");
        for personal in [
            "ada@acme.example",
            "v1=",
            "last4",
            "user-agent",
            "127.0.0.1",
        ] {
            assert!(before.contains(personal), "{personal} would prove nothing");
        }
        let answers = house.database.row_count("request_answers").await;
        assert!(answers > 0);

        let rehearsed = scrub(&house, true).await;
        assert!(rehearsed.scrubbed_count > 0, "{rehearsed:?}");
        assert_eq!(payloads(&house).await.join("\n"), before);

        let scrubbed = scrub(&house, false).await;
        assert_eq!(scrubbed.scrubbed_count, rehearsed.scrubbed_count);
        assert_eq!(scrubbed.irreducible_count, 0, "{scrubbed:?}");
        assert_eq!(scrubbed.unsettled_count, 0, "{scrubbed:?}");
        assert_eq!(i64::try_from(scrubbed.answer_count), Ok(answers));
        assert!(scrubbed.bytes_after < scrubbed.bytes_before);
        let after = payloads(&house).await.join("\n");
        let scrubbed = ["ada@acme.example", "v1=", "last4", "fingerprint"];
        let carried = ["user-agent", "127.0.0.1"];
        for personal in scrubbed.into_iter().chain(carried) {
            assert!(!after.contains(personal), "{}: {personal}", house.name());
        }
        assert_eq!(house.database.row_count("request_answers").await, 0);

        let again = scrub(&house, false).await;
        assert_eq!(again, ScrubReport::default());
        proved(&house, &check(&house).await);
        house.stop().await;
    }
}

/// The story's payloads, reduced, are what the flight recorder and a rebuild read.
#[tokio::test]
async fn a_scrubbed_payload_is_still_an_event() {
    for house in House::every().await {
        story(&house).await;
        scrub(&house, false).await;
        for text in payloads(&house).await {
            let event: Value = serde_json::from_str(&text).expect("an answer is JSON");
            let payload = &event["payload"];
            let kept = payload
                .get("id")
                .or_else(|| payload.pointer("/data/object/id"));
            assert!(kept.is_some(), "{text}");
        }
        house.stop().await;
    }
}
