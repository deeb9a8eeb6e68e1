//! Stories of steps that people have to take, over weeks: reminded of until they are taken.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::notice::Kind;
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const MODEL: &str = "anthropic.claude-haiku-4-5-20251001-v1:0";
const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn world(parts: Value) -> Sandbox {
    sandbox(serde_json::from_value::<WorldFile>(parts).unwrap())
}

/// An account without Anthropic's form and without an agreement.
fn shut() -> Sandbox {
    world(
        json!({ "availability": [{ "model_id": MODEL, "form_submitted": false, "agreement": "NOT_AVAILABLE", "authorized": false }] }),
    )
}

fn refused(world: &Sandbox) -> String {
    let text = "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model.";
    error("us-east-1", MODEL, "ResourceNotFoundException", text)
        .replace("2026-11-20T14:32:05Z", &world.time().to_string())
}

/// Lets `days` pass, a tick every hour. Returns the day of each notice since the first, in days.
fn live(world: &Sandbox, days: i64, mut hourly: impl FnMut(&Sandbox)) {
    for _ in 0..days * 24 {
        world.pass(HOUR);
        hourly(world);
        run_sweep(world);
    }
}

/// Kind of every notice, and after how many days it came.
fn told(world: &Sandbox, times: &[Timestamp]) -> Vec<(Kind, i64)> {
    let first = now();
    let days = times.iter().map(|at| (at.duration_since(first).as_hours() + 12) / 24);
    world.published().iter().map(|n| n.kind).zip(days).collect()
}

/// Lives on, and writes down when people were told.
fn live_and_note(world: &Sandbox, days: i64, times: &mut Vec<Timestamp>, mut hourly: impl FnMut(&Sandbox)) {
    live(world, days, |world| {
        times.resize(world.published().len(), world.time());
        hourly(world);
    });
    times.resize(world.published().len(), world.time());
}

#[test]
fn a_missing_step_is_reminded_of_on_the_operators_days_and_then_weekly() {
    let world = shut();
    deliver(&world, &refused(&world));
    let mut times = vec![now()];
    live_and_note(&world, 22, &mut times, |_| ());
    let reminder = |day| (Kind::Reminder, day);
    assert_eq!(
        told(&world, &times),
        [(Kind::Opened, 0), reminder(1), reminder(3), reminder(7), reminder(14), reminder(21)]
    );
    let last = world.published().pop().unwrap();
    assert!(last.title.starts_with("Reminder: Anthropic's use-case form is missing"), "{}", last.title);
    let said = last.mail().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("Since the notice of 2026-12-04"), "{said}");
    assert!(said.contains("no more errors. Still: The account is not authorized."), "{said}");
    assert!(said.contains("aws bedrock get-use-case-for-model-access"), "{said}");
    let ids: std::collections::BTreeSet<_> = world.published().into_iter().map(|n| n.notice_id).collect();
    assert_eq!(ids.len(), 6, "each is news of its own");
}

#[test]
fn a_reminder_says_what_changed_since() {
    let world = shut();
    deliver(&world, &refused(&world));
    world.pass(HOUR * 5);
    for _ in 0..3 {
        deliver(&world, &refused(&world));
    }
    world.change(|file| {
        file.availability[0].agreement = bedrock_remediator::model::access::Availability::Available;
    });
    live(&world, 1, |_| ());
    let notices = world.published();
    assert_eq!(notices.len(), 2, "what goes on waits for the reminder");
    let said = notices[1].mail().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("3 more errors. Now: The agreement with the provider is in force."), "{said}");
    let still = "Still: The account is not authorized. Still: Anthropic's use-case form was not submitted.";
    assert!(said.contains(still), "{said}");
}

#[test]
fn reminders_stop_by_themselves_when_access_works() {
    let world = shut();
    deliver(&world, &refused(&world));
    live(&world, 2, |_| ());
    assert_eq!(kinds(&world), ["opened", "reminder"]);
    world.change(|file| {
        let state = &mut file.availability[0];
        state.form_submitted = Some(true);
        state.authorized = Some(true);
        state.agreement = bedrock_remediator::model::access::Availability::Available;
    });
    live(&world, 30, |_| ());
    assert_eq!(kinds(&world), ["opened", "reminder", "resolved"]);
    let over = world.published().pop().unwrap();
    let says = over.because.iter().find(|b| b.starts_with("Bedrock reports for this model")).unwrap();
    assert!(says.contains("The account is authorized.") && !says.contains(" not authorized"), "{says}");
}

