//! What may happen to a sale at the provider. What the provider refuses did not happen.

use std::time::Duration;

use billing_domain::checkout::intent::CheckoutIntent;
use reqwest::Method;
use serde_json::Value;

use super::Shop;
use crate::chance::Chance;

const GOOD: &str = "4242424242424242";
const CARDS: [&str; 5] = [GOOD, GOOD, GOOD, GOOD, "4000000000009995"];

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

impl Shop {
    /// Something happens to a sale, or time passes.
    pub(super) async fn act(&mut self, sale: &CheckoutIntent, chance: &mut Chance) {
        let links = sale.parts().links.clone();
        let customer = links.customer.expect("a page has a customer").to_string();
        let session = links.session.expect("the page is open").to_string();
        let path = format!("/v1/subscriptions?customer={customer}&status=all");
        let Some(subscription) = self.client.list(&path).await.into_iter().next() else {
            match chance.below(8) {
                0 => self.pass(chance),
                1 => self.refund(&customer, chance).await,
                _ => self.pay(&session, chance),
            }
            return;
        };
        let id = subscription["id"].as_str().expect("an id").to_owned();
        match chance.below(18) {
            0..=2 => self.resize(&subscription, chance).await,
            3 => self.update(&id, "cancel_at_period_end=true").await,
            4 => self.update(&id, "cancel_at_period_end=false").await,
            5 => {
                let at = self.client.sandbox.now() + 10 * 24 * 3_600;
                self.update(&id, &format!("cancel_at={at}")).await;
            }
            6 if chance.one_in(2) => {
                let path = format!("/v1/subscriptions/{id}");
                self.happen(Method::DELETE, &path, "").await;
            }
            6 => self.update(&id, "metadata[note]=read").await,
            7 => self.update(&id, "pause_collection[behavior]=void").await,
            8 => self.update(&id, "pause_collection=").await,
            9 => {
                let what = *chance.pick(&["pause", "resume"]);
                let path = format!("/v1/subscriptions/{id}/{what}");
                self.happen(Method::POST, &path, "").await;
            }
            10 => self.refund(&customer, chance).await,
            11 => {
                let card = *chance.pick(&["pm_card_chargeCustomerFail", "pm_card_visa"]);
                self.exchange_card(&customer, &id, card).await;
            }
            12 => {
                let path = format!("/v1/customers/{customer}");
                let body = format!("email=ada{}@example.com", chance.below(9));
                self.happen(Method::POST, &path, &body).await;
                if chance.one_in(4) {
                    self.happen(Method::DELETE, &path, "").await;
                }
            }
            13 => {
                let is_active = !chance.one_in(2);
                let (price, product) = (&self.world.price, &self.world.product);
                let path = if chance.one_in(2) {
                    format!("/v1/prices/{}", price.provider_id)
                } else {
                    format!("/v1/products/{}", product.provider_id)
                };
                let body = format!("active={is_active}");
                self.happen(Method::POST, &path, &body).await;
            }
            // From now on only what is linked to it tells whose it is.
            14 => self.update(&id, "metadata=").await,
            _ => self.pass(chance),
        }
    }

    /// The buyer tries a card.
    fn pay(&mut self, session: &str, chance: &mut Chance) {
        let card = *chance.pick(&CARDS);
        let paid = self.client.sandbox.pay_checkout(session, card);
        let status = paid.map(|paid| paid["status"].clone());
        self.say(format!("{session} is paid by {card}: {status:?}"));
    }

    /// Time passes: a moment, or over renewals and attempts to collect.
    fn pass(&mut self, chance: &mut Chance) {
        let by = *chance.pick(&[MINUTE, HOUR, DAY, DAY * 4, DAY * 15, DAY * 32]);
        self.advance(by);
        self.say(format!("{by:?} later"));
    }

    /// Asks for something; the provider may refuse.
    async fn happen(&mut self, method: Method, path: &str, body: &str) {
        let (is_done, answer) = self.client.ask(method.clone(), path, body).await;
        let why = &answer["error"]["message"];
        self.say(format!("{method} {path} {body}: {is_done} {why}"));
    }

    async fn update(&mut self, id: &str, body: &str) {
        let path = format!("/v1/subscriptions/{id}");
        self.happen(Method::POST, &path, body).await;
    }

    /// More units or fewer, at once or twice within a second, paid now or later.
    async fn resize(&mut self, subscription: &Value, chance: &mut Chance) {
        let item = subscription["items"]["data"][0]["id"].as_str();
        let item = item.unwrap_or_default().to_owned();
        for _ in 0..=chance.below(2) {
            let quantity = 1 + chance.below(30);
            let terms = *chance.pick(&[
                "proration_behavior=none",
                "proration_behavior=create_prorations",
                "proration_behavior=always_invoice",
                "proration_behavior=always_invoice&payment_behavior=pending_if_incomplete",
            ]);
            let path = format!("/v1/subscription_items/{item}");
            let body = format!("quantity={quantity}&{terms}");
            self.happen(Method::POST, &path, &body).await;
        }
    }

    async fn refund(&mut self, customer: &str, chance: &mut Chance) {
        let charges = self
            .client
            .list(&format!("/v1/charges?customer={customer}"))
            .await;
        let Some(charge) = charges.first().and_then(|charge| charge["id"].as_str()) else {
            return;
        };
        let part = *chance.pick(&["", "&amount=100"]);
        let body = format!("charge={charge}{part}");
        self.happen(Method::POST, "/v1/refunds", &body).await;
    }

    async fn exchange_card(&mut self, customer: &str, subscription: &str, card: &str) {
        let path = format!("/v1/payment_methods/{card}/attach");
        let body = format!("customer={customer}");
        let (is_done, method) = self.client.ask(Method::POST, &path, &body).await;
        let method = method["id"].as_str().unwrap_or_default().to_owned();
        self.say(format!("{card} is attached: {is_done}"));
        let body = format!("default_payment_method={method}");
        self.update(subscription, &body).await;
    }
}
