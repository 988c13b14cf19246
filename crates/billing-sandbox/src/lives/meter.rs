//! Meters: what usage is reported, which reports are rejected afterwards, and how the rest adds up.

use crate::json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::events::thin;
use crate::http::error::StripeError;

pub(crate) static DUE: &[Action] = &[("meter.report_errors", report_errors)];

/// Rejections are gathered for this long before Stripe tells of them.
const REPORT_SECONDS: i64 = 10;
const PAST_SECONDS_MAX: i64 = 35 * 86_400;
const FUTURE_SECONDS_MAX: i64 = 5 * 60;
const HOUR_SECONDS: i64 = 3_600;
const DAY_SECONDS: i64 = 86_400;
/// A value has at most this many digits.
const VALUE_DIGITS_MAX: usize = 15;
/// A report shows this many examples of each kind of error.
const SAMPLES_MAX: usize = 10;

/// One report of usage, as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) event_name: String,
    pub(crate) identifier: String,
    pub(crate) payload: Value,
    /// Seconds, UTC.
    pub(crate) timestamp: i64,
}

/// The active meter that listens to an event name.
pub(crate) fn active<'a>(account: &'a Account, event_name: &str) -> Option<&'a Value> {
    account
        .rows("billing.meter")
        .find(|meter| meter["event_name"] == event_name && meter["status"] == "active")
}

/// The id under which a report is kept; identifiers are the caller's and may look like anything.
pub(crate) fn event_id(identifier: &str) -> String {
    format!("meter_event {identifier}")
}

/// The key of a meter's usage by one customer, or of a price's in the days of usage records.
pub(crate) fn usage_key(of: &str, customer: &str) -> String {
    format!("{of} {customer}")
}

/// Keeps a report, and counts it unless it is wrong, which is told later.
pub(crate) fn take(account: &mut Account, meter_id: &str, report: &Report) -> String {
    let meter = account.snapshot(meter_id);
    let (usage, problem) = match read(account, &meter, &report.payload) {
        Ok((customer, value)) => (json!([usage_key(meter_id, &customer), value]), None),
        Err(problem) => (Value::Null, Some(problem)),
    };
    let id = account.insert(json!({
        "id": event_id(&report.identifier),
        "object": "billing.meter_event",
        "created": account.now,
        "event_name": report.event_name,
        "identifier": report.identifier,
        "livemode": false,
        "payload": report.payload,
        "timestamp": report.timestamp,
        "_usage": usage[0],
        "_value": usage[1],
        "_received": account.wall,
    }));
    if let Some((code, message)) = problem {
        reject(account, meter_id, code, &message, &report.identifier);
    }
    id
}

/// The customer and the value of a report, or the code and text of what is wrong with it.
pub(crate) fn read(
    account: &Account,
    meter: &Value,
    payload: &Value,
) -> Result<(String, i64), (&'static str, String)> {
    let key = meter["customer_mapping"]["event_payload_key"]
        .as_str()
        .unwrap_or("stripe_customer_id");
    let Some(customer) = payload[key].as_str().filter(|id| !id.is_empty()) else {
        return Err((
            "meter_event_no_customer_defined",
            format!("The payload does not have the customer mapping key `{key}`."),
        ));
    };
    let found = account.get(customer);
    if found["object"] != "customer" || found["deleted"] == true {
        return Err((
            "meter_event_customer_not_found",
            format!("No such customer: '{customer}'"),
        ));
    }
    if meter["default_aggregation"]["formula"] == "count" {
        return Ok((customer.to_owned(), 1));
    }
    let key = meter["value_settings"]["event_payload_key"]
        .as_str()
        .unwrap_or("value");
    let text = payload[key].as_str().unwrap_or_default();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err((
            "meter_event_invalid_value",
            format!("The value of `{key}` must be a whole number, not `{text}`."),
        ));
    }
    match text.parse() {
        Ok(value) if digits.len() <= VALUE_DIGITS_MAX => Ok((customer.to_owned(), value)),
        _ => Err((
            "meter_event_value_too_many_digits",
            format!("The value of `{key}` has more than {VALUE_DIGITS_MAX} digits."),
        )),
    }
}

/// Why a report's time is not taken, if it is not.
pub(crate) fn out_of_time(now: i64, at: i64) -> Option<&'static str> {
    if at > now.saturating_add(FUTURE_SECONDS_MAX) {
        return Some("timestamp_in_future");
    }
    (at < now.saturating_sub(PAST_SECONDS_MAX)).then_some("timestamp_too_far_in_past")
}

