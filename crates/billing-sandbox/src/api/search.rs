//! Search: Stripe's grammar (`email:"a@b.c" AND metadata["k"]:"v"`), and its pages.

use crate::json::{Value, json};

use crate::api::{Answer, Call, Route, route};
use crate::http::error::StripeError;

/// Before the other areas' routes, which would take `search` for an id.
pub(crate) static ROUTES: &[Route] = &[
    route("GET /v1/customers/search", customers),
    route("GET /v1/prices/search", prices),
    route("GET /v1/products/search", products),
    route("GET /v1/subscriptions/search", subscriptions),
];

const CLAUSES_MAX: usize = 10;
const SUBSTRING_CHARS_MIN: usize = 3;
const LIMIT_DEFAULT: i64 = 10;

/// Fields that can be asked for by a part of their text.
const TEXTS: &[&str] = &[
    "description",
    "email",
    "lookup_key",
    "name",
    "number",
    "phone",
    "product",
    "receipt_number",
    "status",
    "subscription",
    "url",
];
/// Fields that can be compared.
const NUMBERS: &[&str] = &["amount", "canceled_at", "created", "total"];

pub(crate) fn customers(call: &mut Call<'_>) -> Answer {
    let fields = &["created", "email", "metadata", "name", "phone"];
    page(call, "customer", "customers", fields)
}

pub(crate) fn prices(call: &mut Call<'_>) -> Answer {
    let fields = &[
        "active",
        "currency",
        "lookup_key",
        "metadata",
        "product",
        "type",
    ];
    page(call, "price", "prices", fields)
}

pub(crate) fn products(call: &mut Call<'_>) -> Answer {
    let fields = &[
        "active",
        "description",
        "metadata",
        "name",
        "shippable",
        "url",
    ];
    page(call, "product", "products", fields)
}

pub(crate) fn subscriptions(call: &mut Call<'_>) -> Answer {
    let fields = &["canceled_at", "created", "metadata", "status"];
    page(call, "subscription", "subscriptions", fields)
}

/// Answers a search among the rows of a kind, newest first.
pub(crate) fn page(call: &Call<'_>, kind: &str, resource: &str, fields: &[&str]) -> Answer {
    let query = Query::parse(call.params.require("query")?, fields, resource)?;
    let limit = call.params.int("/limit").unwrap_or(LIMIT_DEFAULT);
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

/// One clause of a query.
#[derive(Debug, PartialEq, Eq)]
struct Clause {
    is_negated: bool,
    /// `email`, `payment_method_details.card.last4`.
    field: String,
    /// The key in `metadata["key"]`.
    key: Option<String>,
    operator: &'static str,
    /// None for `null`.
    value: Option<String>,
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
        let mut joint = None;
        while !rest.is_empty() {
            let (clause, tail) = clause(rest).ok_or_else(unparsable)?;
            check(&clause, fields, what)?;
            clauses.push(clause);
            let after = tail.trim_start();
            if after.is_empty() {
                break;
            }
            if after.len() == tail.len() {
                return Err(unparsable());
            }
            let (word, next) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
            let is_any = match word.to_ascii_lowercase().as_str() {
                "and" => false,
                "or" => true,
                // Clauses that nothing joins are all meant.
                _ => {
                    if joint.replace(false) == Some(true) {
                        return Err(mixed());
                    }
                    rest = after;
                    continue;
                }
            };
            if joint.replace(is_any).is_some_and(|other| other != is_any) {
                return Err(mixed());
            }
            rest = next.trim_start();
            if rest.is_empty() {
                return Err(unparsable());
            }
        }
        if clauses.is_empty() {
            return Err(unparsable());
        }
        if clauses.len() > CLAUSES_MAX {
            return Err(StripeError::invalid(format!(
                "We were unable to parse your search query. You can combine up to {CLAUSES_MAX} \
                 query clauses in a search."
            )));
        }
        Ok(Self {
            clauses,
            is_any: joint == Some(true),
        })
    }

    pub(crate) fn matches(&self, row: &Value) -> bool {
        if self.is_any {
            self.clauses.iter().any(|clause| clause.matches(row))
        } else {
            self.clauses.iter().all(|clause| clause.matches(row))
        }
    }
}

fn unparsable() -> StripeError {
    StripeError::invalid(
        "We were unable to parse your search query. Try using the format \
         `metadata[\"key\"]:\"value\"` to query for metadata or key:\"value\" to query for other \
         fields.",
    )
}

fn mixed() -> StripeError {
    StripeError::invalid(
        "We were unable to parse your search query. You can't combine AND and OR in the same query.",
    )
}

