//! One contract, every ledger.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use bedrock_remediator::sandbox::{Sandbox, WorldFile};
#[cfg(feature = "aws")]
use bedrock_remediator::shards::Shards;
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

#[cfg(feature = "aws")]
#[test]
fn a_write_whose_answer_was_lost_is_repeated_and_still_ours() {
    use bedrock_remediator::world::{Claim, Finish, Ledger as _, State};
    let cloud = support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    let (incident, at) = (contract::incident("us-east-1"), "2026-11-20T14:34:05Z".parse().unwrap());
    let lose = || cloud.state().lose.push("dynamodb:UpdateItem".to_owned());
    lose();
    let claim = block_on(table.claim(&incident, at, jiff::SignedDuration::from_secs(90))).unwrap();
    let Claim::Mine(lease, record) = claim else { panic!("nobody else holds it") };
    assert_eq!((record.state, record.episode), (State::Seen, 1));
    lose();
    let end = Finish::new(State::Told, at, record.incident.counts);
    block_on(table.finish(&lease, &end)).unwrap();
    assert_eq!(block_on(table.incident(&incident.id)).unwrap().unwrap().state, State::Told);
}

#[cfg(feature = "aws")]
#[test]
fn an_item_that_cannot_be_read_is_an_error_and_hides_no_other() {
    use bedrock_remediator::world::Ledger as _;
    let cloud = support::cloud::Cloud::new(WorldFile::default());
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
    let error = block_on(table.take_over(&bad.id, at, lease)).unwrap_err().to_string();
    assert!(error.contains(&key) && error.contains("cause"), "{error}");
    assert!(block_on(table.take_over(&good.id, at, lease)).unwrap().is_some());
}

/// An item as versions before 0.2 wrote it: the refusal is the last outcome alone.
#[cfg(feature = "aws")]
#[test]
fn a_refusal_that_an_earlier_version_wrote_outlives_later_requests() {
    use bedrock_remediator::world::{Claim, Followed, Intent, Ledger as _, Refusal, Reserved};
    use serde_json::json;
    let cloud = support::cloud::Cloud::new(WorldFile::default());
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
    let followed = |desired| Followed {
        code: bedrock_remediator::ids::QuotaCode::parse("L-F4DDD3EB").unwrap(),
        name: "tokens".to_owned(),
        desired,
        value_before: 5e6,
        request_id: None,
        intended: at,
    };
    let reserve = |desired| {
        let intent =
            Intent { place: place.clone(), followed: followed(desired), cool_down_until: at, most_a_day: 3 };
        block_on(table.reserve(&lease, &intent, at)).unwrap()
    };
    let refused = Reserved::ClosedUnchanged(Refusal { desired: 8.5e6, asked });
    assert_eq!(reserve(8.5e6), refused, "as it was read");
    assert_eq!(reserve(9e6), Reserved::Yes);
    block_on(table.not_filed(&lease, &place, &followed(9e6))).unwrap();
    assert_eq!(reserve(8.5e6), refused, "and after a later request");
}

/// What a later version may have written.
#[cfg(feature = "aws")]
#[test]
fn a_cause_of_another_version_reads_as_unknown_and_stays_as_it_was_written() {
    use bedrock_remediator::diagnosis::Cause;
    use bedrock_remediator::incident::Incident;
    use bedrock_remediator::world::{Claim, Finish, Ledger as _, State};
    let cloud = support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    let (incident, at) = (contract::incident("us-east-1"), "2026-11-20T14:34:05Z".parse().unwrap());
    let lease = jiff::SignedDuration::from_secs(90);
    block_on(table.claim(&incident, at, lease)).unwrap();
    let key = format!("INCIDENT#{}", incident.id);
    let word = serde_json::json!({ "S": "images-per-minute" });
    for name in ["cause", "rule"] {
        cloud.state().table.items.get_mut(&key).unwrap().insert(name.to_owned(), word.clone());
    }
    assert_eq!(block_on(table.incident(&incident.id)).unwrap().unwrap().incident.cause, Cause::Unknown);
    let later = at + jiff::SignedDuration::from_mins(10);
    // Nothing that names another cause.
    let unnamed = Incident { rule: None, ..incident };
    let Claim::Mine(lease, record) = block_on(table.claim(&unnamed, later, lease)).unwrap() else {
        panic!("only counted")
    };
    assert_eq!((record.incident.cause, record.incident.counts.errors), (Cause::Unknown, 2));
    let end = Finish::new(State::Told, later, record.incident.counts);
    block_on(table.finish(&lease, &end)).unwrap();
    let item = cloud.state().table.items[&key].clone();
    assert_eq!((&item["cause"], &item["rule"]), (&word, &word));
}

/// An item as versions before 0.2 wrote it: so many requests on a day of UTC.
#[cfg(feature = "aws")]
#[test]
fn requests_that_an_earlier_version_counted_today_still_count() {
    use bedrock_remediator::world::{Claim, Followed, Intent, Ledger as _, Reserved};
    let cloud = support::cloud::Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    let at: jiff::Timestamp = "2026-11-20T14:34:05Z".parse().unwrap();
    let key = "DAY#111122223333#us-east-1#2026-11-20".to_owned();
    let item = serde_json::json!({ "pk": { "S": key }, "filed": { "N": "2" } });
    cloud.state().table.items.insert(key.clone(), serde_json::from_value(item).unwrap());
    let lease = jiff::SignedDuration::from_secs(90);
    let claim = block_on(table.claim(&contract::incident("us-east-1"), at, lease)).unwrap();
    let Claim::Mine(lease, _) = claim else { panic!("only counted") };
    let reserve = |code: &str| {
        let followed = Followed {
            code: bedrock_remediator::ids::QuotaCode::parse(code).unwrap(),
            name: "tokens".to_owned(),
            desired: 9e6,
            value_before: 5e6,
            request_id: None,
            intended: at,
        };
        let place = contract::place("us-east-1");
        let intent = Intent { place, followed, cool_down_until: at, most_a_day: 3 };
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
    block_on(contract::keeps_in_turn(&support::cloud::aws_at(&endpoint)));
}
