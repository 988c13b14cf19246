//! Knows a project's user again, or registers one who is seen for the first time (E-022).

use std::sync::Arc;

use super::ports::UserReader;
use super::user::User;
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::email::Email;
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::ProjectId;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::text::ExternalUserId;

/// Registers users.
pub struct RegisterUser {
    /// Write and ids.
    pub core: Core,
    /// Reads users.
    pub users: Arc<dyn UserReader>,
}

impl RegisterUser {
    /// The user that a project calls by this id; a changed address is taken over. `request_id` is
    /// our id of the request that they come with.
    ///
    /// # Errors
    /// [`StoreFailure`].
    pub async fn run(
        &self,
        project: ProjectId,
        external_id: &ExternalUserId,
        email: Option<&Email>,
        request_id: Option<&str>,
    ) -> Result<User, StoreFailure> {
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(project, external_id, email, request_id).await {
                Err(failure) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict)
    }

    async fn run_once(
        &self,
        project: ProjectId,
        external_id: &ExternalUserId,
        email: Option<&Email>,
        request_id: Option<&str>,
    ) -> Result<User, StoreFailure> {
        let changes = ChangeSet::caused_by(Cause::Job("register_user"), self.core.now())
            .correlated_with(request_id.map(str::to_owned));
        let known = self.users.user_by_external_id(project, external_id).await?;
        let Some(known) = known else {
            let (user, event) =
                User::new(self.core.id(), project, external_id.clone(), email.cloned());
            self.core
                .writer
                .commit(changes.insert_user(user.clone(), event))
                .await?;
            return Ok(user);
        };
        let transition = known.value.seen_with(email.cloned());
        let user = transition.outcome(&known.value).clone();
        let changes = changes.change_user(&known, transition);
        if !changes.is_empty() {
            self.core.writer.commit(changes).await?;
        }
        Ok(user)
    }
}

#[cfg(test)]
mod tests;
