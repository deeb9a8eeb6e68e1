//! Finds out why Amazon Bedrock calls fail, does the right thing about it once, and tells people.
//!
//! Read top to bottom, the modules are the way an event takes: `handler` is that way in code.

pub mod ids;
pub mod text;
pub mod time;
mod wire_enum;
pub mod shards;

pub mod error;
pub mod identity;
pub mod model;
pub mod original;
pub mod permission;
pub mod quota;
pub mod usage;
pub mod callers;
pub mod installation;
pub mod config;
pub mod metrics;

pub mod event;
pub mod diagnosis;
pub mod incident;

pub mod access;
pub mod misuse;
pub mod evidence;
pub mod plan;
pub mod notice;

pub mod ports;

pub mod run;
pub mod operate;

#[cfg(feature = "aws")]
pub mod aws;
pub mod sandbox;
pub mod simulation;
