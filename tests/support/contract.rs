//! What every ledger has to keep, told as one suite: the sandbox's, the table's on a stand-in, and the
//! table's on an emulator.

use bedrock_remediator::callers::Origin;
use bedrock_remediator::diagnosis::{Cause, ErrorText, Facts, MODELS, diagnose};
use bedrock_remediator::error::{Rejection, ServiceError};
use bedrock_remediator::event::{ErrorSignal, Source};
use bedrock_remediator::ids::{AccountId, AccountRegion, IncidentId, QuotaCode, Region};
use bedrock_remediator::incident::flood::{IN_PLACE, OF_SENDER, Opened, Room};
use bedrock_remediator::incident::heard::Heard;
use bedrock_remediator::incident::lane::{DIGEST_WINDOW, Lane};
use bedrock_remediator::incident::notices::{NoticeRecord, Notices};
use bedrock_remediator::incident::record::{
    AwaitedQuota, Claim, Lease, Record, Release, State, UnansweredLook,
};
use bedrock_remediator::incident::search::{LogKind, LogQuery, Search};
use bedrock_remediator::incident::{Counts, Incident, Symptom, fold};
use bedrock_remediator::model::ModelId;
use bedrock_remediator::ports::Ledger;
use bedrock_remediator::quota::record::{
    Approval, EndedRequest, GrowthBudget, GrowthLimit, Intent, Need, OrganizationLimit, QuotaRecord, Raise,
    Refusal, Remember, Reserved, Suspect, Suspicion,
};
use bedrock_remediator::quota::request::{RequestOutcome, TrackedRequest};
use bedrock_remediator::shards::{Shard, Shards};
use jiff::{SignedDuration, Timestamp};

pub(crate) const LEASE: SignedDuration = SignedDuration::from_secs(90);
const LATER: SignedDuration = SignedDuration::from_mins(10);

pub(crate) fn now() -> Timestamp {
    "2026-11-20T14:34:05Z".parse().unwrap()
}

pub(crate) fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// Each check has incidents and quotas of its own, so that one ledger serves all.
pub(crate) fn place(region: &str) -> AccountRegion {
    AccountRegion {
        account: AccountId::parse("111122223333").unwrap(),
        region: Region::parse(region).unwrap(),
    }
}

fn throttle(region: &str, model: &str, message: &str) -> Incident {
    fold([symptom(region, model, message, "app", now())]).remove(0)
}

pub(crate) fn symptom(region: &str, model: &str, message: &str, role: &str, at: Timestamp) -> Symptom {
    let error = ErrorSignal {
        source: Source::CloudTrail,
        account: AccountId::parse("111122223333"),
        region: Region::parse(region),
        model: ModelId::parse(model),
        variant: None,
        max_tokens: None,
        operation: Some("Converse".to_owned()),
        code: Some("ThrottlingException".to_owned()),
        status: None,
        message: message.to_owned(),
        caller: Some(format!("arn:aws:iam::111122223333:role/{role}")),
        origin: Origin::default(),
        at: Some(at),
    };
    let found = diagnose(&ErrorText { code: error.code.as_deref(), message, ..ErrorText::default() });
    Symptom::of_error(&error, found, 0)
}

/// Opens `incident` and closes it at once.
pub(crate) async fn close(ledger: &impl Ledger, incident: &Incident, at: Timestamp) {
    let (lease, _) = mine(ledger, incident, at).await;
    let end = Release { told: Some(told(at)), ..finish(State::Closed, at) };
    ledger.finish(&lease, &end).await.unwrap();
}

pub(crate) fn incident(region: &str) -> Incident {
    throttle(region, "us.amazon.nova-lite-v1:0", "Too many tokens, please wait before trying again.")
}

/// What only an alarm's metric tells.
pub(crate) fn unnamed(region: &str) -> Incident {
    Incident {
        cause: Cause::RateUnspecified,
        rule: None,
        facts: Facts::default(),
        counts: Counts { errors: 0, alarms: 1 },
        ..incident(region)
    }
}

pub(crate) fn code() -> QuotaCode {
    QuotaCode::parse("L-F4DDD3EB").unwrap()
}

pub(crate) fn followed(at: Timestamp) -> TrackedRequest {
    TrackedRequest {
        code: code(),
        name: "Tokens per minute for a model".to_owned(),
        desired: 8.5e6,
        value_before: 5e6,
        request_id: None,
        intended: at,
    }
}

pub(crate) fn intent(region: &str, at: Timestamp, most_a_day: u32) -> Intent {
    Intent {
        place: place(region),
        followed: followed(at),
        cool_down_until: at + SignedDuration::from_hours(72),
        most_a_day,
        organization: None,
        need: Need { demand: 5.6e6, full_days: 2, is_approved: false },
        floor: 5e6,
        budget: GrowthBudget { in_14_days: 2.0, in_90_days: 4.0 },
    }
}

pub(crate) fn finish(state: State, due_at: Timestamp) -> Release {
    let counts = Counts { errors: 1, alarms: 0 };
    Release::new(state, due_at, counts)
}

/// Closed, as far as so many errors go.
fn closed(errors: u64, at: Timestamp) -> Release {
    let counts = Counts { errors, alarms: 0 };
    Release { told: Some(told(at)), counts, ..finish(State::Closed, at) }
}

pub(crate) fn told(at: Timestamp) -> NoticeRecord {
    NoticeRecord {
        id: "ntc-1".to_owned(),
        kind: "opened".to_owned(),
        at,
        errors: 7,
        missing: vec!["a step".to_owned()],
        repeats: 0,
        heard: Heard::default(),
    }
}

pub(crate) async fn mine(ledger: &impl Ledger, incident: &Incident, at: Timestamp) -> (Lease, Record) {
    match ledger.claim(incident, at, LEASE).await.unwrap() {
        Claim::Mine(lease, record) => (lease, *record),
        Claim::Counted => panic!("{} was only counted", incident.id),
    }
}

pub(crate) async fn counted(ledger: &impl Ledger, incident: &Incident, at: Timestamp) {
    assert!(matches!(ledger.claim(incident, at, LEASE).await.unwrap(), Claim::Counted));
}

fn is_lost<T>(answer: &Result<T, ServiceError>) -> bool {
    matches!(answer, Err(ServiceError::Rejected(Rejection::LeaseLost, _)))
}

/// Runs every check on `ledger`, which is empty.
pub(crate) async fn keeps(ledger: &impl Ledger) {
    keeps_in_turn(ledger).await;
    of_two_at_once_one_gets_the_lease(ledger).await;
}

/// Runs every check in which one call follows another: an emulator's writes need not be atomic.
pub(crate) async fn keeps_in_turn(ledger: &impl Ledger) {
    a_claim_counts_and_leases_once(ledger).await;
    an_incident_comes_back_as_it_was_folded(ledger).await;
    a_lease_that_ended_is_taken_over_and_its_writes_are_refused(ledger).await;
    silence_counts_and_does_not_keep_the_sweep_away(ledger).await;
    a_closed_incident_opens_a_new_episode(ledger).await;
    what_was_counted_while_it_was_closed_keeps_it_open(ledger).await;
    what_is_counted_during_a_look_is_looked_at(ledger).await;
    a_lease_of_no_length_hands_over(ledger).await;
    a_name_for_the_limit_is_learnt(ledger).await;
    a_search_is_kept_and_ends_with_what_was_behind_it(ledger).await;
    callers_of_the_last_minutes_are_kept(ledger).await;
    what_was_seen_lately_in_a_place_is_found(ledger).await;
    what_was_seen_last_never_goes_back_nor_ahead(ledger).await;
    a_person_does_not_wait_until_it_is_due(ledger).await;
    a_quota_is_reserved_once(ledger).await;
    the_day_has_its_limit(ledger).await;
    midnight_gives_no_further_requests(ledger).await;
    an_organization_has_its_limit_over_all_accounts(ledger).await;
    a_refused_request_frees_the_quota(ledger).await;
    what_aws_answered_is_remembered_whatever_happens_later(ledger).await;
    a_suspicion_stays_until_a_person_lifts_it(ledger).await;
    our_own_raises_are_bounded(ledger).await;
    an_episode_keeps_nothing_of_the_one_before(ledger).await;
    what_returns_within_a_week_goes_on_with_its_episode(ledger).await;
    models_of_the_whole_account_are_kept(ledger).await;
    followers_are_woken(ledger).await;
    a_shard_is_swept_by_itself_and_its_bands_in_order(ledger).await;
    what_the_index_said_a_moment_ago_gives_no_lease(ledger).await;
    of_many_notices_the_first_the_last_and_the_counts_are_kept(ledger).await;
    the_band_follows_the_cause(ledger).await;
    what_is_severe_is_due_first(ledger).await;
    notices_of_some_minutes_are_tallied(ledger).await;
    new_incidents_of_an_hour_are_bounded(ledger).await;
    a_watch_is_one_functions(ledger).await;
    nothing_is_known_of_what_never_was(ledger).await;
}

