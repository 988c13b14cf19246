//! Pages for people, made on the server, without scripts.

pub(crate) mod checkout_result;
pub(crate) mod html;
