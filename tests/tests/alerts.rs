//! The alert rules: each asks for metrics and labels that exist, and the page says what to do.

use std::collections::BTreeSet;

use billing_app::metrics::names::{ALL, Kind};

const RULES: &str = include_str!("../../docs/alerts.yml");
const PAGE: &str = include_str!("../../docs/operations.md");

/// The values behind a key, one for each rule.
fn values(key: &str) -> Vec<&'static str> {
    let key = format!("{key}: ");
    let lines = RULES
        .lines()
        .map(|line| line.trim_start().trim_start_matches("- "));
    lines.filter_map(|line| line.strip_prefix(&key)).collect()
}

/// The words of an expression that begin like a metric of ours.
fn metrics_of(expression: &str) -> BTreeSet<&str> {
    expression
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("billing_"))
        .collect()
}

/// A histogram is asked for by its buckets; a counter only by how it rises.
fn is_askable(name: &str) -> bool {
    ALL.iter().any(|metric| match metric.kind {
        Kind::Counter | Kind::Gauge => metric.name == name,
        Kind::Histogram => name.strip_suffix("_bucket") == Some(metric.name),
    })
}

#[test]
fn every_rule_is_whole() {
    let names = values("alert");
    assert!(names.len() >= 10);
    assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
    for key in ["expr", "labels", "summary", "runbook"] {
        assert_eq!(values(key).len(), names.len(), "{key}");
    }
    assert!(!RULES.contains('\t'), "YAML is indented by spaces");
    for expression in values("expr") {
        let (mut round, mut curly) = (0, 0);
        for c in expression.chars() {
            match c {
                '(' => round += 1,
                ')' => round -= 1,
                '{' => curly += 1,
                '}' => curly -= 1,
                _ => {}
            }
            assert!(round >= 0 && curly >= 0, "{expression}");
        }
        assert_eq!((round, curly), (0, 0), "{expression}");
    }
}

#[test]
fn every_metric_of_a_rule_exists() {
    for expression in values("expr") {
        let metrics = metrics_of(expression);
        assert!(!metrics.is_empty(), "{expression}");
        for name in metrics {
            assert!(is_askable(name), "{name} in {expression}");
        }
    }
    for metric in ALL.iter().filter(|metric| metric.kind == Kind::Counter) {
        let rates = ["rate(", "increase("].map(|by| format!("{by}{}", metric.name));
        for expression in values("expr")
            .iter()
            .filter(|text| text.contains(metric.name))
        {
            assert!(
                rates.iter().any(|rate| expression.contains(rate)),
                "{expression}"
            );
        }
    }
}

#[test]
fn every_label_of_a_rule_is_one_that_is_counted() {
    let known = [
        "status=\"parked\"",
        "status=\"failed\"",
        "outcome=\"refused\"",
        "outcome=\"failed\"",
        "outcome=\"turned_away\"",
        "kind=\"all_events\"",
    ];
    for expression in values("expr") {
        for part in expression.split('{').skip(1) {
            let label = part.split('}').next().unwrap();
            assert!(known.contains(&label), "{label} in {expression}");
        }
    }
}

#[test]
fn every_alert_and_every_metric_is_on_the_page() {
    for (name, runbook) in values("alert").into_iter().zip(values("runbook")) {
        assert!(
            PAGE.contains(&format!("### {name}\n")),
            "no section for {name}"
        );
        let anchor = format!("docs/operations.md#{}", name.to_lowercase());
        assert_eq!(runbook, anchor);
    }
    let sections = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("### Billing"));
    for section in sections {
        let name = format!("Billing{section}");
        assert!(
            values("alert").contains(&name.as_str()),
            "{name} is no alert"
        );
    }
    for metric in ALL {
        assert!(
            PAGE.contains(&format!("`{}`", metric.name)),
            "{}",
            metric.name
        );
    }
}

#[test]
fn a_metric_that_is_not_there_would_be_found() {
    assert!(is_askable("billing_database_up"));
    assert!(is_askable("billing_webhook_lag_seconds_bucket"));
    assert!(!is_askable("billing_webhook_lag_seconds"));
    assert!(!is_askable("billing_webhook_lost_total"));
}
