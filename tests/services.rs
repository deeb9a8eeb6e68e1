//! Quotas of several services: a call about a quota goes to the service of that quota, and to no other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::config::{Config, Mode};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountId, AccountRegion, QuotaCode, QuotaService, Region};
use bedrock_remediator::plan::Reason;
use bedrock_remediator::ports::Quotas;
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::run::handler::{DeliveryOutcome, handle};
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use jiff::SignedDuration;
use serde_json::json;

/// A quota of each service, with the same code.
const BEDROCKS: &str = "L-F4DDD3EB";
const AGENT_CORES: &str = "bedrock-agentcore/L-F4DDD3EB";

fn code(text: &str) -> QuotaCode {
    QuotaCode::parse(text).unwrap()
}

#[test]
fn one_code_in_two_services_is_two_quotas_with_requests_of_their_own() {
    let file = json!({ "account": "111122223333", "quotas": [
        { "code": BEDROCKS, "applied": 7e6, "default": 4e6 },
        { "code": AGENT_CORES, "name": "Rate of GetMemory requests", "applied": 5, "default": 5 },
    ]});
    let world =
        Sandbox::new(WorldFile::parse(&file.to_string()).unwrap(), "2026-11-20T14:00:00Z".parse().unwrap());
    let place = AccountRegion {
        account: AccountId::parse("111122223333").unwrap(),
        region: Region::parse("us-east-1").unwrap(),
    };
    block_on(async {
        world.request_increase(&place, &code(AGENT_CORES), 10.0).await.unwrap();
        assert_eq!(world.history(&place, &code(BEDROCKS)).await.unwrap(), []);
        let theirs = world.history(&place, &code(AGENT_CORES)).await.unwrap();
        assert_eq!((theirs.len(), &theirs[0].code), (1, &code(AGENT_CORES)));
        // An open request for one quota blocks none for the other.
        world.request_increase(&place, &code(BEDROCKS), 8e6).await.unwrap();
        let value = async |of: &str| world.applied(&place, &code(of)).await.unwrap().unwrap().value;
        assert_eq!((value(BEDROCKS).await, value(AGENT_CORES).await), (7e6, 5.0));
        for service in [QuotaService::Bedrock, QuotaService::AgentCore] {
            let listing = world.listing(&place, service).await.unwrap();
            assert!(!listing.quotas().is_empty());
            assert!(listing.quotas().iter().all(|quota| quota.code.service() == service), "{service}");
        }
    });
}

/// What the samples' quotas are: of guardrails, of batch jobs of one model, and of `AgentCore`.
const GUARDRAIL: &str = "L-9072D6F0";
const JOBS: &str = "L-E2ED42E6";
const SESSIONS: &str = "bedrock-agentcore/L-0000A6C1";

fn world_of(name: &str) -> Sandbox {
    sandbox(WorldFile::parse(&sample(&format!("{name}.world.json"))).unwrap())
}

/// Files for these services, and nothing else differs from the defaults.
fn files(bedrock: Mode, agent_core: Mode) -> Config {
    Config { other_quotas: bedrock, agent_core, ..Config::default() }
}

/// The quota and the value of each request that a delivery of the sample filed under `config`.
fn filed(name: &str, config: &Config) -> (Vec<(String, f64)>, Vec<Reason>) {
    let world = world_of(name);
    let report = deliver_with(&world, config, &sample(&format!("{name}.json")));
    let requests = world.increase_requests();
    (
        requests.into_iter().map(|request| (request.code.to_string(), request.desired)).collect(),
        withheld(&report),
    )
}

#[test]
fn each_service_is_asked_only_if_its_own_guard_rail_says_so() {
    use Mode::{Observe, Request};
    for (name, code, desired, by) in [
        ("limit-guardrail", GUARDRAIL, 75.0, [true, false]),
        ("limit-batch-jobs", JOBS, 30.0, [true, false]),
        ("limit-agent-core-sessions", SESSIONS, 750.0, [false, true]),
    ] {
        for (config, may_file) in [
            (files(Observe, Observe), false),
            (files(Request, Observe), by[0]),
            (files(Observe, Request), by[1]),
            (Config { mode: Observe, ..files(Request, Request) }, false),
        ] {
            let expected = if may_file {
                (vec![(code.to_owned(), desired)], vec![])
            } else {
                (vec![], vec![Reason::ObserveMode])
            };
            assert_eq!(filed(name, &config), expected, "{name} {config:?}");
        }
    }
}

#[test]
fn what_is_not_filed_has_the_command_and_the_link_of_its_own_service() {
    for (name, service, code) in [
        ("limit-guardrail", "bedrock", GUARDRAIL),
        ("limit-agent-core-sessions", "bedrock-agentcore", "L-0000A6C1"),
    ] {
        let world = world_of(name);
        deliver(&world, &sample(&format!("{name}.json")));
        let mail = world.published()[0].mail();
        assert!(
            mail.contains(&format!("--service-code {service} --quota-code {code} --desired-value")),
            "{mail}"
        );
        assert!(mail.contains(&format!("/services/{service}/quotas/{code}")), "{mail}");
    }
}

