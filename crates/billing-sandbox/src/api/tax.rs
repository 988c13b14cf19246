//! Tax rates, tax ids and tax codes.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
