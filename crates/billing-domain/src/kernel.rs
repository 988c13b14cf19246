//! What every capability shares: money, ids, time, transitions, the change set, who is calling.

pub mod audit;
pub mod change_set;
pub mod currency;
pub mod email;
pub mod event;
pub mod failure;
pub mod id;
pub mod money;
pub mod page;
pub mod ports;
pub mod principal;
pub mod provider;
pub mod recorded_answer;
pub mod request;
pub mod stored;
pub mod text;
pub mod timestamp;
pub mod transition;