#[test]
fn a_step_is_not_taken_for_done_while_calls_fail() {
    let world = shut();
    deliver(&world, &refused(&world));
    world.change(|file| file.availability[0].form_submitted = Some(true));
    live(&world, 4, |world| {
        deliver(world, &refused(world));
    });
    assert_eq!(kinds(&world), ["opened", "reminder", "reminder"], "Bedrock says so, and the calls do not");
    live(&world, 2, |_| ());
    assert_eq!(kinds(&world).pop().as_deref(), Some("resolved"));
}

#[test]
fn a_permission_is_reminded_of_until_iam_allows_it() {
    let denied = sample("permission-one-region-missing.json");
    let world = sandbox(WorldFile::parse(&sample("permission-one-region-missing.world.json")).unwrap());
    deliver(&world, &denied);
    live(&world, 4, |_| ());
    assert_eq!(kinds(&world), ["opened", "reminder", "reminder"]);
    world.change(|file| file.policies.retain(|p| p.resource.is_none()));
    live(&world, 2, |_| ());
    assert_eq!(kinds(&world), ["opened", "reminder", "reminder", "resolved"]);
    let over = world.published().pop().unwrap();
    assert!(over.because.iter().any(|b| b.contains("all 4 resources that the call needs are allowed")));
}

#[test]
fn what_nothing_can_tell_of_ends_when_it_is_quiet() {
    // A policy of the organization: nobody but the next call can tell.
    let world = world(json!({}));
    deliver(&world, &sample("permission-service-control-policy.json"));
    live(&world, 3, |_| ());
    assert_eq!(kinds(&world), ["opened", "resolved"]);
}

#[test]
fn nobody_is_reminded_for_ever_of_what_nobody_calls() {
    let world = shut();
    deliver(&world, &refused(&world));
    let mut times = vec![now()];
    live_and_note(&world, 80, &mut times, |_| ());
    let all = told(&world, &times);
    // A reminder is no call: the month counts from the last error.
    assert_eq!(all.last().unwrap().0, Kind::Resolved, "{all:?}");
    assert!((30..=38).contains(&all.last().unwrap().1), "{all:?}");
}

/// The days, counted from the first notice, on which people were reminded.
fn reminded(world: &Sandbox, until: i64) -> Vec<i64> {
    let day = SignedDuration::from_hours(24);
    (1..=until)
        .filter(|_| {
            let before = world.published().len();
            world.pass(day);
            run_sweep(world);
            world.published().len() > before
        })
        .collect()
}

#[test]
fn what_aws_leaves_open_is_reminded_of_after_one_and_two_weeks_and_then_every_two() {
    let world = sandbox(busy());
    deliver(&world, &throttle(SONNET));
    world.change(|file| file.usage[0].last = None);
    let request = world.increase_requests().remove(0);
    assert_eq!(reminded(&world, 50), [7, 14, 28, 42]);
    assert_eq!(kinds(&world)[1..], ["reminder"; 4]);
    let pending = world.published().remove(1);
    assert!(
        pending.title.starts_with("Reminder: AWS has not decided the quota increase"),
        "{}",
        pending.title
    );
    assert!(pending.summary.contains("Its status is PENDING"), "{}", pending.summary);
    let command = pending.next_steps[0].command.as_deref().unwrap();
    assert!(
        command.starts_with(&format!("aws service-quotas create-support-case --request-id {} ", request.id))
    );
    // Once there is a case, it is named, and no other is asked for.
    world.decide(&request.id, RequestStatus::CaseOpened, None);
    assert_eq!(reminded(&world, 10), [6]);
    let opened = world.published().pop().unwrap();
    let steps = format!("{:?}", opened.next_steps);
    assert!(steps.contains(&format!("support case case-{}", request.id)), "{steps}");
    assert!(!steps.contains("create-support-case"), "{steps}");
    // What was decided is not reminded of.
    world.decide(&request.id, RequestStatus::CaseClosed, Some(request.desired));
    assert_eq!(reminded(&world, 1), [1]);
    assert_eq!(kinds(&world).last().unwrap(), "outcome");
}