async fn a_claim_counts_and_leases_once(ledger: &impl Ledger) {
    let incident = incident("us-east-1");
    let (lease, record) = mine(ledger, &incident, now()).await;
    assert_eq!((record.state, record.episode, record.incident.counts.errors), (State::Seen, 1, 1));
    counted(ledger, &incident, after(1)).await;
    counted(ledger, &incident, after(2)).await;
    assert!(!ledger.due(Shards::ALL, after(3), 100).await.unwrap().contains(&incident.id), "leased");
    let due_at = after(900);
    let watched = TrackedRequest { request_id: Some("request-1".to_owned()), ..followed(now()) };
    let end = Release {
        followed: Some(watched.clone()),
        silent_until: Some(after(600)),
        told: Some(told(now())),
        ..finish(State::Watching, due_at)
    };
    ledger.finish(&lease, &end).await.unwrap();
    let known = ledger.incident(&incident.id).await.unwrap().unwrap();
    assert_eq!((known.state, known.incident.counts.errors), (State::Watching, 3));
    assert_eq!((known.due_at, known.silent_until), (Some(due_at), Some(after(600))));
    assert_eq!((known.followed, known.notices), (Some(watched), Notices::from_iter([told(now())])));
    // A repeat may be answered as the first one was, and changes nothing.
    let repeated = ledger.finish(&lease, &finish(State::Told, after(1))).await;
    assert!(repeated.is_ok() || is_lost(&repeated));
    assert_eq!(ledger.incident(&incident.id).await.unwrap().unwrap().state, State::Watching);
}

async fn an_incident_comes_back_as_it_was_folded(ledger: &impl Ledger) {
    let arn = "arn:aws:bedrock:us-east-2:111122223333:provisioned-model/abcdefgh1234";
    let denied = "User: arn:aws:sts::111122223333:assumed-role/app/s is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-2::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows the bedrock:InvokeModel action";
    let mut whole = throttle("us-east-2", arn, denied);
    whole.items.clear();
    whole.by_root = true;
    mine(ledger, &whole, now()).await;
    let known = ledger.incident(&whole.id).await.unwrap().unwrap().incident;
    assert_eq!((&known.account, &known.region, &known.model), (&whole.account, &whole.region, &whole.model));
    assert_eq!((&known.caller, known.cause, known.rule), (&whole.caller, whole.cause, whole.rule));
    assert_eq!((&known.facts, known.counts), (&whole.facts, whole.counts));
    assert_eq!((known.first_seen, known.last_seen), (whole.first_seen, whole.last_seen));
    assert!(known.by_root);
}

async fn a_lease_that_ended_is_taken_over_and_its_writes_are_refused(ledger: &impl Ledger) {
    let incident = incident("us-west-1");
    let (dead, _) = mine(ledger, &incident, now()).await;
    counted(ledger, &incident, after(89)).await;
    assert!(ledger.acquire_due(&incident.id, after(89), LEASE).await.unwrap().is_none(), "still leased");
    assert!(ledger.due(Shards::ALL, after(91), 100).await.unwrap().contains(&incident.id));
    let (heir, record) = ledger.acquire_due(&incident.id, after(91), LEASE).await.unwrap().unwrap();
    assert_eq!(record.incident.counts.errors, 2);
    assert!(
        ledger.acquire_due(&incident.id, after(92), LEASE).await.unwrap().is_none(),
        "another was faster"
    );
    assert!(is_lost(&ledger.finish(&dead, &finish(State::Told, after(900))).await));
    assert!(is_lost(&ledger.reserve(&dead, &intent("us-west-1", after(92), 3), after(92)).await));
    assert!(is_lost(&ledger.not_filed(&dead, &place("us-west-1"), None, &followed(now())).await));
    ledger.finish(&heir, &finish(State::Seen, after(100))).await.unwrap();
    // Given back without silence: the next claim drives it, and a claim after a dead one as well.
    let (dead, _) = mine(ledger, &incident, after(101)).await;
    let (heir, record) = mine(ledger, &incident, after(200)).await;
    assert_eq!(record.incident.counts.errors, 4);
    assert!(is_lost(&ledger.finish(&dead, &finish(State::Told, after(900))).await));
    ledger.finish(&heir, &finish(State::Told, after(9000))).await.unwrap();
}

/// The lease, of two claims at the same time; panics unless exactly one got it.
async fn race(ledger: &impl Ledger, incident: &Incident, at: Timestamp) -> Lease {
    let (one, two) = tokio::join!(ledger.claim(incident, at, LEASE), ledger.claim(incident, at, LEASE));
    match (one.unwrap(), two.unwrap()) {
        (Claim::Mine(lease, _), Claim::Counted) | (Claim::Counted, Claim::Mine(lease, _)) => lease,
        other => panic!("{other:?}"),
    }
}

async fn of_two_at_once_one_gets_the_lease(ledger: &impl Ledger) {
    let incident = incident("us-west-2");
    race(ledger, &incident, now()).await;
    // Whoever had it is dead.
    let lease = race(ledger, &incident, after(200)).await;
    ledger.finish(&lease, &finish(State::Seen, after(300))).await.unwrap();
    let lease = race(ledger, &incident, after(301)).await;
    ledger.finish(&lease, &closed(6, after(302))).await.unwrap();
    let lease = race(ledger, &incident, after(400)).await;
    let known = ledger.incident(&incident.id).await.unwrap().unwrap();
    assert_eq!((known.episode, known.incident.counts.errors), (2, 2), "both were counted");
    ledger.finish(&lease, &finish(State::Told, after(9000))).await.unwrap();
    let (one, two) = tokio::join!(
        ledger.acquire_due(&incident.id, after(9001), LEASE),
        ledger.acquire_due(&incident.id, after(9001), LEASE),
    );
    assert!(one.unwrap().is_some() != two.unwrap().is_some(), "one takes over");
}

async fn silence_counts_and_does_not_keep_the_sweep_away(ledger: &impl Ledger) {
    let incident = incident("eu-west-1");
    let (lease, _) = mine(ledger, &incident, now()).await;
    let end = Release { silent_until: Some(after(3600)), ..finish(State::Watching, after(900)) };
    ledger.finish(&lease, &end).await.unwrap();
    counted(ledger, &incident, after(100)).await;
    assert!(!ledger.due(Shards::ALL, after(899), 100).await.unwrap().contains(&incident.id));
    assert!(ledger.due(Shards::ALL, after(900), 100).await.unwrap().contains(&incident.id));
    let (lease, record) = ledger.acquire_due(&incident.id, after(901), LEASE).await.unwrap().unwrap();
    assert_eq!(record.silent_until, Some(after(3600)));
    ledger.finish(&lease, &end).await.unwrap();
    let (lease, record) = mine(ledger, &incident, after(3601)).await;
    assert_eq!(record.incident.counts.errors, 3);
    ledger.finish(&lease, &finish(State::Told, after(9000))).await.unwrap();
}

