//! What operators do on the command line with Stripe's events, on the database of a real sale.

use serde_json::Value;

use crate::program::run;
use crate::stage::Stage;

/// A sale that is fulfilled; the service has ended.
async fn after_a_sale() -> Stage {
    let mut stage = Stage::new().await;
    let serving = stage.serve();
    let created = serving.buy_until_created("sale").await.json();
    let intent_id = created["checkout_intent"]["id"].as_str().unwrap();
    let session_id = created["checkout_session_id"].as_str().unwrap();
    let card = "4242 4242 4242 4242";
    stage.sandbox.pay_checkout(session_id, card).unwrap();
    stage.deliver(&serving).await;
    serving.fulfilled(intent_id).await;
    serving.running.signal("TERM");
    assert_eq!(serving.running.end().code, Some(0));
    stage
}

/// Runs `events` and gives the objects that it prints.
fn objects(stage: &Stage, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["events"], arguments, &["--json"]].concat();
    let said = run(&arguments, stage.settings()).success();
    let lines = said.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_replays_and_discards_events_without_sql() {
    let stage = after_a_sale().await;
    let paid = objects(&stage, &["list", "--type", "invoice.paid"]);
    let paid = text(&paid[0], "event_id").to_owned();
    let said = run(&["events", "show", &paid], stage.settings()).success();
    for part in [
        "status       processed",
        "checkout_intent_paid",
        "next: nothing",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let shown = objects(&stage, &["show", &paid]).remove(0);
    assert_eq!(text(&shown["payload"], "id"), paid);

    let refused = run(&["events", "replay", &paid], stage.settings());
    let sentence = refused.sentence(3);
    assert!(sentence.contains("would change nothing"), "{sentence}");
    let refused = run(
        &["events", "discard", &paid, "--reason", "no"],
        stage.settings(),
    );
    refused.sentence(3);

    let skipped = objects(&stage, &["list", "--status", "skipped", "--limit", "100"]);
    assert!(!skipped.is_empty(), "a sale has events without an effect");
    let id = text(&skipped[0], "id");
    let dry = ["replay", "--status", "skipped", "--dry-run"];
    let report = objects(&stage, &dry).remove(0);
    assert_eq!(report["matched"], skipped.len());
    assert_eq!(objects(&stage, &["list", "--status", "received"]).len(), 0);

    let discard = ["events", "discard", id, "--reason", "not needed"];
    let said = run(&discard, stage.settings()).success();
    assert!(said.contains("is discarded"), "{said}");
    let said = run(&["events", "list"], stage.settings()).success();
    assert!(said.contains("1 discarded"), "{said}");
    assert!(said.contains("next: billing-app events show"), "{said}");
    let replay = ["events", "replay", id, "--operator", "grace"];
    let said = run(&replay, stage.settings()).success();
    assert!(said.contains("is received"), "{said}");
    let said = run(&["events", "show", id], stage.settings()).success();
    let decided = "operator:cli:grace: discarded → received (no reason was given)";
    assert!(said.contains(decided), "{said}");
    assert!(said.contains("skipped → discarded (not needed)"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_word_is_answered_with_what_to_change() {
    let stage = Stage::new().await;
    let list = run(&["events", "list"], stage.settings());
    assert!(list.sentence(1).contains("billing-app migrate"));
    run(&["migrate"], stage.settings()).success();
    let said = run(&["events", "list"], stage.settings()).success();
    assert!(said.contains("no event matches"), "{said}");
    assert!(said.contains("nothing waits"), "{said}");
    let unknown = run(&["events", "show", "evt_9"], stage.settings());
    assert!(unknown.sentence(1).contains("events list"));
    let cases: [(&[&str], &str); 5] = [
        (&["list", "--status", "lost"], "parked"),
        (&["list", "--since", "yesterday"], "2h"),
        (&["show", "sub_1"], "evt_"),
        (&["replay"], "--status"),
        (&["replay", "evt_1", "--status", "parked"], "not both"),
    ];
    for (arguments, hint) in cases {
        let arguments = [&["events"], arguments].concat();
        let ended = run(&arguments, stage.settings());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(hint), "{hint}: {}", ended.stderr);
    }
}
