//! Hand-made payloads: the same facts as each generation of API versions tells them.

use serde_json::{Value, json};

/// How one generation spells an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) version: &'static str,
    /// Period on the items, invoice facts under `parent`.
    is_basil: bool,
    /// A cancellation at the end of the period is a date and not a flag.
    is_flexible: bool,
}

/// The last version of each generation that our readers must know.
pub(super) const GENERATIONS: [Generation; 8] = [
    generation("2023-10-16", false, false),
    generation("2024-06-20", false, false),
    generation("2025-02-24.acacia", false, false),
    generation("2025-08-27.basil", true, false),
    generation("2025-10-29.clover", true, true),
    generation("2026-02-25.clover", true, true),
    generation("2026-08-26.dahlia", true, true),
    generation("2026-10-28.endive", true, true),
];

const fn generation(version: &'static str, is_basil: bool, is_flexible: bool) -> Generation {
    Generation {
        version,
        is_basil,
        is_flexible,
    }
}

pub(super) const INTENT: &str = "chk_0192f0c1a2b37c4d8e5f60718293a4b5";

pub(super) fn metadata() -> Value {
    json!({ "checkout_intent_id": INTENT, "user_id": "7" })
}

impl Generation {
    pub(super) fn event(self, event_type: &str, object: &Value) -> Vec<u8> {
        let event = json!({
            "id": "evt_1",
            "object": "event",
            "api_version": self.version,
            "created": 1_790_000_000,
            "livemode": false,
            "type": event_type,
            "data": { "object": object },
        });
        serde_json::to_vec(&event).unwrap()
    }

    pub(super) fn session(self, status: &str, payment_status: &str) -> Value {
        let mut session = json!({
            "id": "cs_test_1",
            "object": "checkout.session",
            "status": status,
            "payment_status": payment_status,
            "mode": "subscription",
            "customer": "cus_1",
            "subscription": "sub_1",
            "invoice": "in_1",
            "metadata": metadata(),
            "expires_at": 1_790_086_400,
        });
        if self.version < "2026-03-25" {
            session["ui_mode"] = json!("hosted");
        } else {
            session["ui_mode"] = json!("hosted_page");
        }
        session
    }

    pub(super) fn invoice(self, status: &str) -> Value {
        let line = json!({
            "id": "il_1",
            "object": "line_item",
            "type": "subscription",
            "metadata": metadata(),
        });
        let mut invoice = json!({
            "id": "in_1",
            "object": "invoice",
            "customer": "cus_1",
            "status": status,
            "amount_paid": 0,
            "metadata": {},
            "lines": { "object": "list", "data": [line], "has_more": false },
        });
        if self.is_basil {
            invoice["parent"] = json!({
                "type": "subscription_details",
                "quote_details": null,
                "subscription_details": { "metadata": metadata(), "subscription": "sub_1" },
            });
        } else {
            invoice["paid"] = json!(status == "paid");
            invoice["subscription"] = json!("sub_1");
            invoice["subscription_details"] = json!({ "metadata": metadata() });
        }
        invoice
    }

    pub(super) fn subscription(self, status: &str) -> Value {
        let mut item = json!({
            "id": "si_1",
            "object": "subscription_item",
            "quantity": 3,
            "price": { "id": "price_1", "object": "price", "recurring": { "usage_type": "licensed" } },
        });
        let mut subscription = json!({
            "id": "sub_1",
            "object": "subscription",
            "status": status,
            "customer": "cus_1",
            "metadata": metadata(),
            "trial_end": 1_791_000_000,
            "cancel_at": null,
            "cancel_at_period_end": false,
            "canceled_at": null,
            "ended_at": null,
            "pending_update": null,
        });
        let holder = if self.is_basil {
            &mut item
        } else {
            &mut subscription
        };
        holder["current_period_start"] = json!(1_790_000_000);
        holder["current_period_end"] = json!(1_792_592_000);
        subscription["items"] = json!({ "object": "list", "data": [item] });
        subscription
    }

    /// Somebody ordered the end at the end of the period.
    pub(super) fn ending_subscription(self) -> Value {
        let mut subscription = self.subscription("active");
        subscription["canceled_at"] = json!(1_790_500_000);
        if self.is_flexible {
            subscription["cancel_at"] = json!(1_792_592_000);
        } else {
            subscription["cancel_at_period_end"] = json!(true);
        }
        subscription
    }
}
