//! The inbox for operators: lists, one event, replays, discards; and for nobody else.

use actix_web::http::Method;
use billing_domain::kernel::change_set::{Cause, ChangeSet};
use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::ports::BillingWriter;
use billing_domain::provider_events::ports::{EventInbox, Settlement};
use billing_domain::testing::inbox_steps::{begin_due, settle_one};
use serde_json::{Value, json};
use time::Duration;

use crate::service::{Answer, Call, Service, get, post};
use crate::webhook::{deliver, registered};

const EVENTS: &str = "/api/v1/admin/webhook-events";

/// Four events: one that waits, a parked, a skipped and an applied one.
async fn with_events() -> (Service, Vec<InboxEventId>) {
    let service = Service::new().await;
    for number in 0..4 {
        let delivery = registered(&service, &format!("evt_{number}"));
        let stored = service
            .send(deliver("/api/v1/webhooks/stripe", &delivery))
            .await;
        assert_eq!(stored.status, 200);
    }
    let now = service.now();
    let until = now.plus(Duration::minutes(1));
    let claimed = begin_due(&service.store, now, until, 4).await;
    let ids: Vec<InboxEventId> = claimed.iter().map(|event| event.id).collect();
    let reason = "malformed at `data`".to_owned();
    for (id, settlement) in [
        (ids[0], Settlement::Deferred),
        (
            ids[1],
            Settlement::Parked {
                reason,
                waiting_for: None,
            },
        ),
        (
            ids[2],
            Settlement::Skipped {
                reason: "this type of event has no effect".to_owned(),
                waiting_for: None,
            },
        ),
    ] {
        settle_one(&service.store, id, settlement, now).await;
    }
    assert_eq!(service.store.release_deferred(now).await.unwrap(), 1);
    let (intent, happened) = service.world.intent(service.world.user.id, "acme");
    let applied = ChangeSet::caused_by(Cause::ProviderEvent(ids[3]), now);
    let applied = applied.insert_intent(intent, happened);
    service.store.commit(applied).await.unwrap();
    (service, ids)
}

async fn asked(service: &Service, call: Call) -> Answer {
    service.send(call.by_operator()).await
}

fn ids_of(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    let items = body["items"].as_array().unwrap();
    let ids = items.iter().map(|item| item["event_id"].as_str().unwrap());
    ids.map(ToOwned::to_owned).collect()
}

#[actix_web::test]
async fn an_operator_lists_events_by_filter_and_page() {
    let (service, _) = with_events().await;
    let all = asked(&service, get(EVENTS)).await;
    assert_eq!(ids_of(&all), ["evt_3", "evt_2", "evt_1", "evt_0"]);
    let owner = service.world.user.id;
    let filters = [
        ("?status=parked,skipped".to_owned(), vec!["evt_2", "evt_1"]),
        ("?type=invoice.*&status=processed".to_owned(), vec!["evt_3"]),
        ("?type=invoice.voided".to_owned(), vec![]),
        ("?event_id=evt_2".to_owned(), vec!["evt_2"]),
        (format!("?owner={owner}"), vec!["evt_3"]),
        ("?received_until=2020-01-01T00:00:00Z".to_owned(), vec![]),
        (
            "?created_from=2020-01-01T00:00:00Z&status=received".to_owned(),
            vec!["evt_0"],
        ),
    ];
    for (query, expected) in filters {
        let answer = asked(&service, get(&format!("{EVENTS}{query}"))).await;
        assert_eq!(ids_of(&answer), expected, "{query}");
    }
    let first = asked(&service, get(&format!("{EVENTS}?limit=3"))).await;
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let second = asked(&service, get(&format!("{EVENTS}?limit=3&after={next}"))).await;
    assert_eq!(ids_of(&second), ["evt_0"]);
    assert_eq!(second.json()["next"], Value::Null);
    let summary = asked(&service, get(&format!("{EVENTS}/summary")))
        .await
        .json();
    assert_eq!(summary["counts"]["parked"], 1);
    assert_eq!(summary["counts"]["processed"], Value::Null);
    assert_eq!(summary["oldest_unapplied_at"], service.now().to_string());
}

