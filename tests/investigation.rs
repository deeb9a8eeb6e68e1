//! Stories of alarms, callers, access and permissions: what the function finds out before it speaks.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;

use crate::support::story::*;
use bedrock_remediator::config::Config;
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::incident::record::State;
use bedrock_remediator::notice::{Kind, Notice};
use bedrock_remediator::plan::Action;
use bedrock_remediator::ports::{Clock as _, Ledger as _};
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::run::handler::handle;
use bedrock_remediator::sandbox::{FaultKind, Sandbox, WorldFile, healthy_for};
use jiff::SignedDuration;
use serde_json::{Value, json};

pub(crate) const LITE: &str = "us.amazon.nova-lite-v1:0";
const PRO: &str = "us.amazon.nova-pro-v1:0";
const MINUTES: SignedDuration = SignedDuration::from_mins(5);

/// An alarm in ALARM at 14:33:05, over `metrics`.
fn alarm(name: &str, configuration: &Value) -> Value {
    json!({
        "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change",
        "account": "111122223333", "region": "us-east-1",
        "detail": {
            "alarmName": name, "state": { "value": "ALARM", "timestamp": "2026-11-20T14:33:05.000+0000" },
            "configuration": configuration,
        },
    })
}

fn stat(metric: &str, model: &str) -> Value {
    json!({ "metricStat": { "metric": { "namespace": "AWS/Bedrock", "name": metric, "dimensions": { "ModelId": model } } } })
}

pub(crate) fn alarm_of(metric: &str, model: &str) -> String {
    alarm("bedrock", &json!({ "metrics": [stat(metric, model)] })).to_string()
}

/// A world with `parts`, at the time of the stories.
fn world(parts: Value) -> Sandbox {
    sandbox(serde_json::from_value(parts).unwrap())
}

fn used(model: &str, each: &Value) -> Value {
    json!({ "region": "us-east-1", "model_id": model, "first_use": "2026-08-01T00:00:00Z", "last": { "minutes": 60, "each": each } })
}

pub(crate) fn found(model: &str, at: &str, code: &str, message: &str, role: &str) -> Value {
    json!({
        "region": "us-east-1", "model_id": model, "time": format!("2026-11-20T{at}Z"), "code": code, "message": message,
        "caller": format!("arn:aws:sts::111122223333:assumed-role/{role}/i-0"),
    })
}

fn calls(world: &Sandbox, name: &str) -> u32 {
    world.calls().get(name).copied().unwrap_or(0)
}

/// Cause and kind of every notice, oldest first.
fn told(world: &Sandbox) -> Vec<(String, Kind)> {
    world.published().iter().map(|n| (n.cause.unwrap().to_string(), n.kind)).collect()
}

fn tick(world: &Sandbox) {
    world.pass(MINUTES);
    run_sweep(world);
}

