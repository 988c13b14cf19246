//! The paths of the original systems, each led to the canonical route (F.3).

/// Alias and canonical path. An alias also covers what lies below it.
pub(crate) const ALIASES: &[(&str, &str)] = &[
    ("/webhooks/stripe", "/api/v1/webhooks/stripe"),
    (
        "/api/v1/customer-billing/stripe-webhook",
        "/api/v1/webhooks/stripe",
    ),
    ("/api/billing/webhooks/stripe", "/api/v1/webhooks/stripe"),
    ("/billing/webhooks/stripe", "/api/v1/webhooks/stripe"),
    ("/api/v1/stripe/webhooks", "/api/v1/webhooks/stripe"),
    (
        "/api/v1/customer-billing/create-checkout-session",
        "/api/v1/customer-billing/checkout-session",
    ),
    ("/api/v1/checkout-intent", "/api/v1/checkout-intents"),
    (
        "/api/v1/license-activation",
        "/api/v1/licensing/license-activation",
    ),
    ("/billing/success", "/checkout/success"),
    ("/billing/cancel", "/checkout/cancel"),
    ("/api/v1/billing/health", "/billing/health"),
];

/// The path that is routed, if it is another than the one that was sent.
pub(crate) fn canonical_path(path: &str, has_aliases: bool) -> Option<String> {
    // The documentation's pages are files; their folder's slash is theirs.
    if path.starts_with("/docs/") {
        return None;
    }
    let trimmed = path.trim_end_matches('/');
    let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
    if has_aliases {
        for (alias, canonical) in ALIASES {
            match trimmed.strip_prefix(alias) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                    return Some(format!("{canonical}{rest}"));
                }
                Some(_) | None => {}
            }
        }
    }
    (trimmed != path).then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_3_an_alias_and_a_trailing_slash_lead_to_the_canonical_path() {
        let cases = [
            ("/webhooks/stripe/", true, Some("/api/v1/webhooks/stripe")),
            ("/webhooks/stripe/", false, Some("/webhooks/stripe")),
            (
                "/api/v1/checkout-intent/x",
                true,
                Some("/api/v1/checkout-intents/x"),
            ),
            ("/api/v1/checkout-intents/x", true, None),
            (
                "/api/v1/checkout-intents/x///",
                true,
                Some("/api/v1/checkout-intents/x"),
            ),
            ("/", true, None),
            ("//", true, Some("/")),
            ("/docs/", true, None),
        ];
        for (path, has_aliases, expected) in cases {
            assert_eq!(
                canonical_path(path, has_aliases).as_deref(),
                expected,
                "{path}"
            );
        }
    }
}
