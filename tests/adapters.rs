//! The adapters against answers as AWS words them: every error by its meaning, every page, and how often
//! a call is made.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::cloud::Cloud;
use crate::support::contract::{incident, place};
use bedrock_remediator::diagnosis::Cause;
use bedrock_remediator::error::{Rejection, ServiceError};
use bedrock_remediator::event::Metric;
use bedrock_remediator::identity::Organization;
use bedrock_remediator::ids::{AccountId, AccountRegion, QuotaCode, QuotaService};
use bedrock_remediator::incident::search::LogKind;
use bedrock_remediator::installation::{EventRule, Reads, RuleState, RuleTrigger, Subscriptions, Trail};
use bedrock_remediator::model::ModelId;
use bedrock_remediator::model::access::{Availability, UseCaseForm};
use bedrock_remediator::model::lifecycle::Lifecycle;
use bedrock_remediator::notice::{Kind, Notice};
use bedrock_remediator::permission::{Needed, PolicyLayer, PolicyVerdict};
use bedrock_remediator::ports::{
    Clock as _, Ledger as _, Models as _, Permissions as _, Quotas as _, Records as _, Setup as _,
    Telemetry as _, Topic as _,
};
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::sandbox::{Fault, FaultKind, PortCall, WorldFile};
use bedrock_remediator::time::Window;
use bedrock_remediator::usage::{Endpoint, Period};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn cloud() -> Cloud {
    Cloud::new(WorldFile::default())
}

fn code() -> QuotaCode {
    QuotaCode::parse("L-F4DDD3EB").unwrap()
}

fn rejected(kind: Rejection, text: &str) -> ServiceError {
    ServiceError::Rejected(kind, text.to_owned())
}

fn denied(action: &str) -> ServiceError {
    ServiceError::Denied(action.to_owned())
}

#[test]
fn every_refusal_of_an_increase_is_read_by_its_meaning_and_never_repeated() {
    const REQUEST: &str = "servicequotas:RequestServiceQuotaIncrease";
    let too_low = "You must provide a quota value greater than the default quota value of 5000000.0";
    let open = "Only one open service quota increase request is allowed per quota.";
    let many = "You have exceeded the number of open service quota increase requests.";
    let linked = "The service-linked role cannot be created.";
    let cases = [
        ("ResourceAlreadyExistsException", 400, open, rejected(Rejection::AlreadyOpen, open)),
        ("QuotaExceededException", 400, many, rejected(Rejection::TooManyOpen, many)),
        ("IllegalArgumentException", 400, too_low, rejected(Rejection::TooLow, too_low)),
        ("IllegalArgumentException", 400, "Not adjustable.", rejected(Rejection::Invalid, "Not adjustable.")),
        ("InvalidResourceStateException", 400, "Wrong state.", rejected(Rejection::Invalid, "Wrong state.")),
        ("DependencyAccessDeniedException", 400, linked, denied("iam:CreateServiceLinkedRole")),
        ("AccessDeniedException", 400, "No.", denied(REQUEST)),
        ("NoSuchResourceException", 400, "None.", rejected(Rejection::Invalid, "None.")),
        // Perhaps it was taken all the same.
        ("ServiceException", 500, "Oops.", ServiceError::UnknownOutcome),
    ];
    for (error, status, message, meaning) in cases {
        let cloud = cloud();
        let body = json!({ "__type": error, "Message": message }).to_string();
        cloud.state().instead.push((REQUEST.to_owned(), status, body));
        let aws = cloud.aws("SERVICE_QUOTAS");
        let answer = block_on(aws.request_increase(&place("us-east-1"), &code(), 9e6));
        assert_eq!(answer.unwrap_err(), meaning, "{error}");
        assert_eq!(cloud.calls(), [REQUEST], "{error}");
    }
}

#[test]
fn an_answer_that_names_no_request_leaves_the_outcome_open() {
    for body in ["{}", "not json"] {
        let cloud = cloud();
        cloud.state().instead.push((
            "servicequotas:RequestServiceQuotaIncrease".to_owned(),
            200,
            body.to_owned(),
        ));
        let answer =
            block_on(cloud.aws("SERVICE_QUOTAS").request_increase(&place("us-east-1"), &code(), 9e6));
        assert_eq!(answer.unwrap_err(), ServiceError::UnknownOutcome, "{body}");
        assert_eq!(cloud.calls().len(), 1);
    }
}

#[test]
fn a_throttled_increase_is_tried_again_and_filed_once() {
    let cloud = cloud();
    let slow = json!({ "__type": "TooManyRequestsException" }).to_string();
    cloud.state().instead.push(("servicequotas:RequestServiceQuotaIncrease".to_owned(), 400, slow));
    let filed = block_on(cloud.aws("SERVICE_QUOTAS").request_increase(&place("us-east-1"), &code(), 9e6));
    let filed = filed.unwrap();
    assert_eq!((filed.status, filed.desired, filed.code), (RequestStatus::Pending, 9e6, code()));
    assert_eq!((cloud.calls().len(), cloud.state().world.increase_requests().len()), (2, 1));
}

#[test]
fn a_quota_of_another_service_is_read_listed_and_raised_in_that_service_alone() {
    let theirs = QuotaCode::parse("bedrock-agentcore/L-F4DDD3EB").unwrap();
    let file = json!({ "quotas": [{ "code": theirs, "name": "Rate of GetMemory requests", "applied": 5, "default": 5 }] });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let (aws, here) = (cloud.aws("SERVICE_QUOTAS"), place("us-east-1"));
    let filed = block_on(aws.request_increase(&here, &theirs, 10.0)).unwrap();
    assert_eq!(filed.code, theirs);
    assert_eq!(cloud.state().world.increase_requests()[0].code, theirs);
    assert_eq!(block_on(aws.applied(&here, &theirs)).unwrap().map(|value| value.value), Some(5.0));
    assert_eq!(block_on(aws.history(&here, &theirs)).unwrap().len(), 1);
    assert_eq!(block_on(aws.history(&here, &code())).unwrap(), []);
    let codes = |service| -> Vec<QuotaService> {
        let listing = block_on(aws.listing(&here, service)).unwrap();
        listing.quotas().iter().map(|quota| quota.code.service()).collect()
    };
    assert_eq!(codes(QuotaService::AgentCore), [QuotaService::AgentCore]);
    assert!(codes(QuotaService::Bedrock).iter().all(|service| *service == QuotaService::Bedrock));
}

