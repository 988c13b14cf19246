//! Disputes and early fraud warnings.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
