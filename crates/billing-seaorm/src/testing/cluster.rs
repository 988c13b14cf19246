//! The PostgreSQL server for tests: the configured one, or a temporary cluster.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

const URL_VARIABLE: &str = "BILLING_TEST_POSTGRES_URL";

/// Waits for the end of its input, which comes when the test program ends in whatever way, and
/// then stops the server and removes its files.
const GUARD: &str = r#"
directory=$1; shift
"$@" 2>&1 &
cat >/dev/null
kill -INT "$(head -n 1 "$directory/cluster/postmaster.pid")"
wait
rm -rf "$directory"
"#;

/// The server's URL; `None` after a message where there is no server.
///
/// # Panics
/// Where there is no server and `CI` is `true`.
pub(super) fn server_url() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    SERVER
        .get_or_init(|| match std::env::var(URL_VARIABLE) {
            Ok(url) if !url.is_empty() => Some(url),
            Ok(_) | Err(_) => start_or_skip(),
        })
        .as_deref()
}

/// The same database, seen from one schema.
pub(super) fn with_schema(server: &str, name: &str) -> String {
    let joint = if server.contains('?') { '&' } else { '?' };
    format!("{server}{joint}options[search_path]={name}")
}

fn start_or_skip() -> Option<String> {
    match start() {
        Ok(url) => Some(url),
        Err(reason) => {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "tests on PostgreSQL cannot run: {reason}"
            );
            eprintln!("SKIPPED on PostgreSQL: {reason}; set {URL_VARIABLE} to run it");
            None
        }
    }
}

fn start() -> Result<String, String> {
    let binaries = binaries().ok_or("no initdb and postgres were found")?;
    let directory = tempfile::Builder::new()
        .prefix("billing-pg-")
        .tempdir()
        .map_err(|error| format!("no temporary directory: {error}"))?
        // The guard removes it: this program may be killed before it could.
        .keep();
    let cluster = directory.join("cluster");
    let as_user: &[&str] = if is_root() {
        // PostgreSQL refuses to run as root.
        run(Command::new("chown").arg("postgres").arg(&directory))?;
        &["runuser", "-u", "postgres", "--"]
    } else {
        &[]
    };
    let command = |program: &str, arguments: &[&str]| -> Vec<String> {
        let binary = binaries.join(program).display().to_string();
        let words = as_user.iter().copied().chain([binary.as_str()]);
        words
            .chain(arguments.iter().copied())
            .map(str::to_owned)
            .collect()
    };
    let cluster_text = cluster.display().to_string();
    let socket_text = directory.display().to_string();
    let initdb = command(
        "initdb",
        &[
            "-D",
            &cluster_text,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ],
    );
    run(Command::new(&initdb[0])
        .args(&initdb[1..])
        .current_dir(&directory))?;
    let server = command(
        "postgres",
        &[
            "-D",
            &cluster_text,
            "-k",
            &socket_text,
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "max_connections=300",
        ],
    );
    guard(&directory, &server)?;
    Ok(format!(
        "postgres://postgres@localhost/postgres?host={socket_text}"
    ))
}

/// Starts the server under a guard that outlives this program just long enough, and waits until
/// it says that it is ready.
fn guard(directory: &Path, server: &[String]) -> Result<(), String> {
    static GUARDED: OnceLock<Child> = OnceLock::new();
    let mut child = Command::new("sh")
        .args(["-c", GUARD, "guard"])
        .arg(directory)
        .args(server)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("the server was not started: {error}"))?;
    let log = child.stdout.take().expect("it was asked for");
    // Keeps the guard's input open until the program ends.
    GUARDED
        .set(child)
        .map_err(|_| "two clusters were started".to_owned())?;
    let mut lines = BufReader::new(log).lines().map_while(Result::ok);
    let mut said = String::new();
    for line in lines.by_ref() {
        if line.contains("ready to accept connections") {
            // Somebody must read on, or the server would wait for its log.
            std::thread::spawn(move || lines.count());
            return Ok(());
        }
        said.push_str(&line);
    }
    Err(format!("the temporary cluster ended: {said}"))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?} did not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} failed: {text}"))
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// The directory of `initdb` and `postgres`: on the path, or where Debian puts the newest.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut installed: Vec<PathBuf> = versions
        .filter_map(Result::ok)
        .map(|version| version.path().join("bin"))
        .collect();
    installed.sort_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name);
        version.and_then(|name| name.to_str()?.parse::<u32>().ok())
    });
    std::env::split_paths(&path)
        .chain(installed.into_iter().rev())
        .find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
}
