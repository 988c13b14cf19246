//! Lists: newest first, cursors, `limit`, and the `created` range.

use crate::json::{Value, json};

use crate::account::spoken;
use crate::api::{Answer, Call};
use crate::http::error::StripeError;

const LIMIT_DEFAULT: i64 = 10;
const LIMIT_MAX: i64 = 100;

/// Answers the rows of a kind that pass the filter, a page of them.
pub(crate) fn page(
    call: &Call<'_>,
    kind: &str,
    url: &str,
    keep: impl Fn(&Value) -> bool,
) -> Answer {
    let in_range = |row: &Value| within(call.params.at("/created"), row["created"].as_i64());
    let all: Vec<&Value> = call.account.rows(kind).collect();
    let (places, rows): (Vec<usize>, Vec<&Value>) = all
        .into_iter()
        .enumerate()
        .rev()
        .filter(|(_, row)| in_range(row) && keep(row))
        .unzip();
    // A cursor need not be in the list, nor exist any more: its place is known.
    let newer = |id: &str| {
        let older = call.account.rank(kind, id)?;
        Some(places.iter().take_while(|place| **place >= older).count())
    };
    cut_at(call, &rows, spoken(kind), url, newer)
}

/// One page of rows that are in the order to be shown.
pub(crate) fn cut(call: &Call<'_>, rows: &[&Value], what: &str, url: &str) -> Answer {
    cut_at(call, rows, what, url, |_| None)
}

/// One page; `newer` says how many rows come before a cursor that is not one of them.
fn cut_at(
    call: &Call<'_>,
    rows: &[&Value],
    what: &str,
    url: &str,
    newer: impl Fn(&str) -> Option<usize>,
) -> Answer {
    let limit = call
        .params
        .int("/limit")
        .unwrap_or(LIMIT_DEFAULT)
        .clamp(1, LIMIT_MAX);
    let limit = usize::try_from(limit).unwrap_or(1);
    let after = call.params.text("/starting_after");
    let before = call.params.text("/ending_before");
    if after.is_some() && before.is_some() {
        return Err(StripeError::invalid(
            "Received both starting_after and ending_before parameters. Please pass in only one.",
        ));
    }
    // Where the rows before a cursor end, and where those after it start.
    let around = |id: &str, param: &str| {
        let found = rows.iter().position(|row| row["id"] == id);
        found
            .map(|place| (place, place + 1))
            .or_else(|| newer(id).map(|place| (place, place)))
            .ok_or_else(|| StripeError::no_such_param(what, id, param))
    };
    let (slice, has_more): (&[&Value], bool) = if let Some(id) = before {
        let (end, _) = around(id, "ending_before")?;
        let start = end.saturating_sub(limit);
        (&rows[start..end], start > 0)
    } else {
        let start = match after {
            Some(id) => around(id, "starting_after")?.1,
            None => 0,
        };
        let end = rows.len().min(start + limit);
        (&rows[start..end], end < rows.len())
    };
    let mut list = json!({ "object": "list", "data": slice, "has_more": has_more, "url": url });
    let asks_for_count = call.params.list("/expand").contains(&json!("total_count"));
    if asks_for_count && call.version.is_before("2025-03-31") {
        list["total_count"] = json!(rows.len());
    }
    Ok(list)
}

/// Whether a time is in a range parameter: an exact second, or any of gt, gte, lt, lte.
pub(crate) fn within(range: Option<&Value>, at: Option<i64>) -> bool {
    let Some(range) = range else { return true };
    let Some(at) = at else { return false };
    if let Some(exact) = range.as_i64() {
        return at == exact;
    }
    let bound = |name: &str| range[name].as_i64();
    bound("gt").is_none_or(|limit| at > limit)
        && bound("gte").is_none_or(|limit| at >= limit)
        && bound("lt").is_none_or(|limit| at < limit)
        && bound("lte").is_none_or(|limit| at <= limit)
}

/// Whether a row's member equals a text parameter, if that was sent.
pub(crate) fn is(call: &Call<'_>, param: &str, row: &Value, member: &str) -> bool {
    call.params
        .text(&format!("/{param}"))
        .is_none_or(|wanted| row[member] == wanted)
}
