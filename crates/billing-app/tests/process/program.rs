//! The program as a child process: run to its end, or serving until it is stopped or killed.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take before a test fails. What a killed process had claimed is free again
/// after a minute, and machines of CI are slow.
pub(crate) const DEADLINE: Duration = Duration::from_secs(150);

/// How the program ended, and what it said.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What it printed, provided that it ended well.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// The one sentence it ended with, provided that it ended with this code.
    #[track_caller]
    pub(crate) fn sentence(&self, code: i32) -> &str {
        let said = self.stderr.trim_end();
        assert_eq!(self.code, Some(code), "{said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: "), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        last
    }
}

/// The program with these arguments, and with nothing of the test's own environment.
pub(crate) fn program<'a>(
    arguments: &[&str],
    settings: impl IntoIterator<Item = (&'a str, String)>,
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_billing-app"));
    command
        .args(arguments)
        .env_clear()
        .envs(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs to the end.
#[track_caller]
pub(crate) fn run<'a>(
    arguments: &[&str],
    settings: impl IntoIterator<Item = (&'a str, String)>,
) -> Ended {
    let running = Running::start(program(arguments, settings));
    running.end()
}

/// Sends a signal by its name, such as `TERM`.
fn signal(id: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &id.to_string()])
        .status()
        .expect("every Unix has `kill`");
    assert!(sent.success(), "SIG{name} could not be sent");
}

/// A child process that is killed when the test is done with it.
pub(crate) struct Running {
    id: u32,
    lines: Receiver<String>,
    said: Arc<Mutex<String>>,
    logged: Arc<Mutex<String>>,
    ended: Receiver<ExitStatus>,
    is_over: bool,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program was built");
        let id = child.id();
        let (said, logged) = (Arc::default(), Arc::default());
        let (tell_line, lines) = channel();
        let out = child.stdout.take().expect("it was asked for");
        let err = child.stderr.take().expect("it was asked for");
        let reading_out = gather(out, Arc::clone(&said), move |line| {
            // Nobody may be waiting for a line any more.
            let _ = tell_line.send(line);
        });
        let reading_err = gather(err, Arc::clone(&logged), |_| ());
        let (tell_end, ended) = channel();
        std::thread::spawn(move || {
            let status = wait(&mut child);
            // What it said last is read before anybody hears that it has ended.
            let _ = (reading_out.join(), reading_err.join());
            let _ = tell_end.send(status);
        });
        Self {
            id,
            lines,
            said,
            logged,
            ended,
            is_over: false,
        }
    }

    /// Waits for a line of standard output that begins so; gives its rest.
    #[track_caller]
    pub(crate) fn line(&self, beginning: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(rest) = line.trim_start().strip_prefix(beginning) {
                        return rest.trim().to_owned();
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no line `{beginning}…`: {} {}", self.said(), self.logged())
                }
            }
        }
    }

    /// What it wrote to standard output so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// What it wrote to standard error so far.
    pub(crate) fn logged(&self) -> String {
        self.logged.lock().unwrap().clone()
    }

    /// How much memory it has held at most, in KiB; Linux tells.
    pub(crate) fn peak_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line?.trim().trim_end_matches("kB").trim().parse().ok()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.id, name);
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let Ok(status) = self.ended.recv_timeout(DEADLINE) else {
            panic!("it does not end: {} {}", self.said(), self.logged());
        };
        self.is_over = true;
        Ended {
            code: status.code(),
            stdout: self.said(),
            stderr: self.logged(),
        }
    }

    /// Ends it as a power cut would, and waits until it is gone.
    pub(crate) fn kill(mut self) -> String {
        self.kill_now();
        self.logged()
    }

    fn kill_now(&mut self) {
        if !self.is_over && self.ended.try_recv().is_err() {
            signal(self.id, "KILL");
            let _ = self.ended.recv_timeout(DEADLINE);
        }
        self.is_over = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_now();
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    child.wait().expect("nobody else waits for it")
}

fn gather(
    source: impl Read + Send + 'static,
    text: Arc<Mutex<String>>,
    on_line: impl Fn(String) + Send + 'static,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            let mut text = text.lock().expect("nobody panics while holding it");
            text.push_str(&line);
            text.push('\n');
            drop(text);
            on_line(line);
        }
    })
}