async fn a_closed_incident_opens_a_new_episode(ledger: &impl Ledger) {
    let incident = incident("eu-west-2");
    for episode in 1..=3 {
        let at = now() + SignedDuration::from_hours(i64::from(episode));
        let (lease, record) = mine(ledger, &incident, at).await;
        assert_eq!((record.episode, record.state, record.incident.counts.errors), (episode, State::Seen, 1));
        assert!(record.notices.is_empty() && record.followed.is_none());
        counted(ledger, &incident, at + SignedDuration::from_secs(1)).await;
        let known = ledger.incident(&incident.id).await.unwrap().unwrap();
        assert_eq!((known.episode, known.incident.counts.errors), (episode, 2));
        let end = closed(2, at);
        ledger.finish(&lease, &end).await.unwrap();
        let due = ledger.due(Shards::ALL, at + SignedDuration::from_hours(900), 100).await.unwrap();
        assert!(!due.contains(&incident.id), "closed is never due");
    }
}

async fn what_was_counted_while_it_was_closed_keeps_it_open(ledger: &impl Ledger) {
    let incident = incident("eu-north-1");
    let (lease, _) = mine(ledger, &incident, now()).await;
    counted(ledger, &incident, after(1)).await;
    ledger.finish(&lease, &closed(1, after(2))).await.unwrap();
    let known = ledger.incident(&incident.id).await.unwrap().unwrap();
    assert_eq!((known.state, known.episode, known.incident.counts.errors), (State::Told, 1, 2));
    assert_eq!((known.due_at, known.notices), (Some(after(2)), Notices::from_iter([told(after(2))])));
    assert!(ledger.due(Shards::ALL, after(2), 100).await.unwrap().contains(&incident.id));
    let (lease, _) = ledger.acquire_due(&incident.id, after(3), LEASE).await.unwrap().unwrap();
    ledger.finish(&lease, &closed(2, after(4))).await.unwrap();
    assert_eq!(ledger.incident(&incident.id).await.unwrap().unwrap().state, State::Closed);
}

async fn what_is_counted_during_a_look_is_looked_at(ledger: &impl Ledger) {
    let incident = incident("ap-northeast-3");
    let looked = |errors| {
        let counts = Counts { errors, alarms: 0 };
        Release { due_if_counted: Some(after(3)), ..Release::new(State::Told, after(9000), counts) }
    };
    let (lease, _) = mine(ledger, &incident, now()).await;
    counted(ledger, &incident, after(1)).await;
    ledger.finish(&lease, &looked(1)).await.unwrap();
    let known = ledger.incident(&incident.id).await.unwrap().unwrap();
    assert_eq!((known.state, known.due_at), (State::Told, Some(after(3))));
    let (lease, _) = ledger.acquire_due(&incident.id, after(3), LEASE).await.unwrap().unwrap();
    ledger.finish(&lease, &looked(2)).await.unwrap();
    let known = ledger.incident(&incident.id).await.unwrap().unwrap();
    assert_eq!((known.state, known.due_at), (State::Told, Some(after(9000))));
}

async fn a_lease_of_no_length_hands_over(ledger: &impl Ledger) {
    let incident = incident("eu-west-3");
    ledger.claim(&incident, now(), SignedDuration::ZERO).await.unwrap();
    assert!(ledger.due(Shards::ALL, now(), 100).await.unwrap().contains(&incident.id));
    let (lease, record) = ledger.acquire_due(&incident.id, now(), LEASE).await.unwrap().unwrap();
    assert_eq!((record.state, record.episode), (State::Seen, 1));
    // One that was told and goes on after its silence is handed over as well.
    let end = Release { silent_until: Some(after(60)), ..finish(State::Told, after(9000)) };
    ledger.finish(&lease, &end).await.unwrap();
    ledger.claim(&incident, after(61), SignedDuration::ZERO).await.unwrap();
    assert!(ledger.due(Shards::ALL, after(62), 100).await.unwrap().contains(&incident.id));
    let (lease, _) = ledger.acquire_due(&incident.id, after(62), LEASE).await.unwrap().unwrap();
    ledger.finish(&lease, &finish(State::Told, after(9000))).await.unwrap();
}

async fn a_name_for_the_limit_is_learnt(ledger: &impl Ledger) {
    for (region, silent) in [("eu-central-1", true), ("eu-central-2", false)] {
        let (lease, record) = mine(ledger, &unnamed(region), now()).await;
        assert_eq!((record.incident.cause, record.incident.rule), (Cause::RateUnspecified, None));
        let silent_until = silent.then(|| after(3600));
        let end = Release { silent_until, ..finish(State::Told, after(9000)) };
        ledger.finish(&lease, &end).await.unwrap();
        let named = incident(region);
        let claim = ledger.claim(&named, after(10), LEASE).await.unwrap();
        assert_eq!(matches!(claim, Claim::Counted), silent);
        let known = ledger.incident(&named.id).await.unwrap().unwrap().incident;
        assert_eq!((known.cause, known.rule), (Cause::TokensPerMinute, named.rule));
        assert_eq!((known.counts.errors, known.counts.alarms), (1, 1));
        // And it is not forgotten again.
        ledger.claim(&unnamed(region), after(20), LEASE).await.unwrap();
        assert_eq!(ledger.incident(&named.id).await.unwrap().unwrap().incident.cause, Cause::TokensPerMinute);
    }
}

async fn a_search_is_kept_and_ends_with_what_was_behind_it(ledger: &impl Ledger) {
    let alarm = unnamed("il-central-1");
    let (lease, record) = mine(ledger, &alarm, now()).await;
    assert_eq!(record.search, None);
    let query = LogQuery { kind: LogKind::Application, id: "query-1".to_owned() };
    let search = Search { alarm: now(), looks: 5, queries: vec![query] };
    let counts = Counts { errors: 0, alarms: 1 };
    let end = Release { search: Some(search.clone()), ..Release::new(State::Told, after(300), counts) };
    ledger.finish(&lease, &end).await.unwrap();
    let (lease, record) = ledger.acquire_due(&alarm.id, after(300), LEASE).await.unwrap().unwrap();
    assert_eq!(record.search, Some(search));
    let other = incident("eu-west-1").id;
    let end = Release { superseded_by: Some(other), ..Release::new(State::Closed, after(301), counts) };
    ledger.finish(&lease, &end).await.unwrap();
    let known = ledger.incident(&alarm.id).await.unwrap().unwrap();
    assert_eq!((known.state, known.search), (State::Closed, None));
    let (lease, record) = mine(ledger, &alarm, after(400)).await;
    assert_eq!((record.episode, record.search), (2, None));
    ledger.finish(&lease, &finish(State::Told, after(9000))).await.unwrap();
}

async fn callers_of_the_last_minutes_are_kept(ledger: &impl Ledger) {
    let incident = |minute: i64, role: &str, region: &str| {
        let at = now() + SignedDuration::from_mins(minute);
        fold([symptom(region, "us.amazon.nova-lite-v1:0", "Rate exceeded", role, at)]).remove(0)
    };
    let region = "me-central-1";
    let (lease, _) = mine(ledger, &incident(0, "checkout", region), now()).await;
    for minute in [1, 2, 3] {
        counted(ledger, &incident(minute, "search", region), now()).await;
    }
    let known = ledger.incident(&lease.incident).await.unwrap().unwrap().incident.callers.all();
    let shares: Vec<_> =
        known.shares().iter().map(|(s, share)| (s.caller.clone().unwrap(), *share)).collect();
    let of = |role: &str| format!("arn:aws:iam::111122223333:role/{role}");
    assert_eq!(shares, [(of("search"), 0.75), (of("checkout"), 0.25)]);
    // A place in the ring is taken over by a later minute.
    counted(ledger, &incident(8, "batch", region), now()).await;
    let known = ledger.incident(&lease.incident).await.unwrap().unwrap().incident.callers.all();
    assert_eq!((known.errors, known.principals()), (4, 2), "{known:?}");
    ledger.finish(&lease, &finish(State::Told, after(9000))).await.unwrap();
}

