//! Invoice items that wait for an invoice.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
