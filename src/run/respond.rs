//! Takes one incident, whose lease we hold, from evidence to a published and recorded notice.
//!
//! Invariant: Whatever fails on the way, the ledger has the time of the next look.

use jiff::{SignedDuration, Timestamp};

use crate::access;
use crate::config::Config;
use crate::diagnosis::Cause;
use crate::error::ServiceResult;
use crate::evidence::{Evidence, has_room};
use crate::ids::{AccountRegion, IncidentId};
use crate::incident::Incident;
use crate::incident::lane::Lane;
use crate::incident::notice_kind::Kind;
use crate::incident::notices::Telling;
use crate::incident::record::{Lease, Record, Release, State};
use crate::incident::schedule::{LATE, LEFT, LOOK, LookFindings, OUTCOMES, UNTOLD};
use crate::incident::search::Search;
use crate::notice::Notice;
use crate::notice::points::{heard, points, warned};
use crate::plan::action::{Action, Plan, Withheld};
use crate::plan::execution::{Execution, OwnRequest};
use crate::plan::plan;
use crate::ports::{Clock, Ledger, Records, Services, Topic};
use crate::quota::record::Remember;
use crate::run::act::{carry_out, resume};
use crate::run::context::{PATIENCE, RunContext};
use crate::run::gather::{Purpose, gather_for};
use crate::run::investigate::{RelatedIncident, SearchOutcome, learn};
use crate::run::prepared::Prepared;
use crate::run::{by_hand, who_calls};
use crate::time::after;

/// The result of driving an incident.
#[derive(Debug)]
pub struct Response {
    /// The incident, with what was learnt about it on the way.
    pub incident: Incident,
    /// What was decided.
    pub plan: Plan,
    /// What was done of it.
    pub execution: Execution,
    /// The notice that was sent; `None` if there was nothing new, or it is left to the next sweep.
    pub notice: Option<Notice>,
    /// Whether it is left to the next sweep, because many notices are due at once.
    pub is_left: bool,
    /// Incidents that were found behind its alarm and must still be driven.
    pub others: Vec<RelatedIncident>,
    /// The incident that replaces it.
    pub superseded_by: Option<IncidentId>,
}

impl Response {
    /// Actions that were taken or prepared.
    pub fn actions(&self) -> Vec<Action> {
        self.execution.actions(&self.plan)
    }

    /// Actions that were not taken, and why.
    pub fn withheld(&self) -> impl Iterator<Item = &Withheld> {
        self.execution.withheld(&self.plan)
    }
}

/// Drives `record` to its end. Does not search again for what is in `learnt`. Counts its notice in `lane`. An
/// error means that the ledger or the topic failed; the incident then stays in the ledger, due. `purpose`: what evidence
/// is for, if it is the first notice.
pub(crate) async fn drive<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    lease: &Lease,
    record: Record,
    learnt: Option<SearchOutcome>,
    (purpose, lane): (Purpose, Lane),
) -> ServiceResult<Response> {
    let purpose = if record.notices.last().is_none() { purpose } else { Purpose::Look };
    let mut ready = prepare_for(world, terms, lease, record, purpose, learnt).await?;
    let mut driven = Response {
        incident: ready.incident,
        plan: ready.plan,
        execution: ready.execution,
        notice: None,
        is_left: false,
        others: ready.others,
        superseded_by: ready.told.superseded_by.clone(),
    };
    if ready.notice.is_some() && !ready.is_told_alone && digest_is_due(world, terms.config, lane).await {
        // The next sweep sends it in a digest. Until then, claims only count it.
        ready.untold.due_at = world.now();
        ready.untold.silent_until = Some(after(world.now(), LEFT));
        world.finish(lease, &ready.untold).await?;
        driven.is_left = true;
        return Ok(driven);
    }
    tell(world, lease, ready.notice.as_ref(), &ready.told, &ready.untold).await?;
    driven.notice = ready.notice;
    Ok(driven)
}