async fn what_was_seen_lately_in_a_place_is_found(ledger: &impl Ledger) {
    let region = "ap-southeast-5";
    let of = |model: &str, second| {
        let at = after(second);
        fold([symptom(region, model, "Rate exceeded", "app", at)]).remove(0)
    };
    let (old, new) = (of("us.amazon.nova-lite-v1:0", 0), of("us.amazon.nova-pro-v1:0", 600));
    for one in [&old, &new] {
        let (lease, _) = mine(ledger, one, one.last_seen.unwrap()).await;
        ledger.finish(&lease, &finish(State::Told, after(9000))).await.unwrap();
    }
    let seen = async |since| -> Vec<_> {
        let seen = ledger.seen(&place(region), after(since)).await.unwrap();
        seen.into_iter().map(|i| (i.id, i.cause, i.counts.errors)).collect()
    };
    let [old, new] = [old, new].map(|i| (i.id, i.cause, i.counts.errors));
    assert_eq!(seen(-60).await, [new.clone(), old]);
    assert_eq!(seen(300).await, [new]);
    assert_eq!(seen(601).await, []);
    let is_listed = async |since| {
        let places = ledger.places(after(since)).await.unwrap();
        places.iter().filter(|listed| **listed == place(region)).count()
    };
    // Once, whatever was seen there.
    assert_eq!((is_listed(-60).await, is_listed(600).await, is_listed(601).await), (1, 1, 0));
}

async fn what_was_seen_last_never_goes_back_nor_ahead(ledger: &impl Ledger) {
    let region = "mx-central-1";
    let of = |second| {
        fold([symptom(region, "us.amazon.nova-lite-v1:0", "Rate exceeded", "app", after(second))]).remove(0)
    };
    let id = of(0).id;
    let seen = async || ledger.incident(&id).await.unwrap().unwrap().incident.last_seen;
    let (_, record) = mine(ledger, &of(100), after(100)).await;
    assert_eq!(record.incident.last_seen, Some(after(100)));
    for (told, claimed, known) in [(40, 110, 100), (120, 121, 120), (5000, 130, 130), (60, 140, 130)] {
        counted(ledger, &of(told), after(claimed)).await;
        assert_eq!(seen().await, Some(after(known)), "{told} told at {claimed}");
    }
    // Nor for whoever takes over, nor in a new episode.
    let (lease, record) = mine(ledger, &of(50), after(300)).await;
    let counts = record.incident.counts;
    assert_eq!((record.incident.last_seen, counts.errors), (Some(after(130)), 6), "each was counted");
    ledger.finish(&lease, &Release::new(State::Closed, after(301), counts)).await.unwrap();
    let (lease, record) = mine(ledger, &of(20), after(400)).await;
    assert_eq!((record.episode, record.incident.last_seen), (2, Some(after(130))));
    assert_eq!(seen().await, Some(after(130)));
    ledger.finish(&lease, &finish(State::Told, after(9000))).await.unwrap();
}

async fn a_person_does_not_wait_until_it_is_due(ledger: &impl Ledger) {
    let incident = incident("ca-central-1");
    assert!(ledger.acquire(&incident.id, now(), LEASE).await.unwrap().is_none(), "unknown");
    let (lease, _) = mine(ledger, &incident, now()).await;
    assert!(ledger.acquire(&incident.id, after(1), LEASE).await.unwrap().is_none(), "somebody drives it");
    let end = Release { silent_until: Some(after(600)), ..finish(State::Told, after(9000)) };
    ledger.finish(&lease, &end).await.unwrap();
    let (lease, record) = ledger.acquire(&incident.id, after(2), LEASE).await.unwrap().unwrap();
    assert_eq!((record.state, record.incident.counts.errors), (State::Told, 1));
    assert!(ledger.acquire(&incident.id, after(3), LEASE).await.unwrap().is_none(), "we do");
    let listed = async |is_open| -> Vec<State> {
        let all = ledger.all(is_open).await.unwrap();
        all.into_iter().filter(|r| r.incident.id == incident.id).map(|r| r.state).collect()
    };
    assert_eq!((listed(true).await, listed(false).await), (vec![State::Told], vec![State::Told]));
    ledger.finish(&lease, &closed(1, after(4))).await.unwrap();
    assert_eq!((listed(true).await, listed(false).await), (vec![], vec![State::Closed]));
    assert!(ledger.acquire(&incident.id, after(5), LEASE).await.unwrap().is_none(), "closed");
}

async fn a_quota_is_reserved_once(ledger: &impl Ledger) {
    let region = "ap-south-1";
    let (one, two) = (incident(region), throttle(region, "eu.amazon.nova-lite-v1:0", "Too many tokens"));
    let (first, _) = mine(ledger, &one, now()).await;
    let (second, _) = mine(ledger, &two, now()).await;
    assert_eq!(ledger.reserve(&first, &intent(region, now(), 3), now()).await.unwrap(), Reserved::Yes);
    let known = ledger.incident(&one.id).await.unwrap().unwrap();
    assert_eq!((known.state, known.followed), (State::Planned, Some(followed(now()))));
    let reserved = ledger.reserve(&second, &intent(region, after(5), 3), after(5)).await.unwrap();
    let Reserved::CoolingDown(record) = reserved else { panic!("{reserved:?}") };
    assert_eq!((record.desired, record.intended, record.outcome), (8.5e6, now(), None));
    assert_eq!(record.cool_down_until, now() + SignedDuration::from_hours(72));
    assert_eq!(ledger.incident(&two.id).await.unwrap().unwrap().followed, None, "nothing of it happened");

    let filed = TrackedRequest { request_id: Some("request-7".to_owned()), ..followed(now()) };
    let ended = EndedRequest {
        place: place(region),
        followed: filed,
        outcome: RequestOutcome::ClosedUnchanged,
        value: Some(5e6),
        at: after(900),
    };
    let end = Release { ended: Some(ended), ..finish(State::Told, after(900)) };
    ledger.finish(&first, &end).await.unwrap();
    assert_eq!(ledger.incident(&one.id).await.unwrap().unwrap().followed, None);
    let late = after(3600);
    let again = ledger.reserve(&second, &intent(region, late, 3), late).await.unwrap();
    assert!(matches!(again, Reserved::CoolingDown(r) if r.outcome == Some(RequestOutcome::ClosedUnchanged)));
    // Not the same again for no other reason, however long ago; but less, or for a greater need.
    let cooled = now() + SignedDuration::from_hours(80 * 24);
    let same = ledger.reserve(&second, &intent(region, cooled, 3), cooled).await.unwrap();
    assert!(matches!(same, Reserved::ClosedUnchanged(r) if (r.desired, r.asked) == (8.5e6, now())));
    let mut less = intent(region, cooled, 3);
    less.followed.desired = 7e6;
    let mut greater = intent(region, cooled, 3);
    greater.need.demand = 7e6;
    assert_eq!(ledger.reserve(&second, &greater, cooled).await.unwrap(), Reserved::Yes);
    ledger.not_filed(&second, &place(region), None, &greater.followed).await.unwrap();
    assert_eq!(ledger.reserve(&second, &less, cooled).await.unwrap(), Reserved::Yes);
}

async fn the_day_has_its_limit(ledger: &impl Ledger) {
    let region = "ap-south-2";
    let (lease, _) = mine(ledger, &incident(region), now()).await;
    let intent = |n: usize, most| {
        let mut intent = intent(region, now(), most);
        intent.followed.code = QuotaCode::parse(&format!("L-0000000{n}")).unwrap();
        intent
    };
    assert_eq!(ledger.reserve(&lease, &intent(0, 0), now()).await.unwrap(), Reserved::DailyLimit);
    assert_eq!(ledger.reserve(&lease, &intent(1, 2), now()).await.unwrap(), Reserved::Yes);
    assert_eq!(ledger.reserve(&lease, &intent(2, 2), now()).await.unwrap(), Reserved::Yes);
    assert_eq!(ledger.reserve(&lease, &intent(3, 2), now()).await.unwrap(), Reserved::DailyLimit);
    let tomorrow = now() + SignedDuration::from_hours(24);
    assert_eq!(ledger.reserve(&lease, &intent(3, 2), tomorrow).await.unwrap(), Reserved::Yes);
}

