//! Features, what products carry of them, and what customers may use.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