#[test]
fn a_quota_of_the_same_name_in_another_service_is_never_meant() {
    let file = json!({ "quotas": [
        { "code": "L-0000A6C1", "name": "Active Session Workloads per Account", "applied": 500, "default": 500 },
        { "code": "bedrock-agentcore/L-9072D6F0", "name": "(Guardrails) On-demand ApplyGuardrail requests per second", "applied": 5, "default": 5 },
    ]});
    let both = files(Mode::Request, Mode::Request);
    let world = sandbox(WorldFile::parse(&file.to_string()).unwrap());
    let report = deliver_with(&world, &both, &sample("limit-agent-core-sessions.json"));
    assert_eq!((withheld(&report), world.increase_requests().len()), (vec![Reason::NoSuchQuota], 0));
    deliver_with(&world, &both, &sample("limit-guardrail.json"));
    for request in world.increase_requests() {
        assert_eq!(request.code.service(), QuotaService::Bedrock);
    }
}

#[test]
fn a_log_line_files_only_with_the_code_of_an_sdk() {
    let both = files(Mode::Request, Mode::Request);
    for (message, expected) in [
        (
            "An error occurred (ThrottlingException) when calling the ApplyGuardrail operation: Too many requests, please wait before trying again.",
            vec![Reason::Unrecorded],
        ),
        (
            "An error occurred (ServiceQuotaExceededException) when calling the ApplyGuardrail operation: requests per second are used up",
            vec![],
        ),
    ] {
        let world = world_of("limit-guardrail");
        let logs = json!({ "messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "/app", "logStream": "a",
            "subscriptionFilters": ["all"], "logEvents": [{ "id": "1", "timestamp": now().as_millisecond(), "message": message }] });
        let home = FunctionIdentity { region: Region::parse("us-east-1"), ..FunctionIdentity::default() };
        let terms = RunContext { config: &both, home: &home, allowance: ALLOWANCE };
        let report = block_on(handle(&world, &terms, logs.to_string().as_bytes())).unwrap();
        assert_eq!(withheld(&report), expected, "{message}");
        assert_eq!(world.increase_requests().len(), usize::from(expected.is_empty()));
    }
}

#[test]
fn a_request_stands_and_is_followed_and_no_second_is_filed() {
    let (world, config) = (world_of("limit-guardrail"), files(Mode::Request, Mode::Observe));
    deliver_with(&world, &config, &sample("limit-guardrail.json"));
    deliver_with(&world, &config, &sample("limit-guardrail.json"));
    let request = world.increase_requests().remove(0);
    world.decide(&request.id, RequestStatus::Approved, Some(75.0));
    world.pass(SignedDuration::from_mins(20));
    run_sweep_with(&world, &config);
    assert_eq!(world.increase_requests().len(), 1);
    assert_eq!(kinds(&world), ["opened", "outcome"]);
}

#[test]
fn operations_with_quotas_of_their_own_are_incidents_of_their_own() {
    let file = json!({ "quotas": [
        { "code": "bedrock-agentcore/L-0000A6C4", "name": "Rate of CreateEvent requests", "applied": 10, "default": 10 },
        { "code": "bedrock-agentcore/L-0000A6C5", "name": "Rate of GetMemory requests", "applied": 5, "default": 5 },
    ]});
    let world = sandbox(WorldFile::parse(&file.to_string()).unwrap());
    let mut event: serde_json::Value =
        serde_json::from_str(&sample("limit-agent-core-sessions.json")).unwrap();
    event["detail"]["errorCode"] = json!("ThrottledException");
    event["detail"]["errorMessage"] = json!("Rate exceeded");
    for operation in ["CreateEvent", "GetMemory", "CreateEvent"] {
        event["detail"]["eventName"] = json!(operation);
        deliver_with(&world, &files(Mode::Observe, Mode::Request), &event.to_string());
    }
    assert_eq!(world.incidents().len(), 2);
    let mut codes: Vec<String> = world.increase_requests().iter().map(|r| r.code.to_string()).collect();
    codes.sort();
    assert_eq!(codes, ["bedrock-agentcore/L-0000A6C4", "bedrock-agentcore/L-0000A6C5"]);
}

#[test]
fn a_throttled_guardrail_is_another_incident_than_a_throttled_model() {
    let world = sandbox(busy());
    let mut event: serde_json::Value = serde_json::from_str(&sample("limit-guardrail.json")).unwrap();
    event["detail"]["errorMessage"] = json!("Rate exceeded");
    let guardrail = deliver(&world, &event.to_string());
    event["detail"]["eventName"] = json!("Converse");
    let model = deliver(&world, &event.to_string());
    assert_ne!(guardrail.incidents[0].incident.id, model.incidents[0].incident.id);
    assert_eq!((withheld(&guardrail), withheld(&model)), (vec![Reason::Ambiguous], vec![Reason::NoModel]));
}

#[test]
fn a_call_that_manages_resources_matters_only_if_it_exceeds_a_quota() {
    let world = world_of("limit-batch-jobs");
    let mut event: serde_json::Value = serde_json::from_str(&sample("limit-batch-jobs.json")).unwrap();
    event["detail"]["errorCode"] = json!("ValidationException");
    assert_eq!(deliver(&world, &event.to_string()).outcome(), DeliveryOutcome::Ignored);
    event["detail"]["errorCode"] = json!("ServiceQuotaExceededException");
    event["detail"]["eventName"] = json!("TagResource");
    assert_eq!(deliver(&world, &event.to_string()).outcome(), DeliveryOutcome::Ignored);
}
