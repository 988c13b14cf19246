//! The parts of forms: every input has a label, and what is wrong with it is tied to it.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::http::form::Node;
use crate::pages::escaped;

/// What is wrong: the message, and the name of the field.
pub(super) type Problem<'a> = Option<(&'a str, &'a str)>;

/// One input with its label.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) label: &'a str,
    /// Further attributes, as markup.
    pub(super) attributes: &'a str,
    pub(super) value: &'a str,
    pub(super) is_optional: bool,
}

fn state(name: &str, problem: Problem<'_>) -> &'static str {
    match problem {
        Some((_, field)) if field == name => {
            " aria-invalid=\"true\" aria-describedby=\"problem\" autofocus"
        }
        _ => "",
    }
}

fn required(is_optional: bool) -> &'static str {
    if is_optional { "" } else { " required" }
}

pub(super) fn input(field: &Field<'_>, problem: Problem<'_>) -> String {
    let Field {
        name,
        label,
        attributes,
        value,
        is_optional,
    } = *field;
    let hint = if is_optional {
        " <span class=\"hint\">(optional)</span>"
    } else {
        ""
    };
    // Not every input that may be left empty is optional to its page, so that the hint is the label's.
    format!(
        "<label for=\"{name}\">{label}{hint}</label>\n<input id=\"{name}\" name=\"{name}\" \
         {attributes} value=\"{}\"{}{}>\n",
        escaped(value),
        required(is_optional),
        state(name, problem)
    )
}

/// A choice of values and what they are called; one of them is chosen.
pub(super) fn select(
    field: &Field<'_>,
    options: &[(String, String)],
    problem: Problem<'_>,
) -> String {
    let mut choices = String::new();
    for (value, label) in options {
        let chosen = if value == field.value {
            " selected"
        } else {
            ""
        };
        let _ = writeln!(
            choices,
            "<option value=\"{}\"{chosen}>{}</option>",
            escaped(value),
            escaped(label)
        );
    }
    format!(
        "<label for=\"{name}\">{label}</label>\n<select id=\"{name}\" name=\"{name}\" \
         {attributes}{required}{state}>\n{choices}</select>\n",
        name = field.name,
        label = field.label,
        attributes = field.attributes,
        required = required(field.is_optional),
        state = state(field.name, problem)
    )
}

/// A box to tick; the label is markup already.
pub(super) fn checkbox(name: &str, label: &str, is_ticked: bool, problem: Problem<'_>) -> String {
    let ticked = if is_ticked { " checked" } else { "" };
    format!(
        "<p class=\"tick\"><input type=\"checkbox\" id=\"{name}\" name=\"{name}\" \
         value=\"yes\"{ticked}{}> <label for=\"{name}\">{label}</label></p>\n",
        state(name, problem)
    )
}

/// One of several that exclude each other; the label is markup already.
pub(super) fn radio(name: &str, value: &str, label: &str, is_chosen: bool) -> String {
    let chosen = if is_chosen { " checked" } else { "" };
    let id = format!("{name}_{}", escaped(value));
    format!(
        "<p class=\"tick\"><input type=\"radio\" id=\"{id}\" name=\"{name}\" value=\"{}\"{chosen}> \
         <label for=\"{id}\">{label}</label></p>\n",
        escaped(value)
    )
}

/// The fields of an address, grouped under a legend.
pub(super) fn address(
    legend: &str,
    prefix: &str,
    typed: &BTreeMap<String, String>,
    countries: &[(String, String)],
    problem: Problem<'_>,
) -> String {
    let value = |part: &str| typed.get(part).map_or("", String::as_str);
    let part = |part: &str, label: &str, fill: &str, is_optional: bool| {
        input(
            &Field {
                name: &format!("{prefix}_{part}"),
                label,
                attributes: &format!("autocomplete=\"{fill}\" maxlength=\"200\""),
                value: value(part),
                is_optional,
            },
            problem,
        )
    };
    let country = select(
        &Field {
            name: &format!("{prefix}_country"),
            label: "Country",
            attributes: "autocomplete=\"country\"",
            value: value("country"),
            is_optional: false,
        },
        countries,
        problem,
    );
    format!(
        "<fieldset>\n<legend>{legend}</legend>\n{country}{}{}<div class=\"pair\"><div>{}</div>\
         <div>{}</div></div>\n{}</fieldset>\n",
        part("line1", "Address", "address-line1", false),
        part("line2", "Apartment, floor", "address-line2", true),
        part("postal_code", "Postal code", "postal-code", false),
        part("city", "City", "address-level2", false),
        part("state", "State or region", "address-level1", true),
    )
}

/// The countries of codes, or some that a test is likely to want.
pub(super) fn countries(codes: &[String]) -> Vec<(String, String)> {
    const KNOWN: &[(&str, &str)] = &[
        ("US", "United States"),
        ("AT", "Austria"),
        ("AU", "Australia"),
        ("BE", "Belgium"),
        ("BR", "Brazil"),
        ("CA", "Canada"),
        ("CH", "Switzerland"),
        ("DE", "Germany"),
        ("DK", "Denmark"),
        ("ES", "Spain"),
        ("FI", "Finland"),
        ("FR", "France"),
        ("GB", "United Kingdom"),
        ("IE", "Ireland"),
        ("IN", "India"),
        ("IT", "Italy"),
        ("JP", "Japan"),
        ("MX", "Mexico"),
        ("NL", "Netherlands"),
        ("NO", "Norway"),
        ("NZ", "New Zealand"),
        ("PL", "Poland"),
        ("PT", "Portugal"),
        ("SE", "Sweden"),
        ("SG", "Singapore"),
    ];
    if codes.is_empty() {
        return KNOWN
            .iter()
            .map(|(code, name)| ((*code).to_owned(), (*name).to_owned()))
            .collect();
    }
    codes
        .iter()
        .map(|code| {
            let known = KNOWN.iter().find(|(known, _)| known == code);
            (
                code.clone(),
                known.map_or(code.clone(), |(_, name)| (*name).to_owned()),
            )
        })
        .collect()
}

/// What went wrong, read out at once, with a way to the field.
pub(super) fn alert(problem: Problem<'_>, comfort: &str) -> String {
    problem.map_or(String::new(), |(message, field)| {
        let message = escaped(message);
        let message = if field.is_empty() {
            message
        } else {
            format!("<a href=\"#{}\">{message}</a>", escaped(field))
        };
        format!(
            "<p id=\"problem\" class=\"problem\" role=\"alert\"><strong>{message}</strong> \
             {comfort}</p>\n"
        )
    })
}

/// The text of a submitted field, without the blanks around it.
pub(super) fn typed(fields: &Node, name: &str) -> String {
    match fields.get(name) {
        Some(Node::Text(text)) => text.trim().to_owned(),
        _ => String::new(),
    }
}

/// The parts of a submitted address that are not empty.
pub(super) fn typed_address(fields: &Node, prefix: &str) -> BTreeMap<String, String> {
    ["line1", "line2", "city", "state", "postal_code", "country"]
        .iter()
        .map(|part| {
            (
                (*part).to_owned(),
                typed(fields, &format!("{prefix}_{part}")),
            )
        })
        .filter(|(_, text)| !text.is_empty())
        .collect()
}
