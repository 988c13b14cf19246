//! Refunds.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
