//! The forms of a notice, one channel per file.

pub(crate) mod amazon_q;
pub(crate) mod email;
pub(crate) mod message;
