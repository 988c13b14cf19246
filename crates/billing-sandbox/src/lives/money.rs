//! Currencies: which exist, how many decimals they have, and how an amount is written.

use crate::http::error::StripeError;

const CURRENCIES: &str = " usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bif bmd bnd \
    bob brl bsd bwp byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp \
    gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jpy kes kgs khr kmf krw kyd kzt \
    lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd \
    pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb \
    tjs top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw bhd jod kwd omr \
    tnd ";
const WITHOUT_DECIMALS: &str = " bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf ";
const WITH_THREE_DECIMALS: &str = " bhd jod kwd omr tnd ";

/// The largest amount that Stripe takes: eight digits.
pub(crate) const AMOUNT_MAX: i64 = 99_999_999;

/// The largest quantity of one line.
pub(crate) const QUANTITY_MAX: i64 = 999_999;

/// The currency in lower case, or Stripe's refusal.
pub(crate) fn currency(text: &str) -> Result<String, StripeError> {
    let lower = text.to_lowercase();
    if lower.len() == 3 && CURRENCIES.contains(&format!(" {lower} ")) {
        return Ok(lower);
    }
    let all = CURRENCIES.split_whitespace().collect::<Vec<_>>().join(", ");
    Err(StripeError::invalid(format!(
        "Invalid currency: {lower}. Stripe currently supports these currencies: {all}"
    ))
    .param("currency"))
}

/// `$10.00` for dollars of any country, `€1,234.50`, `¥500`, `10.00 CHF`: amount in the smallest unit.
pub(crate) fn written(amount: i64, currency: &str) -> String {
    let listed = format!(" {currency} ");
    let decimals = if WITHOUT_DECIMALS.contains(&listed) {
        0
    } else if WITH_THREE_DECIMALS.contains(&listed) {
        3
    } else {
        2
    };
    let digits = format!("{:0>1$}", amount.unsigned_abs(), decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let point = if decimals == 0 { "" } else { "." };
    let sign = if amount < 0 { "-" } else { "" };
    let number = format!("{grouped}{point}{fraction}");
    match currency {
        "usd" | "aud" | "cad" | "hkd" | "mxn" | "nzd" | "sgd" | "twd" => format!("{sign}${number}"),
        "eur" => format!("{sign}€{number}"),
        "gbp" => format!("{sign}£{number}"),
        "jpy" => format!("{sign}¥{number}"),
        other => format!("{sign}{number} {}", other.to_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_decimals_of_their_currency() {
        assert_eq!(written(1_000, "usd"), "$10.00");
        assert_eq!(written(2_000, "cad"), "$20.00");
        assert_eq!(written(5, "eur"), "€0.05");
        assert_eq!(written(1_234_567, "gbp"), "£12,345.67");
        assert_eq!(written(500, "jpy"), "¥500");
        assert_eq!(written(1_500, "kwd"), "1.500 KWD");
        assert_eq!(written(-667, "usd"), "-$6.67");
    }

    #[test]
    fn an_unknown_currency_is_refused() {
        assert_eq!(currency("USD").unwrap(), "usd");
        assert!(
            currency("zzz")
                .unwrap_err()
                .message
                .starts_with("Invalid currency: zzz.")
        );
    }
}
