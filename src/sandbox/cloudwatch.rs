//! CloudWatch, CloudTrail and logs, as the world file describes them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::callers::Origin;
use crate::error::{ServiceError, ServiceResult};
use crate::event::signal::{Call, Recorded};
use crate::event::{AlarmSignal, Described, ErrorSignal, Metric, Source};
use crate::ids::{AccountRegion, caller_of, is_root};
use crate::incident::search::{LogKind, LogQuery};
use crate::model::ModelId;
use crate::model::lifecycle::Lifecycle;
use crate::ports::{Records, Telemetry};
use crate::sandbox::meter::{RunningQuery, SEARCHING, told};
use crate::sandbox::state::{Sandbox, SandboxState};
use crate::sandbox::{AlarmEntry, PortCall, SourceWord, UsageEntry};
use crate::time::{Window, after};
use crate::usage::{Endpoint, Minute, Period, Series};

/// CloudWatch lists metrics that had data within this time.
const KNOWN: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A longer window than this asks how long a model has been in use.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(48);
/// How many days a look back covers, and the minutes of each.
const DAYS: u32 = 14;
const MINUTES: u32 = 24 * 60;
/// A use too small to change any figure.
const TRACE: Minute = Minute { invocations: 1e-6, ..Minute::NONE };

impl SandboxState {
    /// The use of `entry` in `window`; a point of five minutes holds their average minute.
    fn series(&self, entry: &UsageEntry, window: Window, period: Period) -> Series {
        if !entry.of_mantle
            && let Some(fed) = self.fed(&entry.region, &entry.model_id, window, period)
        {
            return fed;
        }
        let minute = |n: u32| {
            self.now.saturating_sub(SignedDuration::from_mins(i64::from(n) + 1)).unwrap_or(Timestamp::MIN)
        };
        let legacy = self.file.availability.iter().any(|m| {
            m.lifecycle == Lifecycle::Legacy
                && m.region.as_ref().is_none_or(|r| *r == entry.region)
                && ModelId::parse(&entry.model_id).is_some_and(|model| model.base() == m.model_id)
        });
        let last = entry.last.iter().flat_map(|last| (0..last.minutes).map(move |n| (minute(n), last.each)));
        let days = entry.days.into_iter().flat_map(|days| days.minutes(self.now));
        // CloudWatch shows a first use as a measured call. A look back over days shows an earlier first use as use
        // ever since: each day has the same minutes as the last one, unless the file has others.
        let looks_back = window.to.duration_since(window.from) > LOOKS_BACK;
        let known = |at: &Timestamp| *at < window.to && (looks_back || *at >= window.from);
        let first = entry.first_use.filter(known).map(|at| (at.max(window.from), TRACE));
        let is_told = entry.days.is_some() || !entry.series.is_empty();
        let every_day = entry.last.iter().filter(|_| looks_back && !is_told).flat_map(|last| {
            let each = Minute { throttles: 0.0, client_errors: 0.0, server_errors: 0.0, ..last.each };
            (1..DAYS).flat_map(move |day| (0..last.minutes).map(move |n| (minute(n + day * MINUTES), each)))
        });
        let every_day = every_day.filter(|(at, _)| entry.first_use.is_some_and(|first| *at >= first));
        let all = last.chain(days).chain(entry.series.iter().map(|m| (m.at, m.values))).chain(first);
        let all = all.chain(every_day);
        let length = i64::from(period.minutes()) * 60;
        let mut points: BTreeMap<i64, Minute> = BTreeMap::new();
        let shown = self.now.saturating_sub(self.metrics_late).unwrap_or(Timestamp::MIN).min(window.to);
        for (at, mut values) in all.filter(|(at, _)| (window.from..shown).contains(at)) {
            if legacy {
                values.legacy_invocations = values.invocations;
            }
            let second =
                if length == 60 { at.as_second() } else { at.as_second().div_euclid(length) * length };
            points.entry(second).or_default().add(&values, 1.0 / f64::from(period.minutes()));
        }
        let points = points.into_iter().filter_map(|(at, m)| Some((Timestamp::from_second(at).ok()?, m)));
        Series::of(period, points.collect())
    }

    fn entries<'s>(
        &'s self,
        place: &AccountRegion,
        endpoint: Endpoint,
    ) -> impl Iterator<Item = &'s UsageEntry> {
        let region = place.region.clone();
        let of_mantle = endpoint == Endpoint::Mantle;
        self.file.usage.iter().filter(move |u| u.region == region && u.of_mantle == of_mantle)
    }
}

fn measured(metric: Metric, minute: &Minute) -> f64 {
    match metric {
        Metric::Throttles | Metric::AgentCoreThrottles => minute.throttles,
        Metric::ServerErrors | Metric::AgentCoreServerErrors => minute.server_errors,
        Metric::ClientErrors | Metric::MantleClientErrors | Metric::AgentCoreClientErrors => {
            minute.client_errors
        }
        Metric::LegacyInvocations => minute.legacy_invocations,
        Metric::Other => 0.0,
    }
}

