//! Makes parameters for an endpoint from its line of the table: mostly plausible ones, some hostile.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::{Field, Kind, table};

const HOSTILE: &[&str] = &[
    "",
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999999999999999",
    "1e309",
    "NaN",
    "0.1",
    "-0.000000000001",
    "100.5",
    "true",
    "now",
    "unchanged",
    "null",
    "[]",
    "{}",
    "%00",
    "%ff%fe",
    "%F0%9F%92%B3",
    "%",
    "%zz",
    "a%0D%0Ab",
    "'; drop table",
    "..%2F..%2F",
    "xxx",
    "usd",
    "jpy",
    "bhd",
    "month",
    "12345678901234567890",
    "%22%5C%22",
    "day",
    "*",
];

/// Draws from a seed.
pub(crate) struct Draw<'a> {
    pub(crate) rng: ChaCha8Rng,
    /// Ids of objects that exist.
    pub(crate) ids: &'a [String],
    pub(crate) now: i64,
    /// Whether the request that is being made is one that somebody might send.
    pub(crate) is_mild: bool,
}

/// What ids begin with, by the words of paths and parameters that hold them.
const PREFIXES: &[(&str, &str)] = &[
    ("charge", "ch_"),
    ("credit_note", "cn_"),
    ("customer", "cus_"),
    ("dispute", "d"),
    ("event_destination", "ed_"),
    ("event", "evt_"),
    ("feature", "feat_"),
    ("invoice_payment", "inpay_"),
    ("invoiceitem", "ii_"),
    ("invoice", "in_"),
    ("meter", "mtr_"),
    ("payment_intent", "pi_"),
    ("payment_method", "pm_"),
    ("price", "price_"),
    ("product", "prod_"),
    ("promotion_code", "promo_"),
    ("refund", "re_"),
    ("session", "cs_"),
    ("setup_intent", "seti_"),
    ("shipping_rate", "shr_"),
    ("subscription_item", "si_"),
    ("subscription_schedule", "sub_sched_"),
    ("subscription", "sub_"),
    ("tax_id", "txi_"),
    ("tax_rate", "txr_"),
    ("test_clock", "clock_"),
    ("webhook_endpoint", "we_"),
];

