//! CloudWatch, CloudTrail, Bedrock's descriptions and IAM, as the world file has them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Sandbox, State, UsageEntry};
use crate::event::Metric;
use crate::ids::Place;
use crate::model::ModelId;
use crate::usage::{Minute, Period, Series};
use crate::world::{
    Answer, FoundError, Lifecycle, ModelState, Models, Permissions, PolicyVerdict, PortError, Telemetry,
    Window,
};

/// A use too small to move any figure.
const TRACE: Minute = Minute { invocations: 1e-6, ..Minute::NONE };

impl State {
    /// The use of `entry` in `window`; points of five minutes hold their average minute.
    fn series(&self, entry: &UsageEntry, window: Window, period: Period) -> Series {
        let minute = |n: u32| {
            self.now.saturating_sub(SignedDuration::from_mins(i64::from(n) + 1)).unwrap_or(Timestamp::MIN)
        };
        let legacy = self.file.availability.iter().any(|m| {
            m.lifecycle == Lifecycle::Legacy
                && m.region.as_ref().is_none_or(|r| *r == entry.region)
                && ModelId::parse(&entry.model_id).is_some_and(|model| model.base() == m.model_id)
        });
        let last = entry.last.iter().flat_map(|last| (0..last.minutes).map(move |n| (minute(n), last.each)));
        // CloudWatch shows a first use as a measured call, and an earlier one as use ever since.
        let first = entry.first_use.filter(|at| *at < window.to).map(|at| (at.max(window.from), TRACE));
        let all = last.chain(entry.series.iter().map(|m| (m.at, m.values))).chain(first);
        let length = i64::from(period.minutes()) * 60;
        let mut points: BTreeMap<i64, Minute> = BTreeMap::new();
        for (at, mut values) in all.filter(|(at, _)| (window.from..window.to).contains(at)) {
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

    fn entries<'s>(&'s self, place: &Place) -> impl Iterator<Item = &'s UsageEntry> {
        let region = place.region.clone();
        self.file.usage.iter().filter(move |u| u.region == region)
    }
}

fn measured(metric: Metric, minute: &Minute) -> f64 {
    match metric {
        Metric::Throttles => minute.throttles,
        Metric::ServerErrors => minute.server_errors,
        Metric::ClientErrors => minute.client_errors,
        Metric::LegacyInvocations => minute.legacy_invocations,
        Metric::Other => 0.0,
    }
}

impl Telemetry for Sandbox {
    async fn usage(
        &self,
        place: &Place,
        models: &[ModelId],
        window: Window,
        period: Period,
    ) -> Answer<Vec<Series>> {
        self.call("usage", |state| {
            let of = |model: &ModelId| state.entries(place).find(|u| u.model_id == model.as_str());
            let series = |u| state.series(u, window, period);
            Ok(models.iter().map(|m| of(m).map_or_else(|| Series::unused(period), series)).collect())
        })
        .await
    }

    async fn models_behind(&self, place: &Place, metric: Metric, window: Window) -> Answer<Vec<ModelId>> {
        self.call("models_behind", |state| {
            let moved = |u: &&UsageEntry| {
                let series = state.series(u, window, Period::Minute);
                series.points.iter().any(|(_, m)| measured(metric, m) > 0.0)
            };
            Ok(state.entries(place).filter(moved).filter_map(|u| ModelId::parse(&u.model_id)).collect())
        })
        .await
    }

    async fn errors(
        &self,
        place: &Place,
        model: Option<&ModelId>,
        window: Window,
    ) -> Answer<Vec<FoundError>> {
        self.call("errors", |state| {
            let found = state
                .file
                .errors
                .iter()
                .filter(|e| e.region == place.region && (window.from..=window.to).contains(&e.time));
            let of_model = found.map(|e| FoundError {
                model: e.model_id.as_deref().and_then(ModelId::parse),
                at: e.time,
                code: e.code.clone(),
                message: e.message.clone(),
                caller: e.caller.as_deref().and_then(crate::ids::caller_of),
            });
            Ok(of_model.filter(|e| model.is_none() || e.model.as_ref() == model).collect())
        })
        .await
    }
}

impl Models for Sandbox {
    async fn profile_models(&self, _: &Place, profile: &ModelId) -> Answer<Vec<String>> {
        self.call("profile_models", |state| {
            let entry =
                state.file.profiles.iter().find(|p| p.id == profile.as_str()).ok_or(PortError::Missing)?;
            Ok(entry.models.clone())
        })
        .await
    }

    async fn offered(&self, place: &Place) -> Answer<Vec<ModelId>> {
        self.call("offered", |state| {
            let entry =
                state.file.offered.iter().find(|o| o.region == place.region).ok_or(PortError::Missing)?;
            Ok(entry.model_ids.iter().filter_map(|id| ModelId::parse(id)).collect())
        })
        .await
    }

    async fn model_state(&self, place: &Place, model: &ModelId) -> Answer<ModelState> {
        self.call("model_state", |state| {
            let entry =
                state.file.availability.iter().find(|m| {
                    m.model_id == model.base() && m.region.as_ref().is_none_or(|r| *r == place.region)
                });
            let available = ModelState { authorized: true, ..ModelState::default() };
            Ok(entry.map_or(available, |m| ModelState {
                lifecycle: m.lifecycle,
                agreement: m.agreement,
                authorized: m.authorized.unwrap_or(true),
                region: m.region_availability,
                form_submitted: m.form_submitted,
            }))
        })
        .await
    }
}

impl Permissions for Sandbox {
    async fn verdict(&self, _: &Place, caller: &str, action: &str, _: &str) -> Answer<PolicyVerdict> {
        self.call("verdict", |state| {
            let fits = state
                .file
                .policies
                .iter()
                .find(|p| p.caller == caller && p.action.as_deref().is_none_or(|a| a == action));
            Ok(fits.map_or(PolicyVerdict::Undetermined, |p| p.verdict))
        })
        .await
    }
}
