//! Stripe's test cards and how each of them behaves; nothing else is a card here.

use serde_json::{Value, json};

/// A refusal by the card's issuer, in Stripe's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "Stripe's names")]
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    pub(crate) decline_code: &'static str,
    pub(crate) param: &'static str,
    pub(crate) message: &'static str,
    pub(crate) advice_code: &'static str,
    pub(crate) network_decline_code: &'static str,
}

const fn declined(reason: &'static str, advice: &'static str, network: &'static str) -> Decline {
    Decline {
        code: "card_declined",
        decline_code: reason,
        param: "",
        message: "Your card was declined.",
        advice_code: advice,
        network_decline_code: network,
    }
}

pub(crate) const GENERIC: Decline = declined("generic_decline", "try_again_later", "01");
const FUNDS: Decline = Decline {
    message: "Your card has insufficient funds.",
    ..declined("insufficient_funds", "try_again_later", "51")
};
const LOST: Decline = declined("lost_card", "do_not_try_again", "41");
const STOLEN: Decline = declined("stolen_card", "do_not_try_again", "43");
const VELOCITY: Decline = Decline {
    message: "Your card was declined for making repeated attempts too frequently or exceeding its \
              amount limit.",
    ..declined("card_velocity_exceeded", "try_again_later", "61")
};
const FRAUD: Decline = declined("fraudulent", "do_not_try_again", "59");
const EXPIRED: Decline = Decline {
    code: "expired_card",
    param: "exp_month",
    message: "Your card has expired.",
    ..declined("expired_card", "confirm_card_data", "54")
};
const CVC: Decline = Decline {
    code: "incorrect_cvc",
    param: "cvc",
    message: "Your card's security code is incorrect.",
    ..declined("incorrect_cvc", "confirm_card_data", "N7")
};
const PROCESSING: Decline = Decline {
    code: "processing_error",
    message: "An error occurred while processing your card. Try again in a little bit.",
    ..declined("processing_error", "try_again_later", "06")
};
const NUMBER: Decline = Decline {
    code: "incorrect_number",
    param: "number",
    message: "Your card number is incorrect.",
    ..declined("incorrect_number", "confirm_card_data", "14")
};
const LIVE_CARD: Decline = Decline {
    message: "Your card was declined. Your request was in test mode, but used a non test (live) \
              card. For a list of valid test cards, visit: https://stripe.com/docs/testing.",
    ..declined("test_mode_live_card", "try_again_later", "05")
};

/// What happens when a card is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Succeeds,
    /// Refused whenever it is used, attaching included.
    Declines(Decline),
    /// Attaches, and is refused when charged.
    FailsWhenCharged(Decline),
    /// Asks for 3-D Secure, which is not simulated.
    NeedsAuthentication,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct TestCard {
    pub(crate) number: &'static str,
    /// What follows `pm_card_` and `tok_`.
    names: &'static str,
    pub(crate) brand: &'static str,
    pub(crate) funding: &'static str,
    pub(crate) behaviour: Behaviour,
}

const fn ok(
    n: &'static str,
    names: &'static str,
    brand: &'static str,
    funding: &'static str,
) -> TestCard {
    TestCard {
        number: n,
        names,
        brand,
        funding,
        behaviour: Behaviour::Succeeds,
    }
}

const fn visa(number: &'static str, names: &'static str, behaviour: Behaviour) -> TestCard {
    TestCard {
        number,
        names,
        brand: "visa",
        funding: "credit",
        behaviour,
    }
}

