//! Finds out why Amazon Bedrock calls fail.

mod words;

pub mod diagnosis;

pub mod ids;
pub mod model;
pub mod quota;
