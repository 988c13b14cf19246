//! Shows intents to those who may see them: their owner and operators.

use std::sync::Arc;

use super::intent::CheckoutIntent;
use super::ports::{IntentListing, IntentReader};
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::IntentId;
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::principal::Principal;

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadIntentsError {
    /// No such intent, or it is somebody else's.
    #[error("there is no such checkout intent")]
    NotFound,
    /// Applications have no intents.
    #[error("an application has no checkout intents")]
    NotAUser,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Reads intents.
pub struct ReadIntents {
    /// Reads one.
    pub intents: Arc<dyn IntentReader>,
    /// Reads many.
    pub listing: Arc<dyn IntentListing>,
}

impl ReadIntents {
    /// One intent of the caller, or any for an operator.
    ///
    /// # Errors
    /// [`ReadIntentsError`].
    pub async fn run(
        &self,
        principal: &Principal,
        id: IntentId,
    ) -> Result<CheckoutIntent, ReadIntentsError> {
        let intent = self.intents.intent(id).await.map_err(StoreFailure::from)?;
        match intent {
            Some(intent)
                if principal.is_operator() || principal.is_user(intent.value.user_id()) =>
            {
                Ok(intent.value)
            }
            Some(_) | None => Err(ReadIntentsError::NotFound),
        }
    }

    /// One page of the caller's intents, or of all for an operator, newest first.
    ///
    /// # Errors
    /// [`ReadIntentsError`].
    pub async fn list(
        &self,
        principal: &Principal,
        page: &PageRequest,
    ) -> Result<Page<CheckoutIntent>, ReadIntentsError> {
        let owner = match principal {
            Principal::User {
                user_id,
                project_id: _,
                email: _,
            } => Some(*user_id),
            Principal::Operator { .. } => None,
            Principal::App { .. } => return Err(ReadIntentsError::NotAUser),
        };
        let page = self
            .listing
            .intents(owner, page)
            .await
            .map_err(StoreFailure::from)?;
        Ok(Page {
            items: page.items.into_iter().map(|stored| stored.value).collect(),
            next: page.next,
        })
    }
}
