//! The PostgreSQL server for tests: the configured one, or a temporary cluster. A test that stops
//! its server has a cluster of its own.

use std::io::{BufRead, BufReader, Write};
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
# Another one than was started above, if a test has restarted it.
if server=$(head -n 1 "$directory/cluster/postmaster.pid"); then
    kill -INT "$server"
    while kill -0 "$server"; do sleep 0.05; done
fi
wait
rm -rf "$directory"
"#;

/// The server's URL; `None` after a message where there is no server.
///
/// # Panics
/// Where there is no server and `CI` is `true`.
pub(super) fn server_url() -> Option<&'static str> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| match std::env::var(URL_VARIABLE) {
        Ok(url) if !url.is_empty() => Some(Server::Configured(url)),
        Ok(_) | Err(_) => Cluster::start_or_skip().map(Server::Temporary),
    });
    match server {
        Some(Server::Configured(url)) => Some(url),
        Some(Server::Temporary(cluster)) => Some(&cluster.url),
        None => None,
    }
}

enum Server {
    Configured(String),
    Temporary(Cluster),
}

/// A server that was started from the local binaries; it ends, with its files, when this is
/// dropped or the test program ends in whatever way.
#[derive(Debug)]
pub struct Cluster {
    url: String,
    directory: PathBuf,
    binaries: PathBuf,
    /// The guard waits for the end of its input.
    _guard: Child,
}

/// The same database, seen from one schema.
pub(super) fn with_schema(server: &str, name: &str) -> String {
    let joint = if server.contains('?') { '&' } else { '?' };
    format!("{server}{joint}options[search_path]={name}")
}

impl Cluster {
    /// `None` after a message where there are no binaries.
    ///
    /// # Panics
    /// Where there are none and `CI` is `true`.
    pub fn start_or_skip() -> Option<Self> {
        match Self::start() {
            Ok(cluster) => Some(cluster),
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

    /// How it is reached, by its socket: the same after each start.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it as a crash would: connections break, nothing is written any more.
    ///
    /// # Panics
    /// If it does not end.
    pub fn crash(&self) {
        self.control(&["stop", "-m", "immediate"]);
    }

    /// Starts it again; it recovers what was committed.
    ///
    /// # Panics
    /// If it does not start.
    pub fn recover(&self) {
        let log = self.directory.join("log");
        self.control(&["start", "-w", "-l", &log.display().to_string()]);
    }

    fn control(&self, arguments: &[&str]) {
        let cluster = self.directory.join("cluster").display().to_string();
        let arguments = [arguments, &["-s", "-D", &cluster]].concat();
        let words = words(&self.binaries, "pg_ctl", &arguments);
        let mut command = Command::new(&words[0]);
        // The server would hold pipes of ours for as long as it runs.
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).current_dir(&self.directory);
        let status = command.args(&words[1..]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "{words:?} failed"
        );
    }

    fn start() -> Result<Self, String> {
        let binaries = binaries().ok_or("no initdb and postgres were found")?;
        let directory = tempfile::Builder::new()
            .prefix("billing-pg-")
            .tempdir()
            .map_err(|error| format!("no temporary directory: {error}"))?
            // The guard removes it: this program may be killed before it could.
            .keep();
        if is_root() {
            // PostgreSQL refuses to run as root.
            run(Command::new("chown").arg("postgres").arg(&directory))?;
        }
        let cluster = directory.join("cluster");
        let cluster_text = cluster.display().to_string();
        let options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"];
        let arguments = [&["-D", &cluster_text][..], &options].concat();
        let initdb = words(&binaries, "initdb", &arguments);
        run(Command::new(&initdb[0])
            .args(&initdb[1..])
            .current_dir(&directory))?;
        let socket_text = directory.display().to_string();
        // In its file, so that they hold after each start. Only a crash of the machine needs fsync.
        let settings = format!(
            "unix_socket_directories = '{socket_text}'\nlisten_addresses = ''\n\
             fsync = off\nmax_connections = 300\n"
        );
        std::fs::OpenOptions::new()
            .append(true)
            .open(cluster.join("postgresql.conf"))
            .and_then(|mut file| file.write_all(settings.as_bytes()))
            .map_err(|error| format!("no settings: {error}"))?;
        let server = words(&binaries, "postgres", &["-D", &cluster_text]);
        let guard = guard(&directory, &server)?;
        Ok(Self {
            url: format!("postgres://postgres@localhost/postgres?host={socket_text}"),
            directory,
            binaries,
            _guard: guard,
        })
    }
}

/// A program of PostgreSQL's with its arguments, as a user that it accepts.
fn words(binaries: &Path, program: &str, arguments: &[&str]) -> Vec<String> {
    let as_user: &[&str] = if is_root() {
        &["runuser", "-u", "postgres", "--"]
    } else {
        &[]
    };
    let binary = binaries.join(program).display().to_string();
    let words = as_user.iter().copied().chain([binary.as_str()]);
    words
        .chain(arguments.iter().copied())
        .map(str::to_owned)
        .collect()
}

/// Starts the server under a guard that outlives this program just long enough, and waits until
/// it says that it is ready.
fn guard(directory: &Path, server: &[String]) -> Result<Child, String> {
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
    let mut lines = BufReader::new(log).lines().map_while(Result::ok);
    let mut said = String::new();
    for line in lines.by_ref() {
        if line.contains("ready to accept connections") {
            // Somebody must read on, or the server would wait for its log.
            std::thread::spawn(move || lines.count());
            return Ok(child);
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
