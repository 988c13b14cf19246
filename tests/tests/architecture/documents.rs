//! Rules about the documentation: it says what the code does, and all of it.

use std::path::Path;

/// The paths as cargo knows them; the page names them from the domain's `src` on.
pub(crate) fn names_each_use_case(page: &str, use_cases: &[&str]) -> Vec<String> {
    use_cases
        .iter()
        .map(|path| path.trim_start_matches("crates/billing-domain/src/"))
        .filter(|path| !page.contains(&format!("`{path}`")))
        .map(|path| format!("docs/architecture.md does not name the use case `{path}`"))
        .collect()
}

pub(crate) fn shows_each_table(page: &str, tables: &[(&str, String)]) -> Vec<String> {
    tables
        .iter()
        .filter(|(_, text)| !page.contains(text.as_str()))
        .map(|(name, text)| format!("docs/architecture.md: the table of {name} is now\n\n{text}"))
        .collect()
}

/// An invariant is a line that begins with the word in bold and names its tests in backquotes at
/// its end.
pub(crate) fn invariants_name_tests(page: &str, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let lines: Vec<&str> = page
        .lines()
        .filter(|line| line.trim_start_matches("- ").starts_with("**Invariant:**"))
        .collect();
    if lines.is_empty() {
        return vec!["docs/architecture.md names no invariant".to_owned()];
    }
    let mut violations = Vec::new();
    for line in lines {
        let Some((_, tests)) = line.split_once("(test: ") else {
            violations.push(format!("no `(test: …)` in: {line}"));
            continue;
        };
        let names: Vec<&str> = in_backquotes(tests).collect();
        if names.is_empty() {
            violations.push(format!("no test is named in: {line}"));
        }
        let missing = names.into_iter().filter(|name| !exists(name));
        violations.extend(missing.map(|name| format!("there is no test `{name}`")));
    }
    violations
}

/// A file is named by its whole path or by its end; a pattern in angle brackets is not a name.
pub(crate) fn names_files_that_exist(
    path: &str,
    page: &str,
    exists: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    page.lines()
        .flat_map(in_backquotes)
        .filter(|text| Path::new(text).extension().is_some_and(|end| end == "rs"))
        .filter(|text| !text.contains(['<', '*', ' ', '{']))
        .filter(|text| !exists(text))
        .map(|text| format!("{path}: there is no file `{text}`"))
        .collect()
}

/// What stands between backquotes on a line.
fn in_backquotes(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn a_use_case_that_is_not_named_is_found() {
    let paths = ["crates/billing-domain/src/orders/pay_order.rs"];
    assert!(names_each_use_case("see `orders/pay_order.rs`.", &paths).is_empty());
    assert_eq!(
        names_each_use_case("see `orders/pay.rs`.", &paths),
        ["docs/architecture.md does not name the use case `orders/pay_order.rs`"]
    );
}

#[test]
fn a_table_that_is_out_of_date_is_found() {
    let tables = [("order", "| command | created |\n".to_owned())];
    assert!(shows_each_table("### Order\n\n| command | created |\n", &tables).is_empty());
    assert_eq!(shows_each_table("| command | paid |\n", &tables).len(), 1);
}

#[test]
fn an_invariant_without_its_test_is_found() {
    let exists = |name: &str| name == "it_holds";
    let check = |page: &str| invariants_name_tests(page, &exists).len();
    assert_eq!(check("**Invariant:** it holds (test: `it_holds`)."), 0);
    assert_eq!(check("- **Invariant:** it holds (test: `it_holds`)."), 0);
    assert_eq!(check("**Invariant:** it holds (test: `it_held`)."), 1);
    assert_eq!(check("**Invariant:** it holds (test: none)."), 1);
    assert_eq!(check("**Invariant:** it holds."), 1);
    assert_eq!(check("Nothing is promised."), 1);
}

#[test]
fn a_file_that_is_gone_is_found() {
    let exists = |path: &str| path == "checkout/intent.rs";
    let check = |page: &str| names_files_that_exist("a.md", page, &exists);
    assert!(check("`checkout/intent.rs`, `verb_object`, `<verb>.rs`").is_empty());
    assert_eq!(check("`checkout/order.rs`").len(), 1);
}
