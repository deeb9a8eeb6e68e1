//! The points that a notice makes, kept so that the next notice can detect news.
//!
//! Invariant: The points are bounded. The same reasons and actions yield the same points, whatever numbers their texts
//! contain.

use std::collections::BTreeSet;

use crate::incident::Incident;
use crate::incident::heard::{CALLER, Heard, Point};
use crate::incident::notice_kind::{Kind, severity};
use crate::plan::action::{Action, Plan, Reason};
use crate::plan::execution::Execution;

/// A new caller with a smaller share of the errors is not news.
const SHARE: f64 = 0.2;

/// The points of a notice about `incident`, whose `plan` was carried out: the cause, the actions, the reasons for withholding, the
/// severity and the callers.
pub(crate) fn points(incident: &Incident, plan: &Plan, execution: &Execution) -> BTreeSet<Point> {
    let mut points = about(incident);
    points.extend(execution.actions(plan).iter().map(action));
    let reasons = execution.withheld(plan).map(|withheld| withheld.kind).filter(|kind| is_told(*kind));
    points.extend(reasons.map(|kind| Point::of('w', kind.as_str())));
    points
}

/// All that people have heard after a notice that makes `points` about `incident`: it also names callers of a smaller
/// share, so they are no news later.
pub(crate) fn heard(points: &BTreeSet<Point>, incident: &Incident) -> BTreeSet<Point> {
    let shares = incident.callers.all();
    let named = shares.shares().into_iter().filter_map(|(share, _)| share.caller.as_deref());
    points.iter().cloned().chain(named.map(|caller| Point::of(CALLER, caller))).collect()
}

/// The points without a plan.
pub(crate) fn about(incident: &Incident) -> BTreeSet<Point> {
    let mut points = BTreeSet::from([
        // All per-minute limits are one need, whichever limit an error names.
        Point::of('f', incident.cause.family()),
        Point::of('s', severity(incident, Kind::Again).as_str()),
    ]);
    if !incident.cause.is_per_caller() && !incident.cause.is_of_account() && !incident.is_forecast() {
        let callers = incident.callers.all();
        let shares = callers.shares().into_iter().filter(|(_, share)| *share >= SHARE);
        points.extend(shares.filter_map(|(share, _)| Some(Point::of(CALLER, share.caller.as_deref()?))));
    }
    points
}

/// Whether the last notice warned of misuse or of a loop, and no person has responded since.
pub fn warned(heard: &Heard) -> bool {
    heard.was_last(&Point::of('w', Reason::UnusualCaller.as_str()))
}

/// Whether a new reason of this kind is worth a notice. Late evidence and an ongoing wait change nothing for anyone,
/// and the outcome of a request has its own notice.
pub(crate) fn is_told(kind: Reason) -> bool {
    !matches!(kind, Reason::NoEvidence | Reason::NotThrottled | Reason::CoolingDown)
}

fn action(action: &Action) -> Point {
    match action {
        Action::RequestIncrease(increase) => Point::of('a', &format!("request|{}", increase.quota.code)),
        Action::PrepareSupportCase { quota, .. } => {
            let code = quota.as_ref().map_or("-", |quota| quota.code.as_str());
            Point::of('a', &format!("case|{code}"))
        }
        Action::RemindAccess(reminder) => Point::of('a', &format!("step|{}", reminder.step)),
    }
}
