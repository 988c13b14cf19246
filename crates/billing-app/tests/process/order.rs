//! In which order events took effect, held against what the lanes promise (docs/adr/0013).

use std::collections::BTreeMap;

use billing_app::workers::APPLIERS;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::provider_events::lane::Lane;
use billing_seaorm::testing::TestDatabase;
use serde_json::Value;

/// Times as the logs have them: all processes have the machine's clock, and the same form of it.
type At = String;

/// What the replicas say that they did.
#[derive(Default)]
struct Told {
    /// By event: when it was stored, at the latest.
    stored_at: BTreeMap<String, At>,
    /// By event: which replica applied it.
    applied_by: BTreeMap<String, usize>,
    /// By replica and worker: when it looked into the inbox.
    looks: BTreeMap<(usize, u64), Vec<At>>,
}

/// An event that took effect, as the inbox has it.
#[derive(Debug)]
struct Applied {
    id: String,
    subject: String,
    created_at: i64,
    /// When it was decided.
    at: i64,
}

/// Before a worker applies anything it looks into the inbox, now and then and whenever it takes a lane;
/// nothing that was stored before its look is passed by what it applies after it. How long its turns
/// take is no matter, nor who had the lane before.
///
/// What another replica stores between two looks may be passed, and so may what had to be tried again.
pub(crate) async fn nobody_was_overtaken(database: &TestDatabase, logs: &[String]) {
    let told = Told::by(logs);
    let sql = "SELECT provider_event_id || ' ' || subject || ' ' || created_at || ' ' || applied_at \
               AS line FROM provider_events WHERE applied_at IS NOT NULL AND attempts = 1 \
               AND subject IS NOT NULL ORDER BY created_at";
    let lines = database.lines(sql).await;
    let applied: Vec<Applied> = lines.iter().map(|line| Applied::of(line)).collect();
    let mut compared = 0;
    for (place, older) in applied.iter().enumerate() {
        for newer in &applied[place..] {
            if older.subject != newer.subject || older.created_at == newer.created_at {
                continue;
            }
            let Some(look) = told.look_between(older, newer) else {
                continue;
            };
            compared += 1;
            assert!(
                older.at <= newer.at,
                "{older:?} was stored before the look at {look}, and {newer:?} passed it\n{}",
                evidence(logs, [older, newer])
            );
        }
    }
    assert!(
        compared > 0,
        "no look was between two events: too little happened"
    );
}

impl Told {
    fn by(logs: &[String]) -> Self {
        let mut told = Self::default();
        for (replica, log) in logs.iter().enumerate() {
            // A killed one may have left half a line.
            let lines = log
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            for line in lines {
                told.hear(replica, &line);
            }
        }
        told
    }

    fn hear(&mut self, replica: usize, line: &Value) {
        let Some(at) = line["timestamp"].as_str().map(str::to_owned) else {
            return;
        };
        let fields = &line["fields"];
        let message = fields["message"].as_str().unwrap_or_default();
        if let Some(share) = fields["worker.share"].as_u64() {
            self.looks.entry((replica, share)).or_default().push(at);
        } else if fields["receipt"] == "Recorded" {
            let id = fields["provider_event.id"].as_str().unwrap_or_default();
            self.stored_at.insert(id.to_owned(), at);
        } else if let Some(rest) = message.strip_prefix("provider event ")
            && let Some(id) = rest.strip_suffix(" is applied")
        {
            self.applied_by.insert(id.to_owned(), replica);
        }
    }

    /// A look of whoever applied the newer one, after the older one was stored and before the newer one
    /// was decided. What a replica did not live to tell is not known.
    fn look_between(&self, older: &Applied, newer: &Applied) -> Option<&At> {
        let stored_at = self.stored_at.get(&older.id)?;
        let subject = ProviderRef::parse(&newer.subject).ok()?;
        let lane = Lane::of(Some(&subject)).number();
        let share = u64::from(lane % APPLIERS);
        let looks = self.looks.get(&(*self.applied_by.get(&newer.id)?, share))?;
        let decided_at = as_logged(newer.at);
        looks
            .iter()
            .find(|look| stored_at < *look && **look < decided_at)
    }
}

impl Applied {
    fn of(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let [id, subject, created_at, at] = words[..] else {
            panic!("{line}");
        };
        Self {
            id: id.to_owned(),
            subject: subject.to_owned(),
            created_at: created_at.parse().unwrap(),
            at: at.parse().unwrap(),
        }
    }
}

/// Microseconds since 1970 in the form of the logs, which sorts as it counts.
fn as_logged(micros: i64) -> At {
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap();
    let (date, time) = (at.date(), at.time());
    let (hour, minute, second) = time.as_hms();
    format!(
        "{date}T{hour:02}:{minute:02}:{second:02}.{:06}Z",
        time.microsecond()
    )
}

/// What every replica says about these, in the order of time.
fn evidence(logs: &[String], events: [&Applied; 2]) -> String {
    let mut found = Vec::new();
    for (replica, log) in logs.iter().enumerate() {
        let about = |line: &&str| events.iter().any(|event| line.contains(&event.id));
        for line in log.lines().filter(about) {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            let (at, message) = (&line["timestamp"], &line["fields"]["message"]);
            found.push(format!("{at} replica {replica}: {message}"));
        }
    }
    found.sort();
    found.join("\n")
}
