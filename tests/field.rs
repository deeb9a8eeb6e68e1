//! Facts about Bedrock that no other test holds: AWS's sentences and codes, the names of quotas, and the forms of events.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::config::Config;
use bedrock_remediator::diagnosis::{Diagnosis, ErrorText, diagnose};
use bedrock_remediator::event::{Signal, read};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::model::ModelId;
use bedrock_remediator::plan::Reason;
use bedrock_remediator::quota::feature::LIMIT_CODES;
use bedrock_remediator::quota::{Catalog, Limit, Variant, find};
use bedrock_remediator::sandbox::WorldFile;
use serde_json::{Value, json};

fn diagnosed(code: Option<&str>, status: Option<u16>, message: &str) -> Diagnosis {
    diagnose(&ErrorText { code, status, message, is_of_bedrock: true, ..ErrorText::default() })
}

/// <https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html>
#[test]
fn awss_sentences_have_their_causes_whatever_the_code_says() {
    for (code, status, message, cause) in [
        (
            "AccessDeniedException",
            403,
            "anthropic.claude-opus-5-5 is not available for this account. Contact AWS Sales.",
            "account-restricted",
        ),
        (
            "AccessDeniedException",
            403,
            "You invoked an unsupported model or your request did not allow prompt caching. See the documentation for more information.",
            "unsupported-operation",
        ),
        ("AccessDeniedException", 403, "Authentication failed: Bearer Token has expired", "expired-token"),
        (
            "ResourceNotFoundException",
            404,
            "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
            "legacy-model",
        ),
        ("ResourceNotFoundException", 404, "Reservation not found.", "parameter"),
        ("ValidationException", 400, "The service tier provided is invalid", "parameter"),
        ("ValidationException", 400, "This model is not supported for the service tier flex", "parameter"),
        (
            "AccessDeniedException",
            403,
            "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 with an explicit deny in a resource-based policy",
            "resource-policy",
        ),
        (
            "AccessDeniedException",
            403,
            "Model access is denied due to INTERNAL_SERVICE_ERROR: try again",
            "internal-error",
        ),
        ("IncompleteSignatureException", 400, "x", "signature"),
        ("MissingAuthenticationTokenException", 403, "x", "missing"),
        ("NotAuthorized", 400, "You do not have permission to perform this action.", "iam-unspecified"),
    ] {
        let found = diagnosed(Some(code), Some(status), message);
        assert_eq!(found.cause.as_str(), cause, "{message}: {:?}", found.rule);
    }
}

#[test]
fn a_knowledge_bases_error_is_the_models_inside() {
    for (inner, cause) in [
        ("Too many requests, please wait before trying again.", "requests-per-minute"),
        ("You don't have access to the model with the specified model ID.", "not-granted"),
        ("The provided model identifier is invalid.", "invalid-identifier"),
    ] {
        let message = format!(
            "Knowledge base role arn:aws:iam::111122223333:role/kb is not able to call specified bedrock embedding model arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0: {inner}"
        );
        let found = diagnosed(Some("ValidationException"), Some(400), &message);
        assert_eq!(found.cause.as_str(), cause, "{inner}: {:?}", found.rule);
        assert_eq!(found.facts.model_id.unwrap().base(), "amazon.titan-embed-text-v2:0");
    }
    let bare = "Knowledge base role arn:aws:iam::111122223333:role/kb is not able to call specified bedrock embedding model arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0";
    assert_eq!(diagnosed(Some("ValidationException"), Some(400), bare).cause.as_str(), "iam-unspecified");
}

/// Labels that the id does not show, and labels that begin alike.
#[test]
fn models_with_similar_names_have_their_own_quotas() {
    for (id, limit, name) in [
        ("nvidia.nemotron-nano-9b-v2", Limit::TokensPerMinute, "NVIDIA Nemotron Nano 2"),
        ("nvidia.nemotron-nano-12b-v2", Limit::TokensPerMinute, "NVIDIA Nemotron Nano 2 VL"),
        ("mistral.magistral-small-2509", Limit::TokensPerMinute, "Magistral Small 1.2"),
        ("mistral.mistral-large-2402-v1:0", Limit::TokensPerMinute, "Mistral AI Mistral Large"),
        ("mistral.mistral-large-2402-v1:0", Limit::RequestsPerMinute, "Mistral Large"),
        ("cohere.command-text-v14", Limit::TokensPerMinute, "Cohere Command"),
        ("cohere.command-light-text-v14", Limit::TokensPerMinute, "Cohere Command Light"),
        ("cohere.command-r-v1:0", Limit::TokensPerMinute, "Cohere Command R"),
        ("cohere.command-r-plus-v1:0", Limit::TokensPerMinute, "Cohere Command R Plus"),
        ("minimax.minimax-m2", Limit::TokensPerMinute, "MiniMax M2"),
        ("minimax.minimax-m2.1", Limit::TokensPerMinute, "MiniMax M2.1"),
        ("zai.glm-4.7", Limit::TokensPerMinute, "Z.ai GLM-4.7"),
        ("zai.glm-4.7-flash", Limit::TokensPerMinute, "Z.ai GLM-4.7 Flash"),
    ] {
        let model = ModelId::parse(id).unwrap();
        let found = find(Catalog::built_in(), &model, limit, Variant::Standard);
        let found = found.quota.unwrap_or_else(|| panic!("{id}: {}", found.reason));
        let (_, label) = found.name.split_once(" for ").unwrap();
        assert!(label.eq_ignore_ascii_case(name), "{id}: {}", found.name);
    }
}

