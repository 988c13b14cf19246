//! The paywall's question and every way in which the answer is no (E-045…E-051).

use time::Duration;

use super::*;
use crate::access::user::User;
use crate::entitlements::entitlement::EntitlementSource;
use crate::kernel::audit::Entity;
use crate::kernel::ports::BillingWriter;
use crate::testing::fixtures::{World, feature};
use crate::testing::{MemoryStore, Workbench};

const PAYWALL: &str = "catalog:all";

struct Gate {
    world: World,
    store: MemoryStore,
    check: CheckEntitlement,
    app: Principal,
}

async fn gate() -> Gate {
    let bench = Workbench::new().await;
    let store = Arc::new(bench.store.clone());
    let check = CheckEntitlement {
        clock: Arc::new(bench.world.clock.clone()),
        users: store.clone(),
        entitlements: store,
    };
    let app = Principal::App {
        app_id: bench.world.app.id,
        project_id: bench.world.project.id,
    };
    Gate {
        world: bench.world,
        store: bench.store,
        check,
        app,
    }
}

impl Gate {
    fn row(&self, code: &str, days: Option<i64>) -> Entitlement {
        let now = self.world.now();
        Entitlement {
            id: self.world.id(),
            user_id: self.world.user.id,
            project_id: self.world.project.id,
            feature_code: feature(code),
            source: EntitlementSource::License(self.world.id()),
            state: EntitlementState::Active,
            valid_from: now,
            valid_to: days.map(|days| now.plus(Duration::days(days))),
        }
    }

    async fn grant(&self, row: Entitlement) -> Entitlement {
        let event = row.granted();
        let changes = self.world.changes().insert_entitlement(row.clone(), event);
        self.store.commit(changes).await.unwrap();
        row
    }

    async fn ask(&self) -> Verdict {
        self.ask_as(&self.app).await.unwrap()
    }

    async fn ask_as(&self, principal: &Principal) -> Result<Verdict, CheckEntitlementError> {
        let project = self.world.project.id;
        let user = &self.world.user.external_id;
        let feature = feature(PAYWALL);
        self.check.run(principal, project, user, &feature).await
    }
}

#[tokio::test]
async fn e_045_without_any_row_the_answer_is_no_and_says_why() {
    let gate = gate().await;
    gate.grant(gate.row("certificates", None)).await;
    let verdict = gate.ask().await;
    assert!(!verdict.is_entitled);
    assert!(verdict.because.is_empty());
    assert!(verdict.sentence().contains("nothing grants"));
}

#[tokio::test]
async fn e_051_an_entitlement_ends_by_itself_when_its_time_has_come() {
    let gate = gate().await;
    let row = gate.grant(gate.row(PAYWALL, Some(1))).await;
    gate.world
        .clock
        .advance(Duration::days(1) - Duration::seconds(1));
    let verdict = gate.ask().await;
    assert!(verdict.is_entitled);
    assert!(verdict.sentence().contains("valid until"));
    gate.world.clock.advance(Duration::seconds(1));
    let verdict = gate.ask().await;
    assert!(!verdict.is_entitled);
    assert_eq!(verdict.because, [row]);
    assert!(verdict.sentence().contains("ended at"));
    let stored = gate.store.entitlements();
    assert_eq!(stored[0].version.number(), 1, "no job has touched it");
}

#[tokio::test]
async fn e_051_an_entitlement_does_not_count_before_it_begins() {
    let gate = gate().await;
    let mut row = gate.row(PAYWALL, None);
    row.valid_from = gate.world.now().plus(Duration::hours(1));
    gate.grant(row).await;
    let verdict = gate.ask().await;
    assert!(!verdict.is_entitled);
    assert!(verdict.sentence().contains("begins at"));
    gate.world.clock.advance(Duration::hours(1));
    assert!(gate.ask().await.sentence().contains("for life"));
}

#[tokio::test]
async fn e_051_a_revoked_entitlement_does_not_count() {
    let gate = gate().await;
    gate.grant(gate.row(PAYWALL, None)).await;
    let stored = gate.store.entitlements()[0].clone();
    let transition = stored.value.revoke(gate.world.now());
    let changes = gate.world.changes().change_entitlement(&stored, transition);
    gate.store.commit(changes).await.unwrap();
    let verdict = gate.ask().await;
    assert!(!verdict.is_entitled);
    assert!(verdict.sentence().contains("revoked at"));
}

#[tokio::test]
async fn e_050_two_sources_keep_a_row_each_and_the_second_holds_when_the_first_ends() {
    let gate = gate().await;
    gate.grant(gate.row(PAYWALL, Some(1))).await;
    let second = gate.grant(gate.row(PAYWALL, Some(30))).await;
    assert_eq!(gate.ask().await.because.len(), 2);
    gate.world.clock.advance(Duration::days(2));
    let verdict = gate.ask().await;
    assert!(verdict.is_entitled);
    assert_eq!(verdict.because, [second], "the row that ended is no reason");
    assert_eq!(gate.store.entitlements().len(), 2);
}

#[tokio::test]
async fn e_046_the_rows_come_by_feature_then_source_then_id() {
    let gate = gate().await;
    let source = EntitlementSource::License(gate.world.id());
    let mut rows = vec![
        gate.row("certificates", None),
        gate.row(PAYWALL, None),
        gate.row(PAYWALL, Some(9)),
    ];
    rows[2].source = source;
    for row in &rows {
        gate.grant(row.clone()).await;
    }
    let (project, user) = (gate.world.project.id, &gate.world.user.external_id);
    let listed = gate.check.list(&gate.app, project, user, None).await;
    let ids: Vec<_> = listed.unwrap().0.iter().map(Entity::uuid).collect();
    let expected = [rows[2].uuid(), rows[1].uuid(), rows[0].uuid()];
    assert_eq!(ids, expected);
    let only = feature("certificates");
    let listed = gate.check.list(&gate.app, project, user, Some(&only)).await;
    assert_eq!(listed.unwrap().0, [rows[0].clone()]);
}

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    let gate = gate().await;
    let nobody = ExternalUserId::parse("nobody").unwrap();
    let project = gate.world.project.id;
    let feature = feature(PAYWALL);
    let unknown = gate.check.run(&gate.app, project, &nobody, &feature).await;
    assert!(matches!(unknown, Err(CheckEntitlementError::UserNotFound)));
}

#[tokio::test]
async fn e_011_an_app_of_another_project_learns_nothing() {
    let gate = gate().await;
    gate.grant(gate.row(PAYWALL, None)).await;
    let other = Principal::App {
        app_id: gate.world.app.id,
        project_id: gate.world.id(),
    };
    let refused = gate.ask_as(&other).await;
    assert!(matches!(refused, Err(CheckEntitlementError::OtherProject)));
}

#[tokio::test]
async fn a_user_asks_about_themselves_and_about_nobody_else() {
    let gate = gate().await;
    gate.grant(gate.row(PAYWALL, None)).await;
    let signed_in = |user: &User| Principal::User {
        user_id: user.id,
        project_id: user.project_id,
        email: user.email.clone(),
    };
    let own = gate.ask_as(&signed_in(&gate.world.user)).await;
    assert!(own.unwrap().is_entitled);
    let eve = gate.world.seed_user(&gate.store, "eve").await;
    let refused = gate.ask_as(&signed_in(&eve)).await;
    assert!(matches!(refused, Err(CheckEntitlementError::NotAllowed)));
}
