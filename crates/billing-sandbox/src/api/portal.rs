//! Billing portal configurations and sessions.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
