//! Demand and callers that nobody may want served: stolen credentials, and loops.

pub mod demand;
pub mod strangers;
