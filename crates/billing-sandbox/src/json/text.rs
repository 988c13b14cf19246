//! A text of a JSON value or the name of a member: shared, never copied; one that the program
//! itself contains is not even counted.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The number is the text's mark, by which most unequal texts are told apart without being read.
#[derive(Clone)]
pub(crate) enum Text {
    Known(u32, &'static str),
    Shared(u32, Arc<str>),
}

/// Four of the bytes and the length: enough for the names of one object's members.
#[inline]
pub(super) const fn mark(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let length = bytes.len();
    if length == 0 {
        return 0;
    }
    let picked = [
        bytes[0],
        bytes[length / 3],
        bytes[length - 1 - length / 3],
        bytes[length - 1],
    ];
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is too much is left out"
    )]
    let spread = (length as u32).wrapping_mul(0x9E37_79B1);
    u32::from_le_bytes(picked) ^ spread
}

impl Text {
    #[inline]
    pub(crate) const fn known(text: &'static str) -> Self {
        Self::Known(mark(text), text)
    }

    pub(crate) fn copied(text: &str) -> Self {
        Self::Shared(mark(text), Arc::from(text))
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Known(_, text) => text,
            Self::Shared(_, text) => text,
        }
    }

    #[inline]
    const fn mark(&self) -> u32 {
        match self {
            Self::Known(mark, _) | Self::Shared(mark, _) => *mark,
        }
    }

    /// Whether it is this text, whose mark is known already.
    #[inline]
    pub(super) fn is(&self, mark: u32, text: &str) -> bool {
        self.mark() == mark && self.as_str() == text
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::known("")
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        other.is(self.mark(), self)
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<Text> for str {
    fn eq(&self, other: &Text) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<Text> for &str {
    fn eq(&self, other: &Text) -> bool {
        *self == other.as_str()
    }
}

impl PartialEq<Text> for String {
    fn eq(&self, other: &Text) -> bool {
        self == other.as_str()
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other)
    }
}

/// As a `str` is hashed, which it can be looked up by.
impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl From<&'static str> for Text {
    #[inline]
    fn from(text: &'static str) -> Self {
        Self::known(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::copied(&text)
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::copied(text)
    }
}

impl From<&Self> for Text {
    fn from(text: &Self) -> Self {
        text.clone()
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_wherever_it_is_kept() {
        for text in ["", "a", "id", "amount_due", "amount_paid", "ein Bär"] {
            assert_eq!(Text::copied(text), Text::copied(&text.to_owned()));
            assert_eq!(Text::copied(text).as_str(), text);
        }
        assert_eq!(Text::known("object"), Text::copied("object"));
        assert_ne!(Text::known("amount_due"), Text::known("amount_tax"));
    }
}
