//! Reads single calls from CloudTrail's event history and from logs.
//!
//! Invariant: Logs contain prompts, so a search names the fields it wants, and nothing else of its results is
//! read.
//! See <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html>.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use aws_sdk_cloudwatchlogs::types::{QueryStatus, ResultField};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::aws::clients::Aws;
use crate::aws::error;
use crate::callers::Origin;
use crate::error::{ServiceError, ServiceResult};
use crate::event::signal::Recorded;
use crate::event::{ErrorSignal, Source, recorded_call, recorded_error};
use crate::iam_action::IamAction;
use crate::identity::FunctionIdentity;
use crate::ids::{AccountRegion, caller_of, is_root};
use crate::incident::search::{LogKind, LogQuery};
use crate::model::ModelId;
use crate::ports::Records;
use crate::time::Window;

/// Events in one page of CloudTrail.
const PAGE: i32 = 50;
/// Longest wait for a further page, because other processes share CloudTrail's rate.
const SOON: Duration = Duration::from_secs(1);
/// The most errors that a search returns.
const MOST: i32 = 1000;

/// `display` takes no aliases, and an alias that is also the root of a field would hide that field.
/// See <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-alias.html>.
const INVOCATIONS: &str = "filter ispresent(errorCode)\
 | fields @timestamp, errorCode as code, modelId as model, requestId as request, identity.arn as caller\
 | display @timestamp, code, model, request, caller";

/// Application log lines have any form, and may quote a prompt. Only text in the form of a code, an id or an ARN
/// is extracted.
const APPLICATIONS: &str = concat!(
    "filter @message like /(?:Exception|Error)/",
    " | parse @message /(?<code>[A-Z][A-Za-z]{2,40}Exception)/",
    r" | parse @message /(?<model>(?:[a-z-]{2,6}\.)?(?:ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen|stability|twelvelabs|writer|xai|zai)\.[a-z0-9][A-Za-z0-9.:-]{2,80})/",
    " | parse @message /(?<request>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/",
    r" | parse @message /(?<caller>arn:aws[a-z-]*:(?:iam|sts)::[0-9]{12}:[A-Za-z0-9_+=,.@\/-]{1,200})/",
    " | filter ispresent(code) and ispresent(model)",
    " | display @timestamp, code, model, request, caller",
);

/// The most events of the root user that are read.
const MOST_OF_ROOT: usize = 200;

impl Records for Aws {
    /// CloudTrail's user name for the root user is `root`.
    async fn called_by_root(&self, place: &AccountRegion, window: Window) -> ServiceResult<bool> {
        let region = self.at(place).await?;
        let user = LookupAttribute::builder()
            .attribute_key(LookupAttributeKey::Username)
            .attribute_value("root")
            .build()
            .map_err(|e| ServiceError::invalid(e.to_string()))?;
        let (mut read, mut next) = (0, None);
        loop {
            region.rates.lookup.turn().await;
            let call = region
                .trail
                .lookup_events()
                .lookup_attributes(user.clone())
                .start_time(DateTime::from_secs(window.from.as_second()))
                .end_time(DateTime::from_secs(window.to.as_second()))
                .max_results(PAGE)
                .set_next_token(next);
            let page = call.send().await.map_err(|e| error::of_read(IamAction::LookupEvents, &e))?;
            let is_call = |record: &str| {
                let error =
                    recorded_error(record, &FunctionIdentity::default()).and_then(|error| error.caller);
                let caller = error.or_else(|| recorded_call(record)?.caller);
                // An IAM user may also be called `root`.
                caller.as_deref().is_some_and(is_root)
            };
            if page.events().iter().any(|event| is_call(event.cloud_trail_event().unwrap_or_default())) {
                return Ok(true);
            }
            read += page.events().len();
            next = page.next_token;
            if next.is_none() {
                return Ok(false);
            }
            if read >= MOST_OF_ROOT {
                let why = "the root user has more events than are read";
                return Err(ServiceError::Unavailable(why.to_owned()));
            }
        }
    }

