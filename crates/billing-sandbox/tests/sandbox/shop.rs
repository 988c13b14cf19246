//! What the tests of billing share: customers with a card, recurring prices, and time that passes.

use serde_json::Value;

use crate::client::Client;

pub(crate) const DAY: i64 = 86_400;

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl Client {
    /// A customer whose invoices are charged to this card (`pm_card_visa`).
    pub(crate) async fn subscriber(&self, card: &str) -> String {
        self.subscriber_with(card, &[]).await
    }

    /// The same, made with further parameters.
    pub(crate) async fn subscriber_with(&self, card: &str, more: &[(&str, &str)]) -> String {
        let customer = self.post("/v1/customers", more).await.id();
        let path = format!("/v1/payment_methods/{card}/attach");
        let method = self.post(&path, &[("customer", &customer)]).await.id();
        let path = format!("/v1/customers/{customer}");
        let default = [("invoice_settings[default_payment_method]", method.as_str())];
        self.post(&path, &default).await.id()
    }

    /// A price of a product of its own, for every `month`, `year` …
    pub(crate) async fn price_every(&self, interval: &str, amount: i64, name: &str) -> String {
        let amount = amount.to_string();
        let fields = [
            ("product_data[name]", name),
            ("currency", "usd"),
            ("unit_amount", amount.as_str()),
            ("recurring[interval]", interval),
        ];
        self.post("/v1/prices", &fields).await.id()
    }

    pub(crate) async fn subscribe(
        &self,
        customer: &str,
        price: &str,
        more: &[(&str, &str)],
    ) -> Value {
        let mut fields = vec![("customer", customer), ("items[0][price]", price)];
        fields.extend_from_slice(more);
        let made = self.post("/v1/subscriptions", &fields).await;
        assert_eq!(made.status, 200, "{}", made.text);
        made.json
    }

    /// Lets this many seconds pass.
    pub(crate) fn later(&self, seconds: i64) {
        self.pass(u64::try_from(seconds).unwrap());
    }

    /// The invoices of a subscription, newest first.
    pub(crate) async fn invoices_of(&self, subscription: &str) -> Vec<Value> {
        let path = format!("/v1/invoices?limit=100&subscription={subscription}");
        let list = self.get(&path).await.json;
        list["data"].as_array().unwrap().clone()
    }
}