async fn midnight_gives_no_further_requests(ledger: &impl Ledger) {
    let region = "ap-southeast-6";
    let midnight: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    let (lease, _) = mine(ledger, &incident(region), now()).await;
    let reserve = async |n: usize, minutes: i64| {
        let at = midnight + SignedDuration::from_mins(minutes);
        let mut intent = intent(region, at, 3);
        intent.followed.code = QuotaCode::parse(&format!("L-0000000{n}")).unwrap();
        (ledger.reserve(&lease, &intent, at).await.unwrap(), intent.followed)
    };
    for (n, minutes) in [(1, -120), (2, -2), (3, -1)] {
        assert_eq!(reserve(n, minutes).await.0, Reserved::Yes);
    }
    assert_eq!(reserve(4, 1).await.0, Reserved::DailyLimit);
    assert_eq!(reserve(4, 24 * 60 - 121).await.0, Reserved::DailyLimit);
    let (reserved, fourth) = reserve(4, 24 * 60 - 120).await;
    assert_eq!(reserved, Reserved::Yes, "the first was 24 hours ago");
    assert_eq!(reserve(5, 24 * 60 - 119).await.0, Reserved::DailyLimit);
    ledger.not_filed(&lease, &place(region), None, &fourth).await.unwrap();
    assert_eq!(reserve(5, 24 * 60 - 118).await.0, Reserved::Yes, "its place was given back");
}

async fn an_organization_has_its_limit_over_all_accounts(ledger: &impl Ledger) {
    let region = "mx-west-1";
    let (lease, _) = mine(ledger, &incident(region), now()).await;
    // Each request is of another account; the organization has a limit of two.
    let intent = |n: usize, organization: Option<&str>, at: Timestamp| {
        let mut intent = intent(region, at, 1);
        intent.place.account = AccountId::parse(&format!("55556666777{n}")).unwrap();
        intent.organization =
            organization.map(|id| OrganizationLimit { organization: id.to_owned(), most_a_day: 2 });
        intent
    };
    let reserve = async |n: usize, organization: Option<&str>, at: Timestamp| {
        ledger.reserve(&lease, &intent(n, organization, at), at).await.unwrap()
    };
    let ours = Some("o-a1b2c3d4e5");
    assert_eq!(reserve(0, None, now()).await, Reserved::Yes, "what no organization counts");
    assert_eq!(reserve(1, ours, now()).await, Reserved::Yes);
    assert_eq!(reserve(2, ours, after(60)).await, Reserved::Yes);
    assert_eq!(reserve(3, ours, after(120)).await, Reserved::OrganizationLimit);
    assert_eq!(reserve(3, Some("o-another000"), after(120)).await, Reserved::Yes, "another organization");
    let second = intent(2, ours, after(60));
    ledger.not_filed(&lease, &second.place, ours, &second.followed).await.unwrap();
    assert_eq!(reserve(4, ours, after(180)).await, Reserved::Yes, "a place was given back");
    assert_eq!(reserve(5, ours, after(240)).await, Reserved::OrganizationLimit);
    assert_eq!(reserve(5, ours, after(24 * 3600 - 1)).await, Reserved::OrganizationLimit);
    assert_eq!(reserve(5, ours, after(24 * 3600)).await, Reserved::Yes, "the first was 24 hours ago");
}

async fn a_refused_request_frees_the_quota(ledger: &impl Ledger) {
    let region = "ap-east-1";
    let incident = incident(region);
    let (lease, _) = mine(ledger, &incident, now()).await;
    assert_eq!(ledger.reserve(&lease, &intent(region, now(), 3), now()).await.unwrap(), Reserved::Yes);
    ledger.not_filed(&lease, &place(region), None, &followed(now())).await.unwrap();
    let known = ledger.incident(&incident.id).await.unwrap().unwrap();
    assert_eq!((known.state, known.followed), (State::Seen, None));
    // The day's count was given back as well.
    assert_eq!(ledger.reserve(&lease, &intent(region, after(1), 1), after(1)).await.unwrap(), Reserved::Yes);
}

async fn what_aws_answered_is_remembered_whatever_happens_later(ledger: &impl Ledger) {
    let region = "ap-southeast-7";
    let one = incident(region);
    let day = |days: i64| now() + SignedDuration::from_hours(24 * days);
    let asks = |desired: f64, days: i64| {
        let mut intent = intent(region, day(days), 3);
        intent.followed.desired = desired;
        intent
    };
    // Each step takes the lease anew, because the end of a request gives it back.
    let reserve = async |desired, days| {
        let (lease, _) = mine(ledger, &one, day(days)).await;
        (ledger.reserve(&lease, &asks(desired, days), day(days)).await.unwrap(), lease)
    };
    let give_back = async |lease: &Lease, ended: Option<EndedRequest>| {
        let known = ledger.incident(&one.id).await.unwrap().unwrap();
        let end = Release { ended, ..Release::new(State::Told, now(), known.incident.counts) };
        ledger.finish(lease, &end).await.unwrap();
    };
    let ended = |desired, days, outcome, value| {
        let followed = asks(desired, days).followed;
        let (place, at) = (place(region), day(days + 1));
        Some(EndedRequest { place, followed, outcome, value: Some(value), at })
    };
    let need = Some(asks(0.0, 0).need);
    let refused = Refusal { desired: 8.5e6, asked: now(), ended: day(1), need };
    let is_remembered = async |desired, days| {
        let (again, lease) = reserve(desired, days).await;
        assert_eq!(again, Reserved::ClosedUnchanged(refused), "{desired} after {days} days");
        give_back(&lease, None).await;
    };
    assert_eq!(ledger.quota(&place(region), &code()).await.unwrap(), QuotaRecord::default());
    let (reserved, lease) = reserve(8.5e6, 0).await;
    assert_eq!(reserved, Reserved::Yes);
    give_back(&lease, ended(8.5e6, 0, RequestOutcome::Denied, 5e6)).await;
    is_remembered(8.5e6, 5).await;
    is_remembered(9e6, 5).await;
    // A smaller request that Service Quotas did not take.
    let (reserved, lease) = reserve(7e6, 10).await;
    assert_eq!(reserved, Reserved::Yes);
    ledger.not_filed(&lease, &place(region), None, &asks(7e6, 10).followed).await.unwrap();
    give_back(&lease, None).await;
    is_remembered(8.5e6, 10).await;
    // A smaller request that AWS granted.
    let (reserved, lease) = reserve(6e6, 20).await;
    assert_eq!(reserved, Reserved::Yes);
    give_back(&lease, ended(6e6, 20, RequestOutcome::Granted, 6e6)).await;
    is_remembered(8.5e6, 30).await;
    let raise = Raise { asked: day(20), desired: 6e6, at: day(21), from: 5e6, to: 6e6, need };
    let record = ledger.quota(&place(region), &code()).await.unwrap();
    assert_eq!((record.refused, record.raises), (vec![refused], vec![raise]));
    // A request of somebody else: what AWS refused is remembered, and nothing else changes.
    let (_, lease) = reserve(1.0, 40).await;
    ledger.not_filed(&lease, &place(region), None, &asks(1.0, 40).followed).await.unwrap();
    give_back(&lease, ended(7.5e6, 41, RequestOutcome::ClosedUnchanged, 6e6)).await;
    let record = ledger.quota(&place(region), &code()).await.unwrap();
    assert_eq!(record.refused.iter().map(|r| r.desired).collect::<Vec<_>>(), [8.5e6, 7.5e6]);
    assert_eq!(record.raises, [raise]);
}