    async fn recorded(&self, place: &AccountRegion, window: Window, most: usize) -> ServiceResult<Recorded> {
        let region = self.at(place).await?;
        let source = LookupAttribute::builder()
            .attribute_key(LookupAttributeKey::EventSource)
            .attribute_value("bedrock.amazonaws.com")
            .build()
            .map_err(|e| ServiceError::invalid(e.to_string()))?;
        let mut recorded = Recorded::default();
        let mut next = None;
        loop {
            if recorded.read == 0 {
                region.rates.lookup.turn().await;
            } else if !region.rates.lookup.turn_soon(SOON).await {
                // Return what was read: the caller has no time for the rest.
                return Ok(recorded);
            }
            let call = region
                .trail
                .lookup_events()
                .lookup_attributes(source.clone())
                .start_time(DateTime::from_secs(window.from.as_second()))
                .end_time(DateTime::from_secs(window.to.as_second()))
                .max_results(PAGE)
                .set_next_token(next);
            let page = call.send().await.map_err(|e| error::of_read(IamAction::LookupEvents, &e))?;
            for event in page.events() {
                recorded.read += 1;
                let record = event.cloud_trail_event().unwrap_or_default();
                recorded.errors.extend(recorded_error(record, &FunctionIdentity::default()));
                recorded.calls.extend(recorded_call(record));
            }
            next = page.next_token;
            recorded.is_whole = next.is_none();
            if recorded.is_whole || recorded.read >= most {
                return Ok(recorded);
            }
        }
    }

    async fn start_query(
        &self,
        place: &AccountRegion,
        kind: LogKind,
        groups: &[String],
        window: Window,
    ) -> ServiceResult<LogQuery> {
        let query = match kind {
            LogKind::Invocation => INVOCATIONS,
            LogKind::Application => APPLICATIONS,
        };
        let call = self
            .at(place)
            .await?
            .logs
            .start_query()
            .set_log_group_names(Some(groups.to_vec()))
            .start_time(window.from.as_second())
            .end_time(window.to.as_second())
            .query_string(query)
            .limit(MOST);
        let begun = call.send().await.map_err(|e| error::of_read(IamAction::StartQuery, &e))?;
        let id = begun.query_id.ok_or_else(|| ServiceError::invalid("the search got no id"))?;
        Ok(LogQuery { kind, id })
    }

    async fn query_results(
        &self,
        place: &AccountRegion,
        query: &LogQuery,
    ) -> ServiceResult<Option<Vec<ErrorSignal>>> {
        let call = self.at(place).await?.logs.get_query_results().query_id(&query.id);
        let answer = call.send().await.map_err(|e| error::of_read(IamAction::GetQueryResults, &e))?;
        match answer.status() {
            Some(QueryStatus::Complete) => {}
            Some(QueryStatus::Running | QueryStatus::Scheduled) => return Ok(None),
            other => {
                let how = other.map_or("without a status", QueryStatus::as_str);
                return Err(ServiceError::invalid(format!("the search ended as `{how}`")));
            }
        }
        Ok(Some(answer.results().iter().filter_map(|row| found(query.kind, place, row)).collect()))
    }
}

/// One row of a result, by the column names of the query.
fn found(kind: LogKind, place: &AccountRegion, row: &[ResultField]) -> Option<ErrorSignal> {
    let columns: HashMap<&str, &str> = row.iter().filter_map(|f| Some((f.field()?, f.value()?))).collect();
    let caller = columns.get("caller").copied();
    Some(ErrorSignal {
        source: match kind {
            LogKind::Invocation => Source::InvocationLog,
            LogKind::Application => Source::ApplicationLog,
        },
        account: Some(place.account.clone()),
        region: Some(place.region.clone()),
        model: columns.get("model").and_then(|id| ModelId::parse(id)),
        variant: None,
        max_tokens: None,
        operation: None,
        code: Some((*columns.get("code")?).to_owned()),
        status: None,
        message: String::new(),
        caller: caller.and_then(caller_of),
        origin: Origin::of(caller, None, None),
        at: columns.get("@timestamp").and_then(|at| time(at)),
    })
}

/// Parses `2026-11-20 14:32:05.000`, in UTC.
fn time(text: &str) -> Option<Timestamp> {
    Some(text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