#[actix_web::test]
async fn a_filter_that_makes_no_sense_names_the_parameter() {
    let (service, _) = with_events().await;
    let cases = [
        ("status=lost", "status"),
        ("type=*", "type"),
        ("owner=chk_1", "owner"),
        ("event_id=%20", "event_id"),
        ("received_from=yesterday", "received_from"),
        ("created_until=5", "created_until"),
    ];
    for (query, field) in cases {
        let answer = asked(&service, get(&format!("{EVENTS}?{query}"))).await;
        assert_eq!(answer.code(), "validation_failed", "{query}");
        assert!(answer.json()["fields"][field].is_object(), "{query}");
    }
    for query in ["limit=0", "limit=101", "after=evt_1"] {
        let answer = asked(&service, get(&format!("{EVENTS}?{query}"))).await;
        assert_eq!(answer.code(), "invalid_query", "{query}");
    }
}

#[actix_web::test]
async fn one_event_is_shown_with_payload_attempts_and_effects() {
    let (service, ids) = with_events().await;
    let parked = asked(&service, get(&format!("{EVENTS}/{}", ids[1]))).await;
    assert_eq!(parked.status, 200, "{}", parked.body);
    let parked = parked.json();
    assert_eq!(parked["status"], "parked");
    assert_eq!(parked["reason"], "malformed at `data`");
    assert_eq!(parked["attempt_history"][0]["outcome"], "parked");
    assert!(parked["headers"]["Stripe-Signature"].is_string());
    assert_eq!(parked["remote_address"], "192.0.2.7");
    assert!(!parked["payload"].is_null());
    assert_eq!(parked["effects"], json!([]));
    let applied = asked(&service, get(&format!("{EVENTS}/evt_3")))
        .await
        .json();
    let effect = &applied["effects"][0];
    assert_eq!(effect["entity_kind"], "checkout_intent");
    assert_eq!(effect["cause"], format!("provider_event:{}", ids[3]));
    let unknown = asked(&service, get(&format!("{EVENTS}/evt_9"))).await;
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (404, "not_found")
    );
    let nonsense = asked(&service, get(&format!("{EVENTS}/nonsense"))).await;
    assert_eq!(nonsense.code(), "invalid_id");
}

#[actix_web::test]
async fn a_parked_event_is_replayed_and_an_applied_one_is_refused() {
    let (service, ids) = with_events().await;
    let replay = |id: &str| Call::new(Method::POST, &format!("{EVENTS}/{id}/replay"));
    let wakes = service.wake_count();
    let reason = json!({"reason": "the price is there now"});
    let call = || {
        replay(&ids[1].to_string())
            .json(&reason)
            .with_key("replay-1")
    };
    let replayed = asked(&service, call()).await;
    assert_eq!(replayed.status, 202, "{}", replayed.body);
    assert_eq!(replayed.json()["status"], "received");
    assert_eq!(service.wake_count(), wakes + 1);
    let entry = service.store.audit().pop().unwrap();
    assert_eq!(entry.reason.as_deref(), Some("the price is there now"));
    assert_eq!(entry.actor, "operator:admin_key");
    let entries = service.store.audit().len();
    let again = asked(&service, call()).await;
    assert_eq!(again.body, replayed.body);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(service.store.audit().len(), entries);
    let without_body = asked(&service, replay("evt_2")).await;
    assert_eq!(without_body.status, 202, "{}", without_body.body);
    let applied = asked(&service, replay("evt_3")).await;
    assert_eq!(
        (applied.status, applied.code().as_str()),
        (409, "event_already_applied")
    );
}

