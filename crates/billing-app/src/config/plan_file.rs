//! The plan file: which products are sold, by the lookup keys of their prices (A-094).

use std::path::Path;

use billing_domain::catalog::product::{ProductKind, QuantityRange};
use billing_domain::catalog::sync_catalog::PlannedProduct;
use billing_domain::checkout::intent::QUANTITY_MAX;
use billing_domain::kernel::text::{FeatureCode, LookupKey, Title};
use figment::providers::Format;
use serde::Deserialize;

use super::{ConfigError, invalid};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    product: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    kind: String,
    name: String,
    lookup_key: String,
    feature_codes: Vec<String>,
    #[serde(default = "quantity_min")]
    quantity_min: u32,
    #[serde(default = "quantity_max")]
    quantity_max: u32,
}

/// A-093: 5 to 30 unless the file says otherwise.
fn quantity_min() -> u32 {
    5
}

fn quantity_max() -> u32 {
    30
}

/// Reads and checks a plan file (TOML, a `[[product]]` for each product).
///
/// # Errors
/// [`ConfigError`] with the row at fault.
pub fn load(path: &Path) -> Result<Vec<PlannedProduct>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        invalid(
            "PLAN_CATALOG_FILE",
            format!("cannot be read ({}): {error}", path.display()),
        )
    })?;
    parse(&text)
}

/// Checks the text of a plan file.
///
/// # Errors
/// [`ConfigError`] with the row at fault.
pub fn parse(text: &str) -> Result<Vec<PlannedProduct>, ConfigError> {
    let file: File = figment::Figment::from(figment::providers::Toml::string(text))
        .extract()
        .map_err(|error| invalid("PLAN_CATALOG_FILE", error.to_string()))?;
    file.product.iter().map(planned).collect()
}

fn planned(row: &Row) -> Result<PlannedProduct, ConfigError> {
    let wrong = |field: &str, rule: &dyn std::fmt::Display| {
        invalid(
            "PLAN_CATALOG_FILE",
            format!("has product `{}` whose {field} {rule}", row.name),
        )
    };
    let kind = ProductKind::parse(&row.kind).ok_or_else(|| {
        wrong(
            "kind",
            &"must be course, licence_pack, feature or tenant_plan",
        )
    })?;
    let range_is_valid = 1 <= row.quantity_min
        && row.quantity_min <= row.quantity_max
        && row.quantity_max <= QUANTITY_MAX;
    if !range_is_valid {
        return Err(wrong(
            "quantity range",
            &format!("must be within 1 and {QUANTITY_MAX}"),
        ));
    }
    let feature_codes: Result<Vec<FeatureCode>, ConfigError> = row
        .feature_codes
        .iter()
        .map(|code| FeatureCode::parse(code).map_err(|error| wrong("feature code", &error)))
        .collect();
    Ok(PlannedProduct {
        kind,
        name: Title::parse(&row.name).map_err(|error| wrong("name", &error))?,
        lookup_key: LookupKey::parse(&row.lookup_key)
            .map_err(|error| wrong("lookup_key", &error))?,
        feature_codes: feature_codes?,
        quantity: QuantityRange {
            min: row.quantity_min,
            max: row.quantity_max,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [[product]]
        kind = "licence_pack"
        name = "Team licences"
        lookup_key = "team_yearly"
        feature_codes = ["reports.export"]
    "#;

    #[test]
    fn a_093_the_default_range_is_5_to_30() {
        let plan = parse(GOOD).unwrap();
        assert_eq!(plan[0].quantity, QuantityRange { min: 5, max: 30 });
    }

    #[test]
    fn a_wrong_row_is_named() {
        for (from, to) in [
            ("licence_pack", "pack"),
            ("reports.export", "Reports"),
            ("lookup_key", "lookup"),
        ] {
            let error = parse(&GOOD.replace(from, to)).unwrap_err().to_string();
            assert!(error.starts_with("PLAN_CATALOG_FILE"), "{error}");
        }
    }
}