/// `additionalEventData.inferenceRegion` is where a profile sent the call; the quota is that of the source Region.
#[test]
fn the_quota_of_a_profile_is_that_of_the_source_region() {
    let mut event: Value = serde_json::from_str(&throttle(SONNET)).unwrap();
    event["detail"]["additionalEventData"] = json!({ "inferenceRegion": "us-west-2" });
    let world = sandbox(busy());
    deliver(&world, &event.to_string());
    assert_eq!(world.increase_requests().len(), 1);
    assert_eq!(world.incidents()[0].record.incident.region.as_ref().unwrap().as_str(), "us-east-1");
    assert!(world.published()[0].title.ends_with("us-east-1"), "{}", world.published()[0].title);
}

/// <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_RequestServiceQuotaIncrease.html>
#[test]
fn no_request_is_larger_than_service_quotas_takes() {
    let mut file = busy();
    let quota = file.quotas.iter_mut().find(|q| q.code.to_string() == "L-F4DDD3EB").unwrap();
    (quota.applied, quota.default) = (Some(8e9), Some(8e9));
    let each = &mut file.usage[0].last.as_mut().unwrap().each;
    (each.quota_tokens, each.input_tokens, each.output_tokens) = (Some(7.9e9), 7.9e9, 0.0);
    let config = Config { max_tokens_per_minute: None, ..Config::default() };
    let world = sandbox(file);
    deliver_with(&world, &config, &throttle(SONNET));
    let [request] = &world.increase_requests()[..] else { panic!("{:?}", world.increase_requests()) };
    assert!(request.desired > 8e9 && request.desired <= 10_000_000_000.0, "{}", request.desired);
}

#[test]
fn another_services_quota_is_no_news() {
    let event = sample("quota-request-closed.json").replace("Amazon Bedrock", "Amazon EC2");
    let delivery = read(event.as_bytes(), &FunctionIdentity::default()).unwrap();
    let signals = delivery.items[0].read.as_ref().unwrap();
    assert!(matches!(&signals[..], [Signal::Ignored(_)]), "{signals:?}");
}

/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html>
#[test]
fn agentcore_has_a_code_of_its_own_for_throttles() {
    assert_eq!(LIMIT_CODES, ["ServiceQuotaExceededException", "ThrottledException", "ThrottlingException"]);
    let found = diagnose(&ErrorText {
        code: Some("ThrottledException"),
        operation: Some("GetBrowserSession"),
        message: "Rate exceeded",
        is_of_bedrock: true,
        ..ErrorText::default()
    });
    assert_eq!(found.cause.as_str(), "rate-unspecified");
    assert_eq!(found.facts.answered_by.as_deref(), Some("Amazon Bedrock AgentCore"));
}

#[test]
fn bedrock_mantle_has_another_domain() {
    let text = "ThrottlingException: Too many tokens, please wait before trying again. POST https://bedrock-mantle.eu-west-1.api.aws/v1/chat/completions";
    let found = diagnosed(None, None, text);
    assert_eq!(found.facts.region.as_ref().map(ToString::to_string).as_deref(), Some("eu-west-1"));
    assert_eq!(found.facts.variant, Some(Variant::Mantle));
}

/// One storm goes off in the alarm over all models and in the contributor of the model.
#[test]
fn an_alarm_and_its_contributor_are_one_incident() {
    let file = WorldFile::parse(&sample("alarm-all-models.world.json")).unwrap();
    let world = sandbox(file);
    deliver(&world, &sample("alarm-all-models.json"));
    let (incidents, told) = (world.incidents().len(), world.published().len());
    let model = world.incidents()[0].record.incident.model.clone().unwrap();
    let mut contributor: Value = serde_json::from_str(&sample("alarm-own-models.json")).unwrap();
    contributor["detail"]["alarmContributor"]["attributes"]["ModelId"] = json!(model.as_str());
    let all: Value = serde_json::from_str(&sample("alarm-all-models.json")).unwrap();
    contributor["region"] = all["region"].clone();
    deliver(&world, &contributor.to_string());
    assert_eq!((world.incidents().len(), world.published().len()), (incidents, told));
}

