//! The Lambda function: reads its configuration, connects to AWS, and passes every delivery to the
//! handler.
//!
//! Invariant: What was not handled is an error or a failed item, never a success whose text says otherwise.

mod log;

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use bedrock_remediator::aws::{Aws, batch_response};
use bedrock_remediator::config::{Config, Settings};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountId, AccountRegion, Arn, caller_of};
use bedrock_remediator::quota::Catalog;
use bedrock_remediator::run::context::{RunContext, TimeBudget};
use bedrock_remediator::run::handler::{DeliveryOutcome, DeliveryReport, handle};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// How much longer a lease lasts than the function that holds it.
const LEASE_BEYOND: SignedDuration = SignedDuration::from_secs(30);
/// The most time that started work needs, except in an outage. Nothing starts later.
const TO_END: SignedDuration = SignedDuration::from_secs(20);
/// Time left to answer before Lambda ends the function.
const TO_ANSWER: SignedDuration = SignedDuration::from_secs(1);

struct Function {
    aws: Aws,
    config: Config,
    home: FunctionIdentity,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(serve()));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::failed_to_start(&*error);
            ExitCode::FAILURE
        }
    }
}

fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn serve() -> Result<(), Error> {
    let settings = Settings::from_vars(var)?;
    log::start(settings.log_level);
    let stream = var("AWS_LAMBDA_LOG_STREAM_NAME").unwrap_or_default();
    // Each execution environment has its own log stream; the name ends in 32 random digits.
    let name = stream.rsplit(']').next().filter(|n| !n.is_empty()).unwrap_or("function");
    let name = format!("{name}.{}", std::process::id());
    let aws = Aws::of_function().with_concurrency(settings.maximum_concurrency);
    let function = Function {
        home: FunctionIdentity {
            account: None,
            region: aws.region(),
            role: settings.role_arn.as_deref().and_then(caller_of),
            log_group: var("AWS_LAMBDA_LOG_GROUP_NAME"),
            table: Some(settings.table_name.clone()),
            topic: Some(settings.topic_arn.clone()),
            organization: settings.organization.clone(),
        },
        aws: aws
            .with_table(&settings.table_name, &name)
            .with_topic(&settings.topic_arn)
            .with_organization(settings.organization),
        config: settings.config,
    };
    let answer = |event: LambdaEvent<Box<RawValue>>| function.answer(event);
    lambda_runtime::run(service_fn(answer)).await
}

impl Function {
    /// Makes the clients that most deliveries need next. After the first delivery, they exist.
    fn warm_up(&self, home: &FunctionIdentity) {
        if let (Some(account), Some(region)) = (home.account.clone(), home.region.clone()) {
            self.aws.make_clients(&AccountRegion { account, region });
        }
        Catalog::built_in();
    }

    async fn answer(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Value, Diagnostic> {
        let LambdaEvent { payload, context } = event;
        let now = Timestamp::now();
        let account = Arn::parse(&context.invoked_function_arn).and_then(|arn| AccountId::parse(arn.account));
        if let Some(account) = account.clone() {
            self.aws.works_for(account);
        }
        let home = FunctionIdentity { account, ..self.home.clone() };
        let left = left(&context, now);
        let terms = RunContext { config: &self.config, home: &home, allowance: allowance(now, left) };
        let payload = payload.get().as_bytes();
        let handled = Box::pin(handle(&self.aws, &terms, payload));
        let in_time: Duration = left.saturating_sub(TO_ANSWER).try_into().unwrap_or_default();
        // The handler is polled first; the clients are made while it waits for the ledger.
        let (report, ()) =
            tokio::join!(tokio::time::timeout(in_time, handled), async { self.warm_up(&home) });
        let report = report.map_err(|_| {
            log::out_of_time();
            failed("OutOfTime", &"the time was up before everything was handled")
        })?;
        let report = report.map_err(|malformed| {
            log::malformed(&malformed);
            failed("MalformedDelivery", &malformed)
        })?;
        log::report(&report);
        answer_to(&report)
    }
}

/// The time until Lambda ends this invocation.
fn left(context: &Context, now: Timestamp) -> SignedDuration {
    let deadline = i64::try_from(context.deadline).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    deadline.map_or(SignedDuration::ZERO, |deadline| deadline.duration_since(now))
}

fn allowance(now: Timestamp, left: SignedDuration) -> TimeBudget {
    let working = left.saturating_sub(TO_END.min(left / 2));
    TimeBudget {
        until: now.saturating_add(working).unwrap_or(Timestamp::MAX),
        lease: left.saturating_add(LEASE_BEYOND),
    }
}

/// The error for Lambda, if a delivery must come again.
fn failed(kind: &str, why: &dyn Display) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: why.to_string() }
}

/// The answer for Lambda. For a batch it names the items to deliver again. A single delivery succeeds or fails.
fn answer_to(report: &DeliveryReport) -> Result<Value, Diagnostic> {
    if report.is_batch {
        return serde_json::to_value(batch_response(report.failed_ids())).map_err(|e| failed("Answer", &e));
    }
    if let Some(item) = report.items.iter().find(|i| i.failed) {
        let kind = if item.outcome == DeliveryOutcome::Malformed {
            "MalformedDelivery"
        } else {
            "LedgerUnavailable"
        };
        return Err(failed(kind, &item.reason.as_deref().unwrap_or("it could not be handled")));
    }
    if let Some(Err(error)) = &report.swept {
        return Err(failed(
            "LedgerUnavailable",
            &format_args!("what is due could not be asked for: {error}"),
        ));
    }
    let incidents: Vec<_> = report.incidents.iter().map(|i| &i.incident.id).collect();
    Ok(json!({ "outcome": report.outcome().as_str(), "incidents": incidents }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_begun_that_cannot_be_ended_and_leases_outlive_the_function() {
        let now: Timestamp = "2026-11-20T14:34:05Z".parse().unwrap();
        for (left, works, lease) in [(60, 40, 90), (10, 5, 40), (0, 0, 30)] {
            let given = allowance(now, SignedDuration::from_secs(left));
            assert_eq!(given.until.duration_since(now).as_secs(), works, "{left}");
            assert_eq!(given.lease.as_secs(), lease, "{left}");
        }
    }
}