#[test]
fn a_read_that_failed_on_awss_side_is_repeated() {
    let cloud = cloud();
    let oops = json!({ "__type": "ServiceException", "Message": "Oops." }).to_string();
    cloud.state().instead.push(("servicequotas:GetAWSDefaultServiceQuota".to_owned(), 500, oops));
    let value = block_on(cloud.aws("SERVICE_QUOTAS").default_value(&place("us-east-1"), &code()));
    assert!(value.unwrap().unwrap().value > 0.0);
    assert_eq!(cloud.calls().len(), 2);
}

#[test]
fn a_quota_without_a_value_of_the_accounts_own_has_none() {
    let cloud = cloud();
    let applied = block_on(cloud.aws("SERVICE_QUOTAS").applied(&place("us-east-1"), &code()));
    assert_eq!(applied, Ok(None));
}

#[test]
fn a_request_is_read_by_its_id_and_only_awss_own_word_says_that_there_is_none() {
    let cloud = cloud();
    let (aws, here) = (cloud.aws("SERVICE_QUOTAS"), place("us-east-1"));
    let filed = block_on(aws.request_increase(&here, &code(), 9e6)).unwrap();
    let read = block_on(aws.request(&here, &filed.id)).unwrap().unwrap();
    assert_eq!((read.id, read.code, read.desired), (filed.id.clone(), code(), 9e6));
    assert_eq!(block_on(aws.request(&here, "request-9999")), Ok(None));
    let action = "servicequotas:GetRequestedServiceQuotaChange";
    let refused = |error: &str| json!({ "__type": error, "Message": "No." }).to_string();
    for (error, times, meaning) in [
        ("TooManyRequestsException", 3, ServiceError::Throttled),
        ("AccessDeniedException", 1, denied(action)),
    ] {
        let answers = (0..times).map(|_| (action.to_owned(), 400, refused(error)));
        cloud.state().instead.extend(answers);
        assert_eq!(block_on(aws.request(&here, &filed.id)), Err(meaning), "{error}");
    }
    // An answer that names no request is no word on it.
    cloud.state().instead.push((action.to_owned(), 200, json!({ "RequestedQuota": {} }).to_string()));
    assert!(matches!(block_on(aws.request(&here, &filed.id)), Err(ServiceError::Rejected(..))));
}

#[test]
fn the_listing_is_read_page_by_page_and_kept() {
    let cloud = cloud();
    let aws = cloud.aws("SERVICE_QUOTAS");
    let here = place("us-east-1");
    let listed = block_on(aws.listing(&here, QuotaService::Bedrock)).unwrap();
    let known = bedrock_remediator::quota::Catalog::built_in().quotas().len();
    assert_eq!(listed.quotas().len(), known);
    let pages = known.div_ceil(100) * 2;
    assert_eq!(cloud.calls().len(), pages);
    block_on(aws.listing(&here, QuotaService::Bedrock)).unwrap();
    assert_eq!(cloud.calls().len(), pages, "kept");
    block_on(aws.listing(&place("eu-west-1"), QuotaService::Bedrock)).unwrap();
    assert_eq!(cloud.calls().len(), pages * 2, "for its Region alone");
}

#[test]
fn history_comes_newest_first_and_a_status_that_is_new_counts_as_open() {
    let cloud = cloud();
    let change = |id: &str, status: &str, created: f64| json!({ "Id": id, "ServiceCode": "bedrock", "QuotaCode": "L-F4DDD3EB", "DesiredValue": 9e6, "Status": status, "Created": created, "CaseId": "case-1" });
    let page =
        |changes, next: Option<&str>| json!({ "RequestedQuotas": changes, "NextToken": next }).to_string();
    let action = "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota";
    let first = page(vec![change("a", "CASE_CLOSED", 1_700_000_000.5)], Some("more"));
    let second = page(
        vec![change("b", "ON_HOLD", 1_700_000_100.0), change("c", "NOT_APPROVED", 1_600_000_000.0)],
        None,
    );
    cloud.state().instead.extend([(action.to_owned(), 200, first), (action.to_owned(), 200, second)]);
    let history = block_on(cloud.aws("SERVICE_QUOTAS").history(&place("us-east-1"), &code())).unwrap();
    let seen: Vec<_> = history.iter().map(|r| (r.id.as_str(), r.status)).collect();
    let expected =
        [("b", RequestStatus::Pending), ("a", RequestStatus::CaseClosed), ("c", RequestStatus::NotApproved)];
    assert_eq!(seen, expected);
    assert_eq!(history[1].created.as_millisecond(), 1_700_000_000_500);
}

#[test]
fn another_account_is_never_asked_about() {
    let cloud = cloud();
    let mut elsewhere = place("us-east-1");
    elsewhere.account = AccountId::parse("444455556666").unwrap();
    let answer = block_on(cloud.aws("SERVICE_QUOTAS").applied(&elsewhere, &code()));
    assert!(answer.unwrap_err().to_string().contains("444455556666 cannot be asked"));
    assert!(cloud.calls().is_empty());
}

