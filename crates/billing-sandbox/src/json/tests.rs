//! A copy is a copy, a comparison is one of contents, and text comes back as it went.

use super::*;

fn order() -> Value {
    json!({
        "id": "in_1", "total": 1_000, "paid": false, "none": null, "rate": 8.25,
        "lines": { "data": [{ "amount": 700 }, { "amount": 300 }] }, "empty": [], "notes": {},
    })
}

#[test]
fn a_change_does_not_show_in_what_was_kept() {
    let kept = order();
    let mut changed = kept.clone();
    changed["lines"]["data"][1]["amount"] = json!(1);
    changed["number"] = json!("A-1");
    assert_eq!(kept, order());
    assert_eq!(changed["lines"]["data"][1]["amount"], 1);
    assert_eq!(changed["lines"]["data"][0], kept["lines"]["data"][0]);
    assert_ne!(changed, kept);
}

#[test]
fn what_did_not_change_is_shared() {
    let kept = order();
    let mut changed = kept.clone();
    changed["paid"] = json!(true);
    let (Value::Object(one), Value::Object(other)) = (&kept["lines"], &changed["lines"]) else {
        panic!("lines are an object");
    };
    assert!(one.is_same(other));
}

#[test]
fn the_order_of_members_matters_to_readers_only() {
    let one = json!({ "a": 1, "b": [null, "x"] });
    let other = json!({ "b": [null, "x"], "a": 1 });
    assert_eq!(one, other);
    assert_ne!(one.to_string(), other.to_string());
    assert_ne!(one, json!({ "a": 1, "c": [null, "x"] }));
    assert_ne!(one, json!({ "a": 1 }));
}

#[test]
fn text_comes_back_as_it_went() {
    let text = order().to_string();
    let read: Value = from_str(&text).unwrap();
    assert_eq!(read, order());
    assert_eq!(read.to_string(), text);
    assert_eq!(serde_json::Value::from(&read).to_string(), text);
}

#[test]
fn a_pointer_leads_through_objects_and_arrays() {
    let order = json!({ "a/b": [{ "c~d": 1 }], "e": { "": 2 } });
    assert_eq!(order.pointer("/a~1b/0/c~0d"), Some(&json!(1)));
    assert_eq!(order.pointer("/e/"), Some(&json!(2)));
    assert_eq!(order.pointer("/a~1b/1"), None);
    assert_eq!(order.pointer(""), Some(&order));
}

#[test]
fn members_keep_their_order_when_one_leaves() {
    let mut members: Map = [("a", json!(1)), ("b", json!(2)), ("c", json!(3))]
        .into_iter()
        .collect();
    let kept = members.clone();
    members.shift_remove("a");
    members.insert("a".into(), json!(4));
    let names: Vec<&str> = members.keys().map(|name| &**name).collect();
    assert_eq!(names, ["b", "c", "a"]);
    members.retain(|name, _| name.as_str() != "b");
    assert_eq!((members.len(), kept.len()), (2, 3));
}

#[test]
fn numbers_compare_whatever_they_are_kept_as() {
    assert_eq!(json!(5_u64), 5);
    assert_eq!(json!(-5), -5_i64);
    assert_ne!(json!(u64::MAX), -1);
    assert_eq!(json!(5_i64), json!(5_usize));
    assert_eq!(Value::from(f64::NAN), Value::Null);
}
