//! What a person can do about calls of `AgentCore` of which only a metric is known.

use crate::incident::Incident;
use crate::plan::action::Step;

/// The limits of `AgentCore`.
pub(crate) const LIMITS: &str =
    "https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html";

/// Advice about calls that failed on AWS's side or for an unknown reason.
pub(crate) const RETRY: &str = "Retry errors of the 5xx kind with exponential backoff and jitter. The log of the agent, gateway or memory has the text of the error: CloudTrail records these calls only as data events.";

/// How to find the agent, gateway or memory whose calls the metric counts.
pub(crate) fn resources(incident: &Incident) -> Option<Step> {
    let (region, metric) = (incident.region.as_ref()?, incident.facts.metric.as_deref()?);
    let operation = incident.facts.operation.as_deref();
    let of = operation.map(|name| format!(" --dimensions Name=Operation,Value={name}")).unwrap_or_default();
    Some(Step {
        text: "See which agent, gateway or memory it is: the metric names it as `Resource`.".to_owned(),
        command: Some(format!(
            "aws cloudwatch list-metrics --namespace AWS/Bedrock-AgentCore --metric-name {metric}{of} --recently-active PT3H --region {region}"
        )),
        link: None,
    })
}
