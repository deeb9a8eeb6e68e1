//! The forms of a notice, one channel per file. `message.rs` assembles them by the protocol of the subscription.

pub(crate) mod amazon_q;
pub(crate) mod email;
pub(crate) mod message;
