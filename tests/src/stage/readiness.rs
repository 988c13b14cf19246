//! A memory store is always ready.

use async_trait::async_trait;
use billing_actix::{Readiness, ReadinessCheck};

/// Has nothing to check.
#[derive(Debug)]
pub struct AlwaysReady;

#[async_trait]
impl Readiness for AlwaysReady {
    async fn checks(&self) -> Vec<ReadinessCheck> {
        Vec::new()
    }
}
