//! Finds out why Amazon Bedrock calls fail, does the right thing about it once, and tells people.
//!
//! Read top to bottom, the modules are the way an event takes: `handler` is that way in code.

pub mod clean;
mod words;

pub mod handler;
mod claims;

pub mod event;
pub mod investigate;
pub mod diagnosis;
pub mod incident;
pub mod flood;
pub mod evidence;
mod who_calls;
pub mod plan;
pub mod act;
pub mod notice;
pub mod drive;
pub mod sweep;
mod by_hand;
mod follow;
mod suspected;
pub mod watch;
pub mod operate;
pub mod doctor;
pub mod metrics;
pub mod report;
pub mod news;
mod schedule;
mod told;

pub mod ids;
pub mod model;
pub mod shards;
pub mod quota;
pub mod quota_record;
pub mod access;
pub mod callers;
pub mod usage;
mod suspicion;
pub mod strangers;
pub mod headroom;
pub mod lifecycle;

pub mod terms;
pub mod world;
#[cfg(feature = "aws")]
pub mod aws;
pub mod sandbox;
pub mod simulation;
pub mod config;
