//! Saving a card without charging it: setup mode, and subscriptions that begin for free.

use crate::json::{Value, json, value_of};

use crate::account::Account;
use crate::lives::card::{Behaviour, Challenge};
use crate::lives::checkout::complete::{self, Means};
use crate::lives::checkout::entry::Submission;
use crate::lives::checkout::{Payment, completed};
use crate::lives::payment::setup::SetupTerms;
use crate::lives::payment::{self, Collected, method};

/// Stores the setup intent of a session; its challenge leads back to the session's page.
pub(crate) fn insert(account: &mut Account, session_id: &str, terms: &SetupTerms) -> String {
    let id = payment::setup::insert(account, terms);
    let return_url = format!("{}/c/pay/{session_id}/return", account.public_url);
    if let Some(intent) = account.edit(&id) {
        intent["_checkout_session"] = json!(session_id);
        intent["_return_url"] = json!(return_url);
    }
    id
}

/// The setup intent of a session, be it shown or not.
pub(crate) fn intent_of(session: &Value) -> Option<String> {
    let shown = session["setup_intent"].as_str();
    shown
        .or(session["_setup_intent"].as_str())
        .map(str::to_owned)
}

/// Saves a card, unless its issuer has something to ask first.
pub(crate) fn save(
    account: &mut Account,
    id: &str,
    submission: &Submission,
    method_id: &str,
) -> Payment {
    let session = account.get(id).clone();
    let is_challenged = method::card_of(account, method_id).is_some_and(|card| {
        matches!(
            card.challenge,
            Challenge::Always | Challenge::UnlessSetUp | Challenge::OnSession
        )
    });
    let intent_id = match intent_of(&session) {
        Some(known) => known,
        None if is_challenged => {
            let terms = SetupTerms {
                customer: session["customer"].clone(),
                ..SetupTerms::default()
            };
            let made = insert(account, id, &terms);
            account.set(id, "_setup_intent", json!(made));
            account.raise("setup_intent.created", &made);
            made
        }
        None => return save_plainly(account, id, submission, method_id),
    };
    account.set(id, "_waiting", Value::Null);
    match payment::setup::confirm(account, &intent_id, method_id) {
        Collected::Declined(decline) => decline.into(),
        Collected::RequiresAction => {
            let waiting = json!({ "method": method_id, "submission": value_of(submission) });
            account.set(id, "_waiting", waiting);
            let action = &account.get(&intent_id)["next_action"];
            let url = action["redirect_to_url"]["url"].as_str();
            Payment::RequiresAction {
                url: url.unwrap_or_default().to_owned(),
            }
        }
        Collected::Succeeded => finish(account, id, submission, method_id),
    }
}

/// A subscription's card that nobody asks about.
fn save_plainly(
    account: &mut Account,
    id: &str,
    submission: &Submission,
    method_id: &str,
) -> Payment {
    if let Behaviour::Declines(decline) = payment::behaviour_of(account, method_id) {
        return decline.into();
    }
    finish(account, id, submission, method_id)
}

fn finish(account: &mut Account, id: &str, submission: &Submission, method_id: &str) -> Payment {
    let means = Means {
        method: Some(method_id.to_owned()),
        ..Means::default()
    };
    complete::complete(account, id, submission, &means);
    completed(account.get(id))
}

/// The owner of a card passed the challenge: what waited for that goes on.
pub(crate) fn succeeded(account: &mut Account, intent_id: &str) {
    let Some(id) = super::session_of(account, intent_id) else {
        return;
    };
    let waiting = account.get(&id)["_waiting"].clone();
    let Ok(submission) = crate::json::from_value::<Submission>(&waiting["submission"]) else {
        return;
    };
    account.set(&id, "_waiting", Value::Null);
    if account.get(&id)["status"] == "open" {
        let method_id = waiting["method"].as_str().unwrap_or_default();
        finish(account, &id, &submission, method_id);
    }
}
