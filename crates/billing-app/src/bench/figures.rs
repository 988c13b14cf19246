//! What a benchmark of webhooks found out, and how it is told: each round's figures, and over several
//! rounds the medians, because a busy machine moves every one of them.

use std::collections::BTreeMap;
use std::time::Duration;

/// One round with one number of connections.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// How many connections delivered.
    pub connections: usize,
    /// (a): rows a second of a bare client.
    pub floor: f64,
    /// (b): deliveries a second that had their 200, nothing being applied.
    pub received: f64,
    /// The median and the 99th percentile of these answers, in microseconds.
    pub received_us: (u64, u64),
    /// (c): events a second, received and applied.
    pub applied: f64,
    /// The 99th percentile of the answers meanwhile, in microseconds.
    pub applied_p99_us: u64,
}

/// One round at half of the fastest (c).
#[derive(Debug, Clone, Copy)]
pub struct HalfRate {
    /// Deliveries a second.
    pub rate: f64,
    /// Over how many connections.
    pub connections: usize,
    /// The 99th percentile of the answers, in microseconds from when each was due.
    pub p99_us: u64,
    /// What the service had in memory, where the system tells that.
    pub resident_kib: Option<u64>,
}

/// Above the lines.
pub const HEADING: &str = "connections | (a) floor/s | (b) receipt/s   p50 ms   p99 ms | (c) applied/s   p99 ms | b/a  c/a";

impl Line {
    /// As one line under the heading.
    pub fn text(&self) -> String {
        let (p50, p99) = self.received_us;
        format!(
            "{:>11} | {:>11.0} | {:>13.0} {:>8.1} {:>8.1} | {:>13.0} {:>8.1} | {:.2} {:.2}",
            self.connections,
            self.floor,
            self.received,
            millis(p50),
            millis(p99),
            self.applied,
            millis(self.applied_p99_us),
            self.received / self.floor,
            self.applied / self.floor
        )
    }
}

impl HalfRate {
    /// As a sentence.
    pub fn text(&self) -> String {
        let resident = self.resident_kib.map_or_else(
            || "not told by this system".to_owned(),
            |kib| format!("{} MiB", kib.div_ceil(1_024)),
        );
        format!(
            "at half of the fastest (c), {:.0}/s over {} connections: p99 of receipt {:.1} ms; \
             resident memory {resident}",
            self.rate,
            self.connections,
            millis(self.p99_us)
        )
    }
}

/// What several rounds come to: for each number of connections, and at half rate, the lowest, the
/// median and the highest of each figure.
pub fn summary(lines: &[Line], halves: &[HalfRate]) -> String {
    let mut told = vec![format!(
        "\n{} rounds: lowest, median, highest\n{:<34} |   lowest   median  highest",
        halves.len(),
        "figure"
    )];
    let mut add = |name: String, figures: Vec<f64>, decimals: usize| {
        if let Some([lowest, median, highest]) = spread(figures) {
            told.push(format!(
                "{name:<34} | {lowest:>8.decimals$} {median:>8.decimals$} {highest:>8.decimals$}"
            ));
        }
    };
    let mut by_connections: BTreeMap<usize, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        by_connections
            .entry(line.connections)
            .or_default()
            .push(line);
    }
    for (connections, lines) in by_connections {
        let figures = |of: fn(&Line) -> f64| lines.iter().map(|line| of(line)).collect();
        let at = |name: &str| format!("{connections} connections, {name}");
        add(at("(a) floor/s"), figures(|line| line.floor), 0);
        add(at("(b) receipt/s"), figures(|line| line.received), 0);
        add(at("(c) applied/s"), figures(|line| line.applied), 0);
        add(at("b/a"), figures(|line| line.received / line.floor), 2);
        add(at("c/a"), figures(|line| line.applied / line.floor), 2);
    }
    let figures = |of: fn(&HalfRate) -> f64| halves.iter().map(of).collect();
    let p99 = figures(|half| millis(half.p99_us));
    add("p99 of receipt at half rate, ms".to_owned(), p99, 1);
    let resident = halves.iter().filter_map(|half| half.resident_kib);
    let mib = |kib: u64| f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1_024.0;
    add(
        "resident memory, MiB".to_owned(),
        resident.map(mib).collect(),
        0,
    );
    told.join("\n")
}

fn millis(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64() * 1_000.0
}

/// The lowest, the median (the lower one of two) and the highest.
pub fn spread(mut figures: Vec<f64>) -> Option<[f64; 3]> {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len().saturating_sub(1) / 2;
    Some([*figures.first()?, *figures.get(middle)?, *figures.last()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_told_by_their_lowest_median_and_highest() {
        let line = |received| Line {
            connections: 64,
            floor: 1_000.0,
            received,
            received_us: (1, 2),
            applied: received / 2.0,
            applied_p99_us: 3,
        };
        let half = |p99_us| HalfRate {
            rate: 500.0,
            connections: 64,
            p99_us,
            resident_kib: Some(2_048),
        };
        let lines = [line(1_900.0), line(1_200.0), line(1_600.0)];
        let told = summary(&lines, &[half(30_000), half(9_000), half(12_500)]);
        for expected in [
            "64 connections, (b) receipt/s      |     1200     1600     1900",
            "64 connections, b/a                |     1.20     1.60     1.90",
            "64 connections, c/a                |     0.60     0.80     0.95",
            "p99 of receipt at half rate, ms    |      9.0     12.5     30.0",
            "resident memory, MiB               |        2        2        2",
        ] {
            assert!(told.lines().any(|line| line == expected), "{told}");
        }
        assert_eq!(spread(vec![]), None);
        assert_eq!(spread(vec![2.0, 1.0]), Some([1.0, 1.0, 2.0]));
    }
}
