//! The operators' side of the inbox as they meet it: over HTTP and on the command line, on both
//! databases, page by page, with nonsense, and with several hands at once.

use std::collections::BTreeSet;

use billing_seaorm::testing::TestDatabase;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::bad_input::{Raw, event};
use crate::effects::inbox_is_settled;
use crate::program::run;
use crate::stage::{ApiClient, Serving, Stage};

const KEY: &str = "the-key-of-the-operator";
const EVENTS: &str = "/admin/webhook-events";

/// How many hands act at once.
const HANDS: usize = 8;

/// Calls as the operator; gives status and body.
async fn operate(
    client: &ApiClient,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let request = client
        .http
        .request(method, client.api(&format!("{EVENTS}{path}")))
        .header("X-Operator-Key", KEY);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap_or(Value::Null))
}

async fn look(client: &ApiClient, path: &str) -> Value {
    let (status, body) = operate(client, Method::GET, path, None).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

/// Ten events that mean nothing, five that make no sense; all have ended.
async fn with_events(database: TestDatabase) -> (Stage, Serving) {
    let mut stage = Stage::on(database).await;
    stage.set("ADMIN_API_KEY_HASH", &hex::encode(Sha256::digest(KEY)));
    let serving = stage.serve();
    let secret = stage.sandbox.webhook_secret().unwrap().to_owned();
    for number in 0..15 {
        let payload = event(&format!("evt_{number}"), |event| {
            if number % 3 == 0 {
                event["type"] = json!("invoice.paid");
            }
        });
        let answer = Raw::signed(&secret, payload).send(&serving).await;
        assert_eq!(answer.0, 200);
    }
    inbox_is_settled(stage.database.as_ref().unwrap()).await;
    (stage, serving)
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    let ids = items.map(|item| item["event_id"].as_str().unwrap());
    ids.map(ToOwned::to_owned).collect()
}

async fn decisions(stage: &Stage) -> i64 {
    let entries = "audit_entries WHERE entity_kind = 'provider_event'";
    stage.database.as_ref().unwrap().row_count(entries).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_list_show_replay_and_discard_over_http_and_on_the_command_line() {
    for database in TestDatabase::every().await {
        let name = database.name();
        let (stage, serving) = with_events(database).await;
        let mut pages = Vec::new();
        let mut path = "?limit=4".to_owned();
        loop {
            let page = look(&serving, &path).await;
            pages.extend(ids(&page));
            let Some(next) = page["next"].as_str() else {
                break;
            };
            path = format!("?limit=4&after={next}");
        }
        let newest_first: Vec<String> = (0..15).rev().map(|n| format!("evt_{n}")).collect();
        assert_eq!(pages, newest_first, "{name}: each once, the last first");
        let parked = look(&serving, "?status=parked&type=invoice.*").await;
        assert_eq!(ids(&parked), ["evt_12", "evt_9", "evt_6", "evt_3", "evt_0"]);
        let shown = look(&serving, "/evt_0").await;
        assert_eq!(shown["status"], "parked", "{shown}");
        assert_eq!(shown["payload"]["id"], "evt_0");

        // What HTTP discards the command line shows, and takes back.
        let reason = json!({ "reason": "not ours" });
        let (status, discarded) =
            operate(&serving, Method::POST, "/evt_0/discard", Some(reason)).await;
        assert_eq!(
            (status, &discarded["status"]),
            (StatusCode::OK, &json!("discarded"))
        );
        let said = run(&["events", "show", "evt_0"], stage.settings()).success();
        assert!(
            said.contains("parked → discarded (not ours)"),
            "{name}: {said}"
        );
        let said = run(&["events", "replay", "evt_0"], stage.settings()).success();
        assert!(said.contains("is received"), "{name}: {said}");
        // The running service takes it, and it is no better than before.
        inbox_is_settled(stage.database.as_ref().unwrap()).await;
        let shown = look(&serving, "/evt_0").await;
        assert_eq!(shown["status"], "parked", "{name}: {shown}");
        assert_eq!(
            shown["attempt_history"].as_array().unwrap().len(),
            2,
            "{shown}"
        );
        let discard = ["events", "discard", "evt_3", "--reason", "nor this"];
        run(&discard, stage.settings()).success();
        let order = json!({ "filter": { "status": ["parked", "discarded"] } });
        let (status, report) = operate(&serving, Method::POST, "/replay", Some(order)).await;
        assert_eq!(
            (status, &report["replayed"]),
            (StatusCode::ACCEPTED, &json!(5))
        );
        inbox_is_settled(stage.database.as_ref().unwrap()).await;
        let summary = look(&serving, "/summary").await;
        assert_eq!(summary["counts"]["parked"], 5, "{name}: {summary}");
        assert_eq!(
            decisions(&stage).await,
            8,
            "{name}: one entry for each decision"
        );
        serving.running.signal("TERM");
        assert_eq!(serving.running.end().code, Some(0), "{name}");
    }
}

/// Query strings that somebody may try; each is refused for what it is.
const NONSENSE: [&str; 15] = [
    "?limit=0",
    "?limit=-1",
    "?limit=99999999999999999999",
    "?limit=1&limit=2",
    "?after=evt_1",
    "?after=%00",
    "?after=%ff%fe",
    "?after=whe_00000000000000000000000000000000%27%20OR%201=1--",
    "?status=%00",
    "?type=%27%3BDROP%20TABLE%20provider_events",
    "?type=*",
    "?owner=%00",
    "?event_id=%00",
    "?received_from=-999999-01-01T00:00:00Z",
    "?created_until=9999999999999999",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_from_an_operator_is_a_4xx_and_changes_nothing() {
    for database in TestDatabase::every().await {
        let name = database.name();
        let (stage, serving) = with_events(database).await;
        for query in NONSENSE {
            let (status, body) = operate(&serving, Method::GET, query, None).await;
            assert!(status.is_client_error(), "{name}: {query}: {status} {body}");
            assert!(body["code"].is_string(), "{name}: {query}: {body}");
        }
        // What is sane and matches nothing is an empty page.
        for query in [
            "?type=a.b.c",
            "?event_id=evt_%25",
            "?received_until=1970-01-01T00:00:00Z",
        ] {
            let page = look(&serving, query).await;
            assert_eq!(ids(&page), Vec::<String>::new(), "{name}: {query}");
        }
        let long = "x".repeat(100_000);
        let bodies = [
            ("/evt_0/discard", json!(null)),
            ("/evt_0/discard", json!({ "reason": "a\0b" })),
            ("/evt_0/discard", json!({ "reason": long })),
            ("/evt_0/discard", json!({ "reason": ["x"] })),
            ("/evt_0/discard", json!({ "reason": "x", "force": true })),
            ("/evt_%00/discard", json!({ "reason": "x" })),
            ("/evt_404/discard", json!({ "reason": "x" })),
            ("/evt_0/replay", json!({ "reason": 7 })),
            ("/evt_404/replay", json!({})),
            (
                "/replay",
                json!({ "filter": { "status": ["parked", "\0"] } }),
            ),
            ("/replay", json!({ "filter": { "status": ["processing"] } })),
            (
                "/replay",
                json!({ "filter": { "status": ["parked"] }, "limit": -1 }),
            ),
            ("/replay", json!([])),
        ];
        for (path, body) in bodies {
            let (status, told) = operate(&serving, Method::POST, path, Some(body)).await;
            assert!(status.is_client_error(), "{name}: {path}: {status} {told}");
        }
        assert_eq!(decisions(&stage).await, 0, "{name}");
        assert!(!serving.kill().contains("panicked"), "{name}");
    }
}

/// Every hand posts the same at once; gives the statuses.
async fn all_at_once(serving: &Serving, path: &str, body: &Value) -> BTreeSet<u16> {
    let mut hands = JoinSet::new();
    for _ in 0..HANDS {
        let (client, path, body) = (serving.client(), path.to_owned(), body.clone());
        hands.spawn(async move {
            let (status, _) = operate(&client, Method::POST, &path, Some(body)).await;
            status.as_u16()
        });
    }
    hands.join_all().await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_operators_at_once_decide_once() {
    for database in TestDatabase::every().await {
        let name = database.name();
        let (stage, serving) = with_events(database).await;
        let reason = json!({ "reason": "closed" });
        // A conflict that outlives its repetitions is told so; nobody is told anything else.
        let told = all_at_once(&serving, "/evt_1/discard", &reason).await;
        assert!(
            told.contains(&200) && told.is_subset(&BTreeSet::from([200, 409])),
            "{name}: {told:?}"
        );
        assert_eq!(decisions(&stage).await, 1, "{name}: one discard");
        let told = all_at_once(&serving, "/evt_1/replay", &json!({})).await;
        assert!(
            told.contains(&202) && told.is_subset(&BTreeSet::from([202, 409])),
            "{name}: {told:?}"
        );

        // Replayed and discarded by many hands while the worker has it.
        for round in 0..5 {
            let id = format!("/evt_{}", round * 3);
            let (replay, discard) = (format!("{id}/replay"), format!("{id}/discard"));
            let nothing = json!({});
            let (replayed, discarded) = tokio::join!(
                all_at_once(&serving, &replay, &nothing),
                all_at_once(&serving, &discard, &reason),
            );
            assert!(
                replayed.is_subset(&BTreeSet::from([202, 409])),
                "{name}: {replayed:?}"
            );
            assert!(
                discarded.is_subset(&BTreeSet::from([200, 409])),
                "{name}: {discarded:?}"
            );
        }
        let database = stage.database.as_ref().unwrap();
        inbox_is_settled(database).await;
        let lost = "provider_events WHERE status NOT IN ('skipped', 'parked', 'discarded')";
        assert_eq!(database.row_count(lost).await, 0, "{name}");
        assert_eq!(database.row_count("provider_events").await, 15, "{name}");
        // Whoever decides last has the last word, and a worker that had the event does not.
        let told = all_at_once(&serving, "/evt_0/discard", &reason).await;
        assert!(told.contains(&200), "{name}: {told:?}");
        inbox_is_settled(database).await;
        assert_eq!(
            look(&serving, "/evt_0").await["status"],
            "discarded",
            "{name}"
        );
        assert!(!serving.kill().contains("panicked"), "{name}");
    }
}
