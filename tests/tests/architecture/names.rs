//! Rules about names: of files, of types, of use cases.

use crate::sources::Source;

/// Names under which anything could stand.
const EMPTY_FILE_NAMES: [&str; 8] = [
    "common", "helper", "helpers", "manager", "misc", "mod", "util", "utils",
];

/// Words that say nothing in the name of a type (house style).
const EMPTY_WORDS: [&str; 13] = [
    "Common", "Data", "Handler", "Helper", "Helpers", "Impl", "Info", "Manager", "Misc", "Process",
    "Service", "Util", "Utils",
];

/// Of a part of the system `..Service` says nothing; the system itself is a service, and the one that
/// runs is called so.
const THE_WHOLE: &str = "Service";

pub(crate) fn file_says_something(path: &str, _text: &str) -> Vec<String> {
    let is_empty = |part: &str| EMPTY_FILE_NAMES.contains(&part.trim_end_matches(".rs"));
    if path.split('/').any(is_empty) {
        vec![format!("{path}: name it after what is in it")]
    } else {
        Vec::new()
    }
}

pub(crate) fn types_say_something(path: &str, text: &str) -> Vec<String> {
    declared_types(text)
        .filter(|(_, name)| {
            *name != THE_WHOLE && words(name).any(|word| EMPTY_WORDS.contains(&word))
        })
        .map(|(line, name)| format!("{path}:{line}: `{name}` does not say what it is"))
        .collect()
}

/// Whether a file of the domain is a use case: somebody outside can run it.
pub(crate) fn is_use_case(file: &Source) -> bool {
    file.path.starts_with("crates/billing-domain/src/")
        && !file.is_test
        && file.text.contains("    pub async fn ")
}

pub(crate) fn use_case_is_named_like_its_file(path: &str, text: &str) -> Vec<String> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let wanted = camel_case(file.trim_end_matches(".rs"));
    let is_verb_and_object = file.contains('_');
    if is_verb_and_object && declared_types(text).any(|(_, name)| name == wanted) {
        Vec::new()
    } else {
        vec![format!(
            "{path}: a use case is a verb and an object, and its type is `{wanted}`"
        )]
    }
}

/// Each type that a text declares, with its line.
fn declared_types(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(index, line)| {
        let mut parts = line.split_whitespace().skip_while(|p| p.starts_with("pub"));
        let keyword = parts.next()?;
        if !matches!(keyword, "struct" | "enum" | "trait" | "type" | "union") {
            return None;
        }
        let name = parts.next()?;
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
        Some((index + 1, &name[..end.unwrap_or(name.len())]))
    })
}

/// The words of a name in camel case.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let mut starts: Vec<usize> = name
        .char_indices()
        .filter(|(at, c)| *at == 0 || c.is_uppercase())
        .map(|(at, _)| at)
        .collect();
    starts.push(name.len());
    let bounds: Vec<(usize, usize)> = starts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    bounds.into_iter().map(|(from, to)| &name[from..to])
}

fn camel_case(snake_case: &str) -> String {
    snake_case
        .split('_')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_uppercase() + rest
        })
        .collect()
}

#[test]
fn a_file_named_after_nothing_is_found() {
    for bad in ["a/utils.rs", "a/helpers/b.rs", "a/common.rs", "a/mod.rs"] {
        assert_eq!(file_says_something(bad, "").len(), 1, "{bad}");
    }
    assert!(file_says_something("a/model.rs", "").is_empty());
}

#[test]
fn a_type_named_after_nothing_is_found() {
    for bad in [
        "pub struct OrderManager;",
        "pub(crate) enum PaymentService {}",
        "trait HandlerOfAll {}",
        "    type DataRow<T> = T;",
    ] {
        assert_eq!(types_say_something("a.rs", bad).len(), 1, "{bad}");
    }
    for good in ["struct Database;", "struct Processing;", "// struct Util"] {
        assert!(types_say_something("a.rs", good).is_empty(), "{good}");
    }
}

#[test]
fn a_use_case_that_is_named_otherwise_is_found() {
    let rule = use_case_is_named_like_its_file;
    assert!(rule("a/pay_order.rs", "pub struct PayOrder {").is_empty());
    assert_eq!(rule("a/pay_order.rs", "pub struct Payer {").len(), 1);
    assert_eq!(rule("a/payment.rs", "pub struct Payment {").len(), 1);
}

#[test]
fn a_use_case_is_recognised() {
    let source = |path: &str, text: &str, is_test| Source {
        path: format!("crates/{path}"),
        text: text.to_owned(),
        is_test,
    };
    let code = "impl A {\n    pub async fn run(&self) {}\n}\n";
    assert!(is_use_case(&source(
        "billing-domain/src/a/do_it.rs",
        code,
        false
    )));
    assert!(!is_use_case(&source(
        "billing-domain/src/testing/a.rs",
        code,
        true
    )));
    assert!(!is_use_case(&source(
        "billing-stripe/src/a.rs",
        code,
        false
    )));
    assert!(!is_use_case(&source(
        "billing-domain/src/a/b.rs",
        "fn run() {}",
        false
    )));
}