async fn a_suspicion_stays_until_a_person_lifts_it(ledger: &impl Ledger) {
    let region = "ap-southeast-8";
    let (lease, _) = mine(ledger, &incident(region), now()).await;
    let suspicion = |kind, seconds| Suspicion { kind, since: after(seconds), why: "use jumped".to_owned() };
    let here = place(region);
    let say = async |what: Remember| ledger.remember(&here, &code(), &what).await.unwrap();
    say(Remember::Suspect(suspicion(Suspect::Jump, 0))).await;
    say(Remember::Suspect(suspicion(Suspect::Loop, 60))).await;
    let days = |n: i64| now() + SignedDuration::from_hours(24 * n);
    let reserve = async |at: Timestamp| ledger.reserve(&lease, &intent(region, at, 3), at).await.unwrap();
    let suspected = Reserved::Suspected(suspicion(Suspect::Jump, 0));
    assert_eq!(reserve(days(40)).await, suspected, "the first one, however long ago");
    let mut approved = intent(region, days(40), 3);
    approved.need.is_approved = true;
    say(Remember::Forget).await;
    assert_eq!(ledger.quota(&here, &code()).await.unwrap(), QuotaRecord::default());
    say(Remember::Suspect(suspicion(Suspect::Loop, 60))).await;
    let approval = Approval { at: days(41), requests: 420.0, tokens: 4.9e6 };
    say(Remember::Approve(approval)).await;
    let record = ledger.quota(&here, &code()).await.unwrap();
    assert_eq!((record.suspicion, record.approved), (None, Some(approval)));
    assert_eq!(reserve(days(41)).await, Reserved::Yes);
    // It stays beside what comes later.
    assert_eq!(ledger.quota(&here, &code()).await.unwrap().approved, Some(approval));
}

async fn our_own_raises_are_bounded(ledger: &impl Ledger) {
    let region = "ap-southeast-9";
    let (lease, _) = mine(ledger, &incident(region), now()).await;
    let mut beyond = intent(region, now(), 3);
    beyond.followed.desired = 10.1e6;
    let reserved = ledger.reserve(&lease, &beyond, now()).await.unwrap();
    let allowed = GrowthLimit { most: 1e7, days: 14, base: 5e6, times: 2.0 };
    assert_eq!(reserved, Reserved::BeyondBudget(allowed));
    beyond.need.is_approved = true;
    assert_eq!(ledger.reserve(&lease, &beyond, now()).await.unwrap(), Reserved::Yes);
}

async fn an_episode_keeps_nothing_of_the_one_before(ledger: &impl Ledger) {
    let plain = incident("ap-southeast-5");
    let rich = Incident {
        by_root: true,
        facts: Facts { operation: Some("InvokeModel".into()), ..plain.facts.clone() },
        ..plain.clone()
    };
    let (lease, _) = mine(ledger, &rich, now()).await;
    let query = LogQuery { kind: LogKind::Application, id: "query-9".to_owned() };
    let end = Release {
        followed: Some(TrackedRequest { request_id: Some("request-3".to_owned()), ..followed(now()) }),
        silent_until: Some(after(60)),
        told: Some(told(now())),
        search: Some(Search { alarm: now(), looks: 2, queries: vec![query] }),
        unread: Some(UnansweredLook { since: now(), told: Some(after(1)) }),
        awaited: Some(awaited()),
        ..finish(State::Watching, after(60))
    };
    ledger.finish(&lease, &end).await.unwrap();
    let known = ledger.incident(&plain.id).await.unwrap().unwrap();
    assert_eq!((known.unread, known.incident.by_root), (end.unread, true), "as it was recorded");
    assert_eq!(known.awaited, end.awaited, "as it was recorded");
    let (lease, record) = ledger.acquire_due(&plain.id, after(120), LEASE).await.unwrap().unwrap();
    let end = Release {
        superseded_by: Some(incident("eu-west-3").id),
        unread: record.unread,
        ..Release::new(State::Closed, after(120), record.incident.counts)
    };
    ledger.finish(&lease, &end).await.unwrap();

    let (_, claimed) = mine(ledger, &plain, after(600)).await;
    let read = ledger.incident(&plain.id).await.unwrap().unwrap();
    for (how, record) in [("as claimed", claimed), ("as read", read)] {
        let seen = (record.incident.by_root, &record.incident.facts, record.incident.counts);
        assert_eq!(seen, (false, &plain.facts, plain.counts), "{how}");
        assert_eq!(
            (record.episode, record.notices, record.state),
            (2, Notices::default(), State::Seen),
            "{how}"
        );
        assert_eq!((record.followed, record.silent_until), (None, None), "{how}");
        assert_eq!((record.search, record.unread, record.awaited), (None, None, None), "{how}");
    }
}

pub(crate) fn awaited() -> AwaitedQuota {
    AwaitedQuota { code: code(), name: "Tokens per minute".to_owned(), value: 0.0 }
}

/// What people were told is over, and is seen again.
async fn what_returns_within_a_week_goes_on_with_its_episode(ledger: &impl Ledger) {
    let incident = incident("us-gov-west-1");
    let hour = |hours: i64| after(hours * 3600);
    let heard = Heard::from("w0a1b2c3d@490000".to_owned());
    let opened = NoticeRecord { heard: heard.clone(), repeats: 2, ..told(now()) };
    let over =
        |at| NoticeRecord { id: format!("ntc-{at}"), kind: "resolved".to_owned(), at, ..opened.clone() };
    let (lease, _) = mine(ledger, &incident, now()).await;
    let end = Release { told: Some(opened.clone()), ..finish(State::Told, after(60)) };
    ledger.finish(&lease, &end).await.unwrap();
    let (lease, _) = ledger.acquire_due(&incident.id, after(60), LEASE).await.unwrap().unwrap();
    let unread = Some(UnansweredLook { since: after(60), told: None });
    let end = Release { told: Some(over(hour(24))), awaited: Some(awaited()), unread, ..closed(1, hour(24)) };
    ledger.finish(&lease, &end).await.unwrap();
    assert_eq!(ledger.incident(&incident.id).await.unwrap().unwrap().state, State::Closed);

    let (lease, claimed) = mine(ledger, &incident, hour(24 + 167)).await;
    let read = ledger.incident(&incident.id).await.unwrap().unwrap();
    for (how, record) in [("as claimed", claimed), ("as read", read)] {
        assert_eq!((record.episode, record.state), (1, State::Seen), "{how}");
        assert_eq!((record.incident.counts.errors, record.notices.count_all()), (2, 2), "{how}");
        assert_eq!(
            (record.notices.first().map(|told| told.at), record.notices.is_over()),
            (Some(now()), true)
        );
        assert_eq!(
            (record.notices.heard(), record.notices.last().map(|told| told.repeats)),
            (&heard, Some(2))
        );
        assert_eq!((record.awaited, record.unread), (None, None), "{how}");
    }
    counted(ledger, &incident, hour(24 + 167) + SignedDuration::from_secs(1)).await;
    let due = ledger.due(Shards::ALL, hour(24 + 168), 1000).await.unwrap();
    assert!(due.contains(&incident.id), "it is open again");
    ledger.finish(&lease, &Release { told: Some(over(hour(200))), ..closed(3, hour(200)) }).await.unwrap();

    let (lease, claimed) = mine(ledger, &incident, hour(200 + 168)).await;
    let read = ledger.incident(&incident.id).await.unwrap().unwrap();
    for (how, record) in [("as claimed", claimed), ("as read", read)] {
        assert_eq!((record.episode, record.incident.counts.errors), (2, 1), "{how}");
        assert_eq!(record.notices, Notices::default(), "{how}");
    }
    ledger.finish(&lease, &closed(1, hour(369))).await.unwrap();
}

async fn models_of_the_whole_account_are_kept(ledger: &impl Ledger) {
    let region = "af-south-1";
    let form = "Model use case details have not been submitted for this account.";
    let of = |model: &str, at: i64| fold([symptom(region, model, form, "app", after(at))]).remove(0);
    let first = of("anthropic.claude-haiku-4-5-20251001-v1:0", 0);
    assert_eq!(first.cause, Cause::UseCaseForm);
    let (lease, _) = mine(ledger, &first, now()).await;
    for n in 0..400 {
        let model = format!("anthropic.claude-{}-v1:0", n % 350);
        counted(ledger, &of(&model, 1 + n), after(1)).await;
    }
    let known = ledger.incident(&first.id).await.unwrap().unwrap().incident;
    assert_eq!(
        (known.counts.errors, known.facts.models.len()),
        (401, MODELS),
        "each once, and no more than that"
    );
    assert!(known.is_about(first.model.as_ref().unwrap()));
    ledger.finish(&lease, &Release::new(State::Closed, after(2), known.counts)).await.unwrap();
    let another = of("anthropic.claude-sonnet-4-5-20250929-v1:0", 9);
    let (lease, record) = mine(ledger, &another, after(9)).await;
    let read = ledger.incident(&first.id).await.unwrap().unwrap();
    for incident in [record.incident, read.incident] {
        assert_eq!(incident.facts.models, another.model.clone().into_iter().collect::<Vec<_>>());
    }
    ledger.finish(&lease, &closed(1, after(10))).await.unwrap();
}

