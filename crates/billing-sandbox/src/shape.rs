//! What an object looks like from outside: the state is kept once, in the newest shape with private
//! facts beside it; everything that differs by API version happens here.

pub(crate) mod check;
pub(crate) mod expand;
pub(crate) mod moves;
pub(crate) mod render;
pub(crate) mod schema;
pub(crate) mod version;
