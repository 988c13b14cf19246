//! A Checkout Session as it is answered: with the parts that are there only when they are expanded.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::Call;
use crate::lives::checkout::totals;

/// The session of an id.
pub(crate) fn shown(call: &Call<'_>, id: &str) -> Value {
    let mut session = call.account.get(id).clone();
    add_expanded(call, &mut session, "");
    session
}

/// A list of sessions.
pub(crate) fn shown_list(call: &Call<'_>, mut page: Value) -> Value {
    for session in page["data"].as_array_mut().into_iter().flatten() {
        add_expanded(call, session, "data.");
    }
    page
}

fn is_expanded(call: &Call<'_>, path: &str) -> bool {
    call.params.list("/expand").iter().any(|asked| {
        asked.as_str().is_some_and(|asked| {
            asked
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    })
}

fn add_expanded(call: &Call<'_>, session: &mut Value, prefix: &str) {
    let id = session["id"].as_str().unwrap_or_default().to_owned();
    if is_expanded(call, &format!("{prefix}line_items")) {
        let items = items(call, &id, &format!("{prefix}line_items.data"));
        session["line_items"] = json!({
            "object": "list", "data": items, "has_more": false,
            "url": format!("/v1/checkout/sessions/{id}/line_items"),
        });
    }
    let details = format!("{prefix}total_details.breakdown");
    if is_expanded(call, &details) && session["total_details"].is_object() {
        let breakdown = &session["_breakdown"];
        session["total_details"]["breakdown"] = json!({
            "discounts": whole(call.account, &breakdown["discounts"], "discount"),
            "taxes": whole(call.account, &breakdown["taxes"], "rate"),
        });
    }
}

/// The lines of a session, with their discounts and taxes where those are expanded.
pub(crate) fn items(call: &Call<'_>, id: &str, path: &str) -> Vec<Value> {
    let mut items = totals::items_of(call.account.get(id));
    for item in &mut items {
        for (name, inner) in [("discounts", "discount"), ("taxes", "rate")] {
            if is_expanded(call, &format!("{path}.{name}")) {
                item[name] = whole(call.account, &item[format!("_{name}")], inner);
            }
        }
    }
    items
}

/// Rows whose inner id is replaced by the object that it names.
fn whole(account: &Account, rows: &Value, inner: &'static str) -> Value {
    let row_of = |row: &Value| {
        let mut row = row.clone();
        row[inner] = account.get(row[inner].as_str().unwrap_or_default()).clone();
        row
    };
    rows.as_array().into_iter().flatten().map(row_of).collect()
}
