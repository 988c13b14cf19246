//! Coupons and promotion codes.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
