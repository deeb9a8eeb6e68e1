//! Quotas of several services: what is asked of one never reaches another.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use bedrock_remediator::ids::{AccountId, AccountRegion, QuotaCode, QuotaService, Region};
use bedrock_remediator::ports::Quotas;
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use serde_json::json;
use support::story::block_on;

/// A quota of each service, with the same code.
const BEDROCKS: &str = "L-F4DDD3EB";
const AGENT_CORES: &str = "bedrock-agentcore/L-F4DDD3EB";

fn code(text: &str) -> QuotaCode {
    QuotaCode::parse(text).unwrap()
}

#[test]
fn one_code_in_two_services_is_two_quotas_with_requests_of_their_own() {
    let file = json!({ "account": "111122223333", "quotas": [
        { "code": BEDROCKS, "applied": 7e6, "default": 4e6 },
        { "code": AGENT_CORES, "name": "Rate of GetMemory requests", "applied": 5, "default": 5 },
    ]});
    let world =
        Sandbox::new(WorldFile::parse(&file.to_string()).unwrap(), "2026-11-20T14:00:00Z".parse().unwrap());
    let place = AccountRegion {
        account: AccountId::parse("111122223333").unwrap(),
        region: Region::parse("us-east-1").unwrap(),
    };
    block_on(async {
        world.request_increase(&place, &code(AGENT_CORES), 10.0).await.unwrap();
        assert_eq!(world.history(&place, &code(BEDROCKS)).await.unwrap(), []);
        let theirs = world.history(&place, &code(AGENT_CORES)).await.unwrap();
        assert_eq!((theirs.len(), &theirs[0].code), (1, &code(AGENT_CORES)));
        // An open request for one quota blocks none for the other.
        world.request_increase(&place, &code(BEDROCKS), 8e6).await.unwrap();
        let value = async |of: &str| world.applied(&place, &code(of)).await.unwrap().unwrap().value;
        assert_eq!((value(BEDROCKS).await, value(AGENT_CORES).await), (7e6, 5.0));
        for service in [QuotaService::Bedrock, QuotaService::AgentCore] {
            let listing = world.listing(&place, service).await.unwrap();
            assert!(!listing.quotas().is_empty());
            assert!(listing.quotas().iter().all(|quota| quota.code.service() == service), "{service}");
        }
    });
}
