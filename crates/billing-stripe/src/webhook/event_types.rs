//! The types of events that are known, which is also what an endpoint of ours is registered for.

/// Every type that has a decoded form (F.2).
pub const EVENT_TYPES: &[&str] = &[
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.refund.updated",
    "charge.refunded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.created",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.payment_succeeded",
    "invoice.upcoming",
    "invoice.updated",
    "invoice.voided",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_method.attached",
    "payment_method.detached",
    "price.deleted",
    "price.updated",
    "product.deleted",
    "product.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
    "setup_intent.canceled",
    "setup_intent.succeeded",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::webhook::decoder::is_known;

    #[test]
    fn every_type_has_a_decoded_form() {
        for name in EVENT_TYPES {
            assert!(is_known(name), "{name}");
        }
        assert!(!is_known("payout.paid"));
        let distinct: BTreeSet<_> = EVENT_TYPES.iter().collect();
        assert_eq!(distinct.len(), EVENT_TYPES.len());
    }

    /// The page writes `invoice.created`, `.finalized` for two types of one family.
    #[test]
    fn the_table_of_the_documentation_has_the_same_types() {
        let page = include_str!("../../../../docs/stripe.md");
        let (_, table) = page.split_once("### Which events").unwrap();
        let (table, _) = table.split_once("| every other |").unwrap();
        let mut documented = BTreeSet::new();
        for row in table.lines().filter(|line| line.starts_with("| `")) {
            let types = row.split('|').nth(1).unwrap();
            let mut family = "";
            for name in types.split('`').skip(1).step_by(2) {
                if name.starts_with('.') {
                    documented.insert(format!("{family}{name}"));
                } else {
                    family = name.rsplit_once('.').unwrap().0;
                    documented.insert(name.to_owned());
                }
            }
        }
        let known: BTreeSet<String> = EVENT_TYPES.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(documented, known);
    }
}
