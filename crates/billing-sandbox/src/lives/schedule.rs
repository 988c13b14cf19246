//! Subscription schedules: phases that follow each other.

use crate::due::Action;

pub(crate) static DUE: &[Action] = &[];
