//! Meters: how usage is added up.

use crate::due::Action;

pub(crate) static DUE: &[Action] = &[];
