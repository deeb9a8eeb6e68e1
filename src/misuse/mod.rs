//! Signs of unwanted demand: stolen credentials and loops.

pub mod demand;
pub mod strangers;