impl Telemetry for Sandbox {
    async fn usage(
        &self,
        place: &AccountRegion,
        endpoint: Endpoint,
        models: &[ModelId],
        window: Window,
        period: Period,
    ) -> ServiceResult<Vec<Series>> {
        self.call_at(place, PortCall::Usage, |state| {
            let of = |model: &ModelId| state.entries(place, endpoint).find(|u| u.model_id == model.as_str());
            let series = |u| state.series(u, window, period);
            Ok(models.iter().map(|m| of(m).map_or_else(|| Series::unused(period), series)).collect())
        })
        .await
    }

    async fn used(&self, place: &AccountRegion, endpoint: Endpoint) -> ServiceResult<Vec<ModelId>> {
        self.call_at(place, PortCall::Used, |state| {
            let from = state.now.saturating_sub(KNOWN).unwrap_or(Timestamp::MIN);
            let window = Window { from, to: state.now };
            let is_used = |u: &&UsageEntry| !state.series(u, window, Period::FiveMinutes).points.is_empty();
            Ok(state
                .entries(place, endpoint)
                .filter(is_used)
                .filter_map(|u| ModelId::parse(&u.model_id))
                .collect())
        })
        .await
    }

    async fn behind(
        &self,
        place: &AccountRegion,
        metric: Metric,
        window: Window,
    ) -> ServiceResult<Vec<String>> {
        self.call_at(place, PortCall::Behind, |state| {
            if metric.is_of_agent_core() {
                return Ok(state.operations_behind(place, metric, window));
            }
            let moved = |u: &&UsageEntry| {
                let series = state.series(u, window, Period::Minute);
                series.points.iter().any(|(_, m)| measured(metric, m) > 0.0)
            };
            let endpoint =
                if metric == Metric::MantleClientErrors { Endpoint::Mantle } else { Endpoint::Runtime };
            Ok(state.entries(place, endpoint).filter(moved).map(|u| u.model_id.clone()).collect())
        })
        .await
    }

    async fn volume(&self, place: &AccountRegion, window: Window) -> ServiceResult<Minute> {
        self.call_at(place, PortCall::Volume, |state| {
            let mut all = Minute::default();
            for entry in state.entries(place, Endpoint::Runtime) {
                let series = state.series(entry, window, Period::Minute);
                series.points.iter().for_each(|(_, minute)| all.add(minute, 1.0));
            }
            Ok(all)
        })
        .await
    }

    async fn contributors(&self, place: &AccountRegion, alarm: &str) -> ServiceResult<Option<Vec<String>>> {
        self.call_at(place, PortCall::Contributors, |state| {
            Ok(state.alarm(place, alarm).map(|alarm| alarm.contributors.clone()))
        })
        .await
    }

    async fn alarms(&self, place: &AccountRegion, names: &[String]) -> ServiceResult<Vec<AlarmSignal>> {
        self.call_at(place, PortCall::Alarms, |state| {
            let now = state.now;
            let described = names.iter().filter_map(|name| state.alarm(place, name)).filter_map(|alarm| {
                let (namespace, dimension) = Metric::named(&alarm.metric).series();
                let by_model = format!("SELECT SUM(1) FROM \"{namespace}\" GROUP BY {dimension}");
                let model = alarm.model_id.iter().map(|id| (dimension.to_owned(), id.clone()));
                let metric = Described {
                    namespace: Some(namespace.to_owned()),
                    metric: Some(alarm.metric.clone()),
                    dimensions: model.collect(),
                    expression: (!alarm.contributors.is_empty()).then_some(by_model),
                };
                AlarmSignal::described(place, &alarm.name, Some(now), &[metric])
            });
            Ok(described.collect())
        })
        .await
    }
}

impl SandboxState {
    /// The operations of `AgentCore` for which `metric` was above zero in `window`.
    fn operations_behind(&self, place: &AccountRegion, metric: Metric, window: Window) -> Vec<String> {
        let minute = |n: u32| {
            self.now.saturating_sub(SignedDuration::from_mins(i64::from(n) + 1)).unwrap_or(Timestamp::MIN)
        };
        let entries = self.file.agent_core_usage.iter().filter(|u| u.region == place.region);
        let moved = entries.filter(|u| {
            let mut times = (0..u.last.minutes).map(minute);
            measured(metric, &u.last.each) > 0.0 && times.any(|at| (window.from..window.to).contains(&at))
        });
        moved.map(|u| u.operation.clone()).collect()
    }

    fn alarm(&self, place: &AccountRegion, name: &str) -> Option<&AlarmEntry> {
        self.file.alarms.iter().find(|a| a.region == place.region && a.name == name)
    }