#[test]
fn what_cloudwatch_measured_arrives_as_it_was() {
    let file = json!({ "usage": [{
        "region": "us-east-1", "model_id": "us.amazon.nova-lite-v1:0",
        "last": { "minutes": 30, "each": { "invocations": 100, "throttles": 5, "input_tokens": 900, "quota_tokens": 1200 } },
    }]});
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let aws = cloud.aws("CLOUDWATCH");
    let here = place("us-east-1");
    let used = ModelId::parse("us.amazon.nova-lite-v1:0").unwrap();
    let unused = ModelId::parse("eu.amazon.nova-lite-v1:0").unwrap();
    let to = Timestamp::now();
    let window = Window { from: to - SignedDuration::from_hours(1), to };
    for period in [Period::Minute, Period::FiveMinutes] {
        let series =
            block_on(aws.usage(&here, Endpoint::Runtime, &[used.clone(), unused.clone()], window, period))
                .unwrap();
        assert_eq!((series.len(), series[1].points.len(), series[1].first_use), (2, 0, None));
        let (_, minute) = series[0].points[series[0].points.len() / 2];
        assert_eq!((minute.invocations, minute.throttles), (100.0, 5.0), "{period:?}");
        assert_eq!((minute.input_tokens, minute.quota_tokens), (900.0, Some(1200.0)), "{period:?}");
        assert_eq!(series[0].first_use, Some(series[0].points[0].0));
    }
    assert_eq!(block_on(aws.behind(&here, Metric::Throttles, window)).unwrap(), [used.as_str()]);
    assert_eq!(cloud.calls().len(), 3);
}

#[test]
fn what_cloudwatch_refuses_names_the_right() {
    let mut file = WorldFile::default();
    file.faults.push(Fault { call: PortCall::Usage, nth: None, kind: FaultKind::Denied });
    let cloud = Cloud::new(file);
    let to = Timestamp::now();
    let window = Window { from: to - SignedDuration::from_hours(1), to };
    let model = ModelId::parse("amazon.nova-lite-v1:0").unwrap();
    let answer = block_on(cloud.aws("CLOUDWATCH").usage(
        &place("us-east-1"),
        Endpoint::Runtime,
        &[model],
        window,
        Period::Minute,
    ));
    assert_eq!(answer.unwrap_err(), denied("cloudwatch:GetMetricData"));
}

#[test]
fn a_model_and_a_profile_are_described() {
    let file = json!({
        "availability": [{ "model_id": "anthropic.claude-3-haiku-20240307-v1:0", "lifecycle": "LEGACY", "agreement": "NOT_AVAILABLE", "authorized": false, "form_submitted": false }],
        "offered": [{ "region": "eu-west-3", "model_ids": ["eu.amazon.nova-lite-v1:0", "amazon.titan-embed-text-v2:0"] }],
        "profiles": [{ "id": "abc123def456", "models": ["arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"] }],
    });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let (aws, here) = (cloud.aws("BEDROCK"), place("us-east-1"));
    let model = ModelId::parse("us.anthropic.claude-3-haiku-20240307-v1:0").unwrap();
    let state_of = |model: &ModelId| block_on(aws.model_state(&here, model)).unwrap().unwrap();
    let state = state_of(&model);
    let life = state.life.unwrap().unwrap();
    assert_eq!((life.lifecycle, state.agreement), (Lifecycle::Legacy, Availability::NotAvailable));
    assert_eq!((state.authorized, state.region), (false, Availability::Available));
    assert_eq!(state.form, UseCaseForm::Missing);
    let other = state_of(&ModelId::parse("amazon.nova-lite-v1:0").unwrap());
    assert_eq!(other.form, UseCaseForm::NotNeeded, "other providers have no form");
    let profile = ModelId::parse("abc123def456").unwrap();
    let models = block_on(aws.profile_models(&here, &profile)).unwrap().unwrap();
    assert_eq!(models, ["arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"]);
    let offered = block_on(aws.offered(&place("eu-west-3"))).unwrap();
    let ids: Vec<_> = offered.iter().map(ModelId::as_str).collect();
    assert_eq!(ids, ["amazon.titan-embed-text-v2:0", "eu.amazon.nova-lite-v1:0"]);
    let unknown = ModelId::parse("zzz123def456").unwrap();
    assert_eq!(block_on(aws.profile_models(&here, &unknown)), Ok(None));
}

#[test]
fn what_bedrock_does_not_say_of_a_model_is_neither_active_nor_ended() {
    let cloud = cloud();
    let (aws, here) = (cloud.aws("BEDROCK"), place("us-east-1"));
    let model = ModelId::parse("anthropic.claude-3-haiku-20240307-v1:0").unwrap();
    let (describe, form) = ("bedrock:GetFoundationModel", "bedrock:GetUseCaseForModelAccess");
    let refusal = |error: &str| json!({ "__type": error, "message": "No." }).to_string();
    let state = |action: &str, status, error: &str| {
        cloud.state().instead.push((action.to_owned(), status, refusal(error)));
        block_on(aws.model_state(&here, &model)).unwrap()
    };
    assert_eq!(state(describe, 404, "ResourceNotFoundException").unwrap().life, Ok(None));
    assert_eq!(state(describe, 403, "AccessDeniedException").unwrap().life, Err(denied(describe)));
    let unread = state(form, 403, "AccessDeniedException").unwrap().form;
    assert_eq!(unread, UseCaseForm::Unread(denied(form)));
    let availability = "bedrock:GetFoundationModelAvailability";
    assert_eq!(state(availability, 404, "ResourceNotFoundException"), None);
}

#[test]
fn what_is_used_is_listed_once_and_measured_in_portions() {
    let ids: Vec<String> = (0..45).map(|n| format!("us.example.model-{n}-v1:0")).collect();
    let used = |id: &String| json!({ "region": "us-east-1", "model_id": id, "last": { "minutes": 30, "each": { "invocations": 7.0 } } });
    let file = json!({ "usage": ids.iter().map(used).collect::<Vec<_>>() });
    let cloud =
        Cloud::new(WorldFile { now: Some(Timestamp::now()), ..WorldFile::parse(&file.to_string()).unwrap() });
    let (aws, here) = (cloud.aws("CLOUDWATCH"), place("us-east-1"));
    let models = block_on(aws.used(&here, Endpoint::Runtime)).unwrap();
    assert_eq!(models.iter().map(ModelId::as_str).collect::<Vec<_>>(), ids);
    let series = block_on(aws.usage(&here, Endpoint::Runtime, &models, last_hour(), Period::Minute)).unwrap();
    assert_eq!(series.len(), 45);
    assert!(series.iter().all(|s| s.points.iter().any(|(_, m)| m.invocations == 7.0)));
    assert_eq!(
        cloud.calls(),
        [["cloudwatch:ListMetrics"; 1].as_slice(), &["cloudwatch:GetMetricData"; 3]].concat()
    );
}

