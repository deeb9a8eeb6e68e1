//! What one release writes to the ledger, another reads: the items of earlier releases, which `tests/ledgers` keeps,
//! and what a later release may write.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bedrock_remediator::aws::Aws;
use bedrock_remediator::ids::{IncidentId, QuotaCode};
use bedrock_remediator::incident::flood::Opened;
use bedrock_remediator::incident::lane::Lane;
use bedrock_remediator::incident::notices::NoticeRecord;
use bedrock_remediator::incident::record::{Claim, Lease, Record, Release, State, UnansweredLook};
use bedrock_remediator::incident::search::{LogKind, LogQuery, Search};
use bedrock_remediator::incident::{Counts, Incident, fold};
use bedrock_remediator::ports::Ledger as _;
use bedrock_remediator::quota::record::{
    Approval, EndedRequest, Intent, OrganizationLimit, Remember, Suspect, Suspicion,
};
use bedrock_remediator::quota::request::{RequestOutcome, TrackedRequest};
use bedrock_remediator::sandbox::WorldFile;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use crate::support::cloud::Cloud;
use crate::support::contract::{self, LEASE, after, finish, followed, incident, mine, now, place, told};

/// The items of a table by their keys, in DynamoDB's JSON.
type Items = BTreeMap<String, Map<String, Value>>;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledgers")
}

/// The kept ledgers by their release, the oldest first.
fn kept() -> Vec<(String, Items)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut kept: Vec<(String, Items)> = files
        .map(|path| {
            let items = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), items)
        })
        .collect();
    let number = |release: &str| -> Vec<u32> { release.split('.').map(|n| n.parse().unwrap()).collect() };
    kept.sort_by_key(|(release, _)| number(release));
    assert!(kept.len() >= 2);
    kept
}

fn ids(items: &Items) -> Vec<IncidentId> {
    items.keys().filter_map(|key| IncidentId::parse(key.strip_prefix("INCIDENT#")?)).collect()
}

/// Incidents in every state, with everything that an incident may have.
async fn write_incidents(ledger: &Aws) {
    let heard = "w0a1b2c3d@490000".to_owned().into();
    let (lease, _) = mine(ledger, &incident("us-east-1"), now()).await;
    let organization = Some(OrganizationLimit { organization: "o-a1b2c3d4e5".to_owned(), most_a_day: 20 });
    let intent = Intent { organization, ..contract::intent("us-east-1", now(), 3) };
    ledger.reserve(&lease, &intent, now()).await.unwrap();
    let request_id = Some("request-1".to_owned());
    let end = Release {
        followed: Some(TrackedRequest { request_id, ..followed(now()) }),
        silent_until: Some(after(600)),
        told: Some(NoticeRecord { heard, repeats: 2, ..told(after(5)) }),
        ..finish(State::Watching, after(900))
    };
    ledger.finish(&lease, &end).await.unwrap();

    let (lease, record) = mine(ledger, &contract::unnamed("eu-west-1"), now()).await;
    let query = LogQuery { kind: LogKind::Application, id: "query-1".to_owned() };
    let end = Release {
        search: Some(Search { alarm: now(), looks: 5, queries: vec![query] }),
        unread: Some(UnansweredLook { since: now(), told: Some(after(60)) }),
        told: Some(told(now())),
        ..Release::new(State::Told, after(300), record.incident.counts)
    };
    ledger.finish(&lease, &end).await.unwrap();

    contract::close(ledger, &incident("us-west-2"), now()).await;

    // Left by its holder, after the reservation.
    let (lease, _) = mine(ledger, &incident("ap-south-1"), now()).await;
    let intent = contract::intent("ap-south-1", now(), 3);
    ledger.reserve(&lease, &intent, now()).await.unwrap();

    let form = "Model use case details have not been submitted for this account.";
    let models = ["anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"];
    let symptoms = models.map(|model| contract::symptom("af-south-1", model, form, "app", now()));
    let form = fold(symptoms).remove(0);
    let (lease, record) = mine(ledger, &form, now()).await;
    let end = Release {
        awaited: Some(contract::awaited()),
        told: Some(told(now())),
        ..Release::new(State::Told, after(300), record.incident.counts)
    };
    ledger.finish(&lease, &end).await.unwrap();
}

