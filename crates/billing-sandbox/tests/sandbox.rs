//! The sandbox as a client sees it: over real HTTP, on a clock that stands still, without sleeping.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "sandbox/catalogue.rs"]
mod catalogue;
#[path = "sandbox/checkout.rs"]
mod checkout;
#[path = "sandbox/client.rs"]
mod client;
#[path = "sandbox/conventions.rs"]
mod conventions;
#[path = "sandbox/credit_notes.rs"]
mod credit_notes;
#[path = "sandbox/disturbances.rs"]
mod disturbances;
#[path = "sandbox/documented.rs"]
mod documented;
#[path = "sandbox/early_ends.rs"]
mod early_ends;
#[path = "sandbox/every_shape.rs"]
mod every_shape;
#[path = "sandbox/expansion.rs"]
mod expansion;
#[path = "sandbox/faults.rs"]
mod faults;
#[path = "sandbox/hosted.rs"]
mod hosted;
#[path = "sandbox/hostile.rs"]
mod hostile;
#[path = "sandbox/invoice_totals.rs"]
mod invoice_totals;
#[path = "sandbox/invoices.rs"]
mod invoices;
#[path = "sandbox/payments.rs"]
mod payments;
#[path = "sandbox/previews.rs"]
mod previews;
#[path = "sandbox/proration.rs"]
mod proration;
#[path = "sandbox/receiver.rs"]
mod receiver;
#[path = "sandbox/renewals.rs"]
mod renewals;
#[path = "sandbox/repeatable.rs"]
mod repeatable;
#[path = "sandbox/schedules.rs"]
mod schedules;
#[path = "sandbox/seeing.rs"]
mod seeing;
#[path = "sandbox/settings.rs"]
mod settings;
#[path = "sandbox/shapes.rs"]
mod shapes;
#[path = "sandbox/shop.rs"]
mod shop;
#[path = "sandbox/subscriptions.rs"]
mod subscriptions;
#[path = "sandbox/test_clocks.rs"]
mod test_clocks;
#[path = "sandbox/thin_events.rs"]
mod thin_events;
#[path = "sandbox/trigger.rs"]
mod trigger;
#[path = "sandbox/webhooks.rs"]
mod webhooks;