/// Most models have a daily quota of their own beside those of a minute.
#[test]
fn a_daily_limit_is_the_models_own_and_no_number_of_resources() {
    let mut file = busy();
    let daily = json!({ "code": "L-381AD9EE", "applied": 1e8, "default": 1e8, "adjustable": false });
    file.quotas.push(serde_json::from_value(daily).unwrap());
    let world = sandbox(file);
    let mut event: Value = serde_json::from_str(&throttle(SONNET)).unwrap();
    event["detail"]["errorMessage"] = json!("Too many tokens per day, please wait before trying again.");
    deliver(&world, &event.to_string());
    assert_eq!(world.increase_requests().len(), 0);
    let notice = &world.published()[0];
    let said = serde_json::to_string(notice).unwrap();
    assert!(said.contains("L-381AD9EE") && !said.contains("number of resources"), "{said}");
}

/// A model that bedrock-mantle serves has no throttles in `AWS/Bedrock`: they are among the client errors.
#[test]
fn throttles_that_are_counted_as_client_errors_are_told_as_such() {
    let mut file = busy();
    let each = &mut file.usage[0].last.as_mut().unwrap().each;
    (each.throttles, each.client_errors) = (0.0, 63.0);
    let world = sandbox(file);
    let report = deliver(&world, &throttle(SONNET));
    assert_eq!(withheld(&report), [Reason::NotThrottled]);
    let reason = &world.published()[0].withheld[0].reason;
    assert!(reason.contains("none of them as throttled") && !reason.contains("text alone"), "{reason}");
}

/// CloudWatch's published alarm fixtures have blanks inside their ARNs.
#[test]
fn an_arn_with_blanks_names_its_region() {
    let mut event: Value = serde_json::from_str(&sample("alarm-direct.json")).unwrap();
    event["alarmArn"] = json!("arn: aws: cloudwatch: eu-west-1: 111122223333: alarm:bedrock-throttles");
    event.as_object_mut().unwrap().remove("region");
    let delivery = read(event.to_string().as_bytes(), &FunctionIdentity::default()).unwrap();
    let signals = delivery.items[0].read.as_ref().unwrap();
    let [Signal::Alarm(alarm)] = &signals[..] else { panic!("{signals:?}") };
    assert_eq!(alarm.region.as_ref().map(ToString::to_string).as_deref(), Some("eu-west-1"));
}

/// AWS's pages describe `Invocations` in two ways: calls that succeeded, or calls that were admitted.
#[test]
fn the_size_of_a_request_is_the_same_by_either_meaning_of_invocations() {
    let desired = |invocations: f64| {
        let mut file = busy();
        let each = &mut file.usage[0].last.as_mut().unwrap().each;
        (each.invocations, each.client_errors) = (invocations, 60.0);
        let world = sandbox(file);
        deliver(&world, &throttle(SONNET));
        let [request] = &world.increase_requests()[..] else { panic!("{:?}", world.increase_requests()) };
        request.desired
    };
    let (succeeded, admitted) = (desired(360.0), desired(420.0));
    assert!((succeeded / admitted - 1.0).abs() <= 0.2, "{succeeded} {admitted}");
}

/// Reserved calls have a capacity of their own; what exceeds it counts against the on-demand quota.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html>
#[test]
fn use_of_a_reservation_proves_nothing_of_the_on_demand_quota() {
    for (tier, expected) in [("reserved", vec![Reason::UnprovenThrottle]), ("priority", vec![])] {
        let mut event: Value = serde_json::from_str(&throttle(SONNET)).unwrap();
        event["detail"]["requestParameters"]["serviceTier"] = json!({ "type": tier });
        let world = sandbox(busy());
        let report = deliver(&world, &event.to_string());
        assert_eq!(withheld(&report), expected, "{tier}");
        assert_eq!(world.increase_requests().len(), usize::from(expected.is_empty()), "{tier}");
        if !expected.is_empty() {
            let reason = &world.published()[0].withheld[0].reason;
            assert!(reason.contains("reserved tier"), "{reason}");
        }
    }
}