#[test]
fn a_listing_has_the_applied_values_before_the_defaults() {
    let file = json!({ "quotas": [{ "code": "L-F4DDD3EB", "applied": 7e6, "default": 4e6 }] });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let listing =
        block_on(cloud.aws("SERVICE_QUOTAS").listing(&place("us-east-1"), QuotaService::Bedrock)).unwrap();
    let code = QuotaCode::parse("L-F4DDD3EB").unwrap();
    let listed = listing.quotas().iter().find(|q| q.code == code).unwrap();
    assert_eq!(listed.value, Some(7e6));
}

#[test]
fn the_lives_of_all_models_are_read_in_one_call() {
    let file = json!({
        "availability": [{ "model_id": "anthropic.claude-3-haiku-20240307-v1:0", "lifecycle": "LEGACY", "legacy_from": "2026-01-30T00:00:00Z", "ends": "2026-12-31T00:00:00Z" }],
        "offered": [{ "region": "us-east-1", "model_ids": ["amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"] }],
    });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let lives = block_on(cloud.aws("BEDROCK").lives(&place("us-east-1"))).unwrap();
    assert_eq!(cloud.calls(), ["bedrock:ListFoundationModels"]);
    let read: Vec<_> =
        lives.iter().map(|(id, life)| (id.as_str(), life.lifecycle, life.ends.is_some())).collect();
    assert_eq!(
        read,
        [
            ("anthropic.claude-3-haiku-20240307-v1:0", Lifecycle::Legacy, true),
            ("amazon.nova-lite-v1:0", Lifecycle::Active, false),
        ]
    );
}

#[test]
fn cloudtrail_tells_of_calls_that_succeeded_too() {
    let at = (Timestamp::now() - SignedDuration::from_mins(30)).to_string();
    let file = json!({ "calls": [{
        "region": "us-east-1", "model_id": "us.amazon.nova-lite-v1:0", "time": at,
        "caller": "arn:aws:sts::111122223333:assumed-role/checkout-api/i-1", "address": "10.0.0.7",
    }] });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let recorded = block_on(cloud.aws("CLOUDTRAIL").recorded(&place("us-east-1"), last_hour(), 200)).unwrap();
    assert_eq!((recorded.read, recorded.errors.len(), recorded.calls.len()), (1, 0, 1));
    let call = &recorded.calls[0];
    assert_eq!(call.caller.as_deref(), Some("arn:aws:iam::111122223333:role/checkout-api"));
    assert_eq!(call.model.as_ref().unwrap().as_str(), "us.amazon.nova-lite-v1:0");
}

#[test]
fn the_set_up_is_read_where_it_stands() {
    let file = json!({
        "trails": [
            { "name": "audit", "is_logging": true, "records_reads": false },
            { "name": "advanced-reads", "is_logging": false, "records_reads": true },
            { "name": "advanced-writes", "is_logging": true, "records_reads": false },
            { "name": "organization", "account": "444455556666", "is_logging": true },
            { "name": "unread", "records_reads": true },
            { "name": "unreadable", "is_logging": true },
        ],
        "rules": [
            { "name": "stack-TickRule-1", "state": "disabled", "is_scheduled": true },
            { "name": "other", "state": "enabled" },
            { "name": "stack-InferenceErrorsRule-2", "state": "enabled-with-reads", "detail_types": ["AWS API Call via CloudTrail"] },
        ],
        "topics": { "arn:aws:sns:eu-west-1:111122223333:operators": { "confirmed": 2, "pending": 3 } },
        "own_alarms": { "stack-health-ticks": false, "stack-models-throttles": true },
        "policies": [
            { "caller": "arn:aws:iam::111122223333:role/r", "action": "sns:Publish", "verdict": "implicit-deny" },
            { "caller": "arn:aws:iam::111122223333:role/r", "verdict": "allowed" },
        ],
    });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let here = place("us-east-1");
    let trails = block_on(cloud.aws("CLOUDTRAIL").trails(&here)).unwrap();
    let elsewhere = Reads::OfAccount(AccountId::parse("444455556666").unwrap());
    let trail =
        |name: &str, is_logging, records_reads| Trail { name: name.to_owned(), is_logging, records_reads };
    assert_eq!(
        trails,
        [
            trail("audit", Ok(true), Ok(Reads::LeftOut)),
            trail("advanced-reads", Ok(false), Ok(Reads::Recorded)),
            trail("advanced-writes", Ok(true), Ok(Reads::LeftOut)),
            trail("organization", Ok(true), Ok(elsewhere)),
            trail("unread", Err(denied("cloudtrail:GetTrailStatus")), Ok(Reads::Recorded)),
            trail("unreadable", Ok(true), Err(denied("cloudtrail:GetEventSelectors"))),
        ]
    );
    let rules = block_on(cloud.aws("EVENTBRIDGE").rules(&here, "stack")).unwrap();
    let rule = |name: &str, state, trigger| EventRule { name: name.to_owned(), state, trigger };
    assert_eq!(
        rules,
        [
            rule("stack-TickRule-1", RuleState::Disabled, RuleTrigger::Schedule),
            rule(
                "stack-InferenceErrorsRule-2",
                RuleState::EnabledWithReads,
                RuleTrigger::Events(vec!["AWS API Call via CloudTrail".to_owned(), "Another*".to_owned()])
            ),
        ]
    );
    let sns = cloud.aws("SNS");
    let listeners = block_on(sns.subscriptions("arn:aws:sns:eu-west-1:111122223333:operators")).unwrap();
    assert_eq!(listeners, Subscriptions { confirmed: 2, pending: 3 });
    assert!(matches!(
        block_on(sns.subscriptions("operators")),
        Err(ServiceError::Rejected(Rejection::Invalid, _))
    ));
    let alarms = block_on(cloud.aws("CLOUDWATCH").own_alarms(&here, "stack")).unwrap();
    assert_eq!(
        alarms,
        [("stack-health-ticks".to_owned(), false), ("stack-models-throttles".to_owned(), true)]
    );
    let asked = ["sns:GetTopicAttributes", "sns:Publish"];
    let rights =
        block_on(cloud.aws("IAM").rights(&here, "arn:aws:iam::111122223333:role/r", &asked, "*")).unwrap();
    assert_eq!(rights, Some(vec![PolicyVerdict::Allowed, PolicyVerdict::ImplicitDeny]));
}

