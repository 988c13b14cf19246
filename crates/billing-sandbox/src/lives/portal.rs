//! What a customer does in the billing portal.