/// A quota with everything that is remembered about one.
async fn write_quota(ledger: &Aws) {
    let region = "ca-central-1";
    let days = |days: i64| now() + SignedDuration::from_hours(24 * days);
    for (desired, day, outcome, value) in
        [(8.5e6, 0, RequestOutcome::Denied, 5e6), (6e6, 20, RequestOutcome::Granted, 6e6)]
    {
        let (lease, record) = mine(ledger, &incident(region), days(day)).await;
        let mut intent = contract::intent(region, days(day), 3);
        intent.followed.desired = desired;
        ledger.reserve(&lease, &intent, days(day)).await.unwrap();
        let ended = EndedRequest {
            place: place(region),
            followed: intent.followed,
            outcome,
            value: Some(value),
            at: days(day + 1),
        };
        let counts = record.incident.counts;
        let end = Release { ended: Some(ended), ..Release::new(State::Told, days(day + 1), counts) };
        ledger.finish(&lease, &end).await.unwrap();
    }
    let approval = Approval { at: days(41), requests: 420.0, tokens: 4.9e6 };
    let suspicion = Suspicion { kind: Suspect::Jump, since: days(42), why: "use jumped".to_owned() };
    for what in [Remember::Approve(approval), Remember::Suspect(suspicion)] {
        ledger.remember(&place(region), &contract::code(), &what).await.unwrap();
    }
}

async fn write_counters(ledger: &Aws) {
    let opened =
        Opened { place: "111122223333#us-east-1".to_owned(), sender: Some("0123456789abcdef".to_owned()) };
    ledger.admit(&opened, now()).await.unwrap();
    for lane in [Lane::Access, Lane::Throttle, Lane::Other] {
        ledger.count_notice(lane, now()).await.unwrap();
    }
    ledger.watch(&place("us-east-1"), now(), after(3600)).await.unwrap();
}

/// Items of every kind, as this version writes them.
fn written() -> Items {
    let cloud = Cloud::new(WorldFile::default());
    let ledger = cloud.aws("DYNAMODB");
    block_on(async {
        Box::pin(write_incidents(&ledger)).await;
        write_quota(&ledger).await;
        write_counters(&ledger).await;
    });
    cloud.state().table.items.clone()
}

fn kinds(items: &Items) -> Vec<&str> {
    let mut kinds: Vec<&str> = items.keys().map(|key| key.split('#').next().unwrap()).collect();
    kinds.dedup();
    kinds
}

#[test]
fn the_newest_kept_ledger_is_what_this_version_writes() {
    let items = written();
    assert_eq!(
        kinds(&items),
        ["CALLERS", "CROWD", "DETAIL", "FILED", "INCIDENT", "NEW", "QUOTA", "WATCH"],
        "every kind of item"
    );
    if std::env::var_os("UPDATE_LEDGER").is_some() {
        let file = folder().join(concat!(env!("CARGO_PKG_VERSION"), ".json"));
        std::fs::write(file, serde_json::to_string_pretty(&items).unwrap() + "\n").unwrap();
    }
    let (release, newest) = kept().pop().unwrap();
    assert!(newest == items, "this version writes other items than {release}: see RELEASING.md");
}

/// What the ledger knows, as text.
async fn meaning(ledger: &Aws, items: &Items) -> String {
    let mut known = Vec::new();
    for id in ids(items) {
        known.push(format!("{:#?}\n", ledger.incident(&id).await.unwrap().unwrap()));
    }
    for key in items.keys().filter(|key| key.starts_with("QUOTA#")) {
        let [_, account, region, code] = key.split('#').collect::<Vec<_>>()[..] else { panic!("{key}") };
        assert_eq!(account, place(region).account.as_str());
        let record = ledger.quota(&place(region), &QuotaCode::parse(code).unwrap()).await.unwrap();
        known.push(format!("{key} {record:#?}\n"));
    }
    known.concat()
}

/// Handles every incident once more: an error that names no other cause is counted, and the lease given back.
async fn go_on(ledger: &Aws, items: &Items) {
    for id in ids(items) {
        let before = ledger.incident(&id).await.unwrap().unwrap();
        let counts = Counts { errors: 1, alarms: 0 };
        let unnamed = Incident { rule: None, counts, ..before.incident.clone() };
        let Claim::Mine(lease, record) = ledger.claim(&unnamed, after(1000), LEASE).await.unwrap() else {
            panic!("{id} was only counted")
        };
        if before.state != State::Closed {
            let was = (&before.notices, &before.followed, &before.awaited, &before.search, before.episode);
            let is = (&record.notices, &record.followed, &record.awaited, &record.search, record.episode);
            assert_eq!(was, is, "{id}");
            assert_eq!(record.incident.counts.errors, before.incident.counts.errors + 1, "{id}");
            assert_eq!(record.incident.facts, before.incident.facts, "{id}");
        }
        give_back(ledger, &lease, *record).await;
    }
    for key in items.keys().filter(|key| key.starts_with("QUOTA#")) {
        let region = key.split('#').nth(2).unwrap();
        let approval = Approval { at: after(1000), requests: 1.0, tokens: 2.0 };
        let suspicion = Suspicion { kind: Suspect::Loop, since: after(1000), why: "it goes on".to_owned() };
        let what =
            if region == "us-east-1" { Remember::Approve(approval) } else { Remember::Suspect(suspicion) };
        ledger.remember(&place(region), &contract::code(), &what).await.unwrap();
    }
}

