//! Setup intents and their attempts.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
