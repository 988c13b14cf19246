//! Rules about what stands in a file.

use crate::sources::Source;

const LINES_MAX: usize = 500;

pub(crate) fn opens_with_its_purpose(path: &str, text: &str) -> Vec<String> {
    if text.starts_with("//! ") {
        Vec::new()
    } else {
        vec![format!("{path}:1: open with one sentence behind `//!`")]
    }
}

pub(crate) fn is_not_too_long(path: &str, text: &str) -> Vec<String> {
    let count = text.lines().count();
    if count <= LINES_MAX {
        Vec::new()
    } else {
        vec![format!("{path}: {count} lines, split it by purpose")]
    }
}

/// Looks at what stands before the file's own tests.
pub(crate) fn unwraps_only_in_tests(path: &str, text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or("");
    lines_with(code, &[".unwrap("])
        .map(|line| format!("{path}:{line}: say with `expect` why it cannot happen"))
        .collect()
}

pub(crate) fn allows_no_lint(path: &str, text: &str) -> Vec<String> {
    lines_with(text, &["#[allow(", "#![allow("])
        .map(|line| format!("{path}:{line}: write `#[expect(.., reason = \"..\")]`"))
        .collect()
}

pub(crate) fn ignores_no_test(path: &str, text: &str) -> Vec<String> {
    lines_with(text, &["#[ignore"])
        .map(|line| format!("{path}:{line}: a test that is not run proves nothing"))
        .collect()
}

pub(crate) fn is_synchronous(path: &str, text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or("");
    lines_with(code, &["async ", "async_trait", ".await"])
        .map(|line| format!("{path}:{line}: entities and values decide without waiting"))
        .collect()
}

/// The domain's entities with the folders beside them, and its values.
pub(crate) fn entity_files(files: &[Source]) -> Vec<&Source> {
    const DOMAIN: &str = "crates/billing-domain/src/";
    let roots: Vec<&str> = files
        .iter()
        .filter(|file| file.path.starts_with(DOMAIN) && !file.is_test)
        .filter(|file| file.text.contains("\nimpl Entity for "))
        .map(|file| file.path.trim_end_matches(".rs"))
        .collect();
    let is_entity = |path: &str| {
        roots.iter().any(|root| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
    };
    let is_value = |path: &str| {
        path.strip_prefix(DOMAIN)
            .is_some_and(|path| path.starts_with("kernel/") && path != "kernel/ports.rs")
    };
    files
        .iter()
        .filter(|file| is_entity(&file.path) || is_value(&file.path))
        .collect()
}

/// The numbers of the lines of code that have one of the texts; comments and texts do not count.
fn lines_with<'a>(text: &'a str, wanted: &'a [&'a str]) -> impl Iterator<Item = usize> + 'a {
    text.lines()
        .enumerate()
        .filter(|(_, line)| {
            let line = line.trim_start();
            !line.starts_with("//") && wanted.iter().any(|text| before_any_quote(line, text))
        })
        .map(|(index, _)| index + 1)
}

/// Whether the text is in the line and not behind a quotation mark.
fn before_any_quote(line: &str, text: &str) -> bool {
    let found = line.match_indices(text);
    found
        .map(|(at, _)| line[..at].matches('"').count())
        .any(|quotes| quotes % 2 == 0)
}

#[test]
fn a_file_without_a_purpose_is_found() {
    assert!(opens_with_its_purpose("a.rs", "//! What it is for.\n").is_empty());
    assert_eq!(opens_with_its_purpose("a.rs", "use std;\n").len(), 1);
}

#[test]
fn a_line_too_many_is_found() {
    assert!(is_not_too_long("a.rs", &"\n".repeat(LINES_MAX)).is_empty());
    assert_eq!(
        is_not_too_long("a.rs", &"\n".repeat(LINES_MAX + 1)).len(),
        1
    );
}

#[test]
fn an_unwrap_is_found_unless_a_test_has_it() {
    let bad = "fn a() {\n    b().unwrap();\n}\n";
    assert_eq!(
        unwraps_only_in_tests("a.rs", bad),
        ["a.rs:2: say with `expect` why it cannot happen"]
    );
    let good = "// b().unwrap()\n#[cfg(test)]\nmod tests {\n    b().unwrap();\n}\n";
    assert!(unwraps_only_in_tests("a.rs", good).is_empty());
}

#[test]
fn an_allowed_lint_is_found() {
    let attribute = "#[allow(dead_code)]";
    assert_eq!(allows_no_lint("a.rs", attribute).len(), 1);
    assert!(allows_no_lint("a.rs", "#[expect(dead_code, reason = \"why\")]").is_empty());
    assert!(allows_no_lint("a.rs", &format!("let a = \"{attribute}\";")).is_empty());
}

#[test]
fn an_ignored_test_is_found() {
    assert_eq!(ignores_no_test("a.rs", "#[test]\n#[ignore]\n").len(), 1);
    assert!(ignores_no_test("a.rs", "#[test]\n").is_empty());
}

#[test]
fn an_entity_that_waits_is_found() {
    for bad in ["async fn a() {}", "#[async_trait]", "    b.await;"] {
        assert_eq!(is_synchronous("a.rs", bad).len(), 1, "{bad}");
    }
    assert!(is_synchronous("a.rs", "/// Never async.\nfn a() {}\n").is_empty());
}

#[test]
fn an_entity_is_found_with_the_folder_beside_it() {
    let source = |path: &str, text: &str| Source {
        path: format!("crates/billing-domain/src/{path}"),
        text: text.to_owned(),
        is_test: false,
    };
    let files = [
        source("orders/order.rs", "\nimpl Entity for Order {"),
        source("orders/order/commands.rs", ""),
        source("orders/order_list.rs", ""),
        source("kernel/ports.rs", ""),
        source("kernel/money.rs", ""),
    ];
    let found: Vec<&str> = entity_files(&files)
        .iter()
        .filter_map(|file| file.path.rsplit('/').next())
        .collect();
    assert_eq!(found, ["order.rs", "commands.rs", "money.rs"]);
}