async fn give_back(ledger: &Aws, lease: &Lease, record: Record) {
    let state = if record.followed.is_some() { State::Watching } else { State::Told };
    let end = Release {
        followed: record.followed,
        told: Some(NoticeRecord { id: "ntc-2".to_owned(), kind: "again".to_owned(), ..told(after(1001)) }),
        search: record.search,
        unread: record.unread,
        awaited: record.awaited,
        ..Release::new(state, after(2000), record.incident.counts)
    };
    ledger.finish(lease, &end).await.unwrap();
}

#[test]
fn the_ledger_of_each_release_is_read_and_goes_on() {
    for (release, items) in kept() {
        let cloud = Cloud::new(WorldFile::default());
        let ledger = cloud.aws("DYNAMODB");
        cloud.state().table.items = items.clone();
        insta::assert_snapshot!(format!("ledger-{release}"), block_on(meaning(&ledger, &items)));
        block_on(go_on(&ledger, &items));
    }
}

/// A value of a name, a kind, a state or an attribute that this version does not know.
const LATER: &str = "later";

/// `memory` of a quota with an entry, members of entries and a kind of a later version.
fn later_memory(text: &str) -> String {
    let mut memory: Map<String, Value> = serde_json::from_str(text).unwrap();
    for entry in memory.values_mut() {
        let members: Vec<&mut Value> = match entry {
            Value::Array(entries) => entries.iter_mut().collect(),
            entry => vec![entry],
        };
        for member in members {
            member[LATER] = json!([1]);
        }
    }
    if let Some(suspicion) = memory.get_mut("suspicion") {
        suspicion["kind"] = json!(LATER);
    }
    memory.insert(LATER.to_owned(), json!({ "word": LATER }));
    Value::Object(memory).to_string()
}

/// The items as a later version may write them.
fn by_a_later_version(mut items: Items) -> Items {
    let word = json!({ "S": LATER });
    for (key, item) in &mut items {
        item.insert(LATER.to_owned(), json!({ "M": { LATER: { "L": [{ "N": "1" }] } } }));
        for known in ["cause", "rule", "model_kind", "last_outcome"] {
            if item.contains_key(known) {
                item.insert(known.to_owned(), word.clone());
            }
        }
        if let Some(memory) = item.get_mut("memory") {
            memory["S"] = json!(later_memory(memory["S"].as_str().unwrap()));
        }
        if key.starts_with("DETAIL#") && item.contains_key("facts") {
            let mut facts: Value = serde_json::from_str(item["facts"]["S"].as_str().unwrap()).unwrap();
            facts[LATER] = json!([1]);
            item.insert("facts".to_owned(), json!({ "S": facts.to_string() }));
        }
        if let Some(first) = item.get_mut("first_notice") {
            first["M"]["kind"] = word.clone();
            first["M"][LATER] = word.clone();
            item.insert(format!("n_{LATER}"), json!({ "N": "3" }));
        }
        if item.get("state").is_some_and(|state| state["S"] == "told") {
            item.insert("state".to_owned(), word.clone());
        }
    }
    items
}

#[test]
fn what_a_later_version_wrote_is_read_and_stays() {
    let before = by_a_later_version(written());
    let cloud = Cloud::new(WorldFile::default());
    let ledger = cloud.aws("DYNAMODB");
    cloud.state().table.items = before.clone();
    block_on(meaning(&ledger, &before));
    block_on(go_on(&ledger, &before));
    let after = cloud.state().table.items.clone();
    let over = ids_of_the_closed(&before);
    for (key, was) in &before {
        let is = &after[key];
        assert_eq!(is[LATER], was[LATER], "{key}");
        // The next error of what is over opens a new episode, which has a diagnosis of its own.
        if over.iter().any(|id| key.ends_with(id)) {
            continue;
        }
        let names = ["cause", "rule", "facts", "model_kind", "first_notice", "n_later", "last_outcome"];
        for name in names.into_iter().filter(|name| was.contains_key(*name)) {
            assert_eq!(is.get(name), was.get(name), "{key}: {name}");
        }
        if let Some(memory) = was.get("memory") {
            let parsed =
                |value: &Value| -> Value { serde_json::from_str(value["S"].as_str().unwrap()).unwrap() };
            let (was, is) = (parsed(memory), parsed(&is["memory"]));
            for (name, entry) in was.as_object().unwrap() {
                assert!(name == "approved" || is[name] == *entry, "{key}: {name}");
            }
        }
    }
}

fn ids_of_the_closed(items: &Items) -> Vec<&str> {
    let is_closed = |item: &Map<String, Value>| item.get("state").is_some_and(|state| state["S"] == "closed");
    items
        .iter()
        .filter(|(_, item)| is_closed(item))
        .filter_map(|(key, _)| key.strip_prefix("INCIDENT#"))
        .collect()
}