fn text(notice: &Notice) -> String {
    notice.mail().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_alarm_over_models_is_about_those_that_set_it_off() {
    let by_model = json!({ "metrics": [{ "expression": "SELECT SUM(InvocationThrottles) FROM SCHEMA(\"AWS/Bedrock\", ModelId) GROUP BY ModelId" }] });
    let sum = json!({ "metrics": [stat("InvocationThrottles", LITE), stat("InvocationThrottles", PRO), { "expression": "m1+m2" }] });
    let rule = json!({ "alarmRule": "ALARM(\"bedrock-by-model\") OR ALARM(bedrock-quiet)" });
    let mut contributor = alarm("bedrock-by-model", &by_model);
    contributor["detail"]["alarmContributor"] = json!({ "id": "1", "attributes": { "ModelId": LITE } });
    let one = alarm("bedrock", &json!({ "metrics": [stat("InvocationThrottles", PRO)] }));
    let cases = [
        // By its dimension and by its attribute nobody has to be asked.
        (one, PRO, [0, 0, 0]),
        (contributor, LITE, [0, 0, 0]),
        // CloudWatch names them; the metric alone would have named another.
        (alarm("bedrock-by-model", &by_model), LITE, [0, 1, 0]),
        (alarm("any trouble", &rule), LITE, [1, 1, 0]),
        // Nobody names them: the metric moved.
        (alarm("unknown", &by_model), PRO, [0, 1, 1]),
        (alarm("both", &sum), PRO, [0, 0, 1]),
    ];
    for (event, model, asked) in cases {
        let world = world(json!({
            "usage": [used(PRO, &json!({ "invocations": 9, "throttles": 3 })), used(LITE, &json!({ "invocations": 9 }))],
            "alarms": [{ "region": "us-east-1", "name": "bedrock-by-model", "metric": "InvocationThrottles", "contributors": [LITE] }],
        }));
        deliver(&world, &event.to_string());
        let models: Vec<_> =
            world.published().iter().map(|n| n.model_id.clone().unwrap().to_string()).collect();
        assert_eq!(models, [model], "{event}");
        let questions = ["alarms", "contributors", "behind"].map(|name| calls(&world, name));
        assert_eq!(questions, asked, "{event}");
        assert_eq!(world.published()[0].facts.metric.as_deref(), Some("InvocationThrottles"));
    }
}

#[test]
fn what_the_ledger_knows_is_not_looked_for_and_not_told_twice() {
    let world = world(json!({}));
    let denied = error(
        "us-east-1",
        LITE,
        "ValidationException",
        "Malformed input request: #: required key [messages] not found",
    );
    deliver(&world, &denied);
    assert_eq!(world.published().len(), 1);
    deliver(&world, &alarm_of("InvocationClientErrors", LITE));
    assert_eq!(world.published().len(), 1, "the alarm is about what people know");
    assert_eq!((calls(&world, "seen"), calls(&world, "recorded"), calls(&world, "volume")), (1, 0, 0));
    assert_eq!(world.incidents().len(), 1);
    let counts = world.incidents()[0].record.incident.counts;
    assert_eq!((counts.errors, counts.alarms), (1, 1));
    // Another metric, another model, another time: another matter.
    for (later, other) in [("InvocationServerErrors", LITE), ("InvocationClientErrors", PRO)] {
        deliver(&world, &alarm_of(later, other));
    }
    assert_eq!(world.published().len(), 3);
    world.pass(SignedDuration::from_hours(3));
    let late = alarm_of("InvocationClientErrors", LITE).replace("T14:33", "T17:33");
    deliver(&world, &late);
    assert_eq!(world.published().len(), 4);
}

#[test]
fn one_alarm_can_be_three_incidents() {
    let world = sandbox(WorldFile::parse(&sample("alarm-three-causes.world.json")).unwrap());
    let report = deliver(&world, &sample("alarm-three-causes.json"));
    let mut causes: Vec<_> = told(&world).into_iter().map(|(cause, _)| cause).collect();
    causes.sort();
    assert_eq!(causes, ["expired-token", "identity-policy", "malformed"]);
    assert!(report.incidents.iter().all(|i| i.incident.items.contains(&0) && i.recorded));
    assert_eq!(report.incidents.len(), 3, "and nothing of the alarm by itself");
    let alarms: u64 = world.published().iter().map(|n| n.counts.alarms).sum();
    assert_eq!(alarms, 1);
    let of_alarm = world.incidents().into_iter().find(|i| i.superseded_by.is_some()).unwrap();
    assert_eq!(of_alarm.record.state, State::Closed);
    // Neither the alarm nor its errors are told again, however often they come.
    for _ in 0..12 {
        deliver(&world, &sample("alarm-three-causes.json"));
        tick(&world);
    }
    assert_eq!(world.published().len(), 3);
}

#[test]
fn cloudtrail_is_read_only_where_its_errors_do_not_drown() {
    let refused = |n: u32| {
        let mut entry = found(
            LITE,
            "14:30:00",
            "ValidationException",
            "Malformed input request: #: required key [messages] not found",
            "app",
        );
        entry["times"] = json!(n);
        entry
    };
    // Calls and errors a minute, and whether it is worth while.
    for (invocations, client_errors, hopeful) in
        [(5, 0, true), (1000, 200, true), (1000, 2, false), (100_000, 1000, false)]
    {
        let each = json!({ "invocations": invocations, "client_errors": client_errors });
        let world = world(json!({ "usage": [used(LITE, &each)], "errors": [refused(3)] }));
        deliver(&world, &alarm_of("InvocationClientErrors", LITE));
        assert_eq!(calls(&world, "recorded"), u32::from(hopeful), "{invocations} {client_errors}");
        let cause = if hopeful { "malformed" } else { "unknown" };
        assert_eq!(told(&world), [(cause.to_owned(), Kind::Opened)]);
        let says = text(&world.published()[0]).contains("was not searched");
        assert_eq!(says, !hopeful);
    }
    let world = world(json!({ "errors": [refused(5000)] }));
    deliver(&world, &alarm_of("InvocationClientErrors", LITE));
    assert_eq!(world.published()[0].counts.errors, 200, "no more pages than the budget has");
}

#[test]
fn what_a_search_through_logs_finds_is_told_by_a_later_tick() {
    let world = sandbox(WorldFile::parse(&sample("alarm-log-search.world.json")).unwrap());
    let config = WorldFile::parse(&sample("alarm-log-search.world.json")).unwrap().guard_rails().unwrap();
    deliver_with(&world, &config, &sample("alarm-log-search.json"));
    assert_eq!(told(&world), [("unknown".to_owned(), Kind::Opened)]);
    assert!(text(&world.published()[0]).contains("A search through the model-invocation log has begun"));
    // However often the alarm comes meanwhile, it is one search.
    deliver_with(&world, &config, &sample("alarm-log-search.json"));
    assert_eq!((calls(&world, "start_query"), calls(&world, "query_results")), (1, 0));
    world.pass(MINUTES);
    run_sweep_with(&world, &config);
    let opened = |cause: &str| (cause.to_owned(), Kind::Opened);
    assert_eq!(told(&world), [opened("unknown"), opened("iam-unspecified")]);
    let notice = &world.published()[1];
    assert_eq!((notice.counts.errors, notice.counts.alarms), (4, 2));
    assert!(notice.caller.as_deref().unwrap().ends_with("role/search"));
    assert!(text(notice).contains("A search through the model-invocation log found 4 errors."));
    let superseded = world.incidents().into_iter().find(|i| i.superseded_by.is_some()).unwrap();
    assert_eq!(superseded.superseded_by, notice.incident_id);
    for _ in 0..12 {
        world.pass(MINUTES);
        run_sweep_with(&world, &config);
    }
    assert_eq!((world.published().len(), calls(&world, "start_query")), (2, 1), "and that is all");
}

#[test]
fn what_is_learnt_later_is_told_again_only_if_it_asks_for_something_else() {
    // CloudTrail is late. What it shows then asks for what people were told already.
    let same = [
        (
            "InvocationThrottles",
            "ThrottlingException",
            "Too many tokens, please wait before trying again.",
            "tokens-per-minute",
        ),
        (
            "InvocationServerErrors",
            "ModelTimeoutException",
            "Model has timed out in processing the request.",
            "model-timeout",
        ),
    ];
    for (metric, code, message, cause) in same {
        let world = world(json!({}));
        deliver(&world, &alarm_of(metric, LITE));
        assert_eq!(world.published().len(), 1);
        let entry = serde_json::from_value(found(LITE, "14:32:30", code, message, "app")).unwrap();
        world.change(|file| file.errors.push(entry));
        for _ in 0..4 {
            tick(&world);
        }
        assert_eq!(world.published().len(), 1, "{metric}");
        let known =
            world.incidents().into_iter().filter(|i| i.record.state != State::Closed).collect::<Vec<_>>();
        let [open] = known.as_slice() else { panic!("{metric}: {known:?}") };
        assert_eq!(open.record.incident.cause.to_string(), cause);
        assert_eq!(
            open.record.notices.first().unwrap().id,
            world.published()[0].notice_id,
            "known under that notice"
        );
    }
    let world = world(json!({}));
    deliver(&world, &alarm_of("InvocationClientErrors", LITE));
    let late =
        found(LITE, "14:32:30", "ValidationException", "The provided model identifier is invalid.", "app");
    world.change(|file| file.errors.push(serde_json::from_value(late).unwrap()));
    tick(&world);
    let opened = |cause: &str| (cause.to_owned(), Kind::Opened);
    assert_eq!(told(&world), [opened("unknown"), opened("invalid-identifier")]);
}

#[test]
fn a_request_that_was_filed_on_the_metric_alone_is_followed_whatever_is_found() {
    let world = sandbox(busy());
    deliver(&world, &alarm_of("InvocationThrottles", SONNET));
    // CloudTrail, which is minutes late, is read first for who calls.
    for _ in 0..4 {
        world.pass(SignedDuration::from_mins(5));
        tick(&world);
    }
    assert_eq!(world.increase_requests().len(), 1);
    let late = found(
        SONNET,
        "14:32:30",
        "ThrottlingException",
        "Model is currently overloaded. Please try again later.",
        "app",
    );
    world.change(|file| file.errors.push(serde_json::from_value(late).unwrap()));
    for _ in 0..8 {
        tick(&world);
    }
    let opened = |cause: &str| (cause.to_owned(), Kind::Opened);
    let filed = ("rate-unspecified".to_owned(), Kind::Again);
    assert_eq!(told(&world), [opened("rate-unspecified"), filed, opened("service-unavailable")]);
    let filed = world.incidents().into_iter().find(|i| i.record.followed.is_some()).unwrap();
    assert_eq!((filed.record.state, filed.superseded_by), (State::Watching, None));
    let other = world.published()[2].incident_id.clone().unwrap();
    assert_eq!(block_on(world.incident(&other)).unwrap().unwrap().incident.counts.errors, 1, "found once");
}

#[test]
fn where_nothing_is_found_it_says_where_it_looked_and_stops_looking() {
    let world = world(json!({ "usage": [used(LITE, &json!({ "invocations": 2, "client_errors": 1 }))] }));
    deliver(&world, &alarm_of("InvocationClientErrors", LITE));
    let said = text(&world.published()[0]);
    for part in [
        "CloudTrail's event history shows no failed call around the alarm.",
        "Model invocations are not logged in this Region.",
        "aws cloudtrail create-trail --name management-events --s3-bucket-name BUCKET",
        "cost only their storage in S3",
        "aws bedrock put-model-invocation-logging-configuration --region us-east-1",
        "\"textDataDeliveryEnabled\":false",
        "$0.50 a GB",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // A mail has the first three steps.
    let steps = world.published()[0].next_steps.iter().map(|step| step.text.clone()).collect::<Vec<_>>();
    assert!(steps.len() > 3 && steps.iter().any(|step| step.contains("`ApplicationLogGroups`")), "{steps:?}");
    for _ in 0..20 {
        tick(&world);
    }
    assert_eq!(world.published().len(), 1);
    assert_eq!((calls(&world, "recorded"), calls(&world, "invocation_logging")), (6, 1), "half an hour");
    // The next alarm is looked into anew.
    let next = alarm_of("InvocationClientErrors", LITE).replace("T14:33", "T16:10");
    deliver(&world, &next);
    world.pass(SignedDuration::from_hours(4));
    let swept = run_sweep(&world);
    assert_eq!(calls(&world, "recorded"), 7, "{swept:?} {:?}", world.incidents());
}

#[test]
fn logs_that_are_not_searched_are_named() {
    let world = sandbox(WorldFile::parse(&sample("alarm-busy-account.world.json")).unwrap());
    deliver(&world, &sample("alarm-busy-account.json"));
    let said = text(&world.published()[0]);
    assert!(said.contains("Model invocations are logged to `/bedrock/invocations`"), "{said}");
    assert!(said.contains("deploy it with `InvocationLogGroup=/bedrock/invocations`"), "{said}");
    assert!(said.contains("calls around the alarm hide the few errors"), "{said}");
}

#[test]
fn who_calls_is_said_by_share_and_what_they_should_change() {
    let said = |name: &str| {
        let world = sandbox(busy());
        deliver(&world, &sample(name));
        (
            text(&world.published()[0]),
            world.published()[0].callers.iter().map(|c| c.share).collect::<Vec<_>>(),
        )
    };
    let (together, shares) = said("throttle-shared-quota.json");
    assert_eq!(shares, [0.5, 0.333, 0.167]);
    assert!(
        together.contains("50 % by `checkout-api` with Boto3/1.42.0 from a private address"),
        "{together}"
    );
    assert!(together.contains("3 callers share this quota"), "{together}");
    let (hasty, _) = said("throttle-no-backoff.json");
    assert!(
        hasty.contains("failed 24 times in a row, each time within a second of the one before"),
        "{hasty}"
    );
    assert!(hasty.contains("three attempts at most"), "{hasty}");
    let (again, _) = said("request-sent-again.json");
    assert!(again.contains("was refused 9 times in the same words within 8 minutes"), "{again}");
    let (single, _) = said("throttle-tokens.json");
    assert!(!single.contains("share this quota") && !single.contains("in a row"), "{single}");
}

#[test]
fn callers_of_earlier_deliveries_are_remembered() {
    let world = sandbox(busy());
    let of = |role: &str, minute: u32| {
        let mut event: Value = serde_json::from_str(&throttle(SONNET)).unwrap();
        let detail = &mut event["detail"];
        detail["userIdentity"]["arn"] = json!(format!("arn:aws:sts::111122223333:assumed-role/{role}/i-0"));
        detail["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] =
            json!(format!("arn:aws:iam::111122223333:role/{role}"));
        detail["eventTime"] = json!(format!("2026-11-20T14:{minute}:05Z"));
        event.to_string()
    };
    let config = Config { notice_cool_down: MINUTES, ..Config::default() };
    for (role, minute) in [("checkout", 30), ("search", 31), ("search", 32), ("search", 33)] {
        deliver_with(&world, &config, &of(role, minute));
    }
    world.pass(MINUTES + SignedDuration::from_mins(1));
    deliver_with(&world, &config, &of("checkout", 36));
    let last = world.published().pop().unwrap();
    let shares: Vec<_> =
        last.callers.iter().map(|c| (c.caller.as_ref().unwrap().to_string(), c.errors)).collect();
    let role = |name: &str| format!("arn:aws:iam::111122223333:role/{name}");
    assert_eq!(shares, [(role("search"), 3), (role("checkout"), 2)]);
}

/// Step and commands of the reminder.
fn reminder(notice: &Notice) -> (&'static str, String) {
    let remind = notice.actions.iter().find_map(|a| match a {
        Action::RemindAccess(r) => Some((r.step, r.commands.join("\n"))),
        _ => None,
    });
    remind.unwrap()
}

#[test]
fn an_access_reminder_names_the_step_that_is_really_missing() {
    let model = "anthropic.claude-haiku-4-5-20251001-v1:0";
    let refused = error(
        "us-east-1",
        model,
        "AccessDeniedException",
        "You don't have access to the model with the specified model ID.",
    );
    let cases = [
        (
            json!({ "form_submitted": false, "agreement": "NOT_AVAILABLE" }),
            "use-case-form",
            "get-use-case-for-model-access",
        ),
        (json!({ "lifecycle": "LEGACY", "form_submitted": true }), "replace-model", "list-foundation-models"),
        (
            json!({ "agreement": "NOT_AVAILABLE", "form_submitted": true }),
            "marketplace-subscription",
            "create-foundation-model-agreement",
        ),
        (
            json!({ "agreement": "NOT_AVAILABLE", "form_submitted": true, "offers": 0 }),
            "account-restriction",
            "",
        ),
        (json!({ "form_submitted": true }), "model-access", "get-foundation-model-availability"),
    ];
    for (state, step, command) in cases {
        let mut entry = state.clone();
        entry["model_id"] = json!(model);
        let world = world(json!({ "availability": [entry] }));
        deliver(&world, &refused);
        let (named, commands) = reminder(&world.published()[0]);
        assert_eq!(
            (named, calls(&world, "agreement_offers")),
            (step, 1),
            "{state}: asked at once with the state"
        );
        assert!(commands.contains(command), "{state}: {commands}");
    }
    // What the error itself says outranks what Bedrock says of the model.
    let world = world(json!({ "availability": [{ "model_id": model, "form_submitted": false }] }));
    deliver(
        &world,
        &error(
            "us-east-1",
            model,
            "AccessDeniedException",
            "Model access is denied due to INVALID_PAYMENT_INSTRUMENT: A valid payment instrument must be provided.",
        ),
    );
    assert_eq!(reminder(&world.published()[0]).0, "payment-method");
}

#[test]
fn a_model_that_the_region_lacks_is_looked_for_elsewhere() {
    let world = sandbox(WorldFile::parse(&sample("model-id-other-region.world.json")).unwrap());
    deliver(&world, &sample("model-id-other-region.json"));
    let said = text(&world.published()[0]);
    assert!(said.contains("Check the id: eu-west-3 offers no model of it"), "{said}");
    assert!(said.contains("us-east-1 offers it as `cohere.command-r-plus-v1:0`"), "{said}");
    assert_eq!(calls(&world, "offered"), 4, "here, and in three Regions that have most models");
    // Where the model is offered here under another id, nobody else is asked.
    let world = sandbox(WorldFile::parse(&sample("model-id-other-geography.world.json")).unwrap());
    deliver(&world, &sample("model-id-other-geography.json"));
    assert_eq!(calls(&world, "offered"), 1);
}

pub(crate) const DENIED: &str = "User: arn:aws:sts::111122223333:assumed-role/app/i-0 is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0";

/// The notice on a denial by `text`, where IAM says `policies`, and how often IAM was asked.
fn denied(text: &str, policies: &Value) -> (Notice, u32) {
    let model = |region: &str| format!("arn:aws:bedrock:{region}::foundation-model/amazon.nova-lite-v1:0");
    let world = world(json!({
        "profiles": [{ "id": LITE, "models": [model("us-east-1"), model("us-west-2")] }],
        "policies": policies,
    }));
    deliver(&world, &error("us-east-1", LITE, "AccessDeniedException", text));
    (world.published()[0].clone(), calls(&world, "simulate"))
}

#[test]
fn iam_is_asked_about_every_resource_of_the_call() {
    let caller = "arn:aws:iam::111122223333:role/checkout-api";
    let says =
        |resource: &str, verdict: &str| json!({ "caller": caller, "resource": resource, "verdict": verdict });
    let (some, asked) =
        denied(DENIED, &json!([says("*:us-west-2:*", "implicit-deny"), says("*", "allowed")]));
    let (step, statement) = reminder(&some);
    assert_eq!((step, asked), ("iam-policy", 1));
    let statement: Value = serde_json::from_str(&statement).unwrap();
    assert_eq!(
        statement["Resource"],
        json!(["arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0"])
    );
    let (all, _) = denied(DENIED, &json!([says("*", "implicit-deny")]));
    let statement: Value = serde_json::from_str(&reminder(&all).1).unwrap();
    assert_eq!(
        statement["Resource"].as_array().unwrap().len(),
        2,
        "the profile, and its models wherever they are"
    );
    // Whoever decided against it is asked; nothing is written that would not help.
    let mut organization = says("*:us-west-2:*", "implicit-deny");
    organization["layer"] = json!("organization");
    let mut boundary = organization.clone();
    boundary["layer"] = json!("permissions-boundary");
    for (policy, step) in [
        (organization, "organization-policy"),
        (boundary, "permissions-boundary"),
        (says("*", "explicit-deny"), "explicit-deny"),
    ] {
        let (notice, _) = denied(DENIED, &json!([policy, says("*", "allowed")]));
        assert_eq!(reminder(&notice), (step, String::new()));
    }
    let (allowed, _) = denied(DENIED, &json!([says("*", "allowed")]));
    assert_eq!(reminder(&allowed).1, "");
    assert!(text(&allowed).contains("The caller's own policies allow the call by now"), "{}", text(&allowed));
    let mut open = says("*", "undetermined");
    open["missing_context"] = json!(["aws:SourceVpce"]);
    let (undetermined, _) = denied(DENIED, &json!([open]));
    assert!(text(&undetermined).contains("are undetermined; policies need `aws:SourceVpce`"));
}

#[test]
fn what_the_denial_itself_says_is_not_asked_again() {
    for says in [
        "because no service control policy allows the bedrock:InvokeModel action",
        "with an explicit deny in an identity-based policy",
        "because no permissions boundary allows the bedrock:InvokeModel action",
        "because no session policy allows the bedrock:InvokeModel action",
        "because no VPC endpoint policy allows the bedrock:InvokeModel action",
    ] {
        let all =
            json!([{ "caller": "arn:aws:iam::111122223333:role/checkout-api", "verdict": "implicit-deny" }]);
        let (notice, asked) = denied(&format!("{DENIED} {says}"), &all);
        assert_eq!((asked, reminder(&notice).1.as_str()), (0, ""), "{says}");
    }
}

#[test]
fn a_caller_of_another_account_is_undetermined() {
    let world = world(json!({}));
    let mut event: Value =
        serde_json::from_str(&error("us-east-1", LITE, "AccessDeniedException", DENIED)).unwrap();
    let identity = &mut event["detail"]["userIdentity"];
    identity["sessionContext"]["sessionIssuer"]["arn"] = json!("arn:aws:iam::999988887777:role/partner");
    deliver(&world, &event.to_string());
    assert_eq!(calls(&world, "simulate"), 0);
    assert!(text(&world.published()[0]).contains("undetermined: another account's decide too"));
}

/// Every sample with its world.
fn samples() -> Vec<(String, String, WorldFile)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let names =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    let events = names.filter(|n| !n.contains(".world."));
    let read = |name: String| {
        let payload = sample(&name);
        let beside = name.replace(".json", ".world.json");
        let delivery =
            bedrock_remediator::event::read(payload.as_bytes(), &FunctionIdentity::default()).ok()?;
        let world = match std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(beside),
        ) {
            Ok(text) => WorldFile::parse(&text).unwrap(),
            Err(_) => healthy_for(&delivery, now()),
        };
        Some((name, payload, world))
    };
    events.filter_map(read).collect()
}

/// What only informs: whatever becomes of these calls, people are told.
const INFORMS: [&str; 16] = [
    "agreement_offers",
    "alarms",
    "applied",
    "contributors",
    "default_value",
    "history",
    "invocation_logging",
    "model_state",
    "behind",
    "offered",
    "profile_models",
    "recorded",
    "seen",
    "simulate",
    "start_query",
    "volume",
];

#[test]
fn no_incident_costs_more_than_twenty_eight_calls() {
    let mut most = 0;
    for (name, payload, file) in samples() {
        let config = file.guard_rails().unwrap();
        let world = sandbox(file);
        let report = deliver_with(&world, &config, &payload);
        let all: u32 = world.calls().values().sum();
        let incidents = u32::try_from(report.incidents.len()).unwrap().max(1);
        assert!(all <= 28 * incidents, "{name}: {:?}", world.calls());
        most = most.max(all / incidents);
    }
    assert!(most >= 10, "the samples ask for something: {most}");
}

#[test]
fn an_answer_that_never_comes_costs_eight_seconds_and_no_notice() {
    let mut hung = 0;
    for (name, payload, file) in samples() {
        let config = file.guard_rails().unwrap();
        let quiet = sandbox(file.clone());
        deliver_with(&quiet, &config, &payload);
        let asked = quiet.calls();
        for call in INFORMS.into_iter().filter(|call| asked.contains_key(call)) {
            let mut file = file.clone();
            file.now = None;
            file.faults.push(fault(call, None, FaultKind::Hangs));
            let world = sandbox(file);
            let report = deliver_with(&world, &config, &payload);
            let incidents = i64::try_from(report.incidents.len()).unwrap();
            let waited = world.now().duration_since(now());
            assert!(
                waited <= SignedDuration::from_secs(8) * i32::try_from(incidents).unwrap(),
                "{name} {call}: {waited}"
            );
            assert_eq!(world.published().is_empty(), quiet.published().is_empty(), "{name} {call}");
            assert!(report.incidents.iter().all(|i| i.driven.is_ok()), "{name} {call}");
            hung += i64::from(waited > SignedDuration::ZERO);
        }
    }
    assert!(hung > 50, "{hung}");
}

#[test]
fn a_right_that_the_function_lacks_is_said_and_is_never_an_error() {
    // Call, sample, and what the notice names.
    for (call, name, action) in [
        ("recorded", "alarm-three-causes.json", "cloudtrail:LookupEvents"),
        ("start_query", "alarm-log-search.json", "logs:StartQuery"),
        ("invocation_logging", "alarm-busy-account.json", "bedrock:GetModelInvocationLoggingConfiguration"),
        ("simulate", "permission-one-region-missing.json", "iam:SimulatePrincipalPolicy"),
        ("agreement_offers", "access-no-agreement.json", "bedrock:ListFoundationModelAgreementOffers"),
        ("offered", "model-id-other-region.json", "bedrock:ListFoundationModels"),
        ("model_state", "access-not-granted.json", "bedrock:GetFoundationModelAvailability"),
    ] {
        let mut file = WorldFile::parse(&sample(&name.replace(".json", ".world.json"))).unwrap();
        let config = file.guard_rails().unwrap();
        file.faults.push(fault(call, None, FaultKind::Denied));
        let world = sandbox(file);
        let report = deliver_with(&world, &config, &sample(name));
        assert!(report.incidents.iter().all(|i| i.driven.is_ok()), "{name}");
        let said = text(&world.published()[0]);
        assert!(said.contains(&format!("`{action}`")), "{name}: {said}");
    }
}

#[test]
fn a_function_that_dies_while_it_looks_loses_nothing() {
    let (config, home) = (Config::default(), FunctionIdentity::default());
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    let (payload, file) = (sample("alarm-three-causes.json"), sample("alarm-three-causes.world.json"));
    let mut died = 0;
    for polls in 1..400 {
        let world = sandbox(WorldFile::parse(&file).unwrap());
        if crash_after(polls, handle(&world, &terms, payload.as_bytes())) {
            break;
        }
        died += 1;
        deliver(&world, &payload);
        for _ in 0..6 {
            tick(&world);
        }
        for cause in ["expired-token", "identity-policy", "malformed"] {
            let notices = world.published();
            let ids: Vec<_> =
                notices.iter().filter(|n| n.cause.unwrap().as_str() == cause).map(|n| &n.notice_id).collect();
            assert!(
                (1..=2).contains(&ids.len()) && ids.iter().all(|id| *id == ids[0]),
                "{polls}: {cause} {ids:?}"
            );
        }
        let open = world.incidents().iter().filter(|i| i.leased_until.is_some()).count();
        assert_eq!(open, 0, "{polls}: nothing is held");
    }
    assert!(died > 20, "{died}");
}

#[test]
fn the_functions_own_errors_are_not_behind_an_alarm() {
    let world =
        world(json!({ "errors": [found(LITE, "14:31:00", "AccessDeniedException", DENIED, "remediator")] }));
    let (config, home) = (
        Config::default(),
        FunctionIdentity {
            role: Some("arn:aws:iam::111122223333:role/remediator".to_owned()),
            ..FunctionIdentity::default()
        },
    );
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    block_on(handle(&world, &terms, alarm_of("InvocationClientErrors", LITE).as_bytes())).unwrap();
    assert_eq!(told(&world), [("unknown".to_owned(), Kind::Opened)]);
    let id = world.published()[0].incident_id.clone().unwrap();
    assert_eq!(block_on(world.incident(&id)).unwrap().unwrap().incident.counts.errors, 0);
}
