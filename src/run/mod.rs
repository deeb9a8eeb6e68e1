//! The pipeline from a delivery to a notice, and the follow-up on later ticks.

pub mod act;
mod by_hand;
mod claims;
pub mod context;
pub mod follow;
pub mod forecast;
mod foresee;
pub mod gather;
pub mod handler;
pub mod investigate;
mod gather_feature;
mod gather_permission;
mod gather_quota;
mod gather_room;
mod prepared;
pub mod respond;
pub(crate) mod still;
mod suspected;
pub mod sweep;
mod who_calls;