/// Whether the resource has the field, and the field the operator.
fn check(clause: &Clause, fields: &[&str], what: &str) -> Result<(), StripeError> {
    let name = clause.field.as_str();
    if !fields.contains(&name) || (name == "metadata") != clause.key.is_some() {
        return Err(StripeError::invalid(format!(
            "Field `{name}` is an unsupported search field for resource `{what}`. See \
             http://stripe.com/docs/search#query-fields-for-{what} for a list of supported \
             fields."
        )));
    }
    let has_operator = match clause.operator {
        ":" => true,
        "~" => TEXTS.contains(&name),
        _ => NUMBERS.contains(&name),
    };
    if !has_operator {
        return Err(StripeError::invalid(format!(
            "The operator `{}` is not supported for the search field `{name}`.",
            clause.operator
        )));
    }
    let is_short = |text: &String| text.chars().count() < SUBSTRING_CHARS_MIN;
    if clause.operator == "~" && clause.value.as_ref().is_some_and(is_short) {
        return Err(StripeError::invalid(format!(
            "Substring search needs at least {SUBSTRING_CHARS_MIN} characters."
        )));
    }
    let is_number = |text: &String| text.parse::<i64>().is_ok();
    if NUMBERS.contains(&name) && clause.value.as_ref().is_some_and(|text| !is_number(text)) {
        return Err(unparsable());
    }
    Ok(())
}

fn clause(text: &str) -> Option<(Clause, &str)> {
    let (is_negated, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let end = text.find(|c| !is_name(c))?;
    let (field, mut rest) = text.split_at(end);
    if field.is_empty() {
        return None;
    }
    let mut key = None;
    if let Some(inner) = rest.strip_prefix('[') {
        let (name, tail) = quoted(inner)?;
        key = Some(name);
        rest = tail.strip_prefix(']')?;
    }
    let operator = [">=", "<=", ":", "~", ">", "<"]
        .into_iter()
        .find(|operator| rest.starts_with(operator))?;
    rest = rest.strip_prefix(operator)?;
    let (value, tail) = if rest.starts_with(['"', '\'']) {
        let (value, tail) = quoted(rest)?;
        (Some(value), tail)
    } else {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        if word.is_empty() {
            return None;
        }
        let is_null = word.eq_ignore_ascii_case("null");
        ((!is_null).then(|| word.to_owned()), tail)
    };
    let clause = Clause {
        is_negated,
        field: field.to_owned(),
        key,
        operator,
        value,
    };
    Some((clause, tail))
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
        let found = match (&self.key, self.field.as_str()) {
            (Some(key), _) => &row["metadata"][key.as_str()],
            // Only invoices are searched by it; they keep it where the newest version shows it.
            (None, "subscription") => &row["parent"]["subscription_details"]["subscription"],
            (None, "last_finalization_error_code") => &row["last_finalization_error"]["code"],
            (None, "last_finalization_error_type") => &row["last_finalization_error"]["type"],
            // `payment_method_details.card.last4` leads inside.
            (None, field) => field.split('.').fold(row, |inner, name| &inner[name]),
        };
        let is_match = match &self.value {
            None => found.is_null(),
            Some(value) => is_match(found, self.operator, value),
        };
        is_match != self.is_negated
    }
}

fn is_match(found: &Value, operator: &str, wanted: &str) -> bool {
    match operator {
        ":" => text_of(found).to_lowercase() == wanted.to_lowercase(),
        "~" => text_of(found)
            .to_lowercase()
            .contains(&wanted.to_lowercase()),
        operator => match (found.as_i64(), wanted.parse::<i64>()) {
            (Some(found), Ok(limit)) => match operator {
                ">" => found > limit,
                ">=" => found >= limit,
                "<" => found < limit,
                _ => found <= limit,
            },
            _ => false,
        },
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    const FIELDS: &[&str] = &["email", "created", "metadata", "currency", "card.last4"];

    fn matches(query: &str) -> bool {
        let row = json!({
            "email": "a@b.c", "created": 5, "metadata": { "k": "v \"x\"" }, "currency": "usd",
            "card": { "last4": "4242" },
        });
        let query = Query::parse(query, FIELDS, "customers").unwrap();
        query.matches(&row)
    }

    #[test]
    fn clauses_match_texts_metadata_and_numbers() {
        assert!(matches("email:'A@B.C'"));
        assert!(matches("email~'@b.'"));
        assert!(matches(r#"metadata["k"]:"v \"x\"" AND created>=5"#));
        assert!(matches("email:'z' OR created<6"));
        assert!(!matches("-email:'a@b.c'"));
        assert!(matches("metadata['none']:null"));
        assert!(matches("card.last4:4242"));
    }

    #[test]
    fn clauses_that_nothing_joins_are_all_meant() {
        assert!(matches("email:'a@b.c' created:5"));
        assert!(!matches("email:'a@b.c' created:6"));
        assert!(matches("-currency:'eur' and -created:null"));
    }

    #[test]
    fn a_query_that_is_no_query_is_refused() {
        let many = ["created:5"; 11].join(" ");
        for query in [
            "",
            "email",
            "email:'x",
            "email:",
            "[",
            "metadata[\"k\":1",
            "email:'a' AND",
            "email:'a'created:5",
            "email:'a' AND created:5 OR created:6",
            "created:soon",
            "currency~'usd'",
            "email>'abc'",
            "email~'ab'",
            "metadata:'x'",
            "unknown:'x'",
            &many,
        ] {
            let outcome = Query::parse(query, FIELDS, "customers");
            assert_eq!(outcome.unwrap_err().status, 400, "{query}");
        }
    }
}
