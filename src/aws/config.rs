//! The SDK's configuration in Lambda, read from the environment alone.
//!
//! Invariant: It reads no file and calls no service. The SDK's own loader supports profiles and every source of
//! credentials, which would lengthen a cold start and add a megabyte to the program.
//! See <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_types::sdk_config::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::aws::http::http_client;

/// Reads an environment variable; `None` if it is unset or empty.
type Var = fn(&str) -> Option<String>;

pub(crate) fn config() -> SdkConfig {
    read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn read(var: Var) -> SdkConfig {
    let switch = |name| var(name).map(|value| value.eq_ignore_ascii_case("true"));
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .http_client(http_client())
        .timeout_config(timeouts())
        .retry_config(retries())
        .service_config(Variables(var));
    config.set_region(var("AWS_REGION").map(Region::new));
    config.set_endpoint_url(var("AWS_ENDPOINT_URL"));
    config.set_use_fips(switch("AWS_USE_FIPS_ENDPOINT"));
    config.set_use_dual_stack(switch("AWS_USE_DUALSTACK_ENDPOINT"));
    config.build()
}

/// Settings for one service, such as `AWS_ENDPOINT_URL_SERVICE_QUOTAS`.
#[derive(Debug)]
struct Variables(Var);

impl LoadServiceConfig for Variables {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        (self.0)(&format!("{}_{service}", key.env()))
    }
}

pub(crate) const CONNECT: Duration = Duration::from_secs(2);

pub(crate) const ATTEMPT: Duration = Duration::from_secs(5);

/// Time limit for one call with all its attempts. A drive makes six calls in a row, which mostly take milliseconds.
pub(crate) const CALL: Duration = Duration::from_secs(10);

pub(crate) const ATTEMPTS: u32 = 3;

pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(CALL)
        .build()
}

pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_environment_says_is_what_the_clients_do() {
        let config = read(|name| {
            let value = match name {
                "AWS_REGION" => "us-gov-west-1",
                "AWS_USE_FIPS_ENDPOINT" => "True",
                "AWS_ENDPOINT_URL_SERVICE_QUOTAS" => "https://vpce-1.example.com",
                _ => return None,
            };
            Some(value.to_owned())
        });
        assert_eq!(config.region().map(Region::as_ref), Some("us-gov-west-1"));
        assert_eq!((config.use_fips(), config.use_dual_stack()), (Some(true), None));
        let endpoint = |service| {
            let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL");
            config.service_config()?.load_config(key.profile("endpoint_url").build().unwrap())
        };
        assert_eq!(endpoint("Service Quotas").as_deref(), Some("https://vpce-1.example.com"));
        assert_eq!(endpoint("SNS"), None);
    }
}
