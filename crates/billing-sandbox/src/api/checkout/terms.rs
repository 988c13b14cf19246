//! What a new Checkout Session has to satisfy before anything is made: mode, addresses, customer,
//! expiry, trial, and the least amount.

use crate::json::Value;

use crate::api::Call;
use crate::http::error::StripeError;
use crate::lives;

const LIFE_SECONDS: i64 = 86_400;
const EXPIRY_MIN_SECONDS: i64 = 30 * 60;
const TRIAL_DAYS_MAX: i64 = 730;

/// Where the customer pays: in the words of the newest version.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum UiMode {
    Hosted,
    Embedded,
    Elements,
    Form,
}

impl UiMode {
    /// The spelling that the version knows; the other one is refused, as Stripe does.
    pub(crate) fn parse(call: &Call<'_>) -> Result<Self, StripeError> {
        let is_old = call.version.is_before("2026-03-25");
        let names = if is_old {
            ["hosted", "embedded", "custom"]
        } else {
            ["hosted_page", "embedded_page", "elements"]
        };
        match call.params.text("/ui_mode") {
            None => Ok(UiMode::Hosted),
            Some(name) if name == names[0] => Ok(UiMode::Hosted),
            Some(name) if name == names[1] => Ok(UiMode::Embedded),
            Some(name) if name == names[2] => Ok(UiMode::Elements),
            Some("form") => Ok(UiMode::Form),
            Some(_) => Err(StripeError::invalid(format!(
                "Invalid ui_mode: must be one of {}, {}, or {}",
                names[0], names[1], names[2]
            ))
            .param("ui_mode")
            .validation()),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            UiMode::Hosted => "hosted_page",
            UiMode::Embedded => "embedded_page",
            UiMode::Elements => "elements",
            UiMode::Form => "form",
        }
    }
}

pub(crate) fn mode_of(call: &Call<'_>) -> Result<String, StripeError> {
    match call.params.text("/mode") {
        Some(mode) => Ok(mode.to_owned()),
        None if call.params.has("line_items") || call.params.has("subscription_data") => {
            Err(StripeError::missing("mode"))
        }
        None => Err(StripeError::invalid(
            "You must pass either `subscription_data` or `line_items` or `mode`.",
        )
        .validation()),
    }
}

pub(crate) fn check_urls(call: &Call<'_>, ui_mode: UiMode) -> Result<(), StripeError> {
    for name in ["success_url", "cancel_url", "return_url"] {
        let Some(url) = call.params.text(&format!("/{name}")) else {
            continue;
        };
        if !url.contains("://") {
            return Err(StripeError::coded("url_invalid", "Not a valid URL")
                .param(name)
                .validation());
        }
    }
    if ui_mode == UiMode::Hosted {
        call.params.require("success_url").map(|_| ())
    } else {
        let refused: Vec<&str> = ["cancel_url", "success_url"]
            .into_iter()
            .filter(|name| call.params.has(name))
            .collect();
        if !refused.is_empty() {
            let spoken = call.params.text("/ui_mode").unwrap_or_default();
            return Err(StripeError::invalid(format!(
                "The following parameters are not supported with 'ui_mode: {spoken}': {}.",
                refused.join(", ")
            )));
        }
        if call.params.text("/redirect_on_completion") == Some("never") {
            return Ok(());
        }
        call.params.require("return_url").map(|_| ())
    }
}

pub(crate) fn check_customer(call: &Call<'_>, mode: &str) -> Result<(), StripeError> {
    if let Some(id) = call.params.text("/customer") {
        let customer = call.account.get(id);
        if customer["object"] != "customer" || customer["deleted"] == true {
            return Err(StripeError::no_such_param("customer", id, "customer"));
        }
        if call.params.has("customer_email") {
            return Err(one_of("customer, customer_email"));
        }
    }
    if call.params.has("customer_update") && !call.params.has("customer") {
        return Err(
            StripeError::invalid("`customer_update` can only be used with `customer`.")
                .param("customer_update"),
        );
    }
    if call.params.has("customer_creation") {
        if mode == "subscription" {
            return Err(StripeError::invalid(
                "`customer_creation` can only be used in `payment` mode.",
            ));
        }
        if call.params.has("customer") {
            return Err(one_of("customer, customer_creation"));
        }
    }
    for (name, wanted) in [
        ("subscription_data", "subscription"),
        ("payment_intent_data", "payment"),
        ("setup_intent_data", "setup"),
    ] {
        if call.params.has(name) && mode != wanted {
            return Err(not_in_mode(name, mode));
        }
    }
    Ok(())
}

