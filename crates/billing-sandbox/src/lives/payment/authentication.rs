//! 3-D Secure: what the payer is asked to do, and where.

use crate::json::{Value, json};

use crate::account::Account;

/// What an intent asks of its payer: a page to go to, or a challenge for Stripe.js.
pub(crate) fn next_action(account: &mut Account, intent_id: &str, return_url: &Value) -> Value {
    let url = format!("{}/authenticate/{intent_id}", account.public_url);
    if return_url.is_null() || account.get(intent_id)["_uses_sdk"] == true {
        let source = account.ids.next("src_");
        return json!({
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "source": source, "stripe_js": url, "type": "three_d_secure_redirect",
            },
        });
    }
    json!({
        "redirect_to_url": { "return_url": return_url, "url": url },
        "type": "redirect_to_url",
    })
}

/// Lets a payment intent wait for its payer.
pub(crate) fn demand(account: &mut Account, intent_id: &str, method_id: &str) {
    let return_url = account.get(intent_id)["_return_url"].clone();
    let action = next_action(account, intent_id, &return_url);
    if let Some(intent) = account.edit(intent_id) {
        intent["status"] = json!("requires_action");
        intent["payment_method"] = json!(method_id);
        intent["next_action"] = action;
        intent["last_payment_error"] = Value::Null;
        intent["latest_charge"] = Value::Null;
    }
}
