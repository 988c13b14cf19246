//! Stripe's test cards and how each of them behaves; nothing else is a card here.

mod numbers;

use crate::json::{Value, json};

pub(crate) use crate::lives::card::numbers::CARDS;

/// A refusal by the card's issuer, in Stripe's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "Stripe's names")]
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    pub(crate) decline_code: &'static str,
    /// Empty where the refusal is not about a field.
    pub(crate) param: &'static str,
    pub(crate) message: &'static str,
    pub(crate) advice_code: &'static str,
    /// Empty where the network gives none.
    pub(crate) network_advice_code: &'static str,
    pub(crate) network_decline_code: &'static str,
}

const fn declined(reason: &'static str, advice: &'static str, network: &'static str) -> Decline {
    Decline {
        code: "card_declined",
        decline_code: reason,
        param: "",
        message: "Your card was declined.",
        advice_code: advice,
        network_advice_code: "",
        network_decline_code: network,
    }
}

pub(crate) const GENERIC: Decline = declined("generic_decline", "try_again_later", "01");
const FUNDS: Decline = Decline {
    message: "Your card has insufficient funds.",
    network_advice_code: "02",
    ..declined("insufficient_funds", "try_again_later", "51")
};
const LOST: Decline = Decline {
    network_advice_code: "01",
    ..declined("lost_card", "do_not_try_again", "41")
};
const STOLEN: Decline = Decline {
    network_advice_code: "01",
    ..declined("stolen_card", "do_not_try_again", "43")
};
const VELOCITY: Decline = Decline {
    message: "Your card was declined for making repeated attempts too frequently or exceeding its \
              amount limit.",
    network_advice_code: "02",
    ..declined("card_velocity_exceeded", "try_again_later", "61")
};
/// Blocked by Radar: no issuer was asked.
pub(crate) const FRAUD: Decline = Decline {
    advice_code: "",
    network_decline_code: "",
    ..declined("fraudulent", "", "")
};
const EXPIRED: Decline = Decline {
    code: "expired_card",
    param: "exp_month",
    message: "Your card has expired.",
    network_advice_code: "03",
    ..declined("expired_card", "confirm_card_data", "54")
};
pub(crate) const CVC: Decline = Decline {
    code: "incorrect_cvc",
    param: "cvc",
    message: "Your card's security code is incorrect.",
    network_advice_code: "03",
    ..declined("incorrect_cvc", "confirm_card_data", "N7")
};
pub(crate) const ZIP: Decline = Decline {
    code: "incorrect_zip",
    param: "address_zip",
    message: "Your card could not be authorized using the postal code provided. Please update the \
              postal code, or contact your card issuer for further details.",
    ..declined("incorrect_zip", "confirm_card_data", "N7")
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
    advice_code: "",
    network_decline_code: "",
    ..declined("incorrect_number", "", "")
};
const LIVE_CARD: Decline = Decline {
    message: "Your card was declined. Your request was in test mode, but used a non test (live) \
              card. For a list of valid test cards, visit: https://stripe.com/docs/testing.",
    advice_code: "",
    network_decline_code: "",
    ..declined("test_mode_live_card", "", "")
};
/// An issuer that wants its customer to answer, where nobody can.
pub(crate) const AUTHENTICATION: Decline = Decline {
    code: "authentication_required",
    message: "Your card was declined. This transaction requires authentication.",
    advice_code: "",
    network_decline_code: "",
    ..declined("authentication_required", "", "")
};

/// What happens when a card is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Succeeds,
    /// Refused whenever it is used, attaching included.
    Declines(Decline),
    /// Attaches, and is refused when charged.
    FailsWhenCharged(Decline),
    /// Asks for 3-D Secure; `challenge` says when, `then` what comes after it.
    NeedsAuthentication,
}

/// When a card asks its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Never by itself, and not if the seller asks for it either.
    Never,
    /// Only if the seller asks for it.
    OnDemand,
    Always,
    /// On session always; off session unless it was set up for that.
    UnlessSetUp,
    /// On session only.
    OnSession,
}

/// What follows some time after a successful charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aftermath {
    Nothing,
    /// A dispute with this reason and the network's code for it.
    Dispute(&'static str, &'static str),
    TwoDisputes,
    Inquiry,
    FraudWarning,
    RefundPending,
    RefundFails,
    /// The money is available at once.
    AvailableAtOnce,
}

/// What the issuer says about the address and the security code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checks {
    Pass,
    CvcFails,
    ZipFails,
    LineFails,
    AddressFails,
    Unavailable,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct TestCard {
    pub(crate) number: &'static str,
    /// What follows `pm_card_` and `tok_`.
    names: &'static str,
    pub(crate) brand: &'static str,
    pub(crate) funding: &'static str,
    pub(crate) country: &'static str,
    pub(crate) behaviour: Behaviour,
    pub(crate) challenge: Challenge,
    /// The refusal that follows even if the challenge is passed.
    pub(crate) then: Option<Decline>,
    pub(crate) aftermath: Aftermath,
    pub(crate) checks: Checks,
    /// `normal`, `elevated` or `highest`; the last is blocked.
    pub(crate) risk: &'static str,
}

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
            .split_ascii_whitespace()
            .any(|known| known == name)
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

impl TestCard {
    /// What follows `pm_card_`, separated by blanks.
    pub(crate) fn names_of(&self) -> &'static str {
        self.names
    }
}

impl Decline {
    /// The error's own members beside type and message.
    pub(crate) fn members(&self) -> Value {
        let mut members = json!({
            "code": self.code,
            "decline_code": self.decline_code,
        });
        let optional = [
            ("advice_code", self.advice_code),
            ("network_advice_code", self.network_advice_code),
            ("network_decline_code", self.network_decline_code),
        ];
        for (name, value) in optional.into_iter().filter(|(_, value)| !value.is_empty()) {
            members[name] = json!(value);
        }
        members
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

    #[test]
    fn every_number_and_every_name_is_there_once_and_plausible() {
        let mut names: Vec<&str> = CARDS
            .iter()
            .flat_map(|card| card.names.split_ascii_whitespace())
            .collect();
        let mut numbers: Vec<&str> = CARDS.iter().map(|card| card.number).collect();
        assert!(numbers.iter().all(|number| passes_luhn(number)));
        let counts = (names.len(), numbers.len());
        names.sort_unstable();
        names.dedup();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!((names.len(), numbers.len()), counts);
    }
}
