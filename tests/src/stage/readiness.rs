//! A memory store is always ready, and nothing about it is counted.

use async_trait::async_trait;
use billing_actix::{MetricsPage, Readiness, ReadinessCheck};

/// Has nothing to check.
#[derive(Debug)]
pub struct AlwaysReady;

#[async_trait]
impl Readiness for AlwaysReady {
    async fn checks(&self) -> Vec<ReadinessCheck> {
        Vec::new()
    }
}

/// Nothing is counted.
#[derive(Debug)]
pub(super) struct NoMetrics;

#[async_trait]
impl MetricsPage for NoMetrics {
    async fn render(&self) -> String {
        String::new()
    }
}
