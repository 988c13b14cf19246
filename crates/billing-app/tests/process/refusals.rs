//! What the program says when it cannot start: one sentence that names what to change.

use std::net::TcpListener;
use std::path::Path;

use billing_seaorm::testing::TestDatabase;

use crate::program::{Ended, run};

fn serve(settings: &[(&'static str, &str)]) -> Ended {
    let settings = settings
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()));
    run(&["serve"], settings)
}

#[test]
fn an_unknown_flag_or_command_is_wrong_usage() {
    for arguments in [&["serve", "--nope"] as &[&str], &["sell"], &[]] {
        let ended = run(arguments, []);
        assert_eq!(ended.code, Some(2), "{arguments:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
    let ended = run(&["serve", "--nope"], []);
    assert!(ended.stderr.contains("--nope"), "{}", ended.stderr);
}

#[test]
fn a_wrong_setting_is_refused_before_anything_is_opened() {
    let live_at_the_sandbox = [
        ("STRIPE_MODE", "live"),
        ("STRIPE_SECRET_KEY", "sk_live_1"),
        ("STRIPE_API_BASE", "http://127.0.0.1:12111"),
    ];
    let cases: &[(&[(&'static str, &str)], &str)] = &[
        (&[("BIND_ADDR", "8080")], "BIND_ADDR"),
        (&live_at_the_sandbox, "STRIPE_API_BASE"),
        (&[("STRIPE_SECRET_KEY", "sk_live_1")], "STRIPE_SECRET_KEY"),
        (&[("BILLING_ENABLED", "perhaps")], "BILLING_ENABLED"),
        (&[("HTTP_WORKERS", "many")], "HTTP_WORKERS"),
        (&[("DATABASE_URL", "mysql://x")], "DATABASE_URL"),
        (&[("DEFAULT_PROJECT", " ")], "DEFAULT_PROJECT"),
        (&[("LOG_FILTER", "a=b=c")], "LOG_FILTER"),
        (&[("BEARER_ISSUER", "somebody")], "BEARER_AUDIENCE"),
        (&[("STRIPE_API_VERSION", "yesterday")], "STRIPE_API_VERSION"),
        (
            &[("PLAN_CATALOG_FILE", "/nowhere.toml")],
            "PLAN_CATALOG_FILE",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("billing.db");
    let url = format!("sqlite://{}", database.display());
    for (settings, key) in cases {
        let mut all = vec![("DATABASE_URL", url.as_str()), ("BIND_ADDR", "127.0.0.1:0")];
        all.retain(|(known, _)| settings.iter().all(|(set, _)| set != known));
        all.extend(settings.iter().copied());
        let ended = serve(&all);
        let sentence = ended.sentence(2);
        assert!(sentence.contains(key), "{key}: {sentence}");
        assert_eq!(ended.stdout, "", "{key}");
        assert!(!database.exists(), "{key}: a database was made");
    }
}

#[test]
fn an_unknown_key_in_the_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("billing.toml");
    std::fs::write(&file, "bind_adr = \"127.0.0.1:1\"\n").unwrap();
    let file = file.display().to_string();
    let ended = run(&["serve", "--config", &file], []);
    let sentence = ended.sentence(2);
    assert!(sentence.contains("bind_adr"), "{sentence}");
    assert!(sentence.contains(&file), "{sentence}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ended = run(&["serve", "--config", "/nowhere/billing.toml"], []);
    let sentence = ended.sentence(2);
    assert!(sentence.contains("/nowhere/billing.toml"), "{sentence}");
}

#[test]
fn a_taken_port_is_said_with_the_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(&folder.path().join("billing.db"));
    let ended = serve(&[("BIND_ADDR", &address), ("DATABASE_URL", &url)]);
    let sentence = ended.sentence(1);
    assert!(sentence.contains(&address), "{sentence}");
    assert!(sentence.contains("BIND_ADDR"), "{sentence}");
}

fn sqlite(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

#[test]
fn a_database_that_cannot_be_opened_is_said_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "this is not a database, whatever its name says").unwrap();
    for path in [
        folder.path().join("missing").join("billing.db"),
        folder.path().to_path_buf(),
        file.join("billing.db"),
        file.clone(),
    ] {
        for command in ["serve", "migrate", "create-api-key"] {
            let url = sqlite(&path);
            let mut arguments = vec![command];
            if command == "create-api-key" {
                arguments.extend(["--project", "shop", "--app", "web"]);
            }
            let settings = [
                ("DATABASE_URL", url),
                ("BIND_ADDR", "127.0.0.1:0".to_owned()),
                ("LOG_FILTER", "error".to_owned()),
            ];
            let ended = run(&arguments, settings);
            let sentence = ended.sentence(1);
            let shown = path.display().to_string();
            assert!(sentence.contains(&shown), "{command}: {sentence}");
        }
    }
}

#[test]
fn a_folder_without_permission_is_said_with_its_path() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o500)).unwrap();
    if std::fs::write(closed.join("probe"), "").is_ok() {
        eprintln!("SKIPPED: this user may write anywhere");
        return;
    }
    let path = closed.join("billing.db");
    let ended = run(&["migrate"], [("DATABASE_URL", sqlite(&path))]);
    let sentence = ended.sentence(1);
    assert!(sentence.contains(&path.display().to_string()), "{sentence}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_is_said() {
    let database = TestDatabase::sqlite().await;
    database.execute("BEGIN IMMEDIATE").await;
    let ended = run(&["migrate"], [("DATABASE_URL", database.config().url)]);
    let sentence = ended.sentence(1);
    assert!(sentence.contains("locked"), "{sentence}");
    database.execute("ROLLBACK").await;
    run(&["migrate"], [("DATABASE_URL", database.config().url)]).success();
}
