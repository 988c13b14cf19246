//! An event of a real story becomes a test case: it says nothing personal, and it is decided again
//! from the file alone.

use std::path::Path;

use billing_app::clock::SystemClock;
use billing_app::flight_recorder::{play, record};
use billing_domain::kernel::ports::Clock;
use billing_domain::provider_events::event_filter::EventName;
use billing_tests::house::House;
use reqwest::Method;
use serde_json::{Value, json};

use crate::rebuild::story;

async fn played(case: &Value) -> (Value, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let played = play(case, folder.path()).await;
    played.unwrap_or_else(|failure| panic!("{}", failure.message))
}

/// The ids of the events in a status, with their types.
async fn events_in(house: &House, status: &str) -> Vec<(String, String)> {
    let operator = &house.world.credentials.operator;
    let path = format!("/api/v1/admin/webhook-events?limit=100&status={status}");
    let list = house.request(Method::GET, &path).bearer_auth(operator);
    let list = house.send(list).await;
    let items = list.body["items"].as_array().expect("a list has items");
    let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let event = |item| (text(item, "id"), text(item, "type"));
    items.iter().map(event).collect()
}

async fn exported(house: &House, id: &str) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = EventName::parse(id).expect("an id of ours");
    let now = SystemClock.now();
    let case = record(house.database.store(), folder.path(), &name, now).await;
    let case = case.unwrap_or_else(|failure| panic!("{}: {}", house.name(), failure.message));
    case.expect("the event is in the inbox")
}

#[tokio::test]
async fn an_exported_event_is_decided_again_from_its_file() {
    for house in House::every().await {
        story(&house).await;
        let applied = events_in(&house, "processed").await;
        assert!(applied.len() >= 4, "{applied:?}");
        let mut changed = 0;
        for (id, kind) in &applied {
            let case = exported(&house, id).await;
            let text = case.to_string();
            for personal in [
                "acme",
                "ada@",
                "grace@",
                "127.0.0.1",
                "user-agent",
                "cs_secret",
            ] {
                let is_said = text.to_lowercase().contains(personal);
                assert!(!is_said, "{kind} says {personal}: {text}");
            }
            assert_eq!(case["outcome"], "applied", "{kind}");
            let (result, outcome) = played(&case).await;
            assert_eq!((&result, outcome.as_str()), (&case["result"], "applied"));
            changed += usize::from(case["prior"] != case["result"]);

            // A row that the decision rests on is gone: the case says so.
            let mut broken = case.clone();
            broken["prior"]["checkout_intents"] = json!([]);
            let (result, outcome) = played(&broken).await;
            assert_ne!((&result, outcome.as_str()), (&case["result"], "applied"));
        }
        assert!(changed >= 3, "only {changed} events changed a row");
        if let Ok(folder) = std::env::var("BILLING_RECORD_CASES") {
            for (id, kind) in &applied {
                let case = exported(&house, id).await;
                let file = Path::new(&folder).join(format!("{}.json", kind.replace('.', "_")));
                std::fs::write(file, format!("{case:#}\n")).expect("the folder is there");
            }
        }
        house.stop().await;
    }
}

#[tokio::test]
async fn every_recorded_case_ends_as_recorded() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/recorded");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of recorded cases") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a case can be read");
        let case: Value = serde_json::from_str(&text).expect("a case is JSON");
        let (result, outcome) = played(&case).await;
        assert_eq!(case["outcome"], outcome, "{}", path.display());
        assert_eq!(result, case["result"], "{}", path.display());
        count += 1;
    }
    assert!(count > 0, "no case was recorded");
}