/// Takes a reported event back, within a day of its receipt.
pub(crate) fn cancel(
    account: &mut Account,
    event_name: &str,
    identifier: &str,
) -> Result<(), StripeError> {
    let id = event_id(identifier);
    let event = account.get(&id);
    let refused = |text: String| StripeError::invalid(text).param("cancel[identifier]");
    if event["event_name"] != event_name {
        return Err(refused(format!(
            "No meter event found with identifier {identifier}."
        ))
        .code("resource_missing"));
    }
    let received = event["_received"].as_i64().unwrap_or(0);
    if account.wall > received.saturating_add(DAY_SECONDS) {
        return Err(refused(
            "Meter events can only be cancelled within 24 hours of when they were received.".into(),
        ));
    }
    if event["_canceled"] == true {
        return Err(refused(format!(
            "The meter event with identifier {identifier} is already cancelled."
        )));
    }
    account.set(&id, "_canceled", json!(true));
    Ok(())
}

/// Gathers a rejection for the meter's next report of errors.
pub(crate) fn reject(
    account: &mut Account,
    meter_id: &str,
    code: &str,
    message: &str,
    identifier: &str,
) {
    let now = account.wall;
    let problem = json!({ "code": code, "message": message, "identifier": identifier });
    let Some(meter) = account.edit(meter_id) else {
        return;
    };
    if let Some(problems) = meter["_problems"].as_array_mut() {
        problems.push(problem);
        return;
    }
    meter["_problems"] = json!([problem]);
    meter["_problems_since"] = json!(now);
    account.when(now + REPORT_SECONDS, "meter.report_errors", meter_id);
}

/// Tells of the rejections that were gathered.
fn report_errors(account: &mut Account, meter_id: &str) {
    let Some(meter) = account.edit(meter_id) else {
        return;
    };
    let problems = meter["_problems"].take();
    let since = meter["_problems_since"].as_i64().unwrap_or(0);
    let problems = problems.as_array().map_or(&[][..], Vec::as_slice);
    if problems.is_empty() {
        return;
    }
    let data = error_report(problems, since, account.now);
    account.raise_thin(
        "v1.billing.meter.error_report_triggered",
        Some(meter_id),
        data,
    );
}

/// The body of an error report: counts and examples by code, times as RFC 3339.
pub(crate) fn error_report(problems: &[Value], start: i64, end: i64) -> Value {
    let mut types: Vec<Value> = Vec::new();
    for problem in problems {
        let sample = json!({
            "error_message": problem["message"],
            "request": { "identifier": problem["identifier"] },
        });
        let known = types
            .iter_mut()
            .find(|kind| kind["code"] == problem["code"]);
        if let Some(kind) = known {
            kind["error_count"] = json!(kind["error_count"].as_i64().unwrap_or(0) + 1);
            if let Some(samples) = kind["sample_errors"].as_array_mut()
                && samples.len() < SAMPLES_MAX
            {
                samples.push(sample);
            }
        } else {
            types.push(json!({
                "code": problem["code"], "error_count": 1, "sample_errors": [sample],
            }));
        }
    }
    let count = problems.len();
    let (are, events) = if count == 1 {
        ("is", "event")
    } else {
        ("are", "events")
    };
    json!({
        "developer_message_summary": format!("There {are} {count} invalid {events}"),
        "reason": { "error_count": count, "error_types": types },
        "validation_end": thin::moment(end),
        "validation_start": thin::moment(start),
    })
}

/// What a price's usage by a customer comes to from `start` until before `end` (seconds), never less
/// than nothing. It is the meter's if the price has one, else that of the usage records.
pub(crate) fn usage_between(
    account: &Account,
    price: &Value,
    customer: &str,
    start: i64,
    end: i64,
) -> i64 {
    match price["recurring"]["meter"].as_str() {
        Some(meter) => metered(account, meter, customer, start, end).max(0),
        None => recorded(account, price, customer, start, end).max(0),
    }
}

/// What a meter adds up for a customer from `start` until before `end`.
pub(crate) fn metered(
    account: &Account,
    meter_id: &str,
    customer: &str,
    start: i64,
    end: i64,
) -> i64 {
    let meter = account.get(meter_id);
    let events = within(account, meter, customer, start, end);
    aggregate(meter, &events)
}

/// The counted values of a customer by their time, oldest first; of meters with a window, the newest
/// one of each window.
pub(crate) fn within(
    account: &Account,
    meter: &Value,
    customer: &str,
    start: i64,
    end: i64,
) -> Vec<(i64, i64)> {
    let key = usage_key(meter["id"].as_str().unwrap_or_default(), customer);
    let mut events: Vec<(i64, i64)> = account
        .rows_by("billing.meter_event", "_usage", &key)
        .filter(|event| event["_canceled"] != true)
        .filter_map(|event| Some((event["timestamp"].as_i64()?, event["_value"].as_i64()?)))
        .filter(|(at, _)| (start..end).contains(at))
        .collect();
    events.sort_by_key(|(at, _)| *at);
    let window = match meter["event_time_window"].as_str() {
        Some("day") => DAY_SECONDS,
        Some("hour") => HOUR_SECONDS,
        _ => return events,
    };
    let mut newest: Vec<(i64, i64)> = Vec::new();
    for event in events {
        match newest.last_mut() {
            Some(last) if last.0.div_euclid(window) == event.0.div_euclid(window) => *last = event,
            _ => newest.push(event),
        }
    }
    newest
}

