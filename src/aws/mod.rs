//! The real world: AWS, through its SDK. No other module imports the SDK.
//!
//! Invariant: An adapter translates and decides nothing. Each lists the IAM actions it calls. Time-outs, retries
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
mod installation;
mod rates;
mod service_quotas;
mod sns;
mod error;

pub use crate::aws::clients::Aws;

/// Every IAM action that the function calls, by adapter.
pub const ACTIONS: &[(&str, &[&str])] = &[
    ("dynamodb", dynamodb::ACTIONS),
    ("bedrock", bedrock::ACTIONS),
    ("iam", iam::ACTIONS),
    ("service_quotas", service_quotas::ACTIONS),
    ("cloudtrail", cloudtrail::ACTIONS),
    ("cloudwatch", cloudwatch::ACTIONS),
    ("sns", sns::ACTIONS),
];

/// Every CloudWatch metric that the function reads: its namespace, its name and the dimension that names the
/// model, in AWS's own names.
pub fn metrics() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    cloudwatch::metrics()
}
