//! What is personal in a row gets another name: the same value the same one, so that what was equal
//! stays equal. Ids stay.

use std::collections::BTreeMap;

use billing_seaorm::Rows;
use serde_json::{Map, Value};

/// Who is called what.
#[derive(Debug, Default)]
pub(super) struct Redaction {
    names: BTreeMap<(&'static str, String), String>,
}

impl Redaction {
    /// Renames everybody in these rows.
    pub(super) fn rows(&mut self, rows: &mut Rows) {
        for row in rows.values_mut().flatten() {
            self.value(row);
        }
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => self.fields(fields),
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.value(element)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn fields(&mut self, fields: &mut Map<String, Value>) {
        for (key, value) in fields.iter_mut() {
            let Some(text) = value.as_str() else {
                self.value(value);
                continue;
            };
            let renamed = match key.as_str() {
                "email" | "admin_email" => self.named("person", text),
                "slug" => self.named("company", text),
                "name" | "title" => self.named("Name", text),
                "external_id" => self.named("user", text),
                "activation_key" => self.named("key", text),
                "url" | "success_url" | "cancel_url" => self.named("https", text),
                "client_secret" => self.named("secret", text),
                "last_checkout_error" | "last_provisioning_error" | "message" => {
                    self.named("text", text)
                }
                "terms" => "{}".to_owned(),
                "checkout_request" | "opened_session" => self.document(text),
                "steps" => self.steps(text),
                _ => continue,
            };
            *value = Value::String(renamed);
        }
        let folded = fields.get("name").and_then(Value::as_str);
        if let Some(folded) = folded.map(str::to_lowercase)
            && let Some(Value::String(kept)) = fields.get_mut("name_folded")
        {
            *kept = folded;
        }
    }

    /// A column that holds a document.
    fn document(&mut self, text: &str) -> String {
        let Ok(mut document) = serde_json::from_str::<Value>(text) else {
            return self.named("text", text);
        };
        self.value(&mut document);
        document.to_string()
    }

    /// The steps of a workflow: their names are ours, and a message may name anybody.
    fn steps(&mut self, text: &str) -> String {
        let Ok(mut steps) = serde_json::from_str::<Value>(text) else {
            return self.named("text", text);
        };
        for step in steps.as_array_mut().into_iter().flatten() {
            if let Some(Value::String(message)) = step.pointer_mut("/outcome/failed/message") {
                *message = self.named("text", message);
            }
        }
        steps.to_string()
    }

    fn named(&mut self, kind: &'static str, text: &str) -> String {
        let number = self.names.len() + 1;
        let name = match kind {
            "person" => format!("person-{number}@example.invalid"),
            "https" => format!("https://example.invalid/{number}"),
            // As long as a key has to be.
            "key" => format!("key-{number:020}"),
            _ => format!("{kind}-{number}"),
        };
        let known = self.names.entry((kind, text.to_owned()));
        known.or_insert(name).clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_value_gets_the_same_name_and_ids_stay() {
        let mut rows: Rows = BTreeMap::new();
        rows.insert(
            "users".to_owned(),
            vec![json!({ "id": "1", "email": "ada@acme.example", "external_id": "ada" })],
        );
        rows.insert(
            "licenses".to_owned(),
            vec![
                json!({ "id": "2", "email": "ada@acme.example", "activation_key": "abc" }),
                json!({ "id": "3", "email": "bob@acme.example", "activation_key": null }),
            ],
        );
        Redaction::default().rows(&mut rows);
        let text = json!(rows).to_string();
        assert!(!text.contains("acme") && !text.contains("abc"), "{text}");
        let licenses = &rows["licenses"];
        assert_eq!(licenses[0]["email"], rows["users"][0]["email"]);
        assert_ne!(licenses[0]["email"], licenses[1]["email"]);
        assert_eq!(
            (&licenses[0]["id"], &licenses[1]["id"]),
            (&json!("2"), &json!("3"))
        );
        assert!(licenses[1]["activation_key"].is_null());
    }

    #[test]
    fn documents_in_columns_are_redacted_as_well() {
        let mut rows: Rows = BTreeMap::new();
        let request = json!({ "admin_email": "ada@acme.example", "price_id": "4" }).to_string();
        let row = json!({ "name": "Acme", "name_folded": "acme", "checkout_request": request });
        rows.insert("checkout_intents".to_owned(), vec![row]);
        Redaction::default().rows(&mut rows);
        let row = &rows["checkout_intents"][0];
        assert!(!row.to_string().to_lowercase().contains("acme"), "{row}");
        let name = row["name"].as_str().map(str::to_lowercase);
        assert_eq!(row["name_folded"].as_str(), name.as_deref());
        assert!(row["checkout_request"].to_string().contains("price_id"));
    }
}