fn last_hour() -> Window {
    let to = Timestamp::now();
    Window { from: to - SignedDuration::from_hours(1), to }
}

#[test]
fn every_page_of_an_alarms_contributors_is_read() {
    let models = ["amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0", "us.amazon.nova-pro-v1:0"];
    let file = json!({ "alarms": [{ "region": "us-east-1", "name": "by-model", "metric": "InvocationThrottles", "contributors": models }] });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let found =
        block_on(cloud.aws("CLOUDWATCH").contributors(&place("us-east-1"), "by-model")).unwrap().unwrap();
    assert_eq!(found, models);
    assert_eq!(cloud.calls(), ["cloudwatch:DescribeAlarmContributors"; 2]);
}

#[test]
fn cloudtrail_is_read_page_by_page_and_no_further_than_asked() {
    let from = (Timestamp::now() - SignedDuration::from_mins(30)).to_string();
    let file = json!({ "errors": [{
        "region": "us-east-1", "model_id": "us.amazon.nova-lite-v1:0", "time": from,
        "code": "ThrottlingException", "message": "Too many tokens, please wait before trying again.",
        "caller": "arn:aws:iam::111122223333:role/checkout-api", "times": 120, "every_seconds": 1,
    }] });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let aws = cloud.aws("CLOUDTRAIL");
    let all = block_on(aws.recorded(&place("us-east-1"), last_hour(), 200)).unwrap();
    assert_eq!((all.read, all.errors.len(), all.is_whole), (120, 120, true));
    assert_eq!(cloud.calls(), ["cloudtrail:LookupEvents"; 3]);
    let error = &all.errors[0];
    assert_eq!(error.caller.as_deref(), Some("arn:aws:iam::111122223333:role/checkout-api"));
    assert_eq!(error.origin.agent.as_deref(), Some("Boto3/1.42.0"));
    assert_eq!(error.model.as_ref().unwrap().as_str(), "us.amazon.nova-lite-v1:0");
    let some = block_on(aws.recorded(&place("us-east-1"), last_hour(), 50)).unwrap();
    assert_eq!((some.read, some.is_whole, cloud.calls().len()), (50, false, 4));
    let empty = block_on(aws.recorded(&place("eu-west-1"), last_hour(), 50)).unwrap();
    assert_eq!((empty.read, empty.is_whole), (0, true));
    let body = json!({ "__type": "AccessDeniedException" }).to_string();
    cloud.state().instead.push(("cloudtrail:LookupEvents".to_owned(), 400, body));
    let answer = block_on(aws.recorded(&place("us-east-1"), last_hour(), 50));
    assert_eq!(answer.unwrap_err(), denied("cloudtrail:LookupEvents"));
}

#[test]
fn cloudtrail_is_asked_for_the_root_user_by_name() {
    let shown = |callers: &[(&str, usize)]| {
        let at = (Timestamp::now() - SignedDuration::from_mins(30)).to_string();
        let error = |(caller, times): &(&str, usize)| {
            json!({
                "region": "us-east-1", "model_id": "us.amazon.nova-lite-v1:0", "time": at,
                "code": "ThrottlingException", "message": "Too many tokens, please wait before trying again.",
                "caller": format!("arn:aws:iam::111122223333:{caller}"), "times": times, "every_seconds": 1,
            })
        };
        let file = json!({ "errors": callers.iter().map(error).collect::<Vec<_>>() });
        let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
        let answer = block_on(cloud.aws("CLOUDTRAIL").called_by_root(&place("us-east-1"), last_hour()));
        (answer, cloud.calls().len())
    };
    assert_eq!(shown(&[("role/app", 120), ("root", 1)]), (Ok(true), 1));
    assert_eq!(shown(&[("role/app", 120)]), (Ok(false), 1));
    assert_eq!(shown(&[("user/root", 60)]), (Ok(false), 2), "a user of that name is not the root user");
    let (answer, calls) = shown(&[("user/root", 300)]);
    assert!(matches!(answer, Err(ServiceError::Unavailable(_))) && calls == 4, "{answer:?} {calls}");
}

#[test]
fn a_search_through_logs_asks_for_no_text_and_reads_none() {
    const CANARY: &str = "canary: my password is swordfish";
    let cloud = cloud();
    let aws = cloud.aws("CLOUDWATCH_LOGS");
    for kind in [LogKind::Invocation, LogKind::Application] {
        let groups = ["/bedrock/invocations".to_owned()];
        let query = block_on(aws.start_query(&place("us-east-1"), kind, &groups, last_hour())).unwrap();
        // The endpoint fails a query that shows a message; see its stand-in.
        assert_eq!(query.kind, kind);
        let row = json!([
            { "field": "@timestamp", "value": "2026-11-20 14:32:05.000" },
            { "field": "code", "value": "ThrottlingException" },
            { "field": "model", "value": "us.amazon.nova-lite-v1:0" },
            { "field": "identity", "value": "arn:aws:sts::111122223333:assumed-role/checkout-api/i-0" },
            { "field": "@message", "value": CANARY },
            { "field": "input", "value": CANARY },
            { "field": "@ptr", "value": CANARY },
        ]);
        let answers = [
            (json!({ "status": "Scheduled", "results": [] }), Ok(0)),
            (json!({ "status": "Running", "results": [row] }), Ok(0)),
            (json!({ "status": "Complete", "results": [row, []] }), Ok(1)),
            (json!({ "status": "Timeout", "results": [] }), Err("the search ended as `Timeout`")),
        ];
        for (body, meaning) in answers {
            cloud.state().instead.push(("logs:GetQueryResults".to_owned(), 200, body.to_string()));
            let found = block_on(aws.query_results(&place("us-east-1"), &query));
            assert!(!format!("{found:?}").contains("canary"), "{found:?}");
            let read = found.map(|found| found.map_or(0, |errors| errors.len()));
            assert_eq!(read, meaning.map_err(|why| rejected(Rejection::Invalid, why)));
        }
    }
}