impl Draw<'_> {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap_or(0) % limit.max(1)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn hostile(&mut self) -> String {
        match self.below(40) {
            0 => "x".repeat(6_000),
            1 => "[".repeat(50),
            _ => HOSTILE[self.below(HOSTILE.len())].to_owned(),
        }
    }

    /// An id for a path or a parameter that names a kind of object; the fitting kind if there is one.
    pub(crate) fn id(&mut self, hint: &str) -> String {
        if !self.is_mild && self.chance(8) {
            return self.hostile();
        }
        let prefix = (PREFIXES.iter())
            .find(|(word, _)| hint.contains(word))
            .map(|(_, prefix)| *prefix);
        let fitting: Vec<&String> = (self.ids.iter())
            .filter(|id| prefix.is_some_and(|prefix| id.starts_with(prefix)))
            .collect();
        if !fitting.is_empty() && (self.is_mild || self.chance(80)) {
            return fitting[self.below(fitting.len())].clone();
        }
        let at = self.below(self.ids.len());
        self.ids.get(at).cloned().unwrap_or_default()
    }

    fn integer(&mut self, name: &str) -> String {
        let is_time = [
            "_at",
            "_end",
            "_start",
            "_date",
            "anchor",
            "timestamp",
            "created",
        ]
        .iter()
        .any(|part| name.contains(part));
        if is_time {
            let away = i64::try_from(self.below(400)).unwrap_or(0) - 100;
            return (self.now + away * 86_400).to_string();
        }
        match self.below(8) {
            _ if self.is_mild => (1 + self.below(3_000)).to_string(),
            0 => i64::MAX.to_string(),
            1 => i64::MIN.to_string(),
            2 => "-5".into(),
            3 => "0".into(),
            4 => "100000000".into(),
            _ => self.below(5_000).to_string(),
        }
    }

    /// Pairs of a body for an endpoint, joined as a form.
    pub(crate) fn body(&mut self, endpoint: &str) -> String {
        let mut pairs = Vec::new();
        if let Some(Field {
            kind: Kind::Object(fields),
            ..
        }) = table().get(endpoint)
        {
            self.fields(fields, "", 0, &mut pairs);
        }
        if self.is_mild {
            return pairs.join("&");
        }
        if self.chance(10) {
            let name = self.hostile();
            pairs.push(format!("{name}={}", self.hostile()));
        }
        if self.chance(3) {
            pairs.push(format!(
                "a{}=1",
                "[b]".repeat(self.rng.next_u32() as usize % 40)
            ));
        }
        pairs.join("&")
    }

    fn fields(&mut self, fields: &[Field], at: &str, depth: usize, out: &mut Vec<String>) {
        let share = match (self.is_mild, fields.len() > 12) {
            (true, true) => 4,
            (true, false) => 10,
            (false, true) => 12,
            (false, false) => 35,
        };
        for field in fields {
            if field.is_required && !self.is_mild && !self.chance(95) {
                continue;
            }
            if !field.is_required && !self.chance(share) {
                continue;
            }
            let path = if at.is_empty() {
                field.name.clone()
            } else {
                format!("{at}[{}]", field.name)
            };
            self.value(field, &path, depth, out);
        }
    }

    fn value(&mut self, field: &Field, path: &str, depth: usize, out: &mut Vec<String>) {
        if !self.is_mild && self.chance(4) {
            // Something of another shape than is expected.
            let hostile = self.hostile();
            let twisted = ["", "[]", "[0]", "[x]", "[0][y]", "["][self.below(6)];
            out.push(format!("{path}{twisted}={hostile}"));
            return;
        }
        match &field.kind {
            Kind::Object(fields) if depth < 6 => self.fields(fields, path, depth + 1, out),
            Kind::Array(item) => {
                let count = 1 + self.below(3);
                for index in 0..count {
                    let index = if self.chance(20) {
                        String::new()
                    } else {
                        index.to_string()
                    };
                    self.value(item, &format!("{path}[{index}]"), depth + 1, out);
                }
            }
            Kind::Enum(values) if !values.is_empty() => {
                let at = self.below(values.len());
                out.push(format!("{path}={}", values[at].0));
            }
            Kind::Integer => out.push(format!("{path}={}", self.integer(&field.name))),
            Kind::Number => out.push(format!("{path}={}.5", self.below(200))),
            Kind::Boolean => out.push(format!("{path}={}", self.chance(50))),
            Kind::Range => out.push(format!("{path}[gte]={}", self.now - 1_000)),
            Kind::StringMap => out.push(format!("{path}[k]={}", self.hostile())),
            _ => {
                let text = self.text(&field.name, path);
                out.push(format!("{path}={text}"));
            }
        }
    }

    fn text(&mut self, name: &str, path: &str) -> String {
        let name = if name.is_empty() {
            path.rsplit('[')
                .nth(1)
                .unwrap_or(path)
                .trim_end_matches(']')
        } else {
            name
        };
        match name {
            "currency" if self.is_mild => "usd".into(),
            "expand" if self.is_mild => "data".into(),
            "currency" => ["usd", "eur", "jpy", "xyz"][self.below(4)].into(),
            "email" => "a%40b.co".into(),
            "url" | "success_url" | "cancel_url" | "return_url" => "http://a.test/x".into(),
            "expand" => {
                ["customer", "data.customer", "latest_invoice", "x.y.z"][self.below(4)].into()
            }
            "query" => [
                "name:%22a%22",
                "metadata[%22k%22]:%22v%22",
                "x",
                "a:b AND",
                "-",
            ][self.below(5)]
            .into(),
            "payment_method" | "source" => {
                ["pm_card_visa", "tok_visa", "pm_card_chargeDeclined"][self.below(3)].into()
            }
            "unit_amount_decimal" | "amount_decimal" | "flat_amount_decimal" => {
                ["0.5", "12.345678901234", "-1", "99999999999999", "1e3"][self.below(5)].into()
            }
            "enabled_events" => "*".into(),
            "up_to" => ["10", "inf", "0"][self.below(3)].into(),
            _ if PREFIXES.iter().any(|(word, _)| name == *word) => self.id(name),
            _ if self.is_mild => format!("x{}", self.below(1_000)),
            _ if self.chance(30) => self.id(name),
            _ => self.hostile(),
        }
    }
}