    /// The successful calls in `window`, the latest first.
    fn recorded_calls(&self, place: &AccountRegion, window: Window) -> Vec<Call> {
        let entries = self.file.calls.iter().filter(|c| c.region == place.region);
        let in_time = entries.filter(|c| (window.from..=window.to).contains(&c.time));
        let mut calls: Vec<Call> = in_time
            .map(|c| Call {
                model: ModelId::parse(&c.model_id),
                caller: caller_of(&c.caller),
                origin: Origin::of(Some(&c.caller), c.address.as_deref(), c.user_agent.as_deref()),
                at: Some(c.time),
            })
            .collect();
        calls.sort_by_key(|c| std::cmp::Reverse(c.at));
        calls
    }

    /// The errors in `window` that `source` shows, the latest first.
    fn errors(&self, place: &AccountRegion, source: SourceWord, window: Window) -> Vec<ErrorSignal> {
        let entries = self.file.errors.iter().filter(|e| e.region == place.region && e.source == source);
        let each = entries.flat_map(|e| {
            let every = SignedDuration::from_secs(i64::from(e.every_seconds));
            (0..e.times).map(move |n| (after(e.time, every * i32::try_from(n).unwrap_or(i32::MAX)), e))
        });
        let in_time = each.filter(|(at, _)| (window.from..=window.to).contains(at));
        let mut errors: Vec<ErrorSignal> = in_time
            .map(|(at, e)| ErrorSignal {
                source: match source {
                    SourceWord::Cloudtrail => Source::CloudTrail,
                    SourceWord::InvocationLog => Source::InvocationLog,
                    SourceWord::ApplicationLog => Source::ApplicationLog,
                },
                account: Some(place.account.clone()),
                region: Some(place.region.clone()),
                model: e.model_id.as_deref().and_then(ModelId::parse),
                variant: None,
                max_tokens: None,
                operation: (source == SourceWord::Cloudtrail).then(|| e.operation.clone()),
                code: e.code.clone(),
                status: None,
                // A log search does not ask for the text.
                message: if source == SourceWord::Cloudtrail { e.message.clone() } else { String::new() },
                caller: e.caller.as_deref().and_then(caller_of),
                origin: Origin::of(e.caller.as_deref(), e.address.as_deref(), e.user_agent.as_deref()),
                at: Some(at),
            })
            .collect();
        errors.sort_by_key(|e| std::cmp::Reverse(e.at));
        errors
    }
}

impl Records for Sandbox {
    async fn called_by_root(&self, place: &AccountRegion, window: Window) -> ServiceResult<bool> {
        self.call_at(place, PortCall::CalledByRoot, |state| {
            let errors = state.errors(place, SourceWord::Cloudtrail, window);
            let calls = state.recorded_calls(place, window);
            let mut callers = errors.iter().map(|e| &e.caller).chain(calls.iter().map(|c| &c.caller));
            let is_known = callers.any(|caller| caller.as_deref().is_some_and(is_root));
            Ok(is_known || state.fed_root(place, window))
        })
        .await
    }

    async fn recorded(&self, place: &AccountRegion, window: Window, most: usize) -> ServiceResult<Recorded> {
        self.call_at(place, PortCall::Recorded, |state| {
            let fed = state.fed_calls(place, window, most.saturating_add(1));
            let (mut errors, mut calls) = told(place, fed.get(..most.min(fed.len())).unwrap_or_default());
            errors.extend(state.errors(place, SourceWord::Cloudtrail, window));
            calls.extend(state.recorded_calls(place, window));
            let is_fed_whole = fed.len() <= most;
            let all = errors.len() + calls.len();
            errors.truncate(most);
            calls.truncate(most - errors.len());
            Ok(Recorded {
                read: errors.len() + calls.len(),
                is_whole: is_fed_whole && all <= most,
                errors,
                calls,
            })
        })
        .await
    }

    async fn start_query(
        &self,
        place: &AccountRegion,
        kind: LogKind,
        _: &[String],
        window: Window,
    ) -> ServiceResult<LogQuery> {
        self.call_at(place, PortCall::StartQuery, |state| {
            state.queries.push(RunningQuery { kind, window, at: state.now });
            Ok(LogQuery { kind, id: format!("query-{}", state.queries.len()) })
        })
        .await
    }

    async fn query_results(
        &self,
        place: &AccountRegion,
        query: &LogQuery,
    ) -> ServiceResult<Option<Vec<ErrorSignal>>> {
        self.call_at(place, PortCall::QueryResults, |state| {
            let number = query.id.strip_prefix("query-").and_then(|n| n.parse::<usize>().ok());
            let begun = number.and_then(|n| state.queries.get(n.checked_sub(1)?)).cloned();
            let begun = begun.ok_or_else(|| ServiceError::invalid("there is no such search"))?;
            let source = match begun.kind {
                LogKind::Invocation => SourceWord::InvocationLog,
                LogKind::Application => SourceWord::ApplicationLog,
            };
            let is_done = after(begun.at, SEARCHING) <= state.now;
            Ok(is_done.then(|| state.errors(place, source, begun.window)))
        })
        .await
    }
}
