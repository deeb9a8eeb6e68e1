//! One contract, every ledger.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::support::contract;
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
#[cfg(feature = "aws")]
use bedrock_remediator::shards::Shards;

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
    let cloud = crate::support::cloud::Cloud::new(WorldFile::default());
    block_on(contract::keeps(&cloud.aws("DYNAMODB")));
    let calls = &cloud.state().calls;
    assert!(calls.iter().all(|c| c.starts_with("dynamodb:")) && calls.len() > 100, "{}", calls.len());
}

#[cfg(feature = "aws")]
#[test]
fn what_has_expired_is_no_more() {
    use bedrock_remediator::incident::record::Claim;
    use bedrock_remediator::ports::Ledger as _;
    let cloud = crate::support::cloud::Cloud::new(WorldFile::default());
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

#[cfg(feature = "aws")]
#[test]
fn a_write_whose_answer_was_lost_is_repeated_and_still_ours() {
    use bedrock_remediator::incident::record::{Claim, Release, State};
    use bedrock_remediator::ports::Ledger as _;
    let cloud = crate::support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    let (incident, at) = (contract::incident("us-east-1"), "2026-11-20T14:34:05Z".parse().unwrap());
    let lose = || cloud.state().lose.push("dynamodb:UpdateItem".to_owned());
    lose();
    let claim = block_on(table.claim(&incident, at, jiff::SignedDuration::from_secs(90))).unwrap();
    let Claim::Mine(lease, record) = claim else { panic!("nobody else holds it") };
    assert_eq!((record.state, record.episode), (State::Seen, 1));
    lose();
    let end = Release::new(State::Told, at, record.incident.counts);
    block_on(table.finish(&lease, &end)).unwrap();
    assert_eq!(block_on(table.incident(&incident.id)).unwrap().unwrap().state, State::Told);
}

#[cfg(feature = "aws")]
#[test]
fn an_item_that_cannot_be_read_is_an_error_and_hides_no_other() {
    use bedrock_remediator::ports::Ledger as _;
    let cloud = crate::support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    let at: jiff::Timestamp = "2026-11-20T14:34:05Z".parse().unwrap();
    let (bad, good) = (contract::incident("us-east-1"), contract::incident("eu-west-1"));
    for incident in [&bad, &good] {
        block_on(table.claim(incident, at, jiff::SignedDuration::ZERO)).unwrap();
    }
    let key = format!("INCIDENT#{}", bad.id);
    cloud.state().table.items.get_mut(&key).unwrap().remove("cause");
    let due = block_on(table.due(Shards::ALL, at, 10)).unwrap();
    assert_eq!(due.len(), 2, "nobody forgets it");
    let lease = jiff::SignedDuration::from_secs(90);
    let error = block_on(table.acquire_due(&bad.id, at, lease)).unwrap_err().to_string();
    assert!(error.contains(&key) && error.contains("cause"), "{error}");
    assert!(block_on(table.acquire_due(&good.id, at, lease)).unwrap().is_some());
}

/// An item as versions before 0.2 wrote it: the refusal is the last outcome alone.
#[cfg(feature = "aws")]
#[test]
fn a_refusal_that_an_earlier_version_wrote_outlives_later_requests() {
    use bedrock_remediator::incident::record::Claim;
    use bedrock_remediator::ports::Ledger as _;
    use bedrock_remediator::quota::record::{Intent, Refusal, Reserved};
    use bedrock_remediator::quota::request::TrackedRequest;
    use serde_json::json;
    let cloud = crate::support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    let (asked, at): (jiff::Timestamp, jiff::Timestamp) =
        ("2026-05-02T10:00:00Z".parse().unwrap(), "2026-11-20T14:34:05Z".parse().unwrap());
    let item = json!({
        "pk": { "S": "QUOTA#111122223333#us-east-1#L-F4DDD3EB" },
        "intent": { "M": {
            "incident": { "S": "inc-0123456789abcdef" }, "code": { "S": "L-F4DDD3EB" }, "name": { "S": "tokens" },
            "desired": { "N": "8500000" }, "value_before": { "N": "5000000" }, "at": { "S": asked.to_string() },
        } },
        "request_id": { "S": "request-1" }, "last_outcome": { "S": "denied" },
        "cool_down_until": { "S": "2026-05-05T10:00:00Z" },
    });
    let key = "QUOTA#111122223333#us-east-1#L-F4DDD3EB".to_owned();
    cloud.state().table.items.insert(key, serde_json::from_value(item).unwrap());
    let claim =
        block_on(table.claim(&contract::incident("us-east-1"), at, jiff::SignedDuration::from_secs(90)));
    let Claim::Mine(lease, _) = claim.unwrap() else { panic!("only counted") };
    let place = contract::place("us-east-1");
    let followed = |desired| TrackedRequest {
        code: bedrock_remediator::ids::QuotaCode::parse("L-F4DDD3EB").unwrap(),
        name: "tokens".to_owned(),
        desired,
        value_before: 5e6,
        request_id: None,
        intended: at,
    };
    let reserve = |desired| {
        let intent = Intent {
            followed: followed(desired),
            cool_down_until: at,
            ..contract::intent("us-east-1", at, 3)
        };
        block_on(table.reserve(&lease, &intent, at)).unwrap()
    };
    let refused = Reserved::ClosedUnchanged(Refusal { desired: 8.5e6, asked, ended: asked, need: None });
    assert_eq!(reserve(8.5e6), refused, "as it was read");
    assert_eq!(reserve(7e6), Reserved::Yes);
    block_on(table.not_filed(&lease, &place, None, &followed(7e6))).unwrap();
    assert_eq!(reserve(8.5e6), refused, "and after a later request");
}

/// What a later version may have written.
#[cfg(feature = "aws")]
#[test]
fn a_cause_of_another_version_reads_as_unknown_and_stays_as_it_was_written() {
    use bedrock_remediator::diagnosis::Cause;
    use bedrock_remediator::incident::Incident;
    use bedrock_remediator::incident::record::{Claim, Release, State};
    use bedrock_remediator::ports::Ledger as _;
    let cloud = crate::support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    let (incident, at) = (contract::incident("us-east-1"), "2026-11-20T14:34:05Z".parse().unwrap());
    let lease = jiff::SignedDuration::from_secs(90);
    block_on(table.claim(&incident, at, lease)).unwrap();
    let key = format!("INCIDENT#{}", incident.id);
    let word = serde_json::json!({ "S": "images-per-minute" });
    let detail = format!("DETAIL#{}", incident.id);
    for (key, name) in [(&key, "cause"), (&key, "rule"), (&detail, "cause"), (&detail, "rule")] {
        cloud.state().table.items.get_mut(key).unwrap().insert(name.to_owned(), word.clone());
    }
    assert_eq!(block_on(table.incident(&incident.id)).unwrap().unwrap().incident.cause, Cause::Unknown);
    let later = at + jiff::SignedDuration::from_mins(10);
    // Nothing that names another cause.
    let unnamed = Incident { rule: None, ..incident };
    let Claim::Mine(lease, record) = block_on(table.claim(&unnamed, later, lease)).unwrap() else {
        panic!("only counted")
    };
    assert_eq!((record.incident.cause, record.incident.counts.errors), (Cause::Unknown, 2));
    let end = Release::new(State::Told, later, record.incident.counts);
    block_on(table.finish(&lease, &end)).unwrap();
    for key in [key, detail] {
        let item = cloud.state().table.items[&key].clone();
        assert_eq!((&item["cause"], &item["rule"]), (&word, &word), "{key}");
    }
}

#[cfg(feature = "aws")]
fn ledger_of_before() -> std::collections::BTreeMap<String, serde_json::Map<String, serde_json::Value>> {
    serde_json::from_str(include_str!("ledgers/0.1.0.json")).unwrap()
}

/// What versions before 0.2 wrote: everything of an incident stands in one item.
#[cfg(feature = "aws")]
#[test]
fn items_of_before_are_read_and_slim_after_the_next_lease() {
    let cloud = crate::support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    cloud.state().table.items = ledger_of_before();
    block_on(contract::goes_on_with_the_ledger_of_before(&table));
    for (key, item) in &cloud.state().table.items {
        let is_bulky =
            |name: &&String| name.starts_with("callers_") || *name == "search" || *name == "sample";
        let bulky = item.keys().find(is_bulky);
        if key.starts_with("INCIDENT#") && item["state"]["S"] != "closed" {
            assert_eq!((bulky, &item["facts"]["S"]), (None, &serde_json::json!("{}")), "{key}");
            assert_ne!(item["open"]["S"], "1", "{key}");
            assert_eq!(
                item.get("notices").and_then(|list| list["L"].as_array()).map_or(0, Vec::len),
                usize::from(item["state"]["S"] != "seen")
            );
        }
    }
}

/// A claim that only counts moves an incident of before to its shard; its facts and callers wait for a lease.
#[cfg(feature = "aws")]
#[test]
fn an_item_of_before_that_is_only_counted_goes_to_its_shard() {
    use bedrock_remediator::ports::Ledger as _;
    use bedrock_remediator::shards::Shard;
    let cloud = crate::support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    cloud.state().table.items = ledger_of_before();
    let incident = contract::incident("us-east-1");
    let before = block_on(table.incident(&incident.id)).unwrap().unwrap();
    block_on(contract::counted(&table, &incident, contract::after(720)));
    let known = block_on(table.incident(&incident.id)).unwrap().unwrap();
    assert_eq!(known.incident.counts.errors, before.incident.counts.errors + 1);
    assert_eq!((known.notices, known.followed, known.state), (before.notices, before.followed, before.state));
    assert!(known.incident.callers.all().errors >= before.incident.callers.all().errors);
    let item = cloud.state().table.items[&format!("INCIDENT#{}", incident.id)].clone();
    assert_eq!(item["open"]["S"], format!("f{}", Shard::of(&incident.id).number()));
}

/// What a version before 0.2 reads of an incident, by name and DynamoDB's type. It cannot read an item without the
/// first ones.
#[cfg(feature = "aws")]
#[test]
fn the_version_before_can_read_what_this_one_writes() {
    use bedrock_remediator::incident::record::{Release, State};
    use bedrock_remediator::ports::Ledger as _;
    let cloud = crate::support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    let incident = contract::incident("us-east-1");
    let (lease, _) = block_on(contract::mine(&table, &incident, contract::now()));
    let end = Release {
        followed: Some(contract::followed(contract::now())),
        silent_until: Some(contract::after(600)),
        told: Some(contract::told(contract::now())),
        ..contract::finish(State::Watching, contract::after(900))
    };
    block_on(table.finish(&lease, &end)).unwrap();
    let item = cloud.state().table.items[&format!("INCIDENT#{}", incident.id)].clone();
    for (name, kind) in [
        ("pk", "S"),
        ("state", "S"),
        ("episode", "N"),
        ("cause", "S"),
        ("rule", "S"),
        ("facts", "S"),
        ("errors", "N"),
        ("account", "S"),
        ("region", "S"),
        ("model", "S"),
        ("model_kind", "S"),
        ("first_seen", "S"),
        ("last_seen", "S"),
        ("intent", "M"),
        ("due_at", "S"),
        ("silent_until", "S"),
        ("lease_owner", "S"),
        ("lease_until", "S"),
    ] {
        assert!(item[name].get(kind).is_some(), "{name}: {}", item[name]);
    }
    let told = &item["notices"]["L"];
    assert_eq!(
        told.as_array().map(Vec::len),
        Some(1),
        "the last notice, so that it is not told again at once"
    );
    assert_eq!(told[0]["M"]["at"]["S"], contract::now().to_string());
}

/// However long an incident goes on. The function's name is as long as that of a log stream.
#[cfg(feature = "aws")]
#[test]
fn no_item_grows_with_time() {
    use bedrock_remediator::callers::Origin;
    use bedrock_remediator::incident::heard::Heard;
    use bedrock_remediator::incident::notices::NoticeRecord;
    use bedrock_remediator::incident::record::{Claim, Release, State};
    use bedrock_remediator::incident::search::{LogKind, LogQuery, Search};
    use bedrock_remediator::ports::Ledger as _;
    use jiff::SignedDuration;
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    // Many times what the ring of minutes and the kinds of notices hold. Halfway the numbers become those of years.
    const STEPS: usize = 300;
    // Which role calls, how many minutes pass, which kind is told, and whether a step was missing.
    let step = (0..40u32, 0..200i64, 0..5usize, any::<bool>());
    let mut runner = TestRunner::new(ProptestConfig { max_shrink_iters: 0, ..ProptestConfig::with_cases(2) });
    let steps = proptest::collection::vec(step, STEPS);
    let answer = runner.run(&steps, |steps| {
        let cloud = crate::support::cloud::Cloud::new(WorldFile::default());
        let table = cloud.aws("DYNAMODB");
        block_on(async {
            let mut at = contract::now();
            for (n, (role, minutes, kind, is_missing)) in steps.into_iter().enumerate() {
                at += SignedDuration::from_mins(minutes);
                if n == STEPS / 2 {
                    let mut state = cloud.state();
                    let numbers = state.table.items.values_mut().flat_map(serde_json::Map::values_mut);
                    let numbers = numbers.filter_map(|value| value.get_mut("N"));
                    numbers.for_each(|number| *number = serde_json::json!("1234567890"));
                }
                let symptoms = (0..12).map(|other| {
                    let role = format!("an-application-with-a-long-name-{}", (role + other) % 40);
                    let mut one = contract::symptom(
                        "us-gov-east-1",
                        "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
                        "Too many tokens, please wait before trying again.",
                        &role,
                        at,
                    );
                    one.origin = Origin {
                        agent: Some("aws-sdk-java/2.31.1".to_owned()),
                        client: Some(other),
                        ..Origin::default()
                    };
                    one
                });
                let incident = bedrock_remediator::incident::fold(symptoms).remove(0);
                let claim = table.claim(&incident, at, contract::LEASE).await.unwrap();
                let Claim::Mine(lease, record) = claim else { continue };
                let kind = ["opened", "again", "reminder", "unanswered", "outcome"][kind].to_owned();
                let missing = if is_missing {
                    vec!["Anthropic's use-case form is submitted".to_owned(); 5]
                } else {
                    Vec::new()
                };
                let heard = Heard::from(format!("w{n:08x}@490000"));
                let told = NoticeRecord {
                    id: format!("ntc-{n:016x}"),
                    kind,
                    at,
                    errors: n as u64,
                    missing,
                    repeats: 1,
                    heard,
                };
                let query = LogQuery {
                    kind: LogKind::Application,
                    id: "12ab3456-12ab-123a-789e-1234567890ab".to_owned(),
                };
                let end = Release {
                    followed: Some(contract::followed(at)),
                    told: Some(told),
                    silent_until: Some(at + SignedDuration::from_mins(60)),
                    search: Some(Search { alarm: at, looks: 3, queries: vec![query; 6] }),
                    ..Release::new(
                        State::Watching,
                        at + SignedDuration::from_mins(60),
                        record.incident.counts,
                    )
                };
                table.finish(&lease, &end).await.unwrap();
            }
        });
        let mut bulky = 0;
        for (key, item) in &cloud.state().table.items {
            let size = crate::support::dynamo::size(item);
            if key.starts_with("INCIDENT#") {
                prop_assert!(size < 2048, "{key} has {size} bytes");
            } else {
                bulky += size;
                prop_assert!(
                    size < if key.starts_with("DETAIL#") { 4096 } else { 2048 },
                    "{key} has {size} bytes"
                );
            }
        }
        prop_assert_eq!(cloud.state().table.items.len(), 10);
        prop_assert!(bulky < 16 * 1024, "{} bytes", bulky);
        Ok(())
    });
    answer.unwrap();
}

/// An item as versions before 0.2 wrote it: so many requests on a day of UTC.
#[cfg(feature = "aws")]
#[test]
fn requests_that_an_earlier_version_counted_today_still_count() {
    use bedrock_remediator::incident::record::Claim;
    use bedrock_remediator::ports::Ledger as _;
    use bedrock_remediator::quota::record::{Intent, Reserved};
    use bedrock_remediator::quota::request::TrackedRequest;
    let cloud = crate::support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    let at: jiff::Timestamp = "2026-11-20T14:34:05Z".parse().unwrap();
    let key = "DAY#111122223333#us-east-1#2026-11-20".to_owned();
    let item = serde_json::json!({ "pk": { "S": key }, "filed": { "N": "2" } });
    cloud.state().table.items.insert(key.clone(), serde_json::from_value(item).unwrap());
    let lease = jiff::SignedDuration::from_secs(90);
    let claim = block_on(table.claim(&contract::incident("us-east-1"), at, lease)).unwrap();
    let Claim::Mine(lease, _) = claim else { panic!("only counted") };
    let reserve = |code: &str| {
        let followed = TrackedRequest {
            code: bedrock_remediator::ids::QuotaCode::parse(code).unwrap(),
            name: "tokens".to_owned(),
            desired: 9e6,
            value_before: 5e6,
            request_id: None,
            intended: at,
        };
        let place = contract::place("us-east-1");
        let intent = Intent { place, followed, cool_down_until: at, ..contract::intent("us-east-1", at, 3) };
        block_on(table.reserve(&lease, &intent, at)).unwrap()
    };
    assert_eq!((reserve("L-00000001"), reserve("L-00000002")), (Reserved::Yes, Reserved::DailyLimit));
}

/// Run by the emulator suite, which says where the emulator listens. moto serves each call in a thread of
/// its own and locks nothing, so that what `DynamoDB` does at once is left out.
#[cfg(feature = "aws")]
#[test]
#[ignore = "needs DYNAMODB_ENDPOINT, an emulator with an empty table `ledger`"]
fn the_tables_ledger_keeps_the_contract_on_an_emulator() {
    let endpoint = std::env::var("DYNAMODB_ENDPOINT").unwrap();
    let table = crate::support::cloud::aws_at(&endpoint);
    block_on(contract::keeps_in_turn(&table));
}