#[actix_web::test]
async fn many_are_replayed_after_a_rehearsal() {
    let (service, _) = with_events().await;
    let replay = |dry_run: bool| {
        let filter = json!({"status": ["parked", "skipped"], "type": "invoice.*"});
        post(
            &format!("{EVENTS}/replay"),
            &json!({"filter": filter, "dry_run": dry_run, "reason": "repaired"}),
        )
    };
    let rehearsed = asked(&service, replay(true)).await;
    assert_eq!(rehearsed.status, 200, "{}", rehearsed.body);
    let report = rehearsed.json();
    assert_eq!(
        (&report["matched"], &report["replayed"], &report["left"]),
        (&json!(2), &json!(2), &json!(0))
    );
    assert_eq!(report["examples"][0]["event_id"], "evt_1");
    let waiting = asked(&service, get(&format!("{EVENTS}?status=received"))).await;
    assert_eq!(ids_of(&waiting), ["evt_0"], "nothing was changed");
    let replayed = asked(&service, replay(false)).await;
    assert_eq!(replayed.status, 202, "{}", replayed.body);
    let waiting = asked(&service, get(&format!("{EVENTS}?status=received"))).await;
    assert_eq!(ids_of(&waiting), ["evt_2", "evt_1", "evt_0"]);
    for (body, field) in [
        (json!({"filter": {}}), "filter.status"),
        (
            json!({"filter": {"status": ["processed"]}}),
            "filter.status",
        ),
        (
            json!({"filter": {"status": ["parked"]}, "limit": 501}),
            "limit",
        ),
        (
            json!({"filter": {"status": ["parked"]}, "reason": "a\nb"}),
            "reason",
        ),
    ] {
        let answer = asked(&service, post(&format!("{EVENTS}/replay"), &body)).await;
        assert_eq!(answer.code(), "validation_failed", "{body}");
        assert!(
            answer.json()["fields"][field].is_object(),
            "{}",
            answer.body
        );
    }
}

#[actix_web::test]
async fn an_event_is_discarded_with_a_reason() {
    let (service, ids) = with_events().await;
    let path = format!("{EVENTS}/{}/discard", ids[0]);
    let without = asked(&service, post(&path, &json!({}))).await;
    assert_eq!(without.code(), "invalid_request");
    let blank = asked(&service, post(&path, &json!({"reason": " "}))).await;
    assert_eq!(blank.code(), "validation_failed");
    let reason = json!({"reason": "sent by the old shop"});
    let discarded = asked(&service, post(&path, &reason)).await;
    assert_eq!(discarded.status, 200, "{}", discarded.body);
    assert_eq!(discarded.json()["status"], "discarded");
    let shown = asked(&service, get(&format!("{EVENTS}/evt_0")))
        .await
        .json();
    assert_eq!(shown["decisions"][0]["actor"], "operator:admin_key");
    assert_eq!(shown["decisions"][0]["reason"], "sent by the old shop");
    let applied = post(&format!("{EVENTS}/evt_3/discard"), &reason);
    assert_eq!(
        asked(&service, applied).await.code(),
        "event_already_applied"
    );
}

#[actix_web::test]
async fn events_are_for_operators_only() {
    let (service, ids) = with_events().await;
    let reason = json!({"reason": "mine"});
    let many = json!({"filter": {"status": ["parked"]}});
    let calls = || {
        [
            get(EVENTS),
            get(&format!("{EVENTS}/summary")),
            get(&format!("{EVENTS}/{}", ids[1])),
            post(&format!("{EVENTS}/{}/replay", ids[1]), &json!({})),
            post(&format!("{EVENTS}/replay"), &many),
            post(&format!("{EVENTS}/{}/discard", ids[1]), &reason),
        ]
    };
    let key = service.api_key("shop").await;
    for call in calls() {
        let answer = service.send(call.header("X-API-Key", &key)).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));
        assert!(!answer.body.contains("malformed at"), "{}", answer.body);
    }
    for call in calls() {
        let answer = service.send(call.by("ada")).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));
    }
    for call in calls() {
        assert_eq!(service.send(call).await.status, 401);
    }
    let parked = asked(&service, get(&format!("{EVENTS}?status=parked"))).await;
    assert_eq!(ids_of(&parked), ["evt_1"], "nothing happened to it");
}
