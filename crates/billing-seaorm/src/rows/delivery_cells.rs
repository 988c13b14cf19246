//! What a delivery carried, as two cells of its event's row: the headers as JSON, in pairs and in
//! their order, and the address as text.

use std::net::IpAddr;

use billing_domain::kernel::ports::StoreError;
use billing_domain::provider_events::delivery::Delivery;

use super::Cells;
use super::provider_event::Model;

pub(crate) fn headers(delivery: &Delivery) -> Option<String> {
    let headers = delivery.headers();
    // Written straight to text: this is done for every delivery.
    let text = || serde_json::to_string(headers).expect("pairs of texts are JSON");
    (!headers.is_empty()).then(text)
}

pub(crate) fn remote_address(delivery: &Delivery) -> Option<String> {
    delivery.remote_address().map(|address| address.to_string())
}

pub(crate) fn decode(model: &Model) -> Result<Delivery, StoreError> {
    let cells = Cells::of("provider_events", model.id);
    let address = cells.optional(
        "remote_address",
        model.remote_address.as_deref(),
        str::parse::<IpAddr>,
    )?;
    let pairs = cells.optional("headers", model.headers.as_deref(), |text| {
        serde_json::from_str::<Vec<(String, String)>>(text)
    })?;
    let mut delivery = Delivery::from_peer(address);
    for (name, value) in pairs.unwrap_or_default() {
        delivery.keep_header(&name, value.as_bytes());
    }
    Ok(delivery)
}