async fn followers_are_woken(ledger: &impl Ledger) {
    let (here, elsewhere) = (incident("sa-east-1"), incident("ca-west-1"));
    for one in [&here, &elsewhere] {
        let (lease, _) = mine(ledger, one, now()).await;
        let end = Release { followed: Some(followed(now())), ..finish(State::Watching, now() + LATER) };
        ledger.finish(&lease, &end).await.unwrap();
    }
    ledger.wake_followers(&place("sa-east-1"), after(60)).await.unwrap();
    let due = ledger.due(Shards::ALL, after(60), 100).await.unwrap();
    assert!(due.contains(&here.id) && !due.contains(&elsewhere.id), "{due:?}");
}

/// Incidents of two roles each, so that each kind has some in several shards.
async fn a_shard_is_swept_by_itself_and_its_bands_in_order(ledger: &impl Ledger) {
    let of = |message: &str, n: usize| {
        let (model, role) = (format!("amazon.nova-{n}-v1:0"), format!("app-{n}"));
        fold([symptom("ap-northeast-1", &model, message, &role, now())]).remove(0)
    };
    let mut known = Vec::new();
    for n in 0..12 {
        let urgent = of("You don't have access to the model with the specified model ID.", n);
        let follows = of("Too many tokens, please wait before trying again.", n);
        let other = of("The provided model identifier is invalid.", n);
        // What comes last has waited longest.
        for (band, incident, state, due_at) in
            [(0, urgent, State::Seen, 60), (1, follows, State::Watching, 30), (2, other, State::Seen, 1)]
        {
            let (lease, _) = mine(ledger, &incident, now()).await;
            let followed = (state == State::Watching).then(|| followed(now()));
            let end = Release { followed, ..finish(state, after(due_at)) };
            ledger.finish(&lease, &end).await.unwrap();
            known.push((band, incident.id));
        }
    }
    let due = async |shards| {
        let mut due = ledger.due(shards, after(60), 1000).await.unwrap();
        due.retain(|id| known.iter().any(|(_, known)| known == id));
        due
    };
    let band_of = |id: &IncidentId| known.iter().find(|(_, known)| known == id).unwrap().0;
    let mut by_shard = Vec::new();
    for shard in Shards::ALL.iter() {
        let here = due(Shards::one(shard)).await;
        assert!(here.iter().all(|id| Shard::of(id) == shard), "{shard:?}: {here:?}");
        assert!(here.iter().map(band_of).is_sorted(), "{shard:?}");
        by_shard.extend(here);
    }
    let mut all = due(Shards::ALL).await;
    assert!(all.iter().map(band_of).is_sorted(), "{all:?}");
    all.sort();
    by_shard.sort();
    assert_eq!((all.len(), &all), (36, &by_shard), "each is in one shard");
    assert_eq!(due(Shards::default()).await, []);
}

/// Whoever has read the index before another took the incident, as every reader does of an index that lags.
async fn what_the_index_said_a_moment_ago_gives_no_lease(ledger: &impl Ledger) {
    let incident = incident("ap-northeast-2");
    let (lease, _) = mine(ledger, &incident, now()).await;
    ledger.finish(&lease, &finish(State::Told, after(60))).await.unwrap();
    let read = ledger.due(Shards::ALL, after(60), 1000).await.unwrap();
    assert!(read.contains(&incident.id));
    let (lease, record) = ledger.acquire_due(&incident.id, after(60), LEASE).await.unwrap().unwrap();
    assert!(ledger.acquire_due(&incident.id, after(61), LEASE).await.unwrap().is_none(), "it is held");
    let end = Release::new(State::Told, after(9000), record.incident.counts);
    ledger.finish(&lease, &end).await.unwrap();
    assert!(
        ledger.acquire_due(&incident.id, after(62), LEASE).await.unwrap().is_none(),
        "it is not due any more"
    );
    let (lease, record) = ledger.acquire_due(&incident.id, after(9000), LEASE).await.unwrap().unwrap();
    let end = Release::new(State::Closed, after(9000), record.incident.counts);
    ledger.finish(&lease, &end).await.unwrap();
    assert!(ledger.acquire_due(&incident.id, after(99_000), LEASE).await.unwrap().is_none(), "it is over");
}

async fn of_many_notices_the_first_the_last_and_the_counts_are_kept(ledger: &impl Ledger) {
    let incident = incident("ca-west-1");
    let (mut lease, _) = mine(ledger, &incident, now()).await;
    let mut all = Vec::new();
    for n in 0..20 {
        let kind = ["opened", "reminder", "again", "again"][n % 4].to_owned();
        let at = after(i64::try_from(n).unwrap() * 100);
        let missing = if n == 1 { vec!["a step".to_owned()] } else { Vec::new() };
        let heard = Heard::from(format!("w{n:08x}@490000 c{n:08x}@490001"));
        let repeats = u32::try_from(n).unwrap() % 3;
        all.push(NoticeRecord {
            id: format!("ntc-{n}"),
            kind,
            at,
            errors: n as u64,
            missing,
            repeats,
            heard,
        });
        let end = Release { told: all.last().cloned(), ..finish(State::Told, at) };
        ledger.finish(&lease, &end).await.unwrap();
        let (again, record) = ledger.acquire_due(&incident.id, at, LEASE).await.unwrap().unwrap();
        assert_eq!(record.notices, all.iter().cloned().collect(), "after {n}");
        lease = again;
    }
    let known = ledger.incident(&incident.id).await.unwrap().unwrap().notices;
    assert_eq!(known.first().map(|told| told.errors), Some(0));
    assert_eq!((known.last(), known.count_all(), known.had_missing()), (all.last(), 20, true));
    ledger.finish(&lease, &closed(1, after(5000))).await.unwrap();
}

/// What is named by a later error may be more urgent than what it was taken for.
async fn the_band_follows_the_cause(ledger: &impl Ledger) {
    let region = "eu-south-2";
    let urgent = incident(region);
    let unknown = Incident { cause: Cause::Unknown, ..unnamed(region) };
    let malformed = "The provided model identifier is invalid.";
    let other = fold([symptom(region, "amazon.nova-lite-v1:0", malformed, "app", now())]).remove(0);
    assert_eq!(unknown.id, urgent.id);
    for (incident, due_at) in [(&unknown, after(900)), (&other, after(800))] {
        let (lease, _) = mine(ledger, incident, now()).await;
        let end = Release { silent_until: Some(after(800)), ..finish(State::Told, due_at) };
        ledger.finish(&lease, &end).await.unwrap();
    }
    let order = async || {
        let mut due = ledger.due(Shards::ALL, after(900), 1000).await.unwrap();
        due.retain(|id| [&unknown.id, &other.id].contains(&id));
        due
    };
    assert_eq!(order().await, [other.id.clone(), unknown.id.clone()]);
    counted(ledger, &urgent, after(60)).await;
    assert_eq!(order().await, [urgent.id.clone(), other.id.clone()]);
    let known = ledger.incident(&urgent.id).await.unwrap().unwrap().incident;
    assert_eq!((known.cause, known.rule), (Cause::TokensPerMinute, urgent.rule));
    // And stays there when it is given back.
    let (lease, record) = ledger.acquire_due(&urgent.id, after(900), LEASE).await.unwrap().unwrap();
    ledger.finish(&lease, &Release::new(State::Told, after(900), record.incident.counts)).await.unwrap();
    assert_eq!(order().await, [urgent.id, other.id]);
}

