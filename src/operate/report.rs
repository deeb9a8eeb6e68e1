//! The account overview: open and past incidents, and usage against quotas.
//!
//! Invariant: It only reads. What could not be read is reported.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::error::{ServiceError, ServiceResult};
use crate::ids::{AccountRegion, QuotaService};
use crate::incident::record::{Record, State};
use crate::model::ModelId;
use crate::notice::points::warned;
use crate::operate::{Shown, look};
use crate::ports::Services;
use crate::run::context::{PATIENCE, RunContext};
use crate::run::forecast::{DAY, Shared, Used, by_quota, used};
use crate::time::{Window, after};
use crate::usage::headroom::QuotaUse;
use crate::usage::{Endpoint, Hour, Period, course};

/// How far back usage is shown.
const SHOWN: SignedDuration = SignedDuration::from_hours(14 * 24);
/// At most this many quotas are shown, the fullest first.
const QUOTAS: usize = 8;
/// A current notice is composed for at most this many open incidents.
const LOOKED_AT: usize = 40;

/// The content of a report.
#[derive(Debug)]
pub struct AccountReport {
    /// When the report was made.
    pub made: Timestamp,
    /// The account and Region whose usage is shown; `None` if unknown.
    pub place: Option<AccountRegion>,
    /// Open incidents with a current notice, possible misuse first, then the latest.
    pub open: Vec<Shown>,
    /// Further open incidents, listed without a current notice.
    pub more: Vec<Record>,
    /// Past incidents that are still stored, the latest first.
    pub past: Vec<Record>,
    /// Usage against quotas, the fullest first.
    pub uses: Vec<ReportedUse>,
    /// Calls that failed.
    pub unread: Vec<ServiceError>,
}

/// Whether the incidents are of more than one account.
pub fn has_several_accounts<'r>(records: impl IntoIterator<Item = &'r Record>) -> bool {
    let accounts = records.into_iter().filter_map(|record| record.incident.account.as_ref());
    accounts.collect::<BTreeSet<_>>().len() > 1
}

impl AccountReport {
    /// Every incident of the report.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.open.iter().map(|shown| &shown.record).chain(&self.more).chain(&self.past)
    }
}

/// Usage of one quota.
#[derive(Debug)]
pub struct ReportedUse {
    /// The quota, and its usage in the last day.
    pub near: QuotaUse,
    /// The models that count against it.
    pub models: Vec<ModelId>,
    /// Usage over two weeks.
    pub course: Vec<Hour>,
}

/// Gathers the report. An error means that the ledger could not be read.
pub async fn report<W: Services>(world: &W, terms: &RunContext<'_>) -> ServiceResult<AccountReport> {
    let mut records = world.all(false).await?;
    // Possible misuse comes first.
    let warns = |record: &Record| record.state != State::Closed && warned(record.notices.heard());
    records.sort_by_key(|record| (!warns(record), std::cmp::Reverse(record.incident.last_seen)));
    let (past, mut open): (Vec<Record>, Vec<Record>) =
        records.into_iter().partition(|record| record.state == State::Closed);
    let more = open.split_off(open.len().min(LOOKED_AT));
    let mut shown = Vec::new();
    for record in open {
        shown.push(Box::pin(look(world, terms, record)).await);
    }
    let place = terms.home.place();
    let mut report = AccountReport {
        made: world.now(),
        place,
        open: shown,
        more,
        past,
        uses: Vec::new(),
        unread: Vec::new(),
    };
    if let Some(place) = &report.place {
        match Box::pin(uses(world, place)).await {
            Ok((uses, unread)) => (report.uses, report.unread) = (uses, unread),
            Err(why) => report.unread.push(why),
        }
    }
    Ok(report)
}

/// The fullest quotas of the last day with two weeks of usage, and why some application inference profiles, whose calls
/// also count, could not be resolved.
async fn uses<W: Services>(
    world: &W,
    place: &AccountRegion,
) -> ServiceResult<(Vec<ReportedUse>, Vec<ServiceError>)> {
    let now = world.now();
    let mut all = Vec::new();
    let mut unread = Vec::new();
    for endpoint in [Endpoint::Runtime, Endpoint::Mantle] {
        let (used, of_profiles) = used(world, place, endpoint, after(now, PATIENCE)).await?;
        unread.extend(of_profiles);
        if !used.is_empty() {
            all.extend(uses_of(world, place, endpoint, &used).await?);
        }
    }
    all.sort_by(|a, b| b.near.share().total_cmp(&a.near.share()));
    all.truncate(QUOTAS);
    Ok((all, unread))
}

/// The fullest quotas of the last day on `endpoint`, where `used` was called.
async fn uses_of<W: Services>(
    world: &W,
    place: &AccountRegion,
    endpoint: Endpoint,
    used: &[Used],
) -> ServiceResult<Vec<ReportedUse>> {
    let now = world.now();
    let since = |back| now.saturating_sub(back).unwrap_or(now);
    let called: Vec<ModelId> = used.iter().map(|u| u.called.clone()).collect();
    let last_day = Window { from: since(DAY), to: now };
    let (listing, series) = tokio::join!(
        world.listing(place, QuotaService::Bedrock),
        world.usage(place, endpoint, &called, last_day, Period::Minute)
    );
    let (listing, series) = (listing?, series?);
    let measured: Vec<_> = used.iter().zip(&series).collect();
    let shared = by_quota(&listing, endpoint, &measured);
    let of = |shared| Some((Shared::near(shared, &shared.usage(last_day))?, shared));
    let mut near: Vec<_> = shared.iter().filter_map(of).collect();
    near.sort_by(|(a, _), (b, _)| b.share().total_cmp(&a.share()));
    near.truncate(QUOTAS);
    let mut all = Vec::new();
    for (near, shared) in near {
        let models: Vec<ModelId> = shared.members.iter().map(|(used, _)| used.called.clone()).collect();
        let before = Window { from: since(SHOWN), to: last_day.from };
        let mut series = world.usage(place, endpoint, &models, before, Period::FiveMinutes).await?;
        series.extend(shared.members.iter().map(|(_, series)| (*series).clone()));
        let usage = shared.added_up(&series, now, now);
        let near = QuotaUse { growth: usage.growth(near.limit), ..near };
        let course = course(&series, shared.weights(near.limit), near.limit);
        all.push(ReportedUse { near, models, course });
    }
    Ok(all)
}
