//! The terms of a payment intent as they are sent, at creation, at an update or with a confirmation.

use crate::json::{Map, Value, json};

use crate::api::metadata::merged_metadata;
use crate::api::{Call, payment_methods};
use crate::http::error::StripeError;
use crate::http::params::one_of;
use crate::lives::money;
use crate::lives::payment;

/// What is not simulated of intents: money for others, and methods other than cards.
pub(crate) const NOT_SIMULATED: &str = "amount_to_confirm application_fee_amount confirmation_token \
    hooks mandate on_behalf_of payment_method_configuration transfer_data single_use \
    flow_directions attach_to_self customer_account";

const TEXTS: &[&str] = &[
    "description",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
    "capture_method",
    "confirmation_method",
];

/// What was sent, checked as far as it can be without the intent.
pub(crate) struct Terms {
    pub(crate) customer: Option<Value>,
    members: Map,
    metadata: Option<Value>,
    card_options: Value,
    automatic: Option<Value>,
    method_types: Option<Value>,
    excluded_types: Option<Value>,
    is_new: bool,
}

impl Terms {
    /// Reads what was sent; ids are looked up, nothing is stored.
    pub(crate) fn read(call: &Call<'_>) -> Result<Self, StripeError> {
        let p = &call.params;
        let customer = match p.text("/customer") {
            Some(id) => {
                let known = call.account.get(id);
                if known["object"] != "customer" || known["deleted"] == true {
                    return Err(StripeError::no_such_param("customer", id, "customer"));
                }
                Some(json!(id))
            }
            None => None,
        };
        let sent = TEXTS.iter().filter(|name| p.has(name));
        let members = sent
            .map(|name| ((*name).to_owned(), p.or_null(&format!("/{name}"))))
            .collect();
        if let Some(metadata) = p.0.get("metadata") {
            merged_metadata(&json!({}), Some(metadata))?;
        }
        let types = p.list("/payment_method_types");
        if !types.is_empty() && p.at("/automatic_payment_methods").is_some() {
            return Err(StripeError::invalid(
                "You may only specify one of these parameters: automatic_payment_methods, \
                 payment_method_types.",
            ));
        }
        if !types.is_empty() && !types.iter().any(|kind| kind == "card") {
            return Err(StripeError::not_simulated(
                "payment methods other than cards",
            ));
        }
        Ok(Self {
            customer,
            members,
            metadata: p.0.get("metadata").cloned(),
            card_options: card_options(&p.or_null("/payment_method_options/card"))?,
            automatic: p.at("/automatic_payment_methods").cloned(),
            method_types: (!types.is_empty()).then(|| json!(types)),
            excluded_types: p.at("/excluded_payment_method_types").cloned(),
            is_new: call.ids.is_empty(),
        })
    }

    pub(crate) fn setup_future_usage(&self) -> Value {
        let sent = self.members.get("setup_future_usage");
        sent.cloned().unwrap_or_default()
    }

    /// Whether methods that leave the page are accepted; they are unless types are named or redirects
    /// refused (since 2023-08-16).
    pub(crate) fn can_redirect(&self) -> bool {
        match &self.automatic {
            Some(automatic) => {
                automatic["enabled"] == true && automatic["allow_redirects"] != "never"
            }
            None => self.method_types.is_none(),
        }
    }

    /// Writes the terms into an intent.
    pub(crate) fn apply(&self, intent: &mut Value) {
        for (name, value) in &self.members {
            intent[name] = value.clone();
        }
        if let Some(customer) = &self.customer {
            intent["customer"] = customer.clone();
        }
        if let Some(metadata) = &self.metadata {
            // Its limits were checked when it was read.
            if let Ok(merged) = merged_metadata(&intent["metadata"], Some(metadata)) {
                intent["metadata"] = merged;
            }
        }
        if let Some(options) = self.card_options.as_object() {
            for (name, value) in options {
                let card = &mut intent["payment_method_options"]["card"];
                match card.as_object_mut() {
                    // An option that is unset is not shown, but for the one that always is.
                    Some(members) if value.is_null() && name != "request_three_d_secure" => {
                        members.shift_remove(name);
                    }
                    _ if value.is_null() => card[name] = json!("automatic"),
                    _ => card[name] = value.clone(),
                }
            }
        }
        if let Some(types) = &self.excluded_types {
            intent["excluded_payment_method_types"] = types.clone();
        }
        if let Some(types) = &self.method_types {
            intent["payment_method_types"] = types.clone();
            intent["automatic_payment_methods"] = Value::Null;
            return;
        }
        match &self.automatic {
            Some(automatic) if automatic["enabled"] == true => {
                let redirects = automatic["allow_redirects"].as_str().unwrap_or("always");
                intent["automatic_payment_methods"] =
                    json!({ "allow_redirects": redirects, "enabled": true });
            }
            Some(_) => intent["automatic_payment_methods"] = Value::Null,
            None if self.is_new => {
                intent["automatic_payment_methods"] =
                    json!({ "allow_redirects": "always", "enabled": true });
            }
            None => {}
        }
        if self.is_new && intent["automatic_payment_methods"]["enabled"] == true {
            intent["payment_method_configuration_details"] =
                json!({ "id": payment::CONFIGURATION, "parent": null });
        }
    }
}

/// The payment method that was sent, by id or by its data.
pub(crate) fn method(
    call: &mut Call<'_>,
    customer: &Value,
    owner: &str,
) -> Result<Option<String>, StripeError> {
    let found = if let Some(id) = call.params.text("/payment_method").map(str::to_owned) {
        payment::resolve_method(call.account, &id, "payment_method")?
    } else if let Some(data) = call.params.at("/payment_method_data").cloned() {
        payment_methods::from_data(call.account, &data, "payment_method_data")?
    } else {
        return Ok(None);
    };
    payment::method::refuse_unusable(call.account, &found, customer, owner)?;
    Ok(Some(found))
}