/// Values that are in order of time, added up as the meter says.
pub(crate) fn aggregate(meter: &Value, events: &[(i64, i64)]) -> i64 {
    match meter["default_aggregation"]["formula"].as_str() {
        Some("last") => events.last().map_or(0, |(_, value)| *value),
        Some("count") => i64::try_from(events.len()).unwrap_or(i64::MAX),
        _ => sum(events.iter().map(|(_, value)| *value)),
    }
}

fn sum(values: impl Iterator<Item = i64>) -> i64 {
    values.fold(0, i64::saturating_add)
}

/// What usage records come to, by the price's own way of adding up.
fn recorded(account: &Account, price: &Value, customer: &str, start: i64, end: i64) -> i64 {
    let key = usage_key(price["id"].as_str().unwrap_or_default(), customer);
    let all = || {
        account
            .rows_by("usage_record", "_usage", &key)
            .filter_map(|record| {
                Some((record["timestamp"].as_i64()?, record["quantity"].as_i64()?))
            })
            .filter(|(at, _)| *at < end)
    };
    let within = || all().filter(|(at, _)| *at >= start);
    let newest = |(_, quantity)| quantity;
    match price["_aggregate_usage"].as_str() {
        Some("last_ever") => all().max_by_key(|(at, _)| *at).map_or(0, newest),
        Some("last_during_period") => within().max_by_key(|(at, _)| *at).map_or(0, newest),
        Some("max") => within().map(newest).max().unwrap_or(0),
        _ => sum(within().map(newest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::version::Version;

    fn account(formula: &str, window: Option<&str>) -> Account {
        let mut account = Account::new(1, "sk_test_x", "", Version::newest());
        account.insert(json!({ "id": "cus_1", "object": "customer" }));
        account.insert(json!({
            "id": "mtr_1", "object": "billing.meter", "event_name": "calls", "status": "active",
            "customer_mapping": { "event_payload_key": "stripe_customer_id", "type": "by_id" },
            "default_aggregation": { "formula": formula }, "event_time_window": window,
            "value_settings": { "event_payload_key": "value" },
        }));
        account
    }

    fn send(account: &mut Account, identifier: &str, value: &str, timestamp: i64) {
        let report = Report {
            event_name: "calls".into(),
            identifier: identifier.into(),
            payload: json!({ "stripe_customer_id": "cus_1", "value": value }),
            timestamp,
        };
        take(account, "mtr_1", &report);
    }

    fn used(account: &Account, start: i64, end: i64) -> i64 {
        let price = json!({ "recurring": { "meter": "mtr_1" } });
        usage_between(account, &price, "cus_1", start, end)
    }

    #[test]
    fn usage_is_added_up_as_the_meter_says() {
        for (formula, expected) in [("sum", 12), ("count", 3), ("last", 4)] {
            let mut account = account(formula, None);
            send(&mut account, "a", "5", 100);
            send(&mut account, "b", "4", 300);
            send(&mut account, "c", "3", 200);
            assert_eq!(used(&account, 100, 301), expected, "{formula}");
        }
    }

    #[test]
    fn the_end_of_a_period_belongs_to_the_next() {
        let mut account = account("sum", None);
        send(&mut account, "a", "5", 100);
        send(&mut account, "b", "7", 200);
        assert_eq!((used(&account, 100, 200), used(&account, 200, 300)), (5, 7));
        // Corrections may go below nothing; bills do not.
        send(&mut account, "c", "-9", 201);
        assert_eq!(used(&account, 200, 300), 0);
    }

    #[test]
    fn a_window_keeps_its_newest_value() {
        let mut account = account("sum", Some("hour"));
        send(&mut account, "a", "5", 0);
        send(&mut account, "b", "7", 3_599);
        send(&mut account, "c", "1", 3_600);
        assert_eq!(used(&account, 0, 7_200), 8);
    }

    #[test]
    fn wrong_reports_count_nothing_and_are_told_of_together() {
        let mut account = account("sum", None);
        send(&mut account, "a", "1.5", 10);
        send(&mut account, "b", "many", 10);
        send(&mut account, "c", "1234567890123456", 10);
        assert_eq!(used(&account, 0, 100), 0);
        account.carry_out_due("", 100);
        let raised = account.events.all().last().unwrap();
        assert_eq!(raised.kind, "v1.billing.meter.error_report_triggered");
        let event = thin::retrieved(raised);
        assert_eq!(event["related_object"]["id"], "mtr_1");
        let reason = &event["data"]["reason"];
        assert_eq!(reason["error_count"], 3);
        assert_eq!(
            reason["error_types"][0]["code"],
            "meter_event_invalid_value"
        );
        assert_eq!(reason["error_types"][0]["error_count"], 2);
        assert_eq!(event["data"]["validation_end"], "1970-01-01T00:00:10.000Z");
    }
}
