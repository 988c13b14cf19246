//! The rules of docs/architecture.md that a compiler does not check, as ordinary tests.
//!
//! Each rule is a pure function from a path and a text to what is wrong with it, and stands beside
//! a test that shows it failing on a bad sample; the tests below apply them to this repository.

mod documents;
mod edges;
mod names;
mod pages;
mod sources;

use sources::{Source, all_sources, read};

/// Applies a rule to every file that it is about.
fn check(files: &[Source], is_about: fn(&Source) -> bool, rule: fn(&str, &str) -> Vec<String>) {
    let about: Vec<&Source> = files.iter().filter(|file| is_about(file)).collect();
    assert!(!about.is_empty(), "this rule is about no file any more");
    hold(about.iter().flat_map(|file| rule(&file.path, &file.text)));
}

#[track_caller]
fn hold(violations: impl IntoIterator<Item = String>) {
    let violations: Vec<String> = violations.into_iter().collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    check(&all_sources(), |_| true, pages::opens_with_its_purpose);
}

#[test]
fn no_file_is_longer_than_500_lines() {
    check(&all_sources(), |_| true, pages::is_not_too_long);
}

#[test]
fn nothing_unwraps_outside_tests() {
    check(
        &all_sources(),
        |file| !file.is_test,
        pages::unwraps_only_in_tests,
    );
}

#[test]
fn lints_are_expected_and_never_allowed() {
    check(&all_sources(), |_| true, pages::allows_no_lint);
}

#[test]
fn no_test_is_ignored() {
    check(&all_sources(), |_| true, pages::ignores_no_test);
}

#[test]
fn entities_and_values_are_synchronous() {
    let files = all_sources();
    let entities = pages::entity_files(&files);
    for known in [
        "checkout/intent.rs",
        "checkout/intent/commands.rs",
        "licensing/license.rs",
        "licensing/plan.rs",
        "provisioning/workflow.rs",
        "subscriptions/subscription.rs",
        "entitlements/entitlement.rs",
        "customers/customer.rs",
        "kernel/money.rs",
    ] {
        assert!(
            entities.iter().any(|file| file.path.ends_with(known)),
            "{known} is not found by this rule"
        );
    }
    hold(
        entities
            .iter()
            .flat_map(|file| pages::is_synchronous(&file.path, &file.text)),
    );
}

#[test]
fn files_are_named_after_what_is_in_them() {
    check(&all_sources(), |_| true, names::file_says_something);
}

#[test]
fn types_are_named_after_what_they_are() {
    check(&all_sources(), |_| true, names::types_say_something);
}

#[test]
fn a_use_case_is_named_like_its_file() {
    check(
        &all_sources(),
        names::is_use_case,
        names::use_case_is_named_like_its_file,
    );
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let manifests = edges::manifests();
    assert!(manifests.len() >= 8, "members are missing: {manifests:?}");
    hold(
        manifests
            .iter()
            .flat_map(|path| edges::takes_the_lints(path, &read(path))),
    );
}

#[test]
fn dependencies_point_inwards_only() {
    hold(edges::point_inwards(&edges::packages()));
}

#[test]
fn the_domain_depends_on_its_list_and_nothing_else() {
    hold(edges::domain_keeps_to_its_list(&edges::packages()));
}

#[test]
fn every_use_case_is_named_in_the_documentation() {
    let text = read("docs/architecture.md");
    let files = all_sources();
    let cases: Vec<&str> = files
        .iter()
        .filter(|file| names::is_use_case(file))
        .map(|file| file.path.as_str())
        .collect();
    assert!(!cases.is_empty(), "no use case was found");
    hold(documents::names_each_use_case(&text, &cases));
}

#[test]
fn the_documented_state_tables_are_those_of_the_code() {
    let text = read("docs/architecture.md");
    let tables: Vec<(&str, String)> = billing_domain::testing::tables::tables()
        .into_iter()
        .map(|table| (table.name, table.text))
        .collect();
    assert!(!tables.is_empty(), "no state table was found");
    hold(documents::shows_each_table(&text, &tables));
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let files = all_sources();
    let text = read("docs/architecture.md");
    hold(documents::invariants_name_tests(&text, &|name| {
        // A case of a contract suite is generic.
        let definitions = [format!("fn {name}("), format!("fn {name}<")];
        files
            .iter()
            .any(|file| definitions.iter().any(|text| file.text.contains(text)))
    }));
}

#[test]
fn every_file_that_the_documentation_names_exists() {
    let files = all_sources();
    let exists = |path: &str| {
        let end = format!("/{path}");
        files
            .iter()
            .any(|file| file.path == path || file.path.ends_with(&end))
    };
    let pages = sources::documents();
    assert!(pages.len() > 5, "documents are missing: {pages:?}");
    hold(
        pages
            .iter()
            .flat_map(|page| documents::names_files_that_exist(page, &read(page), &exists)),
    );
}