async fn what_is_severe_is_due_first(ledger: &impl Ledger) {
    let of = |message: &str| {
        fold([symptom("me-central-1", "amazon.nova-lite-v1:0", message, "app", now())]).remove(0)
    };
    let long_due = of("The provided model identifier is invalid.");
    let severe = of("You don't have access to the model with the specified model ID.");
    for (incident, due_at) in [(&long_due, after(1)), (&severe, after(60))] {
        let (lease, _) = mine(ledger, incident, now()).await;
        ledger.finish(&lease, &finish(State::Seen, due_at)).await.unwrap();
    }
    let mut due = ledger.due(Shards::ALL, after(60), 1000).await.unwrap();
    due.retain(|id| [&long_due.id, &severe.id].contains(&id));
    assert_eq!(due, [severe.id, long_due.id]);
}

async fn notices_of_some_minutes_are_tallied(ledger: &impl Ledger) {
    for told in 1..=3 {
        assert_eq!(
            ledger.count_notice(Lane::Other, after(told)).await.unwrap(),
            u32::try_from(told).unwrap()
        );
    }
    for lane in [Lane::Access, Lane::Throttle] {
        assert_eq!(ledger.count_notice(lane, after(4)).await.unwrap(), 1, "each lane by itself");
    }
    assert_eq!(ledger.count_notice(Lane::Other, now() + DIGEST_WINDOW).await.unwrap(), 1);
}

async fn new_incidents_of_an_hour_are_bounded(ledger: &impl Ledger) {
    let of = |sender: Option<u32>| Opened {
        place: "111122223333#sa-east-1".to_owned(),
        sender: sender.map(|n| format!("{n:016x}")),
    };
    for _ in 0..OF_SENDER {
        assert_eq!(ledger.admit(&of(Some(0)), after(0)).await.unwrap(), Room::Free);
    }
    assert_eq!(ledger.admit(&of(Some(0)), after(1)).await.unwrap(), Room::SenderFull);
    assert_eq!(ledger.admit(&of(None), after(1)).await.unwrap(), Room::Free, "only the place counts it");
    for n in OF_SENDER + 1..IN_PLACE {
        assert_eq!(ledger.admit(&of(Some(n)), after(2)).await.unwrap(), Room::Free);
    }
    assert_eq!(ledger.admit(&of(Some(IN_PLACE)), after(3)).await.unwrap(), Room::PlaceFull);
    assert_eq!(ledger.admit(&of(None), after(3)).await.unwrap(), Room::PlaceFull);
    let elsewhere = Opened { place: "111122223333#eu-west-1".to_owned(), ..of(Some(0)) };
    assert_eq!(ledger.admit(&elsewhere, after(4)).await.unwrap(), Room::Free);
    assert_eq!(ledger.admit(&of(Some(0)), after(3600)).await.unwrap(), Room::Free, "another hour");
}

async fn a_watch_is_one_functions(ledger: &impl Ledger) {
    let (here, there) = (place("ca-central-1"), place("ca-west-1"));
    assert!(ledger.watch(&here, now(), after(3600)).await.unwrap(), "nobody has watched yet");
    assert!(!ledger.watch(&here, after(60), after(3660)).await.unwrap(), "another is at it");
    assert!(ledger.watch(&there, after(60), after(3660)).await.unwrap(), "each Region by itself");
    // Whoever is done names what it put there.
    assert!(ledger.watch(&here, after(3600), after(86_400)).await.unwrap());
    assert!(!ledger.watch(&here, after(3700), after(7300)).await.unwrap());
    assert!(ledger.watch(&here, after(86_400), after(90_000)).await.unwrap(), "a day later");
}

async fn nothing_is_known_of_what_never_was(ledger: &impl Ledger) {
    let unknown = incident("me-south-1").id;
    assert!(ledger.incident(&unknown).await.unwrap().is_none());
    assert!(ledger.acquire_due(&unknown, now(), LEASE).await.unwrap().is_none());
    let overdue = ledger.due(Shards::ALL, now() + SignedDuration::from_hours(48), 3).await.unwrap();
    assert_eq!(overdue.len(), 3, "at most as many as asked for");
}

/// Goes on with the incidents of `tests/ledgers/0.1.0.json`, until each of them was leased and given back.
pub(crate) async fn goes_on_with_the_ledger_of_before(ledger: &impl Ledger) {
    let [follows, alarm, gone, left] =
        [incident("us-east-1"), unnamed("eu-west-1"), incident("us-west-2"), incident("ap-south-1")];
    let listed = ledger.all(false).await.unwrap();
    assert_eq!(listed.len(), 4);
    // In the first shard alone, whatever their ids; ten minutes later all are due but what waits for its request.
    let old = Shards::one(Shard::FIRST);
    let mut due = ledger.due(old, after(900), 100).await.unwrap();
    due.sort();
    let mut waiting = [alarm.id.clone(), left.id.clone()];
    waiting.sort();
    assert_eq!(due, waiting);
    ledger.wake_followers(&place("us-east-1"), after(901)).await.unwrap();
    assert!(ledger.due(old, after(901), 100).await.unwrap().contains(&follows.id));

    let (lease, record) = ledger.acquire_due(&follows.id, after(902), LEASE).await.unwrap().unwrap();
    let shares = |record: &Record| {
        let callers = record.incident.callers.all();
        callers.shares().iter().map(|(s, _)| (s.caller.clone().unwrap(), s.errors)).collect::<Vec<_>>()
    };
    let of = |role: &str| format!("arn:aws:iam::111122223333:role/{role}");
    assert_eq!(shares(&record), [(of("search"), 3), (of("checkout"), 1)]);
    assert_eq!((record.incident.cause, record.incident.counts.errors), (Cause::TokensPerMinute, 5));
    assert_eq!(record.incident.facts, follows.facts);
    let ends = |record: &Record| {
        let notices = &record.notices;
        (notices.first().unwrap().at, notices.last().unwrap().at, notices.count_all())
    };
    assert_eq!(ends(&record), (after(200), after(700), 2));
    assert_eq!(record.followed.as_ref().and_then(|f| f.request_id.as_deref()), Some("request-1"));
    let watched = record.followed.clone();
    let counts = record.incident.counts;
    let end = Release {
        followed: watched,
        told: Some(told(after(903))),
        ..Release::new(State::Watching, after(2000), counts)
    };
    ledger.finish(&lease, &end).await.unwrap();
    let known = ledger.incident(&follows.id).await.unwrap().unwrap();
    assert_eq!((shares(&known), ends(&known)), (shares(&record), (after(200), after(903), 3)));
    assert_eq!((known.incident.facts, known.followed), (record.incident.facts, end.followed));
    ledger.wake_followers(&place("us-east-1"), after(1000)).await.unwrap();
    let here = Shards::one(Shard::of(&follows.id));
    assert!(ledger.due(here, after(1000), 100).await.unwrap().contains(&follows.id), "in its own shard");

    let (lease, record) = ledger.acquire_due(&alarm.id, after(902), LEASE).await.unwrap().unwrap();
    assert_eq!(
        (record.search.as_ref().map(|s| (s.looks, s.queries.len())), record.notices.had_missing()),
        (Some((5, 1)), true)
    );
    let end = Release {
        search: record.search.clone(),
        ..Release::new(State::Told, after(2000), record.incident.counts)
    };
    ledger.finish(&lease, &end).await.unwrap();
    let known = ledger.incident(&alarm.id).await.unwrap().unwrap();
    assert_eq!((known.search, known.notices), (record.search, Notices::from_iter([told(now())])));

    let (lease, record) = mine(ledger, &left, after(902)).await;
    assert_eq!((record.state, record.episode, record.incident.counts.errors), (State::Seen, 1, 2));
    ledger.finish(&lease, &finish(State::Seen, after(2000))).await.unwrap();

    let (lease, record) = mine(ledger, &gone, after(902)).await;
    assert_eq!((record.episode, record.notices.is_empty(), record.incident.counts.errors), (2, true, 1));
    ledger.finish(&lease, &closed(1, after(903))).await.unwrap();
    let old = ledger.due(Shards::one(Shard::FIRST), after(9000), 100).await.unwrap();
    assert!(old.iter().all(|id| Shard::of(id) == Shard::FIRST), "nothing is where it was: {old:?}");
}