#[test]
fn what_a_search_found_has_code_model_time_and_identity() {
    let at: Timestamp = "2026-11-20T14:32:05Z".parse().unwrap();
    let file = json!({ "now": "2026-11-20T14:33:00Z", "errors": [{
        "region": "us-east-1", "model_id": "us.amazon.nova-lite-v1:0", "time": at.to_string(),
        "code": "AccessDeniedException", "message": "never shown", "source": "invocation-log",
        "caller": "arn:aws:sts::111122223333:assumed-role/checkout-api/i-0",
    }] });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let aws = cloud.aws("CLOUDWATCH_LOGS");
    let window = Window { from: at - SignedDuration::from_mins(5), to: at + SignedDuration::from_mins(1) };
    let groups = ["/bedrock/invocations".to_owned()];
    let here = place("us-east-1");
    let query = block_on(aws.start_query(&here, LogKind::Invocation, &groups, window)).unwrap();
    assert_eq!(block_on(aws.query_results(&here, &query)).unwrap(), None, "it takes a while");
    cloud.state().world.pass(SignedDuration::from_mins(1));
    let found = block_on(aws.query_results(&place("us-east-1"), &query)).unwrap().unwrap();
    let error = &found[0];
    assert_eq!((error.at, error.code.as_deref()), (Some(at), Some("AccessDeniedException")));
    assert_eq!(error.caller.as_deref(), Some("arn:aws:iam::111122223333:role/checkout-api"));
    assert_eq!((error.message.as_str(), found.len()), ("", 1));
}

#[test]
fn an_alarm_names_its_models_or_operations() {
    let file = json!({ "alarms": [
        { "region": "us-east-1", "name": "by-operation", "metric": "Throttles", "contributors": ["InvokeAgentRuntime"] },
        { "region": "us-east-1", "name": "by-model", "metric": "InvocationThrottles", "contributors": ["us.amazon.nova-lite-v1:0", "a1b2c3d4e5f6"] },
        { "region": "us-east-1", "name": "one", "metric": "InvocationServerErrors", "model_id": "amazon.nova-pro-v1:0" },
    ] });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let (aws, here) = (cloud.aws("CLOUDWATCH"), place("us-east-1"));
    let contributors = |name: &str| block_on(aws.contributors(&here, name)).unwrap().unwrap();
    assert_eq!(contributors("by-model"), ["us.amazon.nova-lite-v1:0", "a1b2c3d4e5f6"]);
    assert_eq!(contributors("by-operation"), ["InvokeAgentRuntime"]);
    let names = ["by-model", "by-operation", "one", "unknown"].map(str::to_owned);
    let alarms = block_on(aws.alarms(&here, &names)).unwrap();
    let told: Vec<_> =
        alarms.iter().map(|a| (a.name.as_str(), a.metric, a.models.len(), a.has_contributors)).collect();
    assert_eq!(
        told,
        [
            ("by-model", Metric::Throttles, 0, true),
            ("by-operation", Metric::AgentCoreThrottles, 0, true),
            ("one", Metric::ServerErrors, 1, false),
        ]
    );
}

#[test]
fn the_volume_is_counted_over_all_models() {
    let minute = json!({ "minutes": 30, "each": { "invocations": 20, "throttles": 2, "client_errors": 1 } });
    let of = |model: &str| json!({ "region": "us-east-1", "model_id": model, "last": minute });
    let file = json!({ "usage": [of("amazon.nova-lite-v1:0"), of("us.amazon.nova-pro-v1:0")] });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let all = block_on(cloud.aws("CLOUDWATCH").volume(&place("us-east-1"), last_hour())).unwrap();
    assert_eq!((all.invocations, all.throttles, all.client_errors), (1200.0, 120.0, 60.0));
    assert_eq!(all.server_errors, 0.0);
    assert_eq!(cloud.calls(), ["cloudwatch:GetMetricData"]);
}

