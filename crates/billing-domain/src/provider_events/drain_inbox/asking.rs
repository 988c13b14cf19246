//! Takes through what turns have set aside, because the provider has to be asked (ADR 0018).

use super::aside::Findings;
use super::waves::{Asking, Lines};
use super::{DrainInbox, DrainReport};
use crate::kernel::failure::StoreFailure;

impl DrainInbox {
    pub(super) async fn ask_into(&self, report: &mut DrainReport) -> Result<(), StoreFailure> {
        let Some((track, mut jobs)) = self.lanes.aside.begin() else {
            return Ok(());
        };
        loop {
            let applied = self
                .apply_in_waves(Lines::one(jobs), Asking::AtOnce, report)
                .await;
            let (findings, outcome) = match applied {
                Ok(lost) if lost.is_empty() => match self.lanes.aside.go_on(&track) {
                    None => return Ok(()),
                    Some(more) => {
                        jobs = more;
                        continue;
                    }
                },
                Ok(lost) => {
                    let has_failed = false;
                    (Findings { lost, has_failed }, Ok(()))
                }
                Err(failure) => {
                    let findings = Findings {
                        lost: Vec::new(),
                        has_failed: true,
                    };
                    (findings, Err(failure))
                }
            };
            self.lanes.aside.end(&track, findings);
            return outcome;
        }
    }
}