/// Whether more notices were sent in the last minutes than a person reads one by one.
async fn digest_is_due(world: &impl Services, config: &Config, lane: Lane) -> bool {
    // If the ledger cannot say, sending twice is better than not at all.
    world.count_notice(lane, world.now()).await.is_ok_and(|told| told > config.digest_above)
}

/// Publishes `notice`, if there is one, and records the result.
pub(crate) async fn tell<W: Ledger + Topic>(
    world: &W,
    lease: &Lease,
    notice: Option<&Notice>,
    told: &Release,
    untold: &Release,
) -> ServiceResult<()> {
    if let Some(notice) = notice
        && let Err(error) = world.publish(notice).await
    {
        world.finish(lease, untold).await?;
        return Err(error);
    }
    world.finish(lease, told).await
}

/// Decides on `record` and acts, up to the notice, under the guard rails of the record's account. Does not search again
/// for what is in `learnt`.
pub(crate) async fn prepare<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    lease: &Lease,
    record: Record,
    learnt: Option<SearchOutcome>,
) -> ServiceResult<Prepared> {
    Box::pin(prepare_for(world, terms, lease, record, Purpose::Look, learnt)).await
}

async fn prepare_for<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    lease: &Lease,
    record: Record,
    purpose: Purpose,
    learnt: Option<SearchOutcome>,
) -> ServiceResult<Prepared> {
    let config = terms.config.for_account(record.incident.account.as_ref());
    let terms = RunContext { config: &config, ..*terms };
    let ready = prepare_under(world, &terms, lease, record, purpose, learnt).await?;
    Ok(ready.with_account(&config))
}

async fn prepare_under<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    lease: &Lease,
    mut record: Record,
    purpose: Purpose,
    learnt: Option<SearchOutcome>,
) -> ServiceResult<Prepared> {
    let now = world.now();
    let until = after(now, PATIENCE);
    // The ledger keeps the first model id and the newest facts.
    record.incident.call_the_newest();
    let place = record.incident.place();
    // Resume first: what an earlier invocation left in doubt also affects the evidence.
    record.followed = match (record.followed.take(), &place) {
        (Some(followed), Some(place)) => resume(world, terms.home, lease, place, followed, now).await?,
        _ => None,
    };
    let remedy = record.incident.cause.remedy();
    let learnt = match learnt {
        Some(learnt) => learnt,
        None => Box::pin(learn(world, terms, &mut record, until)).await?,
    };
    if learnt.superseded_by.is_some() {
        return Ok(superseded(record, learnt, now));
    }
    // The notice was sent on the metric alone, and the real error has a different remedy.
    let is_other_remedy = learnt.is_named && remedy != record.incident.cause.remedy();
    let evidence = match learnt.evidence {
        Some(evidence) => evidence,
        None => Box::pin(gather_for(world, &record.incident, purpose, now, until)).await,
    };
    let evidence = Evidence { looked: learnt.looked, ..evidence };
    if let Some(moved) = by_hand::moved(&record, &evidence) {
        let over = by_hand::over(record, moved, &evidence, now);
        return Ok(Prepared { others: learnt.others, ..over });
    }
    let (plan, evidence) = decide(world, terms, &record.incident, evidence).await;
    suspect(world, place.as_ref(), &plan).await?;
    let execution = match &place {
        Some(place) => {
            let earlier =
                record.followed.clone().map(|followed| OwnRequest::earlier(followed, place, &evidence));
            carry_out(world, terms, lease, place, &plan, earlier, now).await?
        }
        None => Execution::Nothing,
    };
    let carried_out = CarriedOut { plan, execution, evidence, is_other_remedy };
    Ok(Prepared { others: learnt.others, ..concluded(terms.config, record, carried_out, learnt.search, now) })
}

/// A plan that was carried out, and what it was decided on.
struct CarriedOut {
    plan: Plan,
    execution: Execution,
    evidence: Evidence,
    /// Whether the errors behind an alarm have a different remedy than its metric suggested.
    is_other_remedy: bool,
}