#[test]
fn iam_is_asked_about_each_resource_in_its_own_region() {
    use PolicyVerdict::{Allowed, ExplicitDeny, ImplicitDeny, Undetermined};
    let caller = "arn:aws:iam::111122223333:role/checkout-api";
    let model = |region: &str| format!("arn:aws:bedrock:{region}::foundation-model/amazon.nova-lite-v1:0");
    let file = json!({ "policies": [
        { "caller": caller, "resource": "*:inference-profile/*", "verdict": "allowed" },
        { "caller": caller, "resource": model("eu-west-1"), "verdict": "implicit-deny" },
        { "caller": caller, "resource": model("eu-north-1"), "verdict": "implicit-deny", "layer": "organization" },
        { "caller": caller, "resource": model("eu-west-3"), "verdict": "undetermined", "missing_context": ["aws:SourceVpce"] },
        { "caller": caller, "resource": model(""), "verdict": "explicit-deny" },
    ] });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let aws = cloud.aws("IAM");
    let profile = "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.amazon.nova-lite-v1:0";
    let needed = |arn: String, region: &str| Needed {
        arn,
        requested_region: region.to_owned(),
        profile: Some(profile.to_owned()),
    };
    let regions = ["eu-west-1", "eu-north-1", "eu-west-3"].map(|region| needed(model(region), region));
    let mut all = vec![Needed { profile: None, ..needed(profile.to_owned(), "eu-west-1") }];
    all.extend(regions);
    all.push(needed(model(""), "unspecified"));
    let rulings = block_on(aws.simulate(&place("eu-west-1"), caller, "bedrock:InvokeModel", &all));
    let rulings = rulings.unwrap().unwrap();
    let said: Vec<_> = rulings.iter().map(|r| (r.verdict, r.layer)).collect();
    let organization = Some(PolicyLayer::Organization);
    assert_eq!(
        said,
        [
            (Allowed, None),
            (ImplicitDeny, None),
            (ImplicitDeny, organization),
            (Undetermined, None),
            (ExplicitDeny, None)
        ]
    );
    assert_eq!(rulings[3].missing_context, ["aws:SourceVpce"]);
    assert_eq!(
        rulings.iter().map(|r| &r.resource).collect::<Vec<_>>(),
        all.iter().map(|n| &n.arn).collect::<Vec<_>>()
    );
    let bodies = cloud.state().bodies.clone();
    let asked = |member: &str| -> std::collections::BTreeSet<String> {
        let key = format!("ContextEntries.member.{member}");
        let pairs = bodies.iter().flat_map(|body| form_urlencoded::parse(body.as_bytes()).into_owned());
        pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).collect()
    };
    for (member, expected) in [
        ("1.ContextKeyName", vec!["aws:RequestedRegion"]),
        ("1.ContextKeyValues.member.1", vec!["eu-north-1", "eu-west-1", "eu-west-3", "unspecified"]),
        ("2.ContextKeyName", vec!["bedrock:InferenceProfileArn"]),
        ("2.ContextKeyValues.member.1", vec![profile]),
    ] {
        assert_eq!(asked(member), expected.into_iter().map(str::to_owned).collect(), "{member}");
    }
    assert_eq!((cloud.calls()[0].as_str(), cloud.calls().len()), ("iam:GetRole", 1 + all.len()));
    let gone = "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Code>NoSuchEntity</Code><Message>The role with name gone cannot be found.</Message></Error></ErrorResponse>";
    cloud.state().instead.push(("iam:GetRole".to_owned(), 404, gone.to_owned()));
    let answer = block_on(aws.simulate(
        &place("eu-west-1"),
        "arn:aws:iam::111122223333:role/gone",
        "bedrock:InvokeModel",
        &all,
    ));
    assert_eq!(answer, Ok(None));
}

#[test]
fn agreements_and_logging_are_asked_of_bedrock() {
    let file = json!({
        "availability": [{ "model_id": "anthropic.claude-3-haiku-20240307-v1:0", "offers": 0, "launched": "2024-03-13T00:00:00Z", "legacy_from": "2026-01-30T00:00:00Z", "extended_from": "2026-04-30T00:00:00Z", "ends": "2026-12-31T00:00:00Z" }],
        "logging": [{ "region": "us-east-1", "log_group": "/bedrock/invocations" }],
    });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let (aws, here) = (cloud.aws("BEDROCK"), place("us-east-1"));
    let offers =
        |id: &str| block_on(aws.agreement_offers(&here, &ModelId::parse(id).unwrap())).unwrap().unwrap();
    assert_eq!(
        (offers("us.anthropic.claude-3-haiku-20240307-v1:0"), offers("cohere.command-r-v1:0")),
        (0, 1)
    );
    let logging = |region: &str| block_on(aws.invocation_logging(&place(region))).unwrap();
    assert_eq!((logging("us-east-1").as_deref(), logging("eu-west-1")), (Some("/bedrock/invocations"), None));
    let model = ModelId::parse("anthropic.claude-3-haiku-20240307-v1:0").unwrap();
    let life = block_on(aws.model_state(&here, &model)).unwrap().unwrap().life.unwrap().unwrap();
    let day = |at: Option<Timestamp>| at.unwrap().strftime("%F").to_string();
    assert_eq!(
        [life.launched, life.legacy_from, life.extended_from, life.ends].map(day),
        ["2024-03-13", "2026-01-30", "2026-04-30", "2026-12-31"]
    );
}

#[test]
fn an_answer_that_does_not_come_in_time_is_none() {
    let cloud = cloud();
    cloud.state().delay = std::time::Duration::from_secs(5);
    let aws = cloud.aws("BEDROCK");
    let limit = SignedDuration::from_millis(50);
    let here = place("us-east-1");
    assert!(block_on(aws.within(limit, aws.invocation_logging(&here))).is_none());
}

fn notice() -> Notice {
    let world = bedrock_remediator::sandbox::Sandbox::new(WorldFile::default(), Timestamp::now());
    block_on(async {
        let incident = incident("us-east-1");
        let claim = world.claim(&incident, Timestamp::now(), SignedDuration::from_secs(90)).await.unwrap();
        let bedrock_remediator::incident::record::Claim::Mine(_, record) = claim else {
            unreachable!("nobody else")
        };
        let evidence =
            bedrock_remediator::run::gather::gather(&world, &incident, Timestamp::now(), Timestamp::MAX)
                .await;
        Notice::compose(
            Kind::Opened,
            &record,
            &bedrock_remediator::plan::Plan::default(),
            &bedrock_remediator::plan::execution::Execution::Nothing,
            &evidence,
        )
    })
}

#[test]
fn every_refusal_of_the_topic_is_read_by_its_meaning() {
    let cases = [
        ("AuthorizationError", 403, denied("sns:Publish")),
        ("KMSAccessDenied", 400, denied("kms:GenerateDataKey")),
        ("NotFound", 404, rejected(Rejection::Invalid, "the topic does not exist")),
        ("InvalidParameter", 400, rejected(Rejection::Invalid, "Because.")),
    ];
    for (error, status, meaning) in cases {
        let cloud = cloud();
        let body = format!(
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type><Code>{error}</Code><Message>Because.</Message></Error></ErrorResponse>"
        );
        cloud.state().instead.push(("sns:Publish".to_owned(), status, body));
        assert_eq!(block_on(cloud.aws("SNS").publish(&notice())).unwrap_err(), meaning, "{error}");
    }
    let cloud = cloud();
    block_on(cloud.aws("SNS").publish(&notice())).unwrap();
    let form = cloud.published().remove(0);
    assert!(form["Subject"].len() < 100 && form["Subject"].is_ascii());
    let names = form.iter().filter(|(k, _)| k.ends_with(".Name")).map(|(_, name)| name.as_str());
    let attributes: std::collections::BTreeSet<_> = names.collect();
    assert_eq!(
        attributes,
        ["account", "action", "category", "cause", "kind", "model_id", "region", "severity"].into()
    );
}

