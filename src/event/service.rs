//! Reads events of other AWS sources: Bedrock jobs, AWS Health, support cases.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::callers::Origin;
use crate::event::envelope::{Envelope, Malformed, shown};
use crate::event::signal::{ErrorSignal, QuotaChange, Signal, Source};
use crate::event::value::{OneOrMany, Text, object, time};
use crate::identity::FunctionIdentity;
use crate::ids::{AccountId, Region};
use crate::model::ModelId;
use crate::original::Original;

/// The `detail` of Bedrock's job state changes, in the spellings of its kinds of job.
#[derive(Deserialize)]
struct Job<'a> {
    #[serde(borrow, rename = "jobStatus", default)]
    state: Text<'a>,
    #[serde(borrow, rename = "job_status", default)]
    state_of_automation: Text<'a>,
    #[serde(borrow, default)]
    status: Text<'a>,
    #[serde(borrow, rename = "failureMessage", default)]
    failure: Text<'a>,
    #[serde(borrow, rename = "error_message", default)]
    failure_of_automation: Text<'a>,
    #[serde(borrow, rename = "batchModelId", default)]
    model: Text<'a>,
    #[serde(borrow, rename = "baseModelArn", default)]
    base_model: Text<'a>,
    #[serde(borrow, rename = "batchJobArn", default)]
    arn: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Health<'a> {
    #[serde(borrow, default)]
    service: Text<'a>,
    #[serde(borrow, default)]
    event_type_code: Text<'a>,
    #[serde(borrow, default)]
    status_code: Text<'a>,
    #[serde(borrow, default)]
    affected_account: Text<'a>,
    #[serde(borrow, default)]
    event_region: Text<'a>,
    #[serde(borrow, default)]
    event_description: OneOrMany<Description<'a>>,
    #[serde(borrow, default)]
    event_arn: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    #[serde(borrow, default)]
    latest_description: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SupportCase<'a> {
    #[serde(borrow, default)]
    case_id: Text<'a>,
    #[serde(borrow, default)]
    event_name: Text<'a>,
}

impl Envelope<'_> {
    fn account(&self) -> Option<AccountId> {
        self.account.and_then(AccountId::parse)
    }

    fn region(&self, home: &FunctionIdentity) -> Option<Region> {
        home.region_or(self.region)
    }
}

/// The states of a job that has ended without doing all of its work.
/// See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelInvocationJob.html> and
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelCustomizationJob.html>.
pub const FAILED_JOB: [&str; 3] = ["Failed", "PartiallyCompleted", "Expired"];

/// Reads a job's state change. A failed job is an error; any other change is ignored. For Bedrock Data Automation jobs,
/// the kind of event says whether the job failed.
pub(super) fn read_job(
    kind: &str,
    detail: &str,
    envelope: Envelope<'_>,
    home: &FunctionIdentity,
    at: &str,
) -> Result<Signal, Malformed> {
    let job: Job<'_> = object(detail, at)?;
    let states = [&job.state, &job.state_of_automation, &job.status];
    let state = states.into_iter().find_map(Text::get).unwrap_or_default();
    let failed = FAILED_JOB.contains(&state) || kind.contains(" Failed");
    if !failed {
        let state = if state.is_empty() { "`no failure`".to_owned() } else { shown(state) };
        return Ok(Signal::ignored(format!("a Bedrock job in state {state}")));
    }
    Ok(Signal::Error(ErrorSignal {
        source: Source::Job,
        account: envelope.account(),
        region: envelope.region(home),
        model: job.model.get().or_else(|| job.base_model.get()).and_then(ModelId::parse),
        variant: None,
        max_tokens: None,
        operation: Some(match state {
            "PartiallyCompleted" | "Expired" => format!("{}: {state}", crate::text::cut(kind, 60)),
            _ => crate::text::cut(kind, 80).to_owned(),
        }),
        code: None,
        status: None,
        message: [&job.failure, &job.failure_of_automation]
            .into_iter()
            .find_map(Text::owned)
            .unwrap_or_else(|| format!("The job ended in the state {state}.")),
        caller: None,
        origin: Origin { original: job.arn.get().and_then(Original::job), ..Origin::default() },
        at: envelope.time.and_then(|at| time(at).or_else(|| job_time(at))),
    }))
}

/// The time in a batch job's event, in the format of AWS's sample: `Wed Aug 28 22:58:30 UTC 2024`.
fn job_time(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime("%a %b %d %H:%M:%S UTC %Y", text).ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp())
}

/// Reads an AWS Health event: an outage of Bedrock, a model that ends, or news of Service Quotas. In the last
/// case, `whole` says whether it is about Bedrock.
pub(super) fn read_health(
    detail: &str,
    whole: &str,
    envelope: Envelope<'_>,
    home: &FunctionIdentity,
    at: &str,
) -> Result<Signal, Malformed> {
    let health: Health<'_> = object(detail, at)?;
    let account = health.affected_account.get().and_then(AccountId::parse).or_else(|| envelope.account());
    let region = health.event_region.get().and_then(Region::parse).or_else(|| envelope.region(home));
    match health.service.get() {
        Some("BEDROCK") => {}
        Some("SERVICEQUOTAS") if whole.contains("Service: bedrock |") => {
            return Ok(Signal::QuotaChange(QuotaChange {
                account,
                region,
                request_id: None,
                quota_name: None,
                status: health.event_type_code.owned(),
            }));
        }
        Some(other) => {
            return Ok(Signal::ignored(format!("AWS Health about {}", shown(other))));
        }
        None => return Ok(Signal::ignored("AWS Health about no service")),
    }
    if health.status_code.get() == Some("closed") {
        return Ok(Signal::ignored("AWS Health: the event is over"));
    }
    let texts: Vec<&str> =
        health.event_description.iter().filter_map(|d| d.latest_description.get()).collect();
    Ok(Signal::Error(ErrorSignal {
        source: Source::Health,
        account,
        region,
        model: None,
        variant: None,
        max_tokens: None,
        operation: None,
        code: health.event_type_code.owned(),
        status: None,
        message: texts.join("\n"),
        caller: None,
        origin: Origin { original: health.event_arn.get().and_then(Original::health), ..Origin::default() },
        at: envelope.time.and_then(time),
    }))
}

/// Reads a support case event. It names no service; following the open requests shows whether the case is one of ours.
pub(super) fn read_support_case(
    detail: &str,
    envelope: Envelope<'_>,
    home: &FunctionIdentity,
    at: &str,
) -> Result<Signal, Malformed> {
    let case: SupportCase<'_> = object(detail, at)?;
    let Some(event) = case.event_name.get().filter(|_| case.case_id.get().is_some()) else {
        return Ok(Signal::ignored("a support case without a name"));
    };
    Ok(Signal::QuotaChange(QuotaChange {
        account: envelope.account(),
        region: envelope.region(home),
        request_id: None,
        quota_name: None,
        status: Some(crate::text::cut(event, 60).to_owned()),
    }))
}
