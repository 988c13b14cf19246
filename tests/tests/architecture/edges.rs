//! Rules about manifests: who may depend on whom, and whose lints hold.

use std::process::Command;

use serde_json::Value;

use crate::sources::root;

/// Every crate of ours with what of ours it may depend on; a new crate is placed here by hand.
const EDGES: [(&str, &[&str]); 7] = [
    ("billing-domain", &[]),
    ("billing-migrations", &[]),
    // Anybody can use it without the rest.
    ("billing-sandbox", &[]),
    ("billing-actix", &["billing-domain"]),
    ("billing-seaorm", &["billing-domain", "billing-migrations"]),
    ("billing-stripe", &["billing-domain"]),
    (
        "billing-app",
        &[
            "billing-actix",
            "billing-domain",
            "billing-sandbox",
            "billing-seaorm",
            "billing-stripe",
        ],
    ),
];

/// Why its answer can be read without a doubt.
const CARGO: &str = "cargo keeps to version 1 of its format";

/// The only crate that may know every other.
const WHOLE_SYSTEM_TESTS: &str = "billing-tests";

/// What the domain may depend on (docs/architecture.md); `mockall` only behind `testing`.
const DOMAIN_LIST: [&str; 8] = [
    "async-trait",
    "mockall",
    "rust_decimal",
    "serde",
    "thiserror",
    "time",
    "tracing",
    "uuid",
];

/// One crate of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One entry of its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) is_normal: bool,
    pub(crate) is_optional: bool,
}

/// Asks cargo for the members of the workspace.
pub(crate) fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo, which runs this test, can be run");
    assert!(output.status.success(), "cargo metadata: {output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect(CARGO);
    let packages = metadata["packages"].as_array().expect(CARGO);
    packages.iter().map(package).collect()
}

fn package(value: &Value) -> Package {
    let text = |value: &Value| value.as_str().expect(CARGO).to_owned();
    let dependencies = value["dependencies"].as_array().expect(CARGO);
    Package {
        name: text(&value["name"]),
        manifest: text(&value["manifest_path"]),
        dependencies: dependencies
            .iter()
            .map(|dependency| Dependency {
                name: text(&dependency["name"]),
                is_normal: dependency["kind"].is_null(),
                is_optional: dependency["optional"] == true,
            })
            .collect(),
    }
}

/// The manifest of every member.
pub(crate) fn manifests() -> Vec<String> {
    let root = format!("{}/", root().display());
    packages()
        .into_iter()
        .map(|package| package.manifest.replace(&root, ""))
        .collect()
}

pub(crate) fn takes_the_lints(path: &str, manifest: &str) -> Vec<String> {
    if manifest.contains("\n[lints]\nworkspace = true\n") {
        Vec::new()
    } else {
        vec![format!("{path}: add `[lints] workspace = true`")]
    }
}

/// Dependencies for tests and builds count as well.
pub(crate) fn point_inwards(packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    let ours = |name: &str| packages.iter().any(|package| package.name == name);
    for package in packages {
        if package.name == WHOLE_SYSTEM_TESTS {
            continue;
        }
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == package.name) else {
            violations.push(format!("{}: say here what it may depend on", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            // A crate names itself to have its feature `testing` in its own tests.
            let is_free = !ours(name) || name == package.name;
            if !is_free && !allowed.contains(&name) {
                violations.push(format!("{} must not know {name}", package.name));
            }
        }
    }
    violations
}

pub(crate) fn domain_keeps_to_its_list(packages: &[Package]) -> Vec<String> {
    let domain = packages.iter().find(|p| p.name == "billing-domain");
    let normal: Vec<&Dependency> = domain
        .iter()
        .flat_map(|domain| &domain.dependencies)
        .filter(|dependency| dependency.is_normal)
        .collect();
    let named: Vec<&str> = normal.iter().map(|found| found.name.as_str()).collect();
    let more = normal.iter().filter_map(|found| {
        let name = found.name.as_str();
        if !DOMAIN_LIST.contains(&name) {
            return Some(format!("billing-domain must not depend on {name}"));
        }
        (name == "mockall" && !found.is_optional)
            .then(|| "billing-domain: mockall stands behind `testing` only".to_owned())
    });
    let fewer = DOMAIN_LIST
        .iter()
        .filter(|name| !named.contains(name))
        .map(|name| format!("billing-domain: {name} is on the list and not used"));
    more.chain(fewer).collect()
}

#[cfg(test)]
fn sample(name: &str, dependencies: &[&str]) -> Package {
    Package {
        name: name.to_owned(),
        manifest: String::new(),
        dependencies: dependencies
            .iter()
            .map(|name| Dependency {
                name: (*name).to_owned(),
                is_normal: true,
                is_optional: *name == "mockall",
            })
            .collect(),
    }
}

#[test]
fn an_adapter_that_knows_another_is_found() {
    let mut packages = vec![
        sample("billing-domain", &["serde"]),
        sample("billing-stripe", &["billing-domain", "reqwest"]),
        sample("billing-seaorm", &["billing-domain", "billing-seaorm"]),
        sample("billing-tests", &["billing-stripe", "billing-seaorm"]),
    ];
    assert!(point_inwards(&packages).is_empty());
    packages.push(sample(
        "billing-actix",
        &["billing-domain", "billing-stripe"],
    ));
    assert_eq!(
        point_inwards(&packages),
        ["billing-actix must not know billing-stripe"]
    );
}

#[test]
fn a_domain_that_looks_outwards_is_found() {
    let packages = [
        sample("billing-domain", &["billing-stripe"]),
        sample("billing-stripe", &[]),
    ];
    assert_eq!(
        point_inwards(&packages),
        ["billing-domain must not know billing-stripe"]
    );
}

#[test]
fn a_crate_that_nobody_placed_is_found() {
    assert_eq!(
        point_inwards(&[sample("billing-redis", &[])]),
        ["billing-redis: say here what it may depend on"]
    );
}

#[test]
fn a_dependency_that_is_not_on_the_list_is_found() {
    assert!(domain_keeps_to_its_list(&[sample("billing-domain", &DOMAIN_LIST)]).is_empty());
    let more = [DOMAIN_LIST.as_slice(), &["tokio"]].concat();
    assert_eq!(
        domain_keeps_to_its_list(&[sample("billing-domain", &more)]),
        ["billing-domain must not depend on tokio"]
    );
    assert_eq!(
        domain_keeps_to_its_list(&[sample("billing-domain", &DOMAIN_LIST[1..])]),
        ["billing-domain: async-trait is on the list and not used"]
    );
    let mut always = sample("billing-domain", &DOMAIN_LIST);
    for dependency in &mut always.dependencies {
        dependency.is_optional = false;
    }
    assert_eq!(
        domain_keeps_to_its_list(&[always]),
        ["billing-domain: mockall stands behind `testing` only"]
    );
}

#[test]
fn a_crate_with_lints_of_its_own_is_found() {
    let good = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n\n[dependencies]\n";
    assert!(takes_the_lints("Cargo.toml", good).is_empty());
    let bad = "[package]\nversion.workspace = true\n\n[lints.rust]\nunsafe_code = \"warn\"\n";
    assert_eq!(takes_the_lints("Cargo.toml", bad).len(), 1);
}