#[test]
fn a_digest_can_be_filtered_by_any_of_its_values() {
    let mut other = notice();
    other.cause = Some(Cause::UseCaseForm);
    let cloud = cloud();
    block_on(cloud.aws("SNS").publish(&Notice::digest(&[&notice(), &other]))).unwrap();
    let form = cloud.published().remove(0);
    let attribute = |name: &str| -> (String, String) {
        let (key, _) = form.iter().find(|(k, v)| k.ends_with(".Name") && *v == name).unwrap();
        let of = |part: &str| form[&key.replace(".Name", part)].clone();
        (of(".Value.DataType"), of(".Value.StringValue"))
    };
    // Access comes before quotas.
    let both = json!(["use-case-form", "tokens-per-minute"]).to_string();
    assert_eq!(attribute("cause"), ("String.Array".to_owned(), both));
    assert_eq!(attribute("kind"), ("String".to_owned(), "digest".to_owned()));
}

#[test]
fn every_refusal_of_the_table_is_read_by_its_meaning() {
    let table = "the ledger's table does not exist";
    let cases = [
        ("ResourceNotFoundException", 1, rejected(Rejection::Invalid, table)),
        ("AccessDeniedException", 1, denied("dynamodb:UpdateItem")),
        ("ProvisionedThroughputExceededException", 3, ServiceError::Throttled),
    ];
    for (error, times, meaning) in cases {
        let cloud = cloud();
        let body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{error}") }).to_string();
        // A claim writes the incident, its facts and its callers side by side.
        for _ in 0..3 * times {
            cloud.state().instead.push(("dynamodb:UpdateItem".to_owned(), 400, body.clone()));
        }
        let lease = SignedDuration::from_secs(90);
        let claim = block_on(cloud.aws("DYNAMODB").claim(&incident("us-east-1"), Timestamp::now(), lease));
        assert_eq!(claim.unwrap_err(), meaning, "{error}");
        assert_eq!(cloud.calls().len(), 3 * times, "{error}");
    }
}

const MEMBER: &str = "444455556666";
const ASSUME: &str = "sts:AssumeRole";

fn organization() -> Organization {
    Organization {
        id: "o-a1b2c3d4e5".to_owned(),
        member_role: "bedrock-remediator-member".to_owned(),
        external_id: Some("example-id".to_owned()),
    }
}

/// A Region of an account.
fn of_account(account: &str, region: &str) -> AccountRegion {
    AccountRegion { account: AccountId::parse(account).unwrap(), ..place(region) }
}

#[test]
fn a_member_is_asked_with_one_session_for_all_its_regions_and_the_own_account_with_none() {
    let cloud = cloud();
    let hub = cloud.hub(organization());
    block_on(async {
        let (here, there, elsewhere) = (
            of_account(MEMBER, "us-east-1"),
            of_account(MEMBER, "eu-west-1"),
            of_account(MEMBER, "ap-south-1"),
        );
        let code = code();
        let (one, two) = tokio::join!(hub.applied(&here, &code), hub.applied(&there, &code));
        assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
        hub.history(&elsewhere, &code).await.unwrap();
        hub.applied(&place("us-east-1"), &code).await.unwrap();
    });
    let sessions = cloud.calls().iter().filter(|call| *call == ASSUME).count();
    assert_eq!((sessions, cloud.calls().len()), (1, 5));
    let state = cloud.state();
    let accounts: Vec<&str> = state.callers.iter().map(AccountId::as_str).collect();
    let own = place("us-east-1").account;
    assert_eq!(accounts, [own.as_str(), MEMBER, MEMBER, MEMBER, own.as_str()]);
    let asked = &state.bodies[0];
    assert!(
        asked.contains("arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2Fbedrock-remediator-member"),
        "{asked}"
    );
    assert!(asked.contains("ExternalId=example-id") && asked.contains("DurationSeconds=3600"), "{asked}");
}

#[test]
fn an_account_that_cannot_be_entered_is_named_with_the_reason_and_not_asked_again() {
    let error = |code: &str, message: &str| {
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        )
    };
    let denied = "User: x is not authorized to perform: sts:AssumeRole on resource: y";
    let by_scp = format!("{denied} with an explicit deny in a service control policy");
    for (code, message, said) in [
        ("AccessDenied", denied, "does not exist, does not trust"),
        ("AccessDenied", by_scp.as_str(), "a service control policy denies"),
        ("RegionDisabledException", "STS is not activated", "STS is switched off"),
    ] {
        let cloud = cloud();
        cloud.state().instead.push((ASSUME.to_owned(), 403, error(code, message)));
        let hub = cloud.hub(organization());
        let there = of_account(MEMBER, "us-east-1");
        for _ in 0..3 {
            let refused = block_on(hub.applied(&there, &self::code())).unwrap_err();
            let ServiceError::Rejected(Rejection::Unreachable, why) = refused else {
                unreachable!("{refused:?}")
            };
            assert!(why.contains(said) && why.contains(MEMBER), "{why}");
        }
        assert_eq!(cloud.calls(), [ASSUME]);
    }
}

#[test]
fn an_account_is_asked_again_after_an_error_that_passes() {
    let cloud = cloud();
    let throttled = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>";
    for _ in 0..3 {
        cloud.state().instead.push((ASSUME.to_owned(), 400, throttled.to_owned()));
    }
    let hub = cloud.hub(organization());
    let there = of_account(MEMBER, "us-east-1");
    assert_eq!(block_on(hub.applied(&there, &code())).unwrap_err(), ServiceError::Throttled);
    assert!(block_on(hub.applied(&there, &code())).is_ok());
}

#[test]
fn without_an_organization_no_other_account_is_asked() {
    let cloud = cloud();
    let refused = block_on(cloud.aws("SERVICE_QUOTAS").applied(&of_account(MEMBER, "us-east-1"), &code()));
    assert!(refused.unwrap_err().to_string().contains("cannot be asked from account"));
    assert_eq!(cloud.calls().len(), 0);
}
