//! The sandbox: a small simulated AWS account with AWS's real rules, filled from a world file.
//!
//! Invariant: Every call passes one gate, which counts it, lets others run, and may make it fail before or after it
//! takes effect. A caller cannot tell it from AWS.

mod account;
mod bedrock;
mod cloudwatch;
mod filed;
mod happened;
mod installation;
mod members;
mod meter;
mod service_quotas;
pub(crate) mod state;
mod tables;
mod calls;
mod feed;
mod file;
mod healthy;
mod journal;
mod ledger;
mod slow;

pub use crate::sandbox::calls::PortCall;
pub use crate::sandbox::file::calls::{CallEntry, ErrorEntry, IncidentEntry, SourceWord};
pub use crate::sandbox::file::entries::{
    AlarmEntry, LoggingEntry, ModelEntry, OfferedEntry, PolicyEntry, ProfileEntry, QuotaEntry, RequestEntry,
};
pub use crate::sandbox::file::member::{MemberEntry, RoleWord};
pub use crate::sandbox::file::usage::{Days, LastMinutes, MinuteEntry, OperationUsage, UsageEntry};
pub use crate::sandbox::file::{Fault, FaultKind, LedgerEntry, ModeWord, RuleEntry, WorldFile};
pub use crate::sandbox::happened::{Happened, NextFault};
pub use crate::sandbox::healthy::{healthy_for, healthy_for_payload};
pub use crate::sandbox::meter::Fed;
pub use crate::sandbox::state::Sandbox;
pub use crate::sandbox::tables::LedgerRow;
