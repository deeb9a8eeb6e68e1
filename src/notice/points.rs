//! What a notice says in little, so that the next one can tell what is new.
//!
//! Invariant: what is kept is bounded, and it is the same for the same reasons and actions, whatever the numbers in their
//! texts are.

use std::collections::BTreeSet;

use crate::incident::Incident;
use crate::incident::heard::{CALLER, Heard, Point};
use crate::incident::notice_kind::{Kind, severity};
use crate::plan::action::{Action, Plan, Reason};

/// A caller with a smaller share of the errors is not news.
const SHARE: f64 = 0.2;

/// What a notice of `incident` with `plan` says: the cause, the actions, the reasons why something is withheld, how
/// severe it is, and who calls.
pub(crate) fn points(incident: &Incident, plan: &Plan) -> BTreeSet<Point> {
    let mut points = about(incident);
    points.extend(plan.actions.iter().map(action));
    let reasons = plan.withheld.iter().map(|withheld| withheld.kind).filter(|kind| is_told(*kind));
    points.extend(reasons.map(|kind| Point::of('w', kind.as_str())));
    points
}

/// The same without a plan.
pub(crate) fn about(incident: &Incident) -> BTreeSet<Point> {
    let mut points = BTreeSet::from([
        // The limits of a minute are one need, whichever of them an error names.
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

/// Whether the last notice warned of misuse or of a loop, which a person has not answered by then.
pub fn warned(heard: &Heard) -> bool {
    heard.was_last(&Point::of('w', Reason::UnusualCaller.as_str()))
}

/// Whether a change to this reason is worth a notice. That evidence is late or that a wait goes on changes nothing for
/// anybody, and a request of somebody's is told with its end.
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
