//! What the rules look at: the Rust files of the workspace, and its documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root of the repository, with slashes.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
    /// Whether it is compiled for tests only.
    pub(crate) is_test: bool,
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("this crate is in a folder of the repository")
        .to_owned()
}

/// The text of one file of the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust file under `crates`, `migrations` and `tests`.
pub(crate) fn all_sources() -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in ["crates", "migrations", "tests"] {
        collect(&root().join(folder), "rs", &mut paths);
    }
    let texts: Vec<(String, String)> = paths.into_iter().map(|path| (read(&path), path)).collect();
    let test_modules: BTreeSet<String> = texts
        .iter()
        .flat_map(|(text, path)| test_modules(path, text))
        .collect();
    texts
        .into_iter()
        .map(|(text, path)| Source {
            is_test: is_test_path(&path) || test_modules.contains(&path),
            path,
            text,
        })
        .collect()
}

/// Every Markdown page of the documentation.
pub(crate) fn documents() -> Vec<String> {
    let mut paths = Vec::new();
    collect(&root().join("docs"), "md", &mut paths);
    paths
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<String>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry that was listed can be read").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            let path = path
                .strip_prefix(root())
                .expect("it was found below the root");
            found.push(
                path.to_str()
                    .expect("our paths are ASCII")
                    .replace('\\', "/"),
            );
        }
    }
}

fn is_test_path(path: &str) -> bool {
    path.split('/')
        .any(|part| matches!(part, "tests" | "testing" | "benches"))
        || path.ends_with("/tests.rs")
        || path.ends_with("/testing.rs")
}

/// The files of modules that are declared under `cfg(test)`.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let folder = match path.rsplit_once('/') {
        Some((folder, "lib.rs" | "main.rs")) => folder,
        _ => path.trim_end_matches(".rs"),
    };
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line != "#[cfg(test)]" {
            continue;
        }
        let declared = lines.next().and_then(|line| {
            let (_, name) = line.split_once("mod ")?;
            name.strip_suffix(';')
        });
        found.extend(declared.map(|name| format!("{folder}/{name}.rs")));
    }
    found
}

#[test]
fn a_module_under_cfg_test_is_a_test() {
    let text = "mod a;\n#[cfg(test)]\npub(crate) mod stub;\n#[cfg(test)]\nmod tests {\n}\n";
    assert_eq!(test_modules("c/src/lib.rs", text), ["c/src/stub.rs"]);
    assert_eq!(test_modules("c/src/wire.rs", text), ["c/src/wire/stub.rs"]);
    assert!(is_test_path("crates/x/src/testing/ids.rs"));
    assert!(!is_test_path("crates/x/src/attesting.rs"));
}
