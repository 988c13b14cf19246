//! What owners and operators may change by hand.

use super::*;
use crate::checkout::intent::IntentState;
use crate::kernel::principal::Principal;
use crate::testing::Workbench;
use crate::testing::fixtures::links;

async fn with_intent(commands: Vec<IntentCommand>) -> Workbench {
    let bench = Workbench::new().await;
    let (intent, event) = bench.world.intent(bench.world.user.id, "acme");
    let intent = bench.world.after(&intent, commands);
    let changes = bench.world.changes().insert_intent(intent, event);
    bench.writer.commit(changes).await.unwrap();
    bench
}

fn paid() -> IntentCommand {
    IntentCommand::MarkPaid {
        links: links("acme", Some("sub")),
    }
}

fn state(state: OperatorState) -> IntentAmendment {
    IntentAmendment {
        state: Some(state),
        ..IntentAmendment::default()
    }
}

async fn amend(
    bench: &Workbench,
    principal: &Principal,
    amendment: &IntentAmendment,
) -> Result<CheckoutIntent, AmendIntentError> {
    let id = bench.intent().id();
    let request = Request::new(principal);
    bench.amend_intent().run(&request, id, amendment).await
}

#[tokio::test]
async fn a_112_the_owner_cannot_change_the_state() {
    let bench = with_intent(vec![]).await;
    for wanted in [
        OperatorState::Fulfilled,
        OperatorState::Expired,
        OperatorState::ErroredBackoffice,
    ] {
        let refused = amend(&bench, &bench.buyer(), &state(wanted)).await;
        assert!(matches!(
            refused,
            Err(AmendIntentError::StateIsForOperators)
        ));
    }
    assert_eq!(*bench.intent().state(), IntentState::Created);
}

#[tokio::test]
async fn a_112_the_owner_changes_country_and_terms_and_nothing_else() {
    let bench = with_intent(vec![]).await;
    let before = bench.intent();
    let amendment = IntentAmendment {
        country: CountryCode::parse("FR").ok(),
        terms: Terms([("privacy".to_owned(), "true".to_owned())].into()),
        state: None,
    };
    let after = amend(&bench, &bench.buyer(), &amendment).await.unwrap();
    assert_eq!(after.parts().country, CountryCode::parse("FR").ok());
    let terms: Vec<&str> = after.parts().terms.0.keys().map(String::as_str).collect();
    assert_eq!(terms, ["privacy", "tos"]);
    assert_eq!(after.state(), before.state());
    assert_eq!(after.parts().expires_at, before.parts().expires_at);
    assert_eq!(bench.intent(), after);
}

#[tokio::test]
async fn a_112_an_impossible_change_names_both_states() {
    let bench = with_intent(vec![]).await;
    let refused = amend(&bench, &bench.operator(), &state(OperatorState::Fulfilled)).await;
    let Err(AmendIntentError::Illegal(message)) = refused else {
        panic!("nobody paid: {refused:?}");
    };
    assert!(message.contains("created"), "{message}");
    assert!(message.contains("fulfilled"), "{message}");
}

#[tokio::test]
async fn a_037_a_fulfilled_intent_cannot_be_pushed_back() {
    let bench = with_intent(vec![paid(), IntentCommand::MarkFulfilled]).await;
    for wanted in [OperatorState::Expired, OperatorState::ErroredBackoffice] {
        let refused = amend(&bench, &bench.operator(), &state(wanted)).await;
        assert!(matches!(refused, Err(AmendIntentError::Illegal(_))));
    }
    assert_eq!(bench.intent().state().name(), "fulfilled");
}

#[tokio::test]
async fn an_operator_fulfils_by_hand_what_was_paid() {
    let bench = with_intent(vec![paid()]).await;
    let operator = bench.operator();
    let wanted = state(OperatorState::Fulfilled);
    amend(&bench, &operator, &wanted).await.unwrap();
    amend(&bench, &operator, &wanted).await.unwrap();
    assert_eq!(bench.intent().state().name(), "fulfilled");
    let actors: Vec<String> = bench.store.audit().into_iter().map(|e| e.actor).collect();
    assert_eq!(actors.last().map(String::as_str), Some("operator:grace"));
}

#[tokio::test]
async fn a_113_a_country_under_embargo_is_not_supported() {
    let bench = with_intent(vec![]).await;
    let amendment = IntentAmendment {
        country: CountryCode::parse("KP").ok(),
        ..IntentAmendment::default()
    };
    let refused = amend(&bench, &bench.buyer(), &amendment).await;
    assert!(matches!(
        refused,
        Err(AmendIntentError::CountryNotSupported)
    ));
}

#[tokio::test]
async fn a_110_the_intent_of_somebody_else_does_not_exist() {
    let bench = with_intent(vec![]).await;
    let eve = bench.world.seed_user(&bench.store, "eve").await;
    let eve = bench.principal(&eve);
    let refused = amend(&bench, &eve, &IntentAmendment::default()).await;
    assert!(matches!(refused, Err(AmendIntentError::NotFound)));
}
