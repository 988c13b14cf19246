//! Measures this program on this machine: how soon it is ready, what it needs when idle, how long
//! the demo's sale takes. Figures to look at, never a test.

pub mod figures;
pub mod load;
pub mod rebuild;
pub mod seed;
pub mod webhooks;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Subcommand;

use crate::cli::Failure;
use crate::commands::say;
use crate::demo::temporary_folder;

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Start, idle memory and the demo's sale; the same as without a word.
    Start,
    /// How many of Stripe's events a second are received and applied.
    Webhooks(Box<webhooks::WebhooksArgs>),
    /// How long `rebuild --check` takes over logs of growing length, and with how much memory.
    Rebuild(rebuild::RebuildBenchArgs),
    /// Sends events; the measurement starts this by itself.
    #[command(hide = true)]
    Load(load::LoadArgs),
}

/// How often each thing is measured; the median is told.
const ROUNDS: usize = 5;

/// Measures and prints.
///
/// # Errors
/// [`Failure`] if the program cannot be started or does not get ready.
pub fn run() -> Result<(), Failure> {
    let build = if cfg!(debug_assertions) {
        "debug build: measure with `cargo run --release -- bench`"
    } else {
        "release build"
    };
    say(&format!("{build}, median of {ROUNDS}, database SQLite\n"))?;
    let (mut first, mut again, mut memory, mut sale) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let folder = temporary_folder("demo")?;
        first.push(start(folder.path())?.ready_after);
        let started = start(folder.path())?;
        again.push(started.ready_after);
        memory.extend(started.resident_kib);
        sale.push(demo_sale()?);
    }
    line("ready, new database with its migrations", &millis(first))?;
    line("ready, known database", &millis(again))?;
    let memory = median(memory).map_or_else(
        || "not told by this system".to_owned(),
        |kib| format!("{} MiB", kib.div_ceil(1024)),
    );
    line("resident memory once ready", &memory)?;
    line("sale, from the checkout to \"yes\" (demo)", &millis(sale))
}

fn line(what: &str, figure: &str) -> Result<(), Failure> {
    say(&format!("{what:<44}{figure:>10}"))
}

fn median<T: Ord>(mut figures: Vec<T>) -> Option<T> {
    figures.sort_unstable();
    let middle = figures.len() / 2;
    figures.into_iter().nth(middle)
}

fn millis(figures: Vec<Duration>) -> String {
    format!("{} ms", median(figures).unwrap_or_default().as_millis())
}

struct Started {
    ready_after: Duration,
    resident_kib: Option<u64>,
}

/// Starts `serve` over a folder's database, waits until it is ready, and ends it.
fn start(folder: &Path) -> Result<Started, Failure> {
    let database = format!("sqlite://{}", folder.join("bench.db").display());
    let begun = Instant::now();
    let child = program(&["serve"])?
        .env("DATABASE_URL", database)
        .env("BIND_ADDR", "127.0.0.1:0")
        .env("LOG_FILTER", "error")
        .spawn()
        .map_err(|error| Failure::failed("the program cannot be started", &error))?;
    let mut child = Ended(child);
    let mut said = String::new();
    if let Some(out) = child.0.stdout.take() {
        // An end without a line is told below.
        let _ = BufReader::new(out).read_line(&mut said);
    }
    let ready_after = begun.elapsed();
    if !said.starts_with("ready on ") {
        return Err(Failure::because("`serve` did not get ready"));
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.0.id()));
    Ok(Started {
        ready_after,
        resident_kib: status.ok().and_then(|status| resident_kib(&status)),
    })
}

fn resident_kib(status: &str) -> Option<u64> {
    kib(status, "VmRSS:")
}

/// The most that a process has ever needed at once.
fn peak_resident_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    kib(&status, "VmHWM:")
}

/// `VmRSS:     31240 kB`, as Linux tells it.
fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Runs `demo --auto`; gives how long it says that the sale took.
fn demo_sale() -> Result<Duration, Failure> {
    let child = program(&["demo", "--auto"])?
        .spawn()
        .map_err(|error| Failure::failed("the demo cannot be started", &error))?;
    let mut child = Ended(child);
    let mut story = String::new();
    if let Some(mut out) = child.0.stdout.take() {
        // A story that is cut off lacks its last sentence.
        let _ = out.read_to_string(&mut story);
    }
    sale_duration(&story).ok_or_else(|| Failure::because("`demo --auto` did not get to its end"))
}

/// `Done in 215 ms: …`.
fn sale_duration(story: &str) -> Option<Duration> {
    let last = story
        .lines()
        .find_map(|line| line.strip_prefix("Done in "))?;
    let (millis, _) = last.split_once(" ms")?;
    millis.parse().ok().map(Duration::from_millis)
}

/// This program, with nothing of the caller's environment: the figures are those of the defaults.
fn program(arguments: &[&str]) -> Result<Command, Failure> {
    let path = std::env::current_exe()
        .map_err(|error| Failure::failed("the program cannot be found", &error))?;
    let mut command = Command::new(path);
    command
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    Ok(command)
}

/// A child that is ended with this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // One that has ended by itself cannot be ended again, and need not.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_what_is_said() {
        assert_eq!(
            resident_kib("Name:\tx\nVmRSS:\t   31240 kB\n"),
            Some(31_240)
        );
        assert_eq!(resident_kib("Name:\tx\n"), None);
        let story = "line\n\nDone in 215 ms: one sale";
        assert_eq!(sale_duration(story), Some(Duration::from_millis(215)));
        assert_eq!(median(vec![3, 1, 2]), Some(2));
    }
}
