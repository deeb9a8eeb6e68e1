//! How to find the missing error message, and how to make the next error visible.
//!
//! Invariant: A command that costs something states its price, and none writes prompts to a log.
//! See <https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html>.

use crate::evidence::{Evidence, SearchStep};
use crate::ids::Region;
use crate::incident::Incident;
use crate::incident::search::LogKind;
use crate::plan::action::Step;

/// Steps about an incident without a known error message.
pub(crate) fn steps(incident: &Incident, evidence: &Evidence) -> Vec<Step> {
    let Some(region) = &incident.region else { return Vec::new() };
    let mut steps = Vec::new();
    let is_looked_at = evidence.looked.iter().any(|l| {
        matches!(l, SearchStep::Trail { .. } | SearchStep::TrailTooBusy { .. } | SearchStep::NotInTrail)
    });
    if !is_looked_at {
        steps.push(latest(region));
    }
    if !incident.is_metric_only() {
        return steps;
    }
    let is_mantle = evidence.looked.contains(&SearchStep::NotInTrail);
    steps.extend(trail(region, is_mantle));
    for looked in &evidence.looked {
        steps.push(match looked {
            SearchStep::InvocationLogging(Ok(Some(group))) => Step {
                text: format!(
                    "Let the function search the model-invocation log: deploy it with `InvocationLogGroup={group}`. It asks for code, model, request id and identity only; CloudWatch Logs bills $0.005 for each GB that a search scans."
                ),
                command: None,
                link: None,
            },
            SearchStep::InvocationLogging(Ok(None)) => step(
                "Or log model invocations without prompts and completions, some 1 KB a call at $0.50 a GB, and deploy the function with `InvocationLogGroup=/bedrock/invocations`. `LOGGING_ROLE_ARN` is a role that Bedrock may assume to write there.",
                format!(
                    "aws bedrock put-model-invocation-logging-configuration --region {region} --logging-config '{{\"cloudWatchConfig\":{{\"logGroupName\":\"/bedrock/invocations\",\"roleArn\":\"LOGGING_ROLE_ARN\"}},\"textDataDeliveryEnabled\":false,\"imageDataDeliveryEnabled\":false,\"embeddingDataDeliveryEnabled\":false,\"videoDataDeliveryEnabled\":false}}'"
                ),
            ),
            _ => continue,
        });
    }
    if evidence.looked.contains(&SearchStep::LogsNotNamed(LogKind::Application)) {
        steps.push(Step {
            text: format!(
                "Or name the log groups of the applications that call Bedrock, with `ApplicationLogGroups`: they are searched for error codes, model ids and request ids, {}.",
                if is_mantle { "at $0.005 for each GB that a search scans" } else { "at the same price" }
            ),
            command: None,
            link: None,
        });
    }
    steps
}

/// How to make the next failed call arrive with its message. Calls of the bedrock-mantle endpoint are data events:
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/logging-cloudtrail-mantle.html>.
fn trail(region: &Region, is_mantle: bool) -> Vec<Step> {
    if is_mantle {
        return vec![step(
            "To see the message of the next failed call, record it in a trail: the trail needs data events of the type `AWS::BedrockMantle::Project`, at $0.10 for 100,000 calls. Add that type to the trail's advanced event selectors. The command shows the selectors that the trail has now; `put-event-selectors` replaces all of them.",
            format!("aws cloudtrail get-event-selectors --trail-name TRAIL --region {region}"),
        )];
    }
    vec![
        step(
            "To see the message of the next failed call, record management events in a trail, read-only ones included. This command lists the trails. The first trail's management events cost only their storage in S3.",
            format!(
                "aws cloudtrail describe-trails --region {region} --query 'trailList[].[Name,IsMultiRegionTrail]'"
            ),
        ),
        step(
            "If there is none, create one:",
            format!(
                "aws cloudtrail create-trail --name management-events --s3-bucket-name BUCKET --is-multi-region-trail --region {region} && aws cloudtrail start-logging --name management-events --region {region}"
            ),
        ),
    ]
}

/// Shows what CloudTrail recorded.
pub(crate) fn latest(region: &Region) -> Step {
    step(
        "Look at the latest Bedrock calls that CloudTrail recorded.",
        format!(
            "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventSource,AttributeValue=bedrock.amazonaws.com --max-results 50 --region {region}"
        ),
    )
}

/// The step that shows an error that no rule knows.
pub(crate) fn original(incident: &Incident) -> Option<Step> {
    let original = incident.facts.original.as_ref()?;
    Some(Step {
        text: "Read the error itself, if you may: it can hold a prompt, so it is copied nowhere.".to_owned(),
        command: Some(original.command(incident.region.as_ref())),
        link: None,
    })
}

fn step(text: &str, command: String) -> Step {
    Step { text: text.to_owned(), command: Some(command), link: None }
}
