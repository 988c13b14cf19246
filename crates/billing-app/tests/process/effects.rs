//! Counts what events have done: each exactly once, none lost, none out of order.

use std::collections::{BTreeMap, BTreeSet};

use billing_seaorm::testing::TestDatabase;

use crate::stage::eventually;

/// What the tables say about events and their effects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effects {
    /// What each row has come to, with its version.
    rows: BTreeMap<&'static str, Vec<String>>,
    /// Which event caused which entry about which row.
    entries: Vec<String>,
    /// How many messages were written.
    message_count: i64,
}

/// Rows that events change, each with what must be the same for whoever looks.
const ROWS: [(&str, &str); 4] = [
    ("checkout_intents", "state || ' ' || version"),
    (
        "subscriptions",
        "provider_id || ' ' || status || ' ' || quantity || ' ' || version",
    ),
    ("plans", "license_count || ' ' || version"),
    ("licenses", "state || ' ' || version"),
];

/// Waits until nothing is open in the inbox.
pub(crate) async fn inbox_is_settled(database: &TestDatabase) {
    eventually("the inbox is settled", async || {
        let open = "provider_events WHERE status IN ('received', 'processing', 'failed')";
        (database.row_count(open).await == 0).then_some(())
    })
    .await;
}

impl Effects {
    pub(crate) async fn of(database: &TestDatabase) -> Self {
        let mut rows = BTreeMap::new();
        for (table, columns) in ROWS {
            let sql = format!("SELECT {columns} AS line FROM {table} ORDER BY 1");
            rows.insert(table, database.lines(&sql).await);
        }
        let entries = "SELECT entity_kind || ' ' || cause || ' ' || action || ' ' || version AS line \
                       FROM audit_entries ORDER BY 1";
        Self {
            rows,
            entries: database.lines(entries).await,
            message_count: database.row_count("outbox_messages").await,
        }
    }
}

/// Every acknowledged event is in the inbox once and has ended; every sale has the seats that
/// Stripe says; every change of a row has one entry and one message; no event changed a row twice;
/// no subscription went back to what an earlier event had said.
pub(crate) async fn each_event_has_its_effect_once(
    database: &TestDatabase,
    acknowledged: &BTreeSet<String>,
    sales: usize,
    seats: usize,
) {
    inbox_is_settled(database).await;
    let stored = "SELECT provider_event_id || ' ' || status AS line FROM provider_events";
    let stored: BTreeMap<String, String> = pairs(&database.lines(stored).await);
    for id in acknowledged {
        let status = stored.get(id).map(String::as_str);
        assert!(
            matches!(status, Some("processed" | "skipped")),
            "{id} had its 200 and is {status:?}"
        );
    }
    let parked = "provider_events WHERE status NOT IN ('processed', 'skipped')";
    assert_eq!(database.row_count(parked).await, 0);

    let quantities = "SELECT CAST(quantity AS TEXT) AS line FROM subscriptions";
    let expected = vec![seats.to_string(); sales];
    assert_eq!(database.lines(quantities).await, expected, "mirrors");
    let counts = "SELECT license_count || ' ' || created_license_count AS line FROM plans";
    let expected = vec![format!("{seats} {seats}"); sales];
    assert_eq!(database.lines(counts).await, expected, "plans");
    let licenses = i64::try_from(sales * seats).unwrap();
    assert_eq!(database.row_count("licenses").await, licenses);

    let kinds = [
        ("subscriptions", "subscription"),
        ("checkout_intents", "checkout_intent"),
        ("licenses", "license"),
    ];
    for (table, kind) in kinds {
        // A version without its entry, or an entry without its version.
        let uneven = format!(
            "{table} r WHERE r.version <> (SELECT COUNT(*) FROM audit_entries a \
             WHERE a.entity_kind = '{kind}' AND a.entity_id = r.id)"
        );
        assert_eq!(database.row_count(&uneven).await, 0, "{table}");
    }
    assert_eq!(
        database.row_count("outbox_messages").await,
        database.row_count("audit_entries").await,
        "one message for each change"
    );
    let twice = "(SELECT cause FROM audit_entries WHERE cause LIKE 'provider_event:%' \
                 GROUP BY cause, entity_kind, entity_id HAVING COUNT(*) > 1) twice";
    assert_eq!(database.row_count(twice).await, 0, "an event counted twice");
    nothing_went_back(database).await;
}

/// The events that changed one mirror did so in the order in which Stripe made them.
async fn nothing_went_back(database: &TestDatabase) {
    let hex = match database.name() {
        "SQLite" => |column: &str| format!("LOWER(HEX({column}))"),
        _ => |column: &str| format!("REPLACE(CAST({column} AS TEXT), '-', '')"),
    };
    let events = format!(
        "SELECT {} || ' ' || created_at AS line FROM provider_events",
        hex("id")
    );
    let made_at = pairs(&database.lines(&events).await);
    let entries = format!(
        "SELECT {} || ' ' || cause AS line FROM audit_entries \
         WHERE entity_kind = 'subscription' ORDER BY entity_id, version",
        hex("entity_id")
    );
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    for line in database.lines(&entries).await {
        let (mirror, cause) = line.split_once(' ').unwrap();
        let digits: String = cause.chars().rev().take_while(|c| *c != '_').collect();
        let id: String = digits.chars().rev().filter(|c| *c != '-').collect();
        let Some(at) = made_at.get(&id) else {
            panic!("{cause} is no event of the inbox");
        };
        let at: i64 = at.parse().unwrap();
        let before = last.insert(mirror.to_owned(), at);
        assert!(before.is_none_or(|before| before <= at), "{line} went back");
    }
    assert!(!last.is_empty(), "no mirror was changed");
}

fn pairs(lines: &[String]) -> BTreeMap<String, String> {
    let pairs = lines.iter().map(|line| line.split_once(' ').unwrap());
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
