//! Disputes: opened by certain cards, answered, won and lost.

use crate::due::Action;

pub(crate) static DUE: &[Action] = &[];