/// A request reserves its `max_tokens` when it is admitted, so one alone can exceed the quota.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html>
#[test]
fn a_request_that_reserves_more_than_the_quota_is_told_to_lower_its_max_tokens() {
    let said = |body: &Value| {
        let mut file = busy();
        let each = &mut file.usage[0].last.as_mut().unwrap().each;
        (each.invocations, each.input_tokens, each.output_tokens) = (2.0, 2_000.0, 200.0);
        each.quota_tokens = Some(3_000.0);
        file.quotas[0].applied = Some(50_000.0);
        let world = sandbox(file);
        let record = json!({
            "schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "timestamp": "2026-11-20T14:32:05Z",
            "accountId": "111122223333", "region": "us-east-1", "operation": "Converse", "modelId": SONNET,
            "errorCode": "ThrottlingException", "input": { "inputBodyJson": body },
            "identity": { "arn": "arn:aws:sts::111122223333:assumed-role/checkout-api/s" },
        });
        let report = deliver(&world, &record.to_string());
        assert_eq!(withheld(&report), [Reason::UnprovenThrottle]);
        world.published()[0].withheld[0].reason.clone()
    };
    for body in [json!({ "inferenceConfig": { "maxTokens": 64_000 } }), json!({ "max_tokens": 64_000 })] {
        let reason = said(&body);
        assert!(reason.contains("one request alone reserves 64,000 output tokens"), "{reason}");
        assert!(reason.contains("the quota is 50,000 tokens: lower its `max_tokens`"), "{reason}");
    }
    for body in [json!({ "inferenceConfig": { "maxTokens": 4_000 } }), json!({ "messages": [] })] {
        let reason = said(&body);
        assert!(!reason.contains("one request alone"), "{reason}");
    }
}

fn mail_of(world: WorldFile, event: &str) -> String {
    let world = sandbox(world);
    deliver(&world, event);
    let mail = world.published()[0].mail();
    mail.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A policy of an organization enforces a guardrail on calls that name none.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_bedrock_best_practices.html>
#[test]
fn a_guardrail_may_be_the_organizations() {
    let mut event: Value = serde_json::from_str(&throttle(SONNET)).unwrap();
    event["detail"]["errorCode"] = json!("ValidationException");
    event["detail"]["errorMessage"] = json!("The provided guardrail identifier is invalid.");
    let mail = mail_of(WorldFile::default(), &event.to_string());
    assert!(mail.contains("BEDROCK_POLICY") && mail.contains("fails every call"), "{mail}");
    let denied = |owner: &str| {
        format!(
            "User: arn:aws:sts::111122223333:assumed-role/checkout-api/s is not authorized to perform: bedrock:ApplyGuardrail on resource: arn:aws:bedrock:us-east-1:{owner}:guardrail/hu1dlsv9wy1d because no identity-based policy allows the bedrock:ApplyGuardrail action"
        )
    };
    for (owner, is_anothers) in [("999988887777", true), ("111122223333", false)] {
        event["detail"]["errorCode"] = json!("AccessDenied");
        event["detail"]["errorMessage"] = json!(denied(owner));
        let mail = mail_of(WorldFile::default(), &event.to_string());
        let said = format!("The guardrail belongs to account {owner}.");
        assert_eq!(mail.contains(&said), is_anothers, "{mail}");
        assert_eq!(mail.contains("resource-based policy"), is_anothers, "{mail}");
    }
}

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_AgreementAvailability.html>
#[test]
fn an_agreement_that_is_pending_or_failed_is_told_as_such() {
    let model = "anthropic.claude-haiku-4-5-20251001-v1:0";
    for (agreement, said, is_missing) in [
        ("PENDING", Some("this agreement is pending"), true),
        ("ERROR", Some("this agreement failed"), true),
        ("NOT_AVAILABLE", None, true),
        ("UNKNOWN", None, false),
    ] {
        let file = json!({ "availability": [{ "model_id": model, "agreement": agreement, "form_submitted": true }] });
        let mut event: Value = serde_json::from_str(&sample("access-use-case-form.json")).unwrap();
        event["detail"]["requestParameters"]["modelId"] = json!(model);
        event["detail"]["errorMessage"] =
            json!("You don't have access to the model with the specified model ID.");
        let mail = mail_of(WorldFile::parse(&file.to_string()).unwrap(), &event.to_string());
        for text in ["this agreement is pending", "this agreement failed"] {
            assert_eq!(mail.contains(text), said == Some(text), "{agreement}: {mail}");
        }
        assert_eq!(mail.contains("create-foundation-model-agreement"), is_missing, "{agreement}: {mail}");
    }
}

/// Priority, default and flex share the on-demand quota.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html>
#[test]
fn nobody_is_advised_to_change_the_tier_for_more_quota() {
    let mut event: Value = serde_json::from_str(&throttle(SONNET)).unwrap();
    event["detail"]["errorCode"] = json!("ValidationException");
    event["detail"]["errorMessage"] = json!("The service tier provided is invalid");
    let mail = mail_of(WorldFile::default(), &event.to_string());
    assert!(mail.contains("A tier is no quota: another tier does not raise one."), "{mail}");
    for tier in ["priority", "flex"] {
        let mut event: Value = serde_json::from_str(&throttle(SONNET)).unwrap();
        event["detail"]["requestParameters"]["serviceTier"] = json!({ "type": tier });
        let mail = mail_of(busy(), &event.to_string());
        assert!(mail.contains("was requested from AWS") && !mail.contains(tier), "{tier}: {mail}");
    }
}
