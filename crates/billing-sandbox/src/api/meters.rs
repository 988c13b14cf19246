//! Meters, their events, adjustments and summaries; usage records where a version has them.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
