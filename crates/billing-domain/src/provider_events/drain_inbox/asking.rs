//! Takes through what turns have set aside, because the provider has to be asked (ADR 0018).

use super::aside::Findings;
use super::waves::{Asking, Lines};
use super::{DrainInbox, DrainReport};
use crate::kernel::failure::StoreFailure;

impl DrainInbox {
    /// Whether a turn has set aside what nobody has begun to [ask](Self::ask) about.
    pub fn has_questions(&self) -> bool {
        self.lanes.aside.has_to_begin()
    }

    /// Takes the events of one subject that a turn has set aside through to their end, and those of
    /// the subject that come meanwhile. Several MAY run beside each other and beside the turns.
    ///
    /// # Errors
    /// [`StoreFailure`] if events cannot be settled: the next turn reads them again.
    pub async fn ask(&self) -> Result<DrainReport, StoreFailure> {
        let mut report = DrainReport::default();
        self.ask_into(&mut report).await?;
        Ok(report)
    }

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