/// Two parameters that exclude each other; the first one is named as the one at fault.
fn one_of(names: &str) -> StripeError {
    let first = names.split(", ").next().unwrap_or_default();
    StripeError::invalid(format!(
        "You may only specify one of these parameters: {names}."
    ))
    .param(first)
}

pub(crate) fn not_in_mode(name: &str, mode: &str) -> StripeError {
    StripeError::invalid(format!("You can not pass `{name}` in `{mode}` mode.")).param(name)
}

/// Parameters that have a meaning in some modes only.
pub(crate) fn check_mode(call: &Call<'_>, mode: &str) -> Result<(), StripeError> {
    let only_in: &[(&str, &[&str])] = &[
        ("allow_promotion_codes", &["payment", "subscription"]),
        ("discounts", &["payment", "subscription"]),
        ("optional_items", &["payment", "subscription"]),
        ("shipping_address_collection", &["payment", "subscription"]),
        ("shipping_options", &["payment"]),
        ("submit_type", &["payment", "subscription"]),
    ];
    for (name, modes) in only_in {
        if call.params.has(name) && !modes.contains(&mode) {
            return Err(not_in_mode(name, mode));
        }
    }
    // Stripe refuses the pair even when codes are turned off.
    if call.params.has("allow_promotion_codes") && call.params.has("discounts") {
        return Err(one_of("allow_promotion_codes, discounts"));
    }
    if call.params.list("/discounts").len() > 1 {
        return Err(StripeError::invalid(
            "You may only specify one discount per Checkout Session.",
        )
        .param("discounts"));
    }
    if call.params.flag("/invoice_creation/enabled") == Some(true) && mode != "payment" {
        return Err(StripeError::invalid(
            "You can only enable invoice creation when `mode` is set to `payment`. Invoices are \
             created automatically when `mode` is set to `subscription`, and are not supported \
             when set to `setup`. To learn more visit \
             https://stripe.com/docs/payments/checkout/post-payment-invoices",
        )
        .param("invoice_creation"));
    }
    if call.params.has("payment_method_collection") && mode != "subscription" {
        return Err(StripeError::invalid(
            "You can only set `payment_method_collection` if there are recurring prices.",
        )
        .param("payment_method_collection"));
    }
    Ok(())
}

pub(crate) fn expiry(call: &Call<'_>) -> Result<i64, StripeError> {
    let now = call.account.now;
    let Some(at) = call.params.int("/expires_at") else {
        return Ok(now + LIFE_SECONDS);
    };
    if at < now + EXPIRY_MIN_SECONDS {
        return Err(StripeError::invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
        )
        .param("expires_at"));
    }
    if at > now + LIFE_SECONDS {
        return Err(StripeError::invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
        )
        .param("expires_at"));
    }
    Ok(at)
}

pub(crate) fn check_trial(call: &Call<'_>, data: &Value) -> Result<(), StripeError> {
    let days = data["trial_period_days"].as_i64();
    if days.is_some_and(|days| !(1..=TRIAL_DAYS_MAX).contains(&days)) {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            format!("This value must be between 1 and {TRIAL_DAYS_MAX}."),
        )
        .param("subscription_data[trial_period_days]"));
    }
    match data["trial_end"].as_i64() {
        Some(_) if days.is_some() => Err(one_of("trial_end, trial_period_days")),
        Some(at) if at < call.account.now + 2 * 86_400 => Err(StripeError::invalid(
            "The `trial_end` date has to be at least 2 days in the future.",
        )
        .param("subscription_data[trial_end]")),
        _ => Ok(()),
    }
}

pub(crate) fn check_anchor(call: &Call<'_>, data: &Value) -> Result<(), StripeError> {
    let Some(anchor) = data["billing_cycle_anchor"].as_i64() else {
        if data["proration_behavior"].is_string() {
            return Err(StripeError::invalid(
                "`proration_behavior` can only be set along with `billing_cycle_anchor`.",
            )
            .param("subscription_data[proration_behavior]"));
        }
        return Ok(());
    };
    if anchor <= call.account.now {
        return Err(StripeError::invalid(
            "billing_cycle_anchor must be a timestamp in the future.",
        )
        .param("subscription_data[billing_cycle_anchor]"));
    }
    Ok(())
}

pub(crate) fn check_minimum(amount: i64, currency: &str) -> Result<(), StripeError> {
    let minimum = match currency {
        "usd" | "eur" | "chf" | "cad" | "aud" | "jpy" => 50,
        "gbp" => 30,
        _ => 1,
    };
    if amount >= minimum {
        return Ok(());
    }
    let written = lives::money::written(minimum, currency);
    Err(StripeError::coded(
        "amount_too_small",
        format!(
            "The Checkout Session's total amount due must add up to at least {written} {currency}"
        ),
    ))
}