/// Composes the notice, if there is something to say, and the record's next state.
fn concluded(
    config: &Config,
    mut record: Record,
    carried_out: CarriedOut,
    search: Option<Search>,
    now: Timestamp,
) -> Prepared {
    let CarriedOut { plan, execution, evidence, is_other_remedy } = carried_out;
    // A request that was reserved or filed by an invocation that did not finish is still news.
    let is_request_news = match &execution {
        Execution::Filed(_) => true,
        Execution::FiledBefore(_) => matches!(record.state, State::Planned | State::Filed),
        Execution::Nothing | Execution::Adopted(_) | Execution::Refused(_) => false,
    };
    let is_suspicion_news = is_suspicion_news(&record, &plan, &evidence);
    record.followed = execution.followed().cloned();
    record.awaited = by_hand::awaited(&plan, &execution, &evidence, record.awaited.take());
    let may_go_on = record.is_ongoing(config, now) || record.incident.last_seen.is_none();
    let is_waiting = plan.suspicion.is_some() && !may_go_on;
    let needs_person = record.incident.cause.needs_person();
    let done = if needs_person { is_done(&record, &evidence, config) } else { None };
    let points = points(&record.incident, &plan, &execution);
    let found = LookFindings {
        is_urgent: is_request_news || is_suspicion_news || is_other_remedy,
        is_new: record.notices.heard().lacks(&points, now),
        // Reminders of a step that is known to be missing, or of a confirmation that is awaited, are sent whether or
        // not anyone calls meanwhile.
        is_missing: done == Some(false) || is_waiting,
        is_taken: done == Some(true) && !is_waiting,
    };
    let (mut told, untold) = releases(&record, &plan, &execution, search, now);
    // An open request is not announced again: `follow` sends its reminders.
    let is_reminded_of = told.state == State::Watching && record.last_told().is_some();
    let telling = record.telling(config, now, found);
    let telling = telling.filter(|telling| *telling == Telling::News || !is_reminded_of);
    let kind = kind_of(&record, is_waiting, found.is_new);
    let notice = telling.map(|_| Notice::compose(kind, &record, &plan, &execution, &evidence));
    if let (Some(notice), Some(telling)) = (&notice, telling) {
        let said = heard(&points, &record.incident);
        let news = notice.told(&record, &evidence, now).saying(record.notices.heard(), telling, &said, now);
        record.notices.push(news.clone());
        told.told = Some(news);
    }
    retry_evidence(&mut told, &record, config, now);
    Prepared {
        incident: record.incident,
        plan,
        execution,
        notice,
        is_told_alone: is_request_news || is_suspicion_news,
        told,
        untold,
        others: Vec::new(),
    }
}

/// Whether people have not been warned yet of what `plan` suspects.
fn is_suspicion_news(record: &Record, plan: &Plan, evidence: &Evidence) -> bool {
    let Some(suspicion) = &plan.suspicion else { return false };
    // The calls of a model without a quota have no record that could say since when they are suspected.
    let is_recorded = suspicion.since < evidence.now || !plan.to_suspect.is_empty();
    if is_recorded { !record.was_told_since(suspicion.since) } else { !warned(record.notices.heard()) }
}

/// What is recorded once the notice is published, and what is recorded if it could not be published.
fn releases(
    record: &Record,
    plan: &Plan,
    execution: &Execution,
    search: Option<Search>,
    now: Timestamp,
) -> (Release, Release) {
    let state = match execution.followed() {
        Some(_) => State::Watching,
        None if execution.is_retried(plan) => State::Seen,
        None => State::Told,
    };
    let told = Release {
        followed: execution.followed().cloned(),
        search,
        unread: record.unread,
        awaited: record.awaited.clone(),
        ..Release::new(state, now, record.incident.counts)
    };
    let is_ours = execution.is_ours();
    let untold = Release {
        state: if is_ours { State::Filed } else { State::Seen },
        // The next invocation finds someone else's request again.
        followed: told.followed.clone().filter(|_| is_ours),
        due_at: after(now, UNTOLD),
        silent_until: Some(after(now, UNTOLD)),
        ..told.clone()
    };
    (told, untold)
}

