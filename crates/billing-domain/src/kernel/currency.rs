//! ISO 4217 currencies with the exponent Stripe uses for each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A currency by its ISO 4217 code, written in lower case as Stripe writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// The text is not the code of a currency that can be charged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` is not an ISO 4217 currency code")]
pub struct UnknownCurrency {
    /// What was given.
    pub code: String,
}

/// Codes with no minor unit; <https://docs.stripe.com/currencies#zero-decimal>.
const ZERO_DECIMAL: &[&str] = &[
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];

/// Codes with a thousandth; <https://docs.stripe.com/currencies#three-decimal>.
const THREE_DECIMAL: &[&str] = &["bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"];

/// Codes with a hundredth. ISK and UGX have no minor unit in ISO 4217 any more, but Stripe
/// takes and answers them in hundredths, as it does HUF and TWD.
const TWO_DECIMAL: &[&str] = &[
    "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt",
    "bgn", "bmd", "bnd", "bob", "brl", "bsd", "btn", "bwp", "byn", "bzd", "cad", "cdf", "chf",
    "cny", "cop", "crc", "cup", "cve", "czk", "dkk", "dop", "dzd", "egp", "ern", "etb", "eur",
    "fjd", "fkp", "gbp", "gel", "ghs", "gip", "gmd", "gtq", "gyd", "hkd", "hnl", "htg", "huf",
    "idr", "ils", "inr", "irr", "isk", "jmd", "kes", "kgs", "khr", "kpw", "kyd", "kzt", "lak",
    "lbp", "lkr", "lrd", "lsl", "mad", "mdl", "mkd", "mmk", "mnt", "mop", "mru", "mur", "mvr",
    "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio", "nok", "npr", "nzd", "pab", "pen", "pgk",
    "php", "pkr", "pln", "qar", "ron", "rsd", "rub", "sar", "sbd", "scr", "sdg", "sek", "sgd",
    "shp", "sle", "sos", "srd", "ssp", "stn", "svc", "syp", "szl", "thb", "tjs", "tmt", "top",
    "try", "ttd", "twd", "tzs", "uah", "ugx", "usd", "uyu", "uzs", "ves", "wst", "xcd", "yer",
    "zar", "zmw",
];

impl Currency {
    /// United States dollar.
    pub const USD: Self = Self {
        code: *b"usd",
        exponent: 2,
    };
    /// Euro.
    pub const EUR: Self = Self {
        code: *b"eur",
        exponent: 2,
    };
    /// Japanese yen, which has no minor unit.
    pub const JPY: Self = Self {
        code: *b"jpy",
        exponent: 0,
    };
    /// Kuwaiti dinar, which has a thousandth.
    pub const KWD: Self = Self {
        code: *b"kwd",
        exponent: 3,
    };

    /// Parses a code in either case.
    ///
    /// # Errors
    /// [`UnknownCurrency`] if no such currency can be charged.
    pub fn parse(text: &str) -> Result<Self, UnknownCurrency> {
        let lower = text.to_ascii_lowercase();
        let exponent = if TWO_DECIMAL.contains(&lower.as_str()) {
            2
        } else if ZERO_DECIMAL.contains(&lower.as_str()) {
            0
        } else if THREE_DECIMAL.contains(&lower.as_str()) {
            3
        } else {
            return Err(UnknownCurrency {
                code: text.chars().take(16).collect(),
            });
        };
        match <[u8; 3]>::try_from(lower.as_bytes()) {
            Ok(code) => Ok(Self { code, exponent }),
            Err(_) => Err(UnknownCurrency { code: lower }),
        }
    }

    /// The code in lower case.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).expect("every code in the tables is ASCII")
    }

    /// How many decimal places the minor unit has: JPY 0, USD 2, KWD 3.
    pub fn exponent(&self) -> u8 {
        self.exponent
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl TryFrom<String> for Currency {
    type Error = UnknownCurrency;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_currency_has_the_exponent_that_stripe_uses() {
        for (code, exponent) in [
            ("USD", 2),
            ("jpy", 0),
            ("Kwd", 3),
            ("isk", 2),
            ("ugx", 2),
            ("krw", 0),
            ("bhd", 3),
        ] {
            assert_eq!(
                Currency::parse(code).unwrap().exponent(),
                exponent,
                "{code}"
            );
        }
    }

    #[test]
    fn an_unknown_code_is_refused() {
        for code in ["", "us", "usdx", "xyz", "u$d", "ééé"] {
            assert!(Currency::parse(code).is_err(), "{code}");
        }
    }

    #[test]
    fn the_constants_agree_with_the_tables() {
        for constant in [Currency::USD, Currency::EUR, Currency::JPY, Currency::KWD] {
            assert_eq!(Currency::parse(constant.code()).unwrap(), constant);
        }
    }

    #[test]
    fn no_code_stands_in_two_tables() {
        let all: Vec<_> = [ZERO_DECIMAL, TWO_DECIMAL, THREE_DECIMAL].concat();
        let mut distinct = all.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len());
    }
}
