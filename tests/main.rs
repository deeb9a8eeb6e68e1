//! Every test but those beside the code: one program, as each test program would link the AWS SDK once more.
//!
//! `cargo test --test all events::` runs those of `events.rs`.

#[cfg(feature = "aws")]
mod adapters;
mod agent_core;
mod audit;
mod boundary;
mod classify;
mod doctor;
mod events;
mod field;
mod filing;
mod flood;
mod foresight;
#[cfg(feature = "aws")]
mod function;
mod growth;
mod hosted;
mod integrations;
mod investigation;
mod ledger;
#[cfg(feature = "aws")]
mod ledger_capacity;
mod mantle;
mod mutations;
mod notices;
mod operate;
mod organization;
mod organization_scale;
mod payload;
mod quiet;
mod quota;
mod readme;
mod reminders;
#[cfg(feature = "report")]
mod report;
mod room;
mod services;
mod shell;
#[cfg(feature = "simulation")]
mod simulation;
mod stories;
mod storms;
mod support;
mod suspicion;
mod template;
mod terraform;
mod truth;
mod unread;
#[cfg(feature = "aws")]
mod upgrade;
mod usage;
mod variants;
mod week;
#[cfg(feature = "simulation")]
mod year;
#[cfg(feature = "simulation")]
mod years;