/// Total time for finding out who calls: CloudTrail allows two calls a second.
const PATIENCE_FOR_CALLERS: SignedDuration = SignedDuration::from_secs(8);

/// The kind of a notice of `record`. `is_waiting`: a person's confirmation is awaited although no call fails.
/// `is_new`: the notice says something that people have not read lately.
fn kind_of(record: &Record, is_waiting: bool, is_new: bool) -> Kind {
    let needs_person = record.incident.cause.needs_person();
    match record.notices.is_empty() {
        true => Kind::opening(&record.incident),
        // Another quota of the model is nearly full, or there is something else to do about it.
        false if record.incident.is_forecast() && is_new => Kind::opening(&record.incident),
        false if record.notices.is_over() => Kind::Again,
        false if needs_person || is_waiting || record.awaited.is_some() => Kind::Reminder,
        false => Kind::Again,
    }
}

/// Sets in `told` until when claims only count, and when the next look is due.
fn retry_evidence(told: &mut Release, record: &Record, config: &Config, now: Timestamp) {
    told.silent_until = record.silence(config, now);
    told.due_at = match told.state {
        State::Watching => after(now, OUTCOMES),
        State::Seen => after(now, LATE),
        _ => record.next_look(config, now),
    };
    // Errors counted in a short silence are looked at when it ends. A step with no more reminders, which nobody runs
    // into now, is left alone until its next look. A nearly full quota is not a failed call.
    let incident = &record.incident;
    let is_left_alone =
        incident.cause.needs_person() && (incident.cause == Cause::NearQuota || !record.is_busy(now));
    if told.silent_until.is_none() && !is_left_alone {
        told.silent_until = Some(after(now, LATE));
        told.due_at = told.due_at.min(after(now, LATE));
    }
    if told.search.as_ref().is_some_and(Search::is_on) {
        told.due_at = told.due_at.min(after(now, LOOK));
    }
}

/// The plan for `incident`, with the evidence that it rests on. Asks CloudTrail who calls only if the plan depends on
/// it.
pub(crate) async fn decide<W: Records + Clock>(
    world: &W,
    terms: &RunContext<'_>,
    incident: &Incident,
    evidence: Evidence,
) -> (Plan, Evidence) {
    let first = plan(incident, &evidence, terms.config, terms.home);
    if !first.asks_who_calls {
        return (first, evidence);
    }
    let until = after(world.now(), PATIENCE_FOR_CALLERS);
    let evidence = who_calls::look(world, incident, evidence, until).await;
    (plan(incident, &evidence, terms.config, terms.home), evidence)
}

/// Records what `plan` suspects, before any notice about it is sent.
async fn suspect<W: Ledger>(world: &W, place: Option<&AccountRegion>, plan: &Plan) -> ServiceResult<()> {
    let Some((suspicion, place)) = plan.suspicion.as_ref().zip(place) else { return Ok(()) };
    for code in &plan.to_suspect {
        world.remember(place, code, &Remember::Suspect(suspicion.clone())).await?;
    }
    Ok(())
}

/// Whether the step that `record` asks for is done; see [`access::is_done`]. For a nearly full quota, whether
/// there is room again.
pub(crate) fn is_done(record: &Record, evidence: &Evidence, config: &Config) -> Option<bool> {
    if record.incident.cause == Cause::NearQuota {
        return has_room(evidence, config.headroom_threshold);
    }
    let had_missing = record.notices.had_missing();
    access::is_done(record.incident.cause, &evidence.asked(), had_missing)
}

/// Closes an incident of which only a metric was known: the incidents found behind it replace it.
fn superseded(record: Record, learnt: SearchOutcome, now: Timestamp) -> Prepared {
    let end = Release {
        search: learnt.search,
        superseded_by: learnt.superseded_by,
        ..Release::new(State::Closed, now, record.incident.counts)
    };
    Prepared { others: learnt.others, ..Prepared::silent(record.incident, end) }
}
