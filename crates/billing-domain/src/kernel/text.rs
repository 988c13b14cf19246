//! Short texts with a rule: parsed once at the edge, trusted inside.

use std::fmt;

use serde::Serialize;

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be {rule}")]
pub struct InvalidText {
    /// The rule in words, fit for a client.
    pub rule: &'static str,
}

/// Declares a newtype over `String` with one parser.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $rule:literal, $parse:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Parses the text: ", $rule, ".")]
            ///
            /// # Errors
            /// [`InvalidText`] with the rule.
            pub fn parse(text: &str) -> Result<Self, InvalidText> {
                let parse: fn(&str) -> Option<String> = $parse;
                parse(text).map(Self).ok_or(InvalidText { rule: $rule })
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

fn bounded(text: &str, max_chars: usize) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= max_chars;
    (fits && !text.chars().any(is_deceptive)).then(|| text.to_owned())
}

/// Control characters, and those that are not seen or turn their neighbours around: with them two
/// names that a person cannot tell apart would both be free. What joins letters and emoji
/// (U+200C, U+200D) and marks a direction (U+200E, U+200F) belongs to honest names.
fn is_deceptive(c: char) -> bool {
    let is_unseen = matches!(c, '\u{200B}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}');
    let turns_around = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    c.is_control() || is_unseen || turns_around
}

fn of_ascii(text: &str, max_chars: usize, is_allowed: fn(char) -> bool) -> Option<String> {
    let fits = !text.is_empty() && text.len() <= max_chars;
    (fits && text.chars().all(is_allowed)).then(|| text.to_owned())
}

texts! {
    /// The address part under which a customer's portal lives; reserved by an intent.
    Slug, "1 to 255 of a-z, 0-9 and `-`",
        |text| of_ascii(text, 255, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    /// The name of a company; reserved without regard to case.
    CompanyName, "1 to 255 characters without control characters", |text| bounded(text, 255);
    /// An ISO 3166 alpha-2 country code in upper case.
    CountryCode, "two letters A-Z (ISO 3166 alpha-2)",
        |text| of_ascii(text, 2, |c| c.is_ascii_uppercase()).filter(|code| code.len() == 2);
    /// What an application asks for by name (E-064).
    FeatureCode, "1 to 100 of a-z, 0-9, `_`, `.`, `:` and `-`",
        |text| of_ascii(text, 100, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.:-".contains(c));
    /// What a project calls its user: the `sub` of a token, or an application's own id.
    ExternalUserId, "1 to 255 characters without control characters", |text| bounded(text, 255);
    /// A configured name for a price.
    LookupKey, "1 to 200 printable characters", |text| bounded(text, 200);
    /// A title that a person reads.
    Title, "1 to 255 characters without control characters", |text| bounded(text, 255);
    /// Why an operator did something, in their own words.
    Reason, "1 to 500 characters without control characters", |text| bounded(text, 500);
    /// An id that the payment provider gave; opaque to us.
    ProviderRef, "1 to 255 printable ASCII characters without spaces",
        |text| of_ascii(text, 255, |c| c.is_ascii_graphic());
    /// The secret with which a licence is activated.
    ActivationKey, "16 to 64 of a-z, A-Z, 0-9, `-` and `_`",
        |text| of_ascii(text, 64, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_').filter(|key| key.len() >= 16);
}

impl CompanyName {
    /// The form in which two names are compared.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_accepts_and_refuses() {
        assert!(Slug::parse("acme-2").is_ok());
        for bad in ["", "Acme", "a b", "ä", &"a".repeat(256)] {
            assert!(Slug::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            CompanyName::parse("  Acme, Inc. ").unwrap().as_str(),
            "Acme, Inc."
        );
        assert!(CompanyName::parse("a\u{0}b").is_err());
        for deceptive in [
            "\u{200B}",
            "Ac\u{200B}me",
            "\u{FEFF}Acme",
            "Acme \u{202E}cnI",
        ] {
            assert!(CompanyName::parse(deceptive).is_err(), "{deceptive:?}");
        }
        for honest in ["شركة النور", "می\u{200C}خواهم", "👩\u{200D}💻 Köln"] {
            assert!(CompanyName::parse(honest).is_ok(), "{honest}");
        }
        assert_eq!(CompanyName::parse("ACME").unwrap().folded(), "acme");
        assert!(CountryCode::parse("DE").is_ok());
        for bad in ["de", "D", "DEU", "D1"] {
            assert!(CountryCode::parse(bad).is_err(), "{bad}");
        }
        assert!(FeatureCode::parse("course:42_a.b-c").is_ok());
        assert!(FeatureCode::parse("Feature").is_err());
        assert!(ProviderRef::parse("cs_test_a1").is_ok());
        assert!(ProviderRef::parse("cs test").is_err());
        assert!(ActivationKey::parse("short").is_err());
    }
}
