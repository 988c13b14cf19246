//! What is registered against what is wanted.

use super::*;

const URL: &str = "https://billing.example/hooks";

fn order() -> EndpointOrder {
    EndpointOrder {
        url: URL.to_owned(),
        event_types: vec!["invoice.paid".to_owned(), "refund.created".to_owned()],
        api_version: "2026-09-30.endive".to_owned(),
    }
}

fn endpoint(id: &str) -> WebhookEndpoint {
    WebhookEndpoint {
        id: ProviderRef::parse(id).unwrap(),
        url: URL.to_owned(),
        is_enabled: true,
        api_version: Some(order().api_version),
        event_types: order().event_types,
    }
}

fn flaws_of(change: impl FnOnce(&mut WebhookEndpoint)) -> Vec<EndpointFlaw> {
    let mut endpoint = endpoint("we_1");
    change(&mut endpoint);
    EndpointReport::of(vec![endpoint], &order()).flaws
}

#[test]
fn an_endpoint_that_is_as_wanted_has_no_flaw() {
    assert_eq!(flaws_of(|_| {}), []);
    assert_eq!(flaws_of(|endpoint| endpoint.url.push('/')), []);
    assert_eq!(flaws_of(|endpoint| endpoint.event_types.reverse()), []);
}

#[test]
fn every_flaw_is_named() {
    assert_eq!(
        flaws_of(|endpoint| endpoint.url = "https://else.example".to_owned()),
        [EndpointFlaw::NotRegistered]
    );
    assert_eq!(
        flaws_of(|endpoint| endpoint.is_enabled = false),
        [EndpointFlaw::Disabled]
    );
    assert_eq!(
        flaws_of(|endpoint| endpoint.api_version = None),
        [EndpointFlaw::OtherVersion { found: None }]
    );
    let types = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        flaws_of(|endpoint| endpoint.event_types = types(&["invoice.paid", "payout.paid"])),
        [
            EndpointFlaw::MissingTypes(types(&["refund.created"])),
            EndpointFlaw::ExtraTypes(types(&["payout.paid"])),
        ]
    );
    assert_eq!(
        flaws_of(|endpoint| endpoint.event_types = types(&["*"])),
        [EndpointFlaw::ExtraTypes(types(&["*"]))],
        "every type comes, also those that nobody needs"
    );
}

#[test]
fn of_several_endpoints_the_best_one_counts_and_the_others_are_named() {
    let mut worse = endpoint("we_1");
    worse.is_enabled = false;
    let report = EndpointReport::of(vec![worse, endpoint("we_2")], &order());
    assert_eq!(report.endpoint.unwrap().id.as_str(), "we_2");
    let others = vec![ProviderRef::parse("we_1").unwrap()];
    assert_eq!(report.flaws, [EndpointFlaw::Several { others }]);
}

#[test]
fn only_what_registering_can_change_is_mended_by_it() {
    assert!(EndpointFlaw::Disabled.is_mended_by_registering());
    assert!(!EndpointFlaw::OtherVersion { found: None }.is_mended_by_registering());
}

#[test]
fn b_096_a_signing_secret_is_not_printed() {
    let secret = SigningSecret::new("whsec_hidden".to_owned());
    assert_eq!(format!("{secret:?}"), "***");
    assert_eq!(secret.expose(), "whsec_hidden");
}
