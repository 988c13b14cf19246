//! What a merchant sets in the dashboard, and no endpoint of Stripe's API can: how collection goes on.

use crate::json::{Value, json};

use crate::account::Account;

const ID: &str = "_settings";

/// A setting: its name, what it is unless it was set, and what it may be.
struct Setting {
    name: &'static str,
    range: Range,
}

enum Range {
    /// The default, the least and the most.
    Number(i64, i64, i64),
    /// The first one is the default.
    Choice(&'static [&'static str]),
    /// Off unless it was set.
    Switch,
}

const SETTINGS: &[Setting] = &[
    // How often a renewal that could not be collected is tried again, and within how many days.
    number("invoice_retries", 8, 0, 8),
    number("invoice_retry_days", 14, 1, 60),
    Setting {
        name: "subscription_retries_exhausted",
        range: Range::Choice(&["canceled", "unpaid", "past_due", "paused"]),
    },
    number("invoice_upcoming_days", 7, 1, 45),
    // Whether a draft waits, up to 72 hours, for its `invoice.created` to be taken.
    Setting {
        name: "finalization_waits_for_webhooks",
        range: Range::Switch,
    },
];

const fn number(name: &'static str, default: i64, least: i64, most: i64) -> Setting {
    Setting {
        name,
        range: Range::Number(default, least, most),
    }
}

impl Setting {
    fn of(&self, account: &Account) -> Value {
        let known = account.get(ID)[self.name].clone();
        match self.range {
            _ if !known.is_null() => known,
            Range::Number(default, _, _) => json!(default),
            Range::Choice(choices) => json!(choices.first()),
            Range::Switch => json!(false),
        }
    }

    /// What was sent, as a number, a choice or a switch; a form sends texts only.
    fn read(&self, sent: &Value) -> Result<Value, String> {
        let text = sent.as_str().unwrap_or_default();
        match self.range {
            Range::Number(_, least, most) => sent
                .as_i64()
                .or_else(|| text.parse().ok())
                .filter(|number| (least..=most).contains(number))
                .map(Value::from)
                .ok_or_else(|| format!("{} must be from {least} to {most}", self.name)),
            Range::Choice(choices) => choices
                .iter()
                .find(|choice| **choice == text)
                .map(|choice| json!(choice))
                .ok_or_else(|| format!("{} must be one of {}", self.name, choices.join(", "))),
            Range::Switch => match (sent.as_bool(), text) {
                (Some(true), _) | (_, "true") => Ok(json!(true)),
                (Some(false), _) | (_, "false") => Ok(json!(false)),
                _ => Err(format!("{} must be true or false", self.name)),
            },
        }
    }
}

/// All settings of an account.
pub(crate) fn all(account: &Account) -> Value {
    let pairs = SETTINGS.iter();
    pairs
        .map(|setting| (setting.name.to_owned(), setting.of(account)))
        .collect()
}

/// Sets what was sent; a name or a value that there is not changes nothing.
pub(crate) fn change(account: &mut Account, sent: &Value) -> Result<(), String> {
    let mut changed = all(account);
    for (name, value) in sent.as_object().into_iter().flatten() {
        let setting = SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .ok_or_else(|| format!("there is no setting {name}"))?;
        changed[setting.name] = setting.read(value)?;
    }
    changed["id"] = json!(ID);
    changed["object"] = json!(ID);
    account.delete(ID, ID, None);
    account.insert(changed);
    Ok(())
}

fn of(account: &Account, name: &str) -> Value {
    let setting = SETTINGS.iter().find(|setting| setting.name == name);
    setting.map_or(Value::Null, |setting| setting.of(account))
}

/// A setting that is a number.
pub(crate) fn number_of(account: &Account, name: &str) -> i64 {
    of(account, name).as_i64().unwrap_or(0)
}

/// What becomes of a subscription when all tries to collect have failed: a status.
pub(crate) fn when_exhausted(account: &Account) -> String {
    let status = of(account, "subscription_retries_exhausted");
    status.as_str().unwrap_or("canceled").to_owned()
}

/// Whether drafts wait for their webhooks.
pub(crate) fn waits_for_webhooks(account: &Account) -> bool {
    of(account, "finalization_waits_for_webhooks") == true
}
