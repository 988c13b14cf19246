//! The proof that the record follows from the log: everything is decided once more, in another
//! place, and compared with what stands here.

pub mod check_rebuild;
pub mod comparison;
pub mod ports;
pub mod replay_history;
pub mod script;