static CARDS: &[TestCard] = &[
    ok("4242424242424242", "visa us", "visa", "credit"),
    ok("4000056655665556", "visa_debit", "visa", "debit"),
    ok("5555555555554444", "mastercard", "mastercard", "credit"),
    ok(
        "5200828282828210",
        "mastercard_debit",
        "mastercard",
        "debit",
    ),
    ok(
        "5105105105105100",
        "mastercard_prepaid",
        "mastercard",
        "prepaid",
    ),
    ok("378282246310005", "amex", "amex", "credit"),
    ok("371449635398431", "", "amex", "credit"),
    ok("6011111111111117", "discover", "discover", "credit"),
    ok("3056930009020004", "diners", "diners", "credit"),
    ok("3566002020360505", "jcb", "jcb", "credit"),
    ok("6200000000000005", "unionpay", "unionpay", "credit"),
    visa(
        "4000000000000002",
        "visa_chargeDeclined chargeDeclined",
        Behaviour::Declines(GENERIC),
    ),
    visa(
        "4000000000009995",
        "visa_chargeDeclinedInsufficientFunds chargeDeclinedInsufficientFunds",
        Behaviour::Declines(FUNDS),
    ),
    visa(
        "4000000000009987",
        "visa_chargeDeclinedLostCard",
        Behaviour::Declines(LOST),
    ),
    visa(
        "4000000000009979",
        "visa_chargeDeclinedStolenCard",
        Behaviour::Declines(STOLEN),
    ),
    visa(
        "4000000000006975",
        "visa_chargeDeclinedVelocityLimitExceeded",
        Behaviour::Declines(VELOCITY),
    ),
    visa(
        "4000000000000069",
        "chargeDeclinedExpiredCard",
        Behaviour::Declines(EXPIRED),
    ),
    visa(
        "4000000000000127",
        "chargeDeclinedIncorrectCvc",
        Behaviour::Declines(CVC),
    ),
    visa(
        "4000000000000119",
        "chargeDeclinedProcessingError",
        Behaviour::Declines(PROCESSING),
    ),
    visa("4100000000000019", "radarBlock", Behaviour::Declines(FRAUD)),
    visa(
        "4000000000000341",
        "chargeCustomerFail",
        Behaviour::FailsWhenCharged(GENERIC),
    ),
    visa(
        "4000002760003184",
        "authenticationRequired",
        Behaviour::NeedsAuthentication,
    ),
    visa(
        "4000002500003155",
        "authenticationRequiredOnSetup",
        Behaviour::NeedsAuthentication,
    ),
    visa(
        "4000000000003220",
        "threeDSecure2Required",
        Behaviour::NeedsAuthentication,
    ),
];

/// The card of a number as typed, blanks and dashes included; any other number is refused.
pub(crate) fn by_number(typed: &str) -> Result<&'static TestCard, Decline> {
    let digits: String = typed.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if let Some(card) = CARDS.iter().find(|card| card.number == digits) {
        return Ok(card);
    }
    Err(if passes_luhn(&digits) {
        LIVE_CARD
    } else {
        NUMBER
    })
}

/// The card of a name such as `visa` or `chargeDeclined`.
pub(crate) fn by_name(name: &str) -> Option<&'static TestCard> {
    CARDS.iter().find(|card| {
        card.names
            .split(' ')
            .any(|known| !known.is_empty() && known == name)
    })
}

fn passes_luhn(digits: &str) -> bool {
    let is_plausible =
        (12..=19).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, byte)| {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            match index % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    is_plausible && sum.is_multiple_of(10)
}

impl Decline {
    /// The error's own members beside type and message.
    pub(crate) fn members(&self) -> Value {
        json!({
            "advice_code": self.advice_code,
            "code": self.code,
            "decline_code": self.decline_code,
            "network_decline_code": self.network_decline_code,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart_as_stripe_does() {
        assert_eq!(by_number("4242 4242 4242 4242").unwrap().brand, "visa");
        assert_eq!(
            by_number("4242424242424241").unwrap_err().code,
            "incorrect_number"
        );
        assert_eq!(
            by_number("4111111111111111").unwrap_err().decline_code,
            "test_mode_live_card"
        );
        assert_eq!(by_number("abc").unwrap_err().code, "incorrect_number");
        assert_eq!(
            by_name("chargeDeclined").unwrap().number,
            "4000000000000002"
        );
    }
}