/// The options of cards that mean something here; what would change a payment in a way that is not
/// simulated is refused.
fn card_options(sent: &Value) -> Result<Value, StripeError> {
    const CHOICES: &[(&str, &[&str])] = &[
        ("capture_method", &["manual"]),
        ("request_three_d_secure", &["any", "automatic", "challenge"]),
        ("setup_future_usage", &["none", "off_session", "on_session"]),
    ];
    let mut kept = Map::new();
    for (name, value) in sent.as_object().into_iter().flatten() {
        let at = format!("payment_method_options[card][{name}]");
        if matches!(name.as_str(), "moto" | "three_d_secure" | "cvc_token") {
            return Err(StripeError::not_simulated(&format!("the parameter {at}")).param(&at));
        }
        let Some((_, choices)) = CHOICES.iter().find(|(known, _)| known == name) else {
            continue;
        };
        if value == "" {
            kept.insert(name.clone(), Value::Null);
        } else if choices.iter().any(|choice| value == choice) {
            kept.insert(name.clone(), value.clone());
        } else {
            let choices: Vec<String> = choices.iter().map(|c| (*c).to_owned()).collect();
            return Err(StripeError::invalid(format!(
                "Invalid {at}: must be one of {}",
                one_of(&choices)
            ))
            .param(&at)
            .validation());
        }
    }
    Ok(Value::Object(kept))
}

pub(crate) fn too_much_captured() -> StripeError {
    StripeError::coded(
        "amount_too_large",
        "The payment could not be captured because the requested capture amount is greater than \
         the amount you can capture for this charge. Contact us via \
         https://support.stripe.com/contact/ for help.",
    )
}

pub(crate) fn is_off_session(call: &Call<'_>) -> bool {
    call.params
        .at("/off_session")
        .is_some_and(|sent| !matches!(sent.as_str(), Some("false" | "False")) && *sent != false)
}

pub(crate) fn refuse_off_session_setup(call: &Call<'_>, usage: &Value) -> Result<(), StripeError> {
    if usage.is_null() || !is_off_session(call) {
        return Ok(());
    }
    Err(StripeError::invalid(
        "You cannot confirm with the `off_session` parameter when `setup_future_usage` is also set \
         on the PaymentIntent. The customer needs to be on-session to perform the steps which may \
         be required to set up the PaymentMethod for future usage. Please confirm this \
         PaymentIntent with your customer on-session.",
    )
    .param("off_session"))
}

/// Stripe's words where a confirmation could lead away and nobody said where to.
pub(crate) fn needs_return_url(what: &str) -> String {
    format!(
        "This {what} is configured to accept payment methods enabled in your Dashboard. Because \
         some of these payment methods might redirect your customer off of your page, you must \
         provide a `return_url`. If you don't want to accept redirect-based payment methods, set \
         `automatic_payment_methods[enabled]` to `true` and \
         `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and \
         Payment Intents."
    )
}

pub(crate) fn too_small() -> StripeError {
    StripeError::coded(
        "parameter_invalid_integer",
        "This value must be greater than or equal to 1.",
    )
    .param("amount")
}

/// What Stripe charges at least, in the smallest unit of the currency.
fn minimum(currency: &str) -> i64 {
    match currency {
        "usd" | "eur" | "chf" | "cad" | "aud" | "jpy" | "nzd" | "sgd" | "brl" | "inr" => 50,
        "gbp" => 30,
        "sek" | "nok" => 300,
        "dkk" => 250,
        "hkd" => 400,
        "mxn" => 1_000,
        "czk" => 1_500,
        "pln" | "ron" | "aed" | "myr" => 200,
        _ => 1,
    }
}

/// Refuses what is too little or too much to be charged.
pub(crate) fn check_amount(amount: i64, currency: &str) -> Result<(), StripeError> {
    if amount == 0 {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            "The amount must be greater than or equal to the minimum charge amount allowed for your \
             account and the currency set \
             (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).  If you want \
             to save a Payment Method for future use without an immediate payment, use a Setup \
             Intent instead: https://docs.stripe.com/payments/setup-intents",
        )
        .param("amount"));
    }
    if amount < 0 {
        return Err(too_small());
    }
    if amount < minimum(currency) {
        let least = money::written(minimum(currency), currency);
        return Err(StripeError::coded(
            "amount_too_small",
            format!("Amount must be at least {least} {currency}"),
        )
        .param("amount"));
    }
    if amount > money::AMOUNT_MAX {
        let most = money::written(money::AMOUNT_MAX, currency);
        return Err(StripeError::coded(
            "amount_too_large",
            format!("Amount must be no more than {most}"),
        )
        .param("amount"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_held_between_stripes_limits() {
        let refused = |amount, currency| {
            let error = check_amount(amount, currency).unwrap_err();
            (
                error.code.clone().unwrap_or_default(),
                error.message.clone(),
            )
        };
        assert_eq!(refused(49, "usd").1, "Amount must be at least $0.50 usd");
        assert_eq!(refused(29, "gbp").1, "Amount must be at least £0.30 gbp");
        assert_eq!(
            refused(100_000_000, "usd"),
            (
                "amount_too_large".into(),
                "Amount must be no more than $999,999.99".into()
            )
        );
        assert_eq!(refused(0, "usd").0, "parameter_invalid_integer");
        check_amount(50, "usd").unwrap();
        check_amount(99_999_999, "usd").unwrap();
    }
}
