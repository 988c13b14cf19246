//! Test clocks: a time of their own for the customers on them.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
