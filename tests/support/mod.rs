//! What several tests share.

#![cfg_attr(not(feature = "aws"), allow(dead_code, reason = "some of it serves only the tests with the SDK"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "tests"
)]

pub(crate) mod canary;
#[cfg(feature = "aws")]
pub(crate) mod cloud;
pub(crate) mod contract;
pub(crate) mod dynamo;
#[cfg(feature = "aws")]
pub(crate) mod lambda;
pub(crate) mod program;
#[cfg(feature = "aws")]
pub(crate) mod record;
pub(crate) mod story;
#[cfg(feature = "aws")]
pub(crate) mod tls;
