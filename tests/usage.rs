//! How the use of a quota is read where nobody knows which profiles a Region offers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::config::Config;
use bedrock_remediator::sandbox::{FaultKind, Sandbox, WorldFile};
use serde_json::Value;

const MODEL: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
/// A Region in a part of the world that AWS has not told of.
const REGION: &str = "xx-north-1";

/// A busy account in that Region.
fn busy() -> WorldFile {
    let mut file: Value = serde_json::from_str(&sample("throttle-tokens.world.json")).unwrap();
    file["usage"][0]["region"] = REGION.into();
    WorldFile::parse(&file.to_string()).unwrap()
}

fn throttled(world: &Sandbox) -> u32 {
    let event =
        error(REGION, MODEL, "ThrottlingException", "Too many tokens, please wait before trying again.");
    deliver_with(world, &Config::default(), &event);
    world.calls().get("used").copied().unwrap_or_default()
}

#[test]
fn one_question_tells_which_of_many_ids_are_in_use() {
    let world = sandbox(busy());
    assert_eq!(throttled(&world), 1);
    assert_eq!(world.increase_requests().len(), 1);
}

#[test]
fn where_it_is_not_answered_all_ids_are_read() {
    for kind in [FaultKind::Denied, FaultKind::Throttled] {
        let mut file = busy();
        file.faults.push(fault("used", None, kind));
        let world = sandbox(file);
        assert_eq!(throttled(&world), 1);
        assert_eq!(world.increase_requests().len(), 1);
    }
}
