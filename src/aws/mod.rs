//! The world as it is: AWS, through its SDK. The only module that imports one.
//!
//! Invariant: an adapter translates and decides nothing. Each stands beside the list of the IAM actions
//! it calls; time-outs, retries and request rates are kept here, and an error of the SDK leaves as one
//! of the few words of [`ServiceError`].

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

/// Every IAM action the function calls, by adapter.
pub const ACTIONS: &[(&str, &[&str])] = &[
    ("dynamodb", dynamodb::ACTIONS),
    ("bedrock", bedrock::ACTIONS),
    ("iam", iam::ACTIONS),
    ("service_quotas", service_quotas::ACTIONS),
    ("cloudtrail", cloudtrail::ACTIONS),
    ("cloudwatch", cloudwatch::ACTIONS),
    ("sns", sns::ACTIONS),
];

/// Every CloudWatch metric the function asks for: its namespace, its name and the dimension that names the
/// model. The names are AWS's.
pub fn metrics() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    cloudwatch::metrics()
}
