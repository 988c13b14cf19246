//! A customer's balance and its transactions.

use crate::api::Route;

pub(crate) static ROUTES: &[Route] = &[];
