//! What a customer may use: the features of the products of live subscriptions.
