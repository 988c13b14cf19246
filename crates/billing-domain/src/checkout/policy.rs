//! The rules of a checkout that an operator configures.

use std::collections::BTreeSet;

use time::Duration;

use crate::kernel::text::CountryCode;

/// Configured once at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutPolicy {
    /// Where nobody may buy from.
    pub embargoed_countries: BTreeSet<CountryCode>,
    /// How long slug and name stay reserved.
    pub reservation: Duration,
    /// Days before the first charge; 0 for none.
    pub trial_days: u16,
    /// Where the payer goes afterwards, unless the request says otherwise. The provider puts the
    /// session's id in place of `{CHECKOUT_SESSION_ID}`.
    pub success_url: String,
    /// Where the payer goes who gives up, unless the request says otherwise.
    pub cancel_url: String,
    /// Prefixes that a URL of a request must have one of (A-107, B-049).
    pub redirect_allowlist: Vec<String>,
}

impl CheckoutPolicy {
    /// Whether somebody there may buy; an unknown country may.
    pub fn serves(&self, country: Option<&CountryCode>) -> bool {
        country.is_none_or(|country| !self.embargoed_countries.contains(country))
    }

    /// Whether a payer may be sent there: an allowed prefix that ends where a path, a query or
    /// the URL ends, so that `https://shop.example` does not allow `https://shop.example.evil`.
    pub fn allows_redirect(&self, url: &str) -> bool {
        let is_plain = !url
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '\\');
        is_plain
            && self.redirect_allowlist.iter().any(|prefix| {
                url.strip_prefix(prefix.as_str()).is_some_and(|rest| {
                    rest.is_empty() || prefix.ends_with('/') || rest.starts_with(['/', '?', '#'])
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> CheckoutPolicy {
        CheckoutPolicy {
            embargoed_countries: [CountryCode::parse("KP").unwrap()].into(),
            reservation: Duration::hours(24),
            trial_days: 14,
            success_url: String::new(),
            cancel_url: String::new(),
            redirect_allowlist: vec!["https://shop.example".to_owned()],
        }
    }

    #[test]
    fn b_049_a_redirect_stays_on_the_allowed_host() {
        for url in [
            "https://shop.example",
            "https://shop.example/a?b=c",
            "https://shop.example?x",
        ] {
            assert!(policy().allows_redirect(url), "{url}");
        }
        for url in [
            "https://shop.example.evil/",
            "https://shop.example@evil/",
            "https://evil/https://shop.example",
            "https://shop.example/\r\nSet-Cookie: a",
            "https://shop.example\\@evil",
            "javascript:alert(1)",
        ] {
            assert!(!policy().allows_redirect(url), "{url}");
        }
    }

    #[test]
    fn a_113_an_embargoed_country_is_not_served() {
        assert!(!policy().serves(Some(&CountryCode::parse("KP").unwrap())));
        assert!(policy().serves(Some(&CountryCode::parse("DE").unwrap())));
        assert!(policy().serves(None));
    }
}
