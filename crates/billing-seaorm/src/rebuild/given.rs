//! What no event tells: people's requests and the decisions of other jobs, from the audit trail
//! and, where that only names a state, from the live row.

use async_trait::async_trait;
use billing_domain::kernel::audit::{AuditLine, EntityKind};
use billing_domain::kernel::ports::StoreError;
use billing_domain::provisioning::workflow::{ProvisioningWorkflow, StepOutcome};
use billing_domain::rebuild::ports::{GivenFacts, RecordedCommit};
use sea_orm::IntoActiveModel;
use uuid::Uuid;

use super::RebuildStore;
use super::tables::REBUILT;
use crate::fault::store_error;
use crate::rows::{Row, entitlement, intent, license, plan, workflow};

#[async_trait]
impl GivenFacts for RebuildStore {
    async fn take_over(&self, commit: &RecordedCommit) -> Result<(), StoreError> {
        for line in &commit.lines {
            let mut rebuilt = REBUILT.iter();
            match rebuilt.find(|kind| kind.name() == line.entity_kind) {
                Some(EntityKind::Intent) => self.give_intent(line).await?,
                Some(EntityKind::Workflow) => self.give_workflow(line, commit).await?,
                Some(EntityKind::License) => self.give_license(line).await?,
                Some(EntityKind::Entitlement) => self.give_entitlement(line).await?,
                // Somebody wrote by hand what events and provisioning write otherwise: it is as they
                // left it.
                Some(kind) => self.give_whole(*kind, line.entity_id).await?,
                None => {}
            }
        }
        Ok(())
    }
}

impl RebuildStore {
    async fn live_row<R: Row>(&self, id: Uuid) -> Result<Option<R::Model>, StoreError> {
        use sea_orm::{ColumnTrait, QueryFilter};
        let found = R::find().filter(R::ID.eq(id)).one(self.live.reads()).await;
        found.map_err(store_error)
    }

    async fn rebuilt_row<R: Row>(&self, id: Uuid) -> Result<Option<R::Model>, StoreError> {
        use sea_orm::{ColumnTrait, QueryFilter};
        let found = R::find().filter(R::ID.eq(id));
        found.one(self.rebuilt.reads()).await.map_err(store_error)
    }

    async fn give_intent(&self, line: &AuditLine) -> Result<(), StoreError> {
        let at = line.at.unix_micros();
        let live = self.live_row::<intent::Entity>(line.entity_id).await?;
        let live = live.unwrap_or_else(|| husk_of_intent(line.entity_id, at));
        let known = self.rebuilt_row::<intent::Entity>(line.entity_id).await?;
        let known = known.unwrap_or_else(|| intent::Model {
            state: "created".to_owned(),
            paid_at: None,
            fulfilled_at: None,
            expired_at: None,
            customer_ref: None,
            session_ref: None,
            subscription_ref: None,
            tenant_id: None,
            last_provisioning_error: None,
            version: 1,
            ..live.clone()
        });
        let mut next = known.clone();
        next.state.clone_from(&line.after);
        let paid_at = known.paid_at.or(Some(at));
        (next.paid_at, next.fulfilled_at, next.expired_at) = match line.after.as_str() {
            "created" => (None, None, None),
            "expired" => (None, None, known.expired_at.or(Some(at))),
            "fulfilled" => (paid_at, known.fulfilled_at.or(Some(at)), None),
            _ => (paid_at, None, None),
        };
        // The ids that the provider gave when a page was opened or asked for.
        match line.action.as_str() {
            "checkout_requested" => next.session_ref = None,
            "checkout_opened" => {
                next.customer_ref = live.customer_ref;
                next.session_ref = live.session_ref;
            }
            "checkout_linked" | "checkout_intent_paid" => {
                next.customer_ref = live.customer_ref;
                next.session_ref = live.session_ref;
                next.subscription_ref = live.subscription_ref;
            }
            _ => {}
        }
        self.put::<intent::Entity>(next).await
    }

    async fn give_workflow(
        &self,
        line: &AuditLine,
        commit: &RecordedCommit,
    ) -> Result<(), StoreError> {
        let at = line.at.unix_micros();
        let known = self.rebuilt_row::<workflow::Entity>(line.entity_id).await?;
        let sale = commit
            .lines
            .iter()
            .find(|line| line.entity_kind == EntityKind::Intent.name());
        let known = known.unwrap_or_else(|| workflow::Model {
            id: line.entity_id,
            version: 1,
            intent_id: sale.map_or_else(Uuid::nil, |sale| sale.entity_id),
            state: workflow::PENDING.to_owned(),
            due_at: Some(at),
            ended_at: None,
            attempts: 0,
            steps: "[]".to_owned(),
            created_at: at,
        });
        let stored = workflow::Entity::decode(known)?;
        let next = match line.action.as_str() {
            "provisioning_step_failed" => {
                let live = self.live_row::<workflow::Entity>(line.entity_id).await?;
                let live = live.map(workflow::Entity::decode).transpose()?;
                let message = failure(live.as_ref().map(|live| &live.value));
                let step = stored.value.next_step();
                step.and_then(|step| stored.value.fail(step, message, line.at).ok())
            }
            "provisioning_retry_requested" => Some(stored.value.retry(line.at)),
            _ => None,
        };
        let next = next.map_or_else(
            || stored.value.clone(),
            |next| next.outcome(&stored.value).clone(),
        );
        let row = workflow::Entity::encode(&next, stored.version);
        self.put::<workflow::Entity>(row).await
    }

