//! Subscription items.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
