//! Refunds: how they go through, wait and fail.

use crate::due::Action;

pub(crate) static DUE: &[Action] = &[];
