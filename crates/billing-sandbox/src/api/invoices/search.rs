//! Search among invoices.

use crate::api::{Answer, Call, search};

const SEARCHED: &[&str] = &[
    "created",
    "currency",
    "customer",
    "last_finalization_error_code",
    "last_finalization_error_type",
    "metadata",
    "number",
    "receipt_number",
    "status",
    "subscription",
    "total",
];

pub(super) fn search(call: &mut Call<'_>) -> Answer {
    search::page(call, "invoice", "invoices", SEARCHED)
}
