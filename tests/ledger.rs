//! One contract, every ledger.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use support::contract;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn the_sandboxs_ledger_keeps_the_contract() {
    let world = Sandbox::new(WorldFile::default(), "2026-11-20T14:34:05Z".parse().unwrap());
    block_on(contract::keeps(&world));
}

#[cfg(feature = "aws")]
fn table_at(endpoint: &str) -> bedrock_remediator::aws::Aws {
    let secret = aws_sdk_dynamodb::config::Credentials::new("AKIDEXAMPLE", "example", None, None, "tests");
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("us-east-1"))
        .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(secret))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .build();
    bedrock_remediator::aws::Aws::new(config).with_table("ledger", "tests")
}

#[cfg(feature = "aws")]
#[test]
fn the_tables_ledger_keeps_the_contract() {
    let cloud = support::cloud::Cloud::new(WorldFile::default());
    block_on(contract::keeps(&table_at(&cloud.endpoint("DYNAMODB"))));
    let calls = &cloud.state().calls;
    assert!(calls.iter().all(|c| c.starts_with("dynamodb:")) && calls.len() > 100, "{}", calls.len());
}

/// Run by the emulator suite, which says where the emulator listens.
#[cfg(feature = "aws")]
#[test]
#[ignore = "needs DYNAMODB_ENDPOINT, an emulator with an empty table `ledger`"]
fn the_tables_ledger_keeps_the_contract_on_an_emulator() {
    let endpoint = std::env::var("DYNAMODB_ENDPOINT").unwrap();
    block_on(contract::keeps(&table_at(&endpoint)));
}
