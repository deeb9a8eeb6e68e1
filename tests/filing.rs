//! What may file: only a need that CloudWatch shows, while somebody listens.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use bedrock_remediator::config::Config;
use bedrock_remediator::plan::Reason;
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use jiff::SignedDuration;
use serde_json::{Value, json};
use support::story::*;

const REGION: &str = "us-east-1";
const MODEL: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// An account with a quota of 5,000,000 tokens a minute, and `usage` of the model.
fn account(usage: &Value) -> WorldFile {
    let mut usage = usage.clone();
    usage["region"] = REGION.into();
    usage["model_id"] = MODEL.into();
    usage["first_use"] = "2026-01-01T00:00:00Z".into();
    let quotas = json!([{ "code": "L-F4DDD3EB", "applied": 5_000_000, "default": 5_000_000 }]);
    WorldFile::parse(&json!({ "quotas": quotas, "usage": [usage] }).to_string()).unwrap()
}

/// So much was admitted and refused in each of the last `minutes`.
fn steady(minutes: u32, calls: u32, refused: u32, tokens: u32) -> Value {
    json!({ "last": { "minutes": minutes, "each": {
        "invocations": calls, "throttles": refused, "input_tokens": tokens, "quota_tokens": tokens,
    } } })
}

/// Why nothing was filed for `event`; `None` where something was.
fn withheld(world: &Sandbox, event: &str) -> Option<Reason> {
    let driven = deliver_with(world, &Config::default(), event);
    let plan = &driven.incidents[0].driven.as_ref().unwrap().as_ref().unwrap().plan;
    let reason = plan.withheld.first().map(|w| w.kind);
    assert_eq!(reason.is_none(), world.increase_requests().len() == 1);
    reason
}

#[test]
fn refused_calls_prove_no_need_however_many_they_are() {
    for (calls, refused, tokens, expected) in [
        (6, 1_200, 70_000, Some(Reason::UnprovenThrottle)),
        (6, 90_000, 70_000, Some(Reason::UnprovenThrottle)),
        (240, 600, 2_400_000, Some(Reason::UnprovenThrottle)),
        (260, 600, 2_600_000, None),
        // Not even if each refused call were a request of its own.
        (6, 12, 70_000, Some(Reason::UsageFarBelowQuota)),
    ] {
        let world = sandbox(account(&steady(60, calls, refused, tokens)));
        assert_eq!(withheld(&world, &throttle(MODEL)), expected, "{calls} {refused} {tokens}");
    }
}

#[test]
fn use_before_the_window_does_not_prove_what_is_refused_in_it() {
    let now = now();
    let ago = |minutes: i64, calls: u32, refused: u32| {
        let tokens = 10_000 * calls;
        let values = json!({ "invocations": calls, "throttles": refused, "input_tokens": tokens });
        json!({ "at": now - SignedDuration::from_mins(minutes), "values": values })
    };
    let series = json!({ "series": [ago(20, 480, 0), ago(4, 9, 500)] });
    assert_eq!(withheld(&sandbox(account(&series)), &throttle(MODEL)), Some(Reason::UnprovenThrottle));
    let series = json!({ "series": [ago(20, 480, 0), ago(4, 480, 500)] });
    assert_eq!(withheld(&sandbox(account(&series)), &throttle(MODEL)), None);
}
