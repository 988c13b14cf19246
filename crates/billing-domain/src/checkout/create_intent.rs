//! Creates or renews a user's checkout intent and reserves its slug and name.

use std::sync::Arc;

use super::intent::{CheckoutIntent, IntentCommand, IntentRequest, Reservation};
use super::policy::CheckoutPolicy;
use super::ports::IntentReader;
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::UserId;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::principal::Principal;
use crate::kernel::request::Request;
use crate::kernel::stored::{Stored, Version};
use crate::tenants::ports::TenantReader;

/// Why no intent was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateIntentError {
    /// Only a user can buy for themselves.
    #[error("only a user can create a checkout intent")]
    NotAUser,
    /// The country is under embargo.
    #[error("this country is not supported")]
    CountryNotSupported,
    /// Somebody else holds the slug or the name.
    #[error("this slug or name is already taken; choose another one")]
    SlugReserved,
    /// The user has a sale that failed after its payment: it is repaired, not replaced.
    #[error("an earlier purchase of this user needs attention first")]
    EarlierPurchaseFailed,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Creates or renews the caller's intent.
pub struct CreateIntent {
    /// Write, time and ids.
    pub core: Core,
    /// Reads intents.
    pub intents: Arc<dyn IntentReader>,
    /// Reads provisioned customers.
    pub tenants: Arc<dyn TenantReader>,
    /// The operator's rules.
    pub policy: Arc<CheckoutPolicy>,
}

impl CreateIntent {
    /// Gives the caller's open intent: a new one, or the one that they have, renewed. A paid one
    /// is given unchanged.
    ///
    /// # Errors
    /// [`CreateIntentError`]; nothing was written.
    pub async fn run(
        &self,
        request: &Request<'_, CheckoutIntent>,
        wanted: &IntentRequest,
    ) -> Result<CheckoutIntent, CreateIntentError> {
        let user_id = match request.principal() {
            Principal::User {
                user_id,
                project_id: _,
                email: _,
            } => *user_id,
            Principal::App { .. } | Principal::Operator { .. } => {
                return Err(CreateIntentError::NotAUser);
            }
        };
        Ok(self
            .ensure(user_id, wanted, &|intent| request.answered(intent))
            .await?
            .value)
    }

    /// Commits the user's intent under a cause that may depend on it; gives it as it is stored.
    pub(super) async fn ensure(
        &self,
        user_id: UserId,
        wanted: &IntentRequest,
        cause: &(dyn Fn(&CheckoutIntent) -> Cause + Send + Sync),
    ) -> Result<Stored<CheckoutIntent>, CreateIntentError> {
        for _ in 0..ATTEMPTS_MAX {
            match self.ensure_once(user_id, wanted, cause).await {
                Err(CreateIntentError::Store(failure)) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn ensure_once(
        &self,
        user_id: UserId,
        wanted: &IntentRequest,
        cause: &(dyn Fn(&CheckoutIntent) -> Cause + Send + Sync),
    ) -> Result<Stored<CheckoutIntent>, CreateIntentError> {
        let now = self.core.now();
        if !self.policy.serves(wanted.country.as_ref()) {
            return Err(CreateIntentError::CountryNotSupported);
        }
        let expires_at = now.plus(self.policy.reservation);
        let known = self
            .intents
            .unfulfilled_intent_of(user_id)
            .await
            .map_err(StoreFailure::from)?;
        let Some(known) = known else {
            self.check_reservation(user_id, wanted.reservation.as_ref())
                .await?;
            let (intent, event) =
                CheckoutIntent::new(self.core.id(), user_id, wanted.clone(), expires_at, now);
            let changes =
                ChangeSet::caused_by(cause(&intent), now).insert_intent(intent.clone(), event);
            self.commit(changes).await?;
            return Ok(Stored::restore(intent, Version::FIRST));
        };
        let command = IntentCommand::Renew {
            request: wanted.clone(),
            expires_at,
        };
        let transition = known
            .value
            .apply(command, now)
            .map_err(|_| CreateIntentError::EarlierPurchaseFailed)?;
        let next = transition.outcome(&known.value).clone();
        // what this very intent holds already needs no second look.
        let holds_it = known.value.state().holds_reservation()
            && known.value.parts().reservation == next.parts().reservation;
        if transition.is_applied() && !holds_it {
            self.check_reservation(user_id, next.parts().reservation.as_ref())
                .await?;
        }
        let version = if transition.is_applied() {
            known.version.next()
        } else {
            known.version
        };
        let changes = ChangeSet::caused_by(cause(&next), now).change_intent(&known, transition);
        self.commit(changes).await?;
        Ok(Stored::restore(next, version))
    }

    /// Whoever loses a race for a slug decides again: against another user it then finds
    /// the slug reserved, against its own twin it finds the twin's intent.
    async fn commit(&self, changes: ChangeSet) -> Result<(), CreateIntentError> {
        let committed = self.core.writer.commit(changes).await;
        committed.map_err(|error| StoreFailure::from(error).into())
    }

    async fn check_reservation(
        &self,
        user_id: UserId,
        reservation: Option<&Reservation>,
    ) -> Result<(), CreateIntentError> {
        let Some(reservation) = reservation else {
            return Ok(());
        };
        let holder = self
            .intents
            .reservation_holder(reservation, user_id)
            .await
            .map_err(StoreFailure::from)?;
        if let Some(holder) = holder {
            return Err(self.release(&holder).await);
        }
        let tenant = self
            .tenants
            .tenant_by_slug(&reservation.slug)
            .await
            .map_err(StoreFailure::from)?;
        if tenant.is_some() {
            return Err(CreateIntentError::SlugReserved);
        }
        Ok(())
    }

    /// A reservation whose time has run out is released by whoever finds it in the way,
    /// who then decides again; one that has not stays.
    async fn release(&self, holder: &Stored<CheckoutIntent>) -> CreateIntentError {
        let now = self.core.now();
        if !holder.value.is_expired_at(now) {
            return CreateIntentError::SlugReserved;
        }
        let Ok(transition) = holder.value.apply(IntentCommand::Expire, now) else {
            return CreateIntentError::SlugReserved;
        };
        let changes = ChangeSet::caused_by(Cause::Job("expire_intents"), now)
            .change_intent(holder, transition);
        match self.core.writer.commit(changes).await {
            Ok(()) => StoreFailure::Conflict.into(),
            Err(error) => StoreFailure::from(error).into(),
        }
    }
}

#[cfg(test)]
mod tests;
