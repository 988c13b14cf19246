//! Stripe's search grammar, as far as clauses joined by AND or OR: `email:"a@b.c" AND metadata["k"]:"v"`.

use serde_json::{Value, json};

use crate::api::{Answer, Call};
use crate::http::error::StripeError;

/// One clause of a query.
#[derive(Debug, PartialEq, Eq)]
struct Clause {
    is_negated: bool,
    field: String,
    operator: String,
    value: String,
}

/// A parsed query.
#[derive(Debug)]
pub(crate) struct Query {
    clauses: Vec<Clause>,
    is_any: bool,
}

impl Query {
    pub(crate) fn parse(text: &str, fields: &[&str], what: &str) -> Result<Self, StripeError> {
        let mut rest = text.trim();
        let mut clauses = Vec::new();
        let mut is_any = false;
        while !rest.is_empty() {
            let (clause, tail) = clause(rest).ok_or_else(unparsable)?;
            let name = clause.field.split('[').next().unwrap_or_default();
            if !fields.contains(&name) {
                return Err(StripeError::invalid(format!(
                    "Field `{name}` is an unsupported search field for resource `{what}`. See \
                     http://stripe.com/docs/search#query-fields-for-{what} for a list of supported \
                     fields."
                )));
            }
            clauses.push(clause);
            rest = tail.trim_start();
            for (word, any) in [
                ("AND ", false),
                ("OR ", true),
                ("and ", false),
                ("or ", true),
            ] {
                if let Some(after) = rest.strip_prefix(word) {
                    is_any |= any;
                    rest = after.trim_start();
                    break;
                }
            }
        }
        if clauses.is_empty() {
            return Err(unparsable());
        }
        Ok(Self { clauses, is_any })
    }

    pub(crate) fn matches(&self, row: &Value) -> bool {
        if self.is_any {
            self.clauses.iter().any(|clause| clause.matches(row))
        } else {
            self.clauses.iter().all(|clause| clause.matches(row))
        }
    }
}

/// Answers a search among the rows of a kind, newest first.
pub(crate) fn page(call: &Call<'_>, kind: &str, resource: &str, fields: &[&str]) -> Answer {
    let query = Query::parse(call.params.require("query")?, fields, resource)?;
    let limit = call.params.int("/limit").unwrap_or(10);
    if !(1..=100).contains(&limit) {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            "This value must be between 1 and 100.",
        )
        .param("limit"));
    }
    let page: usize = match call.params.text("/page") {
        None => 0,
        Some(page) => page
            .parse()
            .map_err(|_| StripeError::invalid(format!("{page} is an invalid page.")))?,
    };
    let limit = usize::try_from(limit).unwrap_or(1);
    let rows: Vec<&Value> = call
        .account
        .rows(kind)
        .rev()
        .filter(|row| query.matches(row))
        .collect();
    let start = rows.len().min(page.saturating_mul(limit));
    let end = rows.len().min(start.saturating_add(limit));
    let has_more = end < rows.len();
    Ok(json!({
        "object": "search_result",
        "data": rows[start..end],
        "has_more": has_more,
        "next_page": has_more.then(|| (page + 1).to_string()),
        "url": format!("/v1/{resource}/search"),
    }))
}

fn unparsable() -> StripeError {
    StripeError::invalid(
        "We were unable to parse your search query. Try using the format \
         `metadata[\"key\"]:\"value\"` to query for metadata or key:\"value\" to query for other \
         fields.",
    )
}

fn clause(text: &str) -> Option<(Clause, &str)> {
    let (is_negated, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let name_end = text.find([':', '~', '>', '<', '[', ' '])?;
    let mut field = text[..name_end].to_owned();
    let mut rest = &text[name_end..];
    if let Some(inner) = rest.strip_prefix('[') {
        let (key, tail) = quoted(inner)?;
        field = format!("{field}[{key}");
        rest = tail.strip_prefix(']')?;
    }
    let operator = [">=", "<=", ":", "~", ">", "<"]
        .iter()
        .find(|op| rest.starts_with(**op))?;
    rest = &rest[operator.len()..];
    let (value, tail) = if let Some(found) = quoted(rest) {
        found
    } else if rest.starts_with(['"', '\'']) {
        return None;
    } else {
        let end = rest.find(' ').unwrap_or(rest.len());
        (rest[..end].to_owned(), &rest[end..])
    };
    Some((
        Clause {
            is_negated,
            field,
            operator: (*operator).to_owned(),
            value,
        },
        tail,
    ))
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut out = String::new();
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if is_escaped {
            out.push(c);
            is_escaped = false;
        } else if c == '\\' {
            is_escaped = true;
        } else if c == quote {
            return Some((out, &text[at + 1..]));
        } else {
            out.push(c);
        }
    }
    None
}

impl Clause {
    fn matches(&self, row: &Value) -> bool {
        let found = match self.field.split_once('[') {
            Some((name, key)) => &row[name][key],
            // `payment_method_details.card.last4` leads inside.
            None => self.field.split('.').fold(row, |inner, name| &inner[name]),
        };
        let is_match = match self.operator.as_str() {
            _ if self.value == "null" => found.is_null(),
            ":" => text_of(found).eq_ignore_ascii_case(&self.value),
            "~" => text_of(found)
                .to_lowercase()
                .contains(&self.value.to_lowercase()),
            operator => match (found.as_i64(), self.value.parse::<i64>()) {
                (Some(found), Ok(limit)) => match operator {
                    ">" => found > limit,
                    ">=" => found >= limit,
                    "<" => found < limit,
                    _ => found <= limit,
                },
                _ => false,
            },
        };
        is_match != self.is_negated
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn clauses_match_texts_metadata_and_numbers() {
        let row = json!({ "email": "a@b.c", "created": 5, "metadata": { "k": "v \"x\"" } });
        let matches = |query: &str| {
            Query::parse(query, &["email", "created", "metadata"], "customers")
                .unwrap()
                .matches(&row)
        };
        assert!(matches("email:'A@B.C'"));
        assert!(matches(r#"metadata["k"]:"v \"x\"" AND created>=5"#));
        assert!(matches("email:'z' OR created<6"));
        assert!(!matches("-email:'a@b.c'"));
        assert!(matches("metadata['none']:null"));
    }

    #[test]
    fn a_query_that_is_no_query_is_refused() {
        for query in ["", "email", "email:'x", "[", "metadata[\"k\":1"] {
            Query::parse(query, &["email", "metadata"], "customers").unwrap_err();
        }
    }
}
