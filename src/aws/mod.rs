//! The real world: AWS, through its SDK. No other module imports the SDK.
//!
//! Invariant: An adapter translates and decides nothing. Time-outs, retries
//! and request rates are handled here, and every SDK error leaves as one of the few variants of
//! [`ServiceError`].

mod bedrock;
mod clients;
mod cloudtrail;
mod cloudwatch;
mod config;
mod dynamodb;
mod http;
mod iam;
mod members;
mod installation;
mod rates;
mod regional;
mod service_quotas;
mod sns;
mod sqs;
mod error;

pub use crate::aws::clients::Aws;
pub use crate::aws::sqs::batch_response;

/// Every CloudWatch metric that the function reads: its namespace, its name and the dimension that names the
/// model, in AWS's own names.
pub fn metrics() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    cloudwatch::metrics()
}
