//! Finds out why Amazon Bedrock calls fail, files a quota increase request where that helps, and notifies people once.
//!
//! # Pipeline
//!
//! [`run::handler`] is this line in code:
//!
//! 1. [`event`] reads a *delivery*, such as a batch of queue messages, into *signals*.
//! 2. [`diagnosis`] turns an error text into a *diagnosis*: its cause, the rule that matched, and the facts in it.
//! 3. [`incident`] folds the errors of one account, Region, model and family of causes into one *incident*.
//! 4. [`evidence`] is what AWS answered about the incident, as data. A call that failed is a value too.
//! 5. [`plan`] decides what to do, as data. It includes what is withheld, with the reason.
//! 6. [`notice`] says what happened, why, what was done, and what people can do now.
//!
//! # Layers
//!
//! A module uses only its own layer and those before it, without cycles. Lowest first:
//!
//! | layer | what it holds |
//! | --- | --- |
//! | words | identifiers, text and time |
//! | facts of the field | models, quotas, usage, callers, configuration |
//! | reading | events, diagnoses, incidents |
//! | deciding | evidence, plans, notices |
//! | ports | the traits through which the crate calls the world |
//! | running | the pipeline, sweeps, and what operators do |
//! | worlds | the ports on AWS, on a sandbox, and on a simulation |
//!
//! The first four layers are pure: they do not wait, read a clock or the environment, or call the network.
//!
//! # Example
//!
//! ```
//! use bedrock_remediator::diagnosis::{Cause, ErrorText, Remedy, diagnose};
//!
//! let found = diagnose(&ErrorText {
//!     message: "ThrottlingException: Too many tokens per day, please wait before trying again.",
//!     ..ErrorText::default()
//! });
//! assert_eq!(found.cause, Cause::TokensPerDay);
//! assert_eq!(found.rule, Some("too-many-tokens-per-day"));
//! assert_eq!(found.cause.remedy(), Remedy::IncreaseQuota);
//! ```
//!
//! # Where does my change go?
//!
//! `docs/architecture.md` has a table of changes and the files in which each one starts, and describes every module.

pub mod ids;
pub mod text;
pub mod time;
mod wire_enum;
pub mod shards;

pub mod error;
pub mod iam_action;
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
pub mod alternatives;
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
#[cfg(feature = "simulation")]
pub mod simulation;