    async fn give_license(&self, line: &AuditLine) -> Result<(), StoreError> {
        let at = line.at.unix_micros();
        let live = self.live_row::<license::Entity>(line.entity_id).await?;
        let known = self.rebuilt_row::<license::Entity>(line.entity_id).await?;
        let known = known.unwrap_or_else(|| license::Model {
            id: line.entity_id,
            version: 1,
            plan_id: live.as_ref().map_or_else(Uuid::nil, |live| live.plan_id),
            state: "unassigned".to_owned(),
            email: None,
            activation_key: None,
            assigned_at: None,
            user_id: None,
            activated_at: None,
            revoked_at: None,
            created_at: at,
        });
        let free = license::Model {
            state: line.after.clone(),
            email: None,
            activation_key: None,
            assigned_at: None,
            user_id: None,
            activated_at: None,
            revoked_at: None,
            ..known.clone()
        };
        let invited = |live: Option<license::Model>| license::Model {
            email: live.as_ref().and_then(|live| live.email.clone()),
            activation_key: live.as_ref().and_then(|live| live.activation_key.clone()),
            assigned_at: live.as_ref().and_then(|live| live.assigned_at),
            user_id: live.as_ref().and_then(|live| live.user_id),
            ..free.clone()
        };
        let next = match line.after.as_str() {
            "assigned" => license::Model {
                user_id: None,
                ..invited(live)
            },
            "activated" => license::Model {
                activated_at: known.activated_at.or(Some(at)),
                ..invited(live)
            },
            "revoked" => license::Model {
                user_id: known.user_id,
                activated_at: known.activated_at,
                revoked_at: known.revoked_at.or(Some(at)),
                ..invited(live)
            },
            _ => free,
        };
        self.put::<license::Entity>(next).await
    }

    /// Its end is that of the plan as the log has it.
    async fn give_entitlement(&self, line: &AuditLine) -> Result<(), StoreError> {
        let at = line.at.unix_micros();
        let known = self
            .rebuilt_row::<entitlement::Entity>(line.entity_id)
            .await?;
        let next = match known {
            Some(known) if line.after == "revoked" => entitlement::Model {
                revoked_at: known.revoked_at.or(Some(at)),
                ..known
            },
            Some(known) => known,
            None => {
                let live = self.live_row::<entitlement::Entity>(line.entity_id).await?;
                let live = live.unwrap_or_else(|| husk_of_entitlement(line.entity_id, at));
                let license = self.rebuilt_row::<license::Entity>(live.source_id).await?;
                let plan = match license {
                    Some(license) => self.rebuilt_row::<plan::Entity>(license.plan_id).await?,
                    None => None,
                };
                entitlement::Model {
                    revoked_at: None,
                    valid_from: at,
                    valid_to: plan.map(|plan| plan.ends_at),
                    ..live
                }
            }
        };
        self.put::<entitlement::Entity>(next).await
    }

    pub(super) async fn give_row<R>(&self, id: Uuid) -> Result<(), StoreError>
    where
        R: Row,
        R::Model: IntoActiveModel<R::ActiveModel>,
        R::ActiveModel: Send,
    {
        match self.live_row::<R>(id).await? {
            Some(live) => self.put::<R>(live).await,
            None => Ok(()),
        }
    }
}

/// What the live workflow says about its failed step; nothing where the step succeeded since.
fn failure(live: Option<&ProvisioningWorkflow>) -> String {
    let steps = live.map(|live| live.steps.as_slice()).unwrap_or_default();
    let mut messages = steps.iter().filter_map(|step| match &step.outcome {
        StepOutcome::Failed { at: _, message } => Some(message.clone()),
        StepOutcome::Succeeded { .. } => None,
    });
    messages.next_back().unwrap_or_default()
}

/// In place of a row that the audit trail names and that is gone: its absence is the difference.
fn husk_of_intent(id: Uuid, at: i64) -> intent::Model {
    intent::Model {
        id,
        version: 1,
        user_id: Uuid::nil(),
        state: "created".to_owned(),
        paid_at: None,
        fulfilled_at: None,
        expired_at: None,
        slug: None,
        name: None,
        name_folded: None,
        country: None,
        quantity: 1,
        terms: "{}".to_owned(),
        expires_at: at,
        checkout_state: "not_started".to_owned(),
        checkout_attempt: 0,
        checkout_request: None,
        checkout_requested_at: None,
        opened_session: None,
        customer_ref: None,
        session_ref: None,
        subscription_ref: None,
        tenant_id: None,
        last_checkout_error: None,
        last_provisioning_error: None,
        created_at: at,
        updated_at: at,
    }
}

fn husk_of_entitlement(id: Uuid, at: i64) -> entitlement::Model {
    entitlement::Model {
        id,
        version: 1,
        user_id: Uuid::nil(),
        project_id: Uuid::nil(),
        feature_code: String::new(),
        source_kind: String::new(),
        source_id: Uuid::nil(),
        revoked_at: None,
        valid_from: at,
        valid_to: None,
    }
}
