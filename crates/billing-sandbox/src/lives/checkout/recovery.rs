//! What is left of an expired session: an address at which it can be begun again.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::checkout::totals;

const RECOVERY_SECONDS: i64 = 30 * 86_400;
const LIFE_SECONDS: i64 = 86_400;

/// Gives an expired session its recovery address, if it asked for one.
pub(crate) fn offer(account: &mut Account, id: &str) {
    let until = account.now.saturating_add(RECOVERY_SECONDS);
    let address = format!("{}/c/recover/{id}", account.public_url);
    let Some(session) = account.edit(id) else {
        return;
    };
    let recovery = &mut session["after_expiration"]["recovery"];
    if recovery["enabled"] == true {
        recovery["expires_at"] = json!(until);
        recovery["url"] = json!(address);
    }
}

/// Begins an expired session again: a copy of it that remembers where it came from.
pub(crate) fn begin_again(account: &mut Account, id: &str) -> Option<String> {
    let old = account.get(id).clone();
    let recovery = &old["after_expiration"]["recovery"];
    let is_offered = recovery["expires_at"]
        .as_i64()
        .is_some_and(|until| account.now < until);
    if old["status"] != "expired" || !is_offered {
        return None;
    }
    let new_id = account.ids.next("cs_test_");
    let expires_at = account.now.saturating_add(LIFE_SECONDS);
    let mut session = old.clone();
    session["id"] = json!(new_id);
    session["created"] = json!(account.now);
    session["expires_at"] = json!(expires_at);
    session["status"] = json!("open");
    session["url"] = json!(format!("{}/c/pay/{new_id}", account.public_url));
    session["recovered_from"] = json!(id);
    session["after_expiration"] = Value::Null;
    session["_payment_intent"] = Value::Null;
    if recovery["allow_promotion_codes"] == true && old["_discounts"] == json!([]) {
        session["allow_promotion_codes"] = json!(true);
    }
    account.insert(session);
    totals::settle(account, &new_id);
    account.when(expires_at, "checkout.expire", &new_id);
    Some(new_id)
}
