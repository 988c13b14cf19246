//! What a delivery carried beside its body and its signature, for whoever looks into it later.
//! Never a credential.

use std::net::IpAddr;

/// Headers of one delivery, and the bytes of their names and values: several times what the provider
/// and the proxies on the way send.
pub const HEADERS_MAX: usize = 64;
/// See [`HEADERS_MAX`].
pub const HEADERS_BYTES_MAX: usize = 8 * 1024;

/// What opens something, here or at a proxy on the way; in lower case.
const CREDENTIALS: [&str; 5] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
    "x-operator-key",
];

/// Where a delivery came from and with which headers. An event that a scan found has neither.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    remote_address: Option<IpAddr>,
    headers: Vec<(String, String)>,
    bytes: usize,
}

impl Delivery {
    /// A delivery over a connection from this address: the last proxy's, if there is one.
    pub fn from_peer(remote_address: Option<IpAddr>) -> Self {
        Self {
            remote_address,
            ..Self::default()
        }
    }

    /// Keeps a header, behind those that were kept before; of a name that comes twice, both. Nothing
    /// is kept of a credential, nor of what goes over [`HEADERS_MAX`] or [`HEADERS_BYTES_MAX`].
    pub fn keep_header(&mut self, name: &str, value: &[u8]) {
        let is_credential = CREDENTIALS
            .iter()
            .any(|credential| name.eq_ignore_ascii_case(credential));
        if is_credential || self.headers.len() >= HEADERS_MAX {
            return;
        }
        let (name, value) = (as_text(name.as_bytes()), as_text(value));
        let bytes = self
            .bytes
            .saturating_add(name.len())
            .saturating_add(value.len());
        if bytes > HEADERS_BYTES_MAX {
            return;
        }
        self.bytes = bytes;
        self.headers.push((name, value));
    }

    /// The peer of the connection.
    pub fn remote_address(&self) -> Option<IpAddr> {
        self.remote_address
    }

    /// Names and values, in the order in which they were kept.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }
}

/// What is no text, or not one line of it, with its bytes escaped. No database has to keep a NUL.
fn as_text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        Ok(_) | Err(_) => value.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(headers: &[(&str, &[u8])]) -> Delivery {
        let mut delivery = Delivery::default();
        for (name, value) in headers {
            delivery.keep_header(name, value);
        }
        delivery
    }

    #[test]
    fn headers_are_kept_in_order_and_twice_if_they_came_twice() {
        let delivery = kept(&[
            ("user-agent", b"Stripe/1.0"),
            ("x-forwarded-for", b"192.0.2.1"),
            ("accept", b"*/*; q=0.5"),
            ("x-forwarded-for", b"192.0.2.2"),
        ]);
        let headers = delivery.headers().iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let expected = [
            ("user-agent", "Stripe/1.0"),
            ("x-forwarded-for", "192.0.2.1"),
            ("accept", "*/*; q=0.5"),
            ("x-forwarded-for", "192.0.2.2"),
        ];
        assert_eq!(headers, expected);
    }

    #[test]
    fn no_credential_is_kept_however_it_is_written() {
        for name in CREDENTIALS {
            assert_eq!(kept(&[(name, b"secret")]), Delivery::default(), "{name}");
            let loud = name.to_uppercase();
            assert_eq!(kept(&[(&loud, b"secret")]), Delivery::default(), "{loud}");
        }
        assert_eq!(kept(&[("x-cookie-count", b"2")]).headers().len(), 1);
    }

    #[test]
    fn what_is_no_text_is_kept_escaped() {
        let cases: [(&[u8], &str); 5] = [
            (b"caf\xc3\xa9", "caf\u{e9}"),
            (b"caf\xe9", r"caf\xe9"),
            (b"a\0b", r"a\x00b"),
            (b"a\r\nb\tc", r"a\r\nb\tc"),
            (b"", ""),
        ];
        for (value, expected) in cases {
            let delivery = kept(&[("x-odd", value)]);
            assert_eq!(delivery.headers()[0].1, expected);
            // Read back and kept again, it is the same.
            let again = kept(&[("x-odd", expected.as_bytes())]);
            assert_eq!(again, delivery);
        }
    }

    #[test]
    fn headers_are_bounded_in_number_and_in_bytes() {
        let mut many = Delivery::default();
        for _ in 0..HEADERS_MAX * 2 {
            many.keep_header("a", b"b");
        }
        assert_eq!(many.headers().len(), HEADERS_MAX);
        let long = vec![b'x'; HEADERS_BYTES_MAX];
        let exact = HEADERS_BYTES_MAX - 1;
        assert_eq!(kept(&[("a", &long)]).headers().len(), 0);
        assert_eq!(kept(&[("a", &long[..exact])]).headers().len(), 1);
        // Four bytes are written for each that is no text.
        let odd = vec![0xff; HEADERS_BYTES_MAX / 2];
        let one_fits = kept(&[("a", &odd), ("b", b"fits")]);
        assert_eq!(one_fits.headers().len(), 1);
    }
}
