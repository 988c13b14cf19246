//! An e-mail address, normalised so that two spellings of one mailbox compare equal.

use std::fmt;

use serde::Serialize;

/// An address in lower case, 6 to 253 characters (spec A-114).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Email(String);

/// The text is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address of 6 to 253 characters")]
pub struct InvalidEmail;

impl Email {
    /// Parses and lower-cases an address: one `@`, something before it, a dotted host after it.
    ///
    /// # Errors
    /// [`InvalidEmail`].
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim();
        if !(6..=253).contains(&text.len())
            || text.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(InvalidEmail);
        }
        let Some((local, host)) = text.split_once('@') else {
            return Err(InvalidEmail);
        };
        let host_is_dotted =
            host.split('.').count() > 1 && host.split('.').all(|part| !part.is_empty());
        let host_is_plain = host
            .chars()
            .all(|c| c.is_alphanumeric() || c == '.' || c == '-');
        if local.is_empty() || local.len() > 64 || !host_is_dotted || !host_is_plain {
            return Err(InvalidEmail);
        }
        Ok(Self(text.to_lowercase()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_lower_cased() {
        assert_eq!(
            Email::parse(" Ada@Example.COM ").unwrap().as_str(),
            "ada@example.com"
        );
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in [
            "",
            "a@b",
            "a@b.",
            "@example.com",
            "a b@example.com",
            "a@ex@ample.com",
            "a@exa\u{0}mple.com",
            &long,
        ] {
            assert!(Email::parse(text).is_err(), "{text}");
        }
    }
}
