//! Metadata: merged key by key, within Stripe's limits.

use crate::json::{Value, json};

use crate::http::error::StripeError;

const METADATA_KEYS_MAX: usize = 50;
const METADATA_KEY_CHARS_MAX: usize = 40;
const METADATA_VALUE_CHARS_MAX: usize = 500;

/// What metadata becomes: named keys are set, empty values delete theirs, an empty whole clears it.
pub(crate) fn merged_metadata(old: &Value, sent: Option<&Value>) -> Result<Value, StripeError> {
    let mut merged = old.as_object().cloned().unwrap_or_default();
    match sent {
        None => {}
        Some(Value::Object(members)) => {
            for (key, value) in members {
                let text = value.as_str().unwrap_or_default();
                let chars = text.chars().count();
                if key.chars().count() > METADATA_KEY_CHARS_MAX {
                    return Err(StripeError::invalid(format!(
                        "Metadata keys can have up to {METADATA_KEY_CHARS_MAX} characters, but you \
                         passed in a key that is {} characters. Invalid key: {key}",
                        key.chars().count()
                    ))
                    .param("metadata"));
                }
                if chars > METADATA_VALUE_CHARS_MAX {
                    return Err(StripeError::invalid(format!(
                        "Metadata values can have up to {METADATA_VALUE_CHARS_MAX} characters, but \
                         you passed in a value that is {chars} characters. Invalid value: {text}"
                    ))
                    .param("metadata"));
                }
                if text.is_empty() {
                    merged.shift_remove(key);
                } else {
                    merged.insert(key.clone(), json!(text));
                }
            }
        }
        Some(_) => merged.clear(),
    }
    if merged.len() > METADATA_KEYS_MAX {
        return Err(StripeError::invalid(format!(
            "Metadata can have up to {METADATA_KEYS_MAX} keys, but you've set {}.",
            merged.len()
        ))
        .param("metadata"));
    }
    Ok(Value::Object(merged))
}
