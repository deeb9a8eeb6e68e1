//! What the table's ledger costs in DynamoDB's capacity units, and that the cost does not grow with what is open.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Write as _;

use crate::support::cloud::Cloud;
use crate::support::contract::{self, LEASE, after, counted, finish, followed, mine, now, told};
use crate::support::dynamo::{Consumed, size};
use bedrock_remediator::aws::Aws;
use bedrock_remediator::ids::IncidentId;
use bedrock_remediator::incident::record::{Release, State};
use bedrock_remediator::incident::{Incident, fold};
use bedrock_remediator::ports::Ledger as _;
use bedrock_remediator::sandbox::WorldFile;
use bedrock_remediator::shards::{Shard, Shards};
use serde_json::json;

const REGION: &str = "us-east-1";
/// So many of the open incidents follow a request.
const FOLLOWERS: usize = 5;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A throttle as storms bring it: several roles, `minute` minutes after the first one.
fn throttle(model: &str, minute: i64) -> Incident {
    let roles = ["checkout", "search", "batch-import", "support-assistant"];
    let of = |role| {
        contract::symptom(
            REGION,
            model,
            "Too many tokens, please wait before trying again.",
            role,
            after(60 * minute),
        )
    };
    fold(roles.map(of)).remove(0)
}

/// What is consumed meanwhile.
fn cost(cloud: &Cloud, work: impl Future) -> Consumed {
    cloud.state().table.consumed = Consumed::default();
    block_on(work);
    cloud.state().table.consumed
}

/// A claim, a duplicate of it while it is held, the notice, and a duplicate in the silence after it.
fn one_incident(cloud: &Cloud, table: &Aws) -> Vec<(&'static str, Consumed)> {
    let model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
    let mut all = Vec::new();
    let mut lease = None;
    all.push((
        "claim: new",
        cost(cloud, async { lease = Some(mine(table, &throttle(model, 0), now()).await.0) }),
    ));
    all.push(("claim: duplicate, held", cost(cloud, counted(table, &throttle(model, 1), after(61)))));
    let end = Release {
        told: Some(told(after(62))),
        silent_until: Some(after(14_400)),
        ..finish(State::Told, after(14_400))
    };
    let given_back = async { table.finish(lease.as_ref().unwrap(), &end).await.unwrap() };
    all.push(("finish: told", cost(cloud, given_back)));
    // As many as the ring of minutes holds, so that nothing of it grows any more.
    for minute in 2..20 {
        block_on(counted(table, &throttle(model, minute), after(60 * minute)));
    }
    all.push(("claim: duplicate, silenced", cost(cloud, counted(table, &throttle(model, 20), after(1200)))));
    let id = throttle(model, 0).id;
    let taken =
        async { lease = Some(table.acquire_due(&id, after(14_400), LEASE).await.unwrap().unwrap().0) };
    all.push(("lease: taken by the sweep", cost(cloud, taken)));
    let over = async {
        let known = table.incident(&id).await.unwrap().unwrap();
        let end = Release::new(State::Closed, after(14_401), known.incident.counts);
        cloud.state().table.consumed = Consumed::default();
        table.finish(lease.as_ref().unwrap(), &end).await.unwrap();
    };
    all.push(("finish: closed", cost(cloud, over)));
    all
}

/// `open` incidents that are due in a day, as the ledger writes them; some follow a request.
fn fill(cloud: &Cloud, table: &Aws, open: usize) {
    let models = ["us.amazon.nova-lite-v1:0", "us.amazon.nova-pro-v1:0"];
    let patterns = models.map(|model| {
        let follows = model == models[1];
        let incident = throttle(model, 0);
        let (lease, _) = block_on(mine(table, &incident, now()));
        let end = Release {
            followed: follows.then(|| followed(now())),
            ..finish(if follows { State::Watching } else { State::Told }, after(86_400))
        };
        block_on(table.finish(&lease, &end)).unwrap();
        cloud.state().table.items[&format!("INCIDENT#{}", incident.id)].clone()
    });
    cloud.state().table.items.clear();
    for n in 0..open {
        let id = IncidentId::parse(&format!("inc-{n:016x}")).unwrap();
        let mut item = patterns[usize::from(n < FOLLOWERS)].clone();
        let band = item["open"]["S"].as_str().unwrap().chars().next().unwrap();
        let key = format!("INCIDENT#{id}");
        item.insert("open".to_owned(), json!({ "S": format!("{band}{}", Shard::of(&id).number()) }));
        item.insert("pk".to_owned(), json!({ "S": key }));
        cloud.state().table.items.insert(key, item);
    }
}

/// A tick with nothing due, one with ten due, and news of a quota, where so many incidents are open.
fn of_many(open: usize) -> Vec<(&'static str, Consumed)> {
    let cloud = Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    fill(&cloud, &table, open);
    let due = async |shards| table.due(shards, after(60), 100).await.unwrap().len();
    let mut all = Vec::new();
    let one = Shards::one(Shard::new(3).unwrap());
    all.push(("tick of one shard, nothing due", cost(&cloud, async { assert_eq!(due(one).await, 0) })));
    all.push((
        "tick of every shard, nothing due",
        cost(&cloud, async { assert_eq!(due(Shards::ALL).await, 0) }),
    ));
    let place = contract::place(REGION);
    let woken = table.wake_followers(&place, after(30));
    all.push(("news of a quota, five follow", cost(&cloud, async { woken.await.unwrap() })));
    let followers = async { assert_eq!(due(Shards::ALL).await, FOLLOWERS.min(open)) };
    all.push(("tick of every shard, five due", cost(&cloud, followers)));
    all
}

#[test]
fn the_cost_is_as_the_documents_say_and_does_not_grow_with_what_is_open() {
    let cloud = Cloud::new(WorldFile::default());
    let table = cloud.aws("DYNAMODB");
    let mut rows = one_incident(&cloud, &table);
    for (what, spent) in &rows {
        assert!(spent.table + spent.indexes <= 14.0, "{what}: {spent:?}");
    }
    let duplicates = rows.iter().filter(|(what, _)| what.starts_with("claim: duplicate"));
    assert!(
        duplicates
            .into_iter()
            .all(|(_, spent)| spent.indexes <= 3.0 && spent.table <= 4.0 && spent.read == 0.0)
    );
    let few = of_many(10);
    assert_eq!(of_many(100_000), few, "however many are open");
    rows.extend(few);
    let slim: Vec<usize> = cloud
        .state()
        .table
        .items
        .iter()
        .filter(|(key, _)| key.starts_with("INCIDENT#"))
        .map(|(_, item)| size(item))
        .collect();
    assert!(slim.iter().all(|size| *size <= 1024), "{slim:?}");

    let mut shown = format!("{:<34} {:>6} {:>8} {:>6}\n", "", "table", "indexes", "reads");
    for (what, spent) in rows {
        writeln!(shown, "{what:<34} {:>6} {:>8} {:>6}", spent.table, spent.indexes, spent.read).unwrap();
    }
    insta::assert_snapshot!("capacity", shown);
}
