//! One contract, every ledger.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

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
#[test]
fn the_tables_ledger_keeps_the_contract() {
    let cloud = support::cloud::Cloud::new(WorldFile::default());
    block_on(contract::keeps(&cloud.aws("DYNAMODB")));
    let calls = &cloud.state().calls;
    assert!(calls.iter().all(|c| c.starts_with("dynamodb:")) && calls.len() > 100, "{}", calls.len());
}

#[cfg(feature = "aws")]
#[test]
fn what_has_expired_is_no_more() {
    use bedrock_remediator::world::{Claim, Ledger as _};
    let cloud = support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    let (incident, at) = (contract::incident("us-east-1"), "2026-11-20T14:34:05Z".parse().unwrap());
    block_on(contract::close(&table, &incident, at));
    let mut known = block_on(table.incident(&incident.id)).unwrap().unwrap();
    assert_eq!(known.episode, 1);
    for item in cloud.state().table.items.values_mut() {
        // DynamoDB takes up to some days to delete what has expired.
        item.insert("ttl".to_owned(), serde_json::json!({ "N": "1700000000" }));
    }
    assert!(block_on(table.incident(&incident.id)).unwrap().is_none());
    let claim = block_on(table.claim(&incident, at, jiff::SignedDuration::from_secs(90))).unwrap();
    let Claim::Mine(_, record) = claim else { panic!("only counted") };
    assert_eq!((record.episode, record.incident.counts.errors), (1, 1));
    known = block_on(table.incident(&incident.id)).unwrap().unwrap();
    assert_eq!((known.episode, known.incident.counts.errors), (1, 1), "as if it had never been");
}

/// Run by the emulator suite, which says where the emulator listens.
#[cfg(feature = "aws")]
#[test]
#[ignore = "needs DYNAMODB_ENDPOINT, an emulator with an empty table `ledger`"]
fn the_tables_ledger_keeps_the_contract_on_an_emulator() {
    let endpoint = std::env::var("DYNAMODB_ENDPOINT").unwrap();
    block_on(contract::keeps(&support::cloud::aws_at(&endpoint)));
}
