//! Service Quotas.
//!
//! One law: a request for more is sent once. It is repeated only when AWS says that it did not take it.

use std::num::NonZeroU32;
use std::time::Duration;

use aws_sdk_servicequotas::config::retry::RetryConfig;
use aws_sdk_servicequotas::types::{self as sdk, ServiceQuota};
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota as Rate, RateLimiter};
use tokio::time::Instant;

use super::{Aws, Regional, error, timestamp};
use crate::ids::{Place, QuotaCode};
use crate::quota::{Catalog, Quota};
use crate::world::{Answer, IncreaseRequest, PortError, QuotaValue, Quotas, RequestStatus};

/// What this adapter calls.
pub(super) const ACTIONS: &[&str] = &[
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:GetRequestedServiceQuotaChange",
    "servicequotas:GetServiceQuota",
    "servicequotas:ListAWSDefaultServiceQuotas",
    "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota",
    "servicequotas:ListServiceQuotas",
    "servicequotas:RequestServiceQuotaIncrease",
];

const SERVICE: &str = "bedrock";
/// New models appear a few times a week; a listing is eleven pages.
const LISTING_KEPT: Duration = Duration::from_hours(1);
/// A request that AWS throttled is tried so often in all.
const TRIES: u32 = 3;

/// When calls may be made: no faster than the APIs are documented to take them, and in the long run no more than
/// this process's share of that, because the rates are the account's and others work beside it.
/// See <https://docs.aws.amazon.com/servicequotas/latest/userguide/reference_limits.html> and
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html>.
#[derive(Debug)]
pub(super) struct Rates {
    applied: Limiter,
    default: Limiter,
    history: Limiter,
    list: Limiter,
    request: Limiter,
    /// CloudTrail's.
    pub(super) lookup: Limiter,
}

/// Calls a second that an API takes, and how many calls one incident makes of it at most: these need not wait for
/// the share.
struct Documented {
    a_second: u32,
    an_incident: u32,
}

/// An incident asks about three limits at most.
const READS: Documented = Documented { a_second: 5, an_incident: 3 };
/// A listing of 1,100 quotas, applied values and defaults.
const LISTS: Documented = Documented { a_second: 10, an_incident: 24 };
/// One request, and what is tried again of it.
const REQUESTS: Documented = Documented { a_second: 3, an_incident: TRIES };
/// Four pages for what is behind an alarm; of who calls one page for the root user, four of now and four of a week ago.
const LOOKUPS: Documented = Documented { a_second: 2, an_incident: 13 };

impl Rates {
    /// Those of one of `processes` that work side by side in the account.
    pub(super) fn shared_by(processes: u32) -> Self {
        let of = |api| Limiter::new(&api, processes, MonotonicClock);
        Self {
            applied: of(READS),
            default: of(READS),
            history: of(READS),
            list: of(LISTS),
            request: of(REQUESTS),
            lookup: of(LOOKUPS),
        }
    }
}

type Rated<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Lets a call pass when both of its rates do.
#[derive(Debug)]
pub(super) struct Limiter<C: Clock = MonotonicClock> {
    /// This process's part of the documented rate, with room for one incident.
    share: Rated<C>,
    /// The documented rate.
    pace: Rated<C>,
}

impl<C: Clock + Clone> Limiter<C> {
    fn new(api: &Documented, processes: u32, clock: C) -> Self {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let pace = Rate::per_second(at_least_one(api.a_second));
        let share = Rate::with_period(pace.replenish_interval() * processes.max(1)).unwrap_or(pace);
        Self {
            share: RateLimiter::direct_with_clock(
                share.allow_burst(at_least_one(api.an_incident)),
                clock.clone(),
            ),
            pace: RateLimiter::direct_with_clock(pace, clock),
        }
    }

    /// Waits until the next call may be made.
    pub(super) async fn turn(&self) {
        self.turn_within(Duration::MAX, async |wait| tokio::time::sleep(wait).await).await;
    }

    /// The same, if this process's share has room for the call `soon`. `false`: no call may be made.
    pub(super) async fn turn_soon(&self, soon: Duration) -> bool {
        self.turn_within(soon, async |wait| tokio::time::sleep(wait).await).await
    }

    /// The same, by a way to wait.
    async fn turn_within(&self, soon: Duration, sleep: impl AsyncFn(Duration)) -> bool {
        for rate in [&self.share, &self.pace] {
            while let Err(early) = rate.check() {
                let wait = early.wait_time_from(rate.clock().now());
                if wait > soon {
                    return false;
                }
                sleep(wait).await;
            }
        }
        true
    }
}

/// Every quota of the account in one Region, and since when it is known.
#[derive(Debug)]
pub(super) struct Listing {
    since: Instant,
    catalog: Catalog,
}

/// `None` where Service Quotas has no such quota; an answer without its value is an error.
fn value(quota: Option<ServiceQuota>) -> Answer<Option<QuotaValue>> {
    let Some(quota) = quota else { return Ok(None) };
    let value = quota.value.ok_or_else(|| PortError::invalid("Service Quotas names no value"))?;
    Ok(Some(QuotaValue { value, adjustable: quota.adjustable }))
}

fn status(status: Option<&sdk::RequestStatus>) -> RequestStatus {
    match status {
        Some(sdk::RequestStatus::Approved) => RequestStatus::Approved,
        Some(sdk::RequestStatus::Denied) => RequestStatus::Denied,
        Some(sdk::RequestStatus::CaseClosed) => RequestStatus::CaseClosed,
        Some(sdk::RequestStatus::CaseOpened) => RequestStatus::CaseOpened,
        Some(sdk::RequestStatus::NotApproved) => RequestStatus::NotApproved,
        Some(sdk::RequestStatus::InvalidRequest) => RequestStatus::InvalidRequest,
        // A status that is newer than this code is taken for an open one: then nothing is filed.
        _ => RequestStatus::Pending,
    }
}

/// `None` for what names no request.
fn request(change: &sdk::RequestedServiceQuotaChange) -> Option<IncreaseRequest> {
    Some(IncreaseRequest {
        id: change.id()?.to_owned(),
        code: QuotaCode::parse(change.quota_code()?)?,
        desired: change.desired_value()?,
        status: status(change.status()),
        created: timestamp(change.created()?)?,
        case_id: change.case_id().map(str::to_owned),
    })
}

fn listed(quotas: Vec<ServiceQuota>) -> impl Iterator<Item = Quota> {
    quotas.into_iter().filter_map(|q| {
        Some(Quota {
            code: QuotaCode::parse(q.quota_code()?)?,
            name: q.quota_name()?.to_owned(),
            adjustable: q.adjustable,
            value: q.value,
        })
    })
}

/// Every page of an answer, one turn of `limiter` for each.
async fn every_page<T>(
    limiter: &Limiter,
    fetch: impl AsyncFn(Option<String>) -> Answer<(Vec<T>, Option<String>)>,
) -> Answer<Vec<T>> {
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        limiter.turn().await;
        let (page, token) = fetch(next).await?;
        found.extend(page);
        next = token;
        if next.is_none() {
            return Ok(found);
        }
    }
}

impl Regional {
    async fn all_applied(&self) -> Answer<Vec<ServiceQuota>> {
        every_page(&self.rates.list, async |token| {
            let call = self.quotas.list_service_quotas().service_code(SERVICE).max_results(100);
            let page = call.set_next_token(token).send().await;
            let page = page.map_err(|e| error::of_read("servicequotas:ListServiceQuotas", &e))?;
            Ok((page.quotas.unwrap_or_default(), page.next_token))
        })
        .await
    }

    async fn all_defaults(&self) -> Answer<Vec<ServiceQuota>> {
        every_page(&self.rates.list, async |token| {
            let call = self.quotas.list_aws_default_service_quotas().service_code(SERVICE).max_results(100);
            let page = call.set_next_token(token).send().await;
            let page = page.map_err(|e| error::of_read("servicequotas:ListAWSDefaultServiceQuotas", &e))?;
            Ok((page.quotas.unwrap_or_default(), page.next_token))
        })
        .await
    }
}

impl Quotas for Aws {
    async fn applied(&self, place: &Place, code: &QuotaCode) -> Answer<Option<QuotaValue>> {
        let region = self.at(place)?;
        region.rates.applied.turn().await;
        let call = region.quotas.get_service_quota().service_code(SERVICE).quota_code(code.as_str());
        let found = error::of_lookup("servicequotas:GetServiceQuota", call.send().await)?;
        value(found.and_then(|answer| answer.quota))
    }

    async fn default_value(&self, place: &Place, code: &QuotaCode) -> Answer<Option<QuotaValue>> {
        let region = self.at(place)?;
        region.rates.default.turn().await;
        let call = region.quotas.get_aws_default_service_quota().service_code(SERVICE);
        let answer = call.quota_code(code.as_str()).send().await;
        let found = error::of_lookup("servicequotas:GetAWSDefaultServiceQuota", answer)?;
        value(found.and_then(|answer| answer.quota))
    }

    async fn request(&self, place: &Place, id: &str) -> Answer<Option<IncreaseRequest>> {
        let region = self.at(place)?;
        region.rates.history.turn().await;
        let answer = region.quotas.get_requested_service_quota_change().request_id(id).send().await;
        let found = error::of_lookup("servicequotas:GetRequestedServiceQuotaChange", answer)?;
        let Some(change) = found.and_then(|answer| answer.requested_quota) else { return Ok(None) };
        let why = || {
            PortError::invalid("Service Quotas describes the request without its id, quota, value or date")
        };
        request(&change).map(Some).ok_or_else(why)
    }

    async fn history(&self, place: &Place, code: &QuotaCode) -> Answer<Vec<IncreaseRequest>> {
        let region = self.at(place)?;
        let action = "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota";
        let mut found = every_page(&region.rates.history, async |token| {
            let call = region.quotas.list_requested_service_quota_change_history_by_quota();
            let call = call.service_code(SERVICE).quota_code(code.as_str()).max_results(100);
            // Nobody requested an increase of a quota that Service Quotas does not know.
            let Some(page) = error::of_lookup(action, call.set_next_token(token).send().await)? else {
                return Ok((Vec::new(), None));
            };
            Ok((page.requested_quotas().iter().filter_map(request).collect(), page.next_token))
        })
        .await?;
        found.sort_by_key(|r| std::cmp::Reverse(r.created));
        Ok(found)
    }

    /// Applied values where the account has them, and every other quota with its default.
    async fn listing(&self, place: &Place) -> Answer<Catalog> {
        let region = self.at(place)?;
        if let Some(known) = region.listing.borrow().as_ref()
            && known.since.elapsed() < LISTING_KEPT
        {
            return Ok(known.catalog.clone());
        }
        let (applied, defaults) = tokio::join!(region.all_applied(), region.all_defaults());
        // The later of two quotas with one code holds.
        let catalog = Catalog::new(listed(defaults?).chain(listed(applied?)));
        let listing = Listing { since: Instant::now(), catalog: catalog.clone() };
        *region.listing.borrow_mut() = Some(listing);
        Ok(catalog)
    }

    async fn request_increase(
        &self,
        place: &Place,
        code: &QuotaCode,
        desired: f64,
    ) -> Answer<IncreaseRequest> {
        let region = self.at(place)?;
        let once = aws_sdk_servicequotas::config::Builder::new().retry_config(RetryConfig::disabled());
        let mut tries = 0;
        let answer = loop {
            region.rates.request.turn().await;
            let call = region.quotas.request_service_quota_increase().service_code(SERVICE);
            let call = call.quota_code(code.as_str()).desired_value(desired).support_case_allowed(true);
            let answer = call.customize().config_override(once.clone()).send().await;
            let answer = answer.map_err(|e| error::of_write("servicequotas:RequestServiceQuotaIncrease", &e));
            tries += 1;
            if !matches!(answer, Err(PortError::Throttled)) || tries == TRIES {
                break answer?;
            }
            tokio::time::sleep(Duration::from_millis(500) * tries).await;
        };
        // An answer that names no request leaves in doubt what happened; the history tells.
        answer.requested_quota().and_then(request).ok_or(PortError::UnknownOutcome)
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::{FakeRelativeClock, Reference as _};

    use super::*;

    /// How long `calls` calls take one after the other, of an API that answers at once.
    fn taken(api: &Documented, processes: u32, calls: u32) -> Duration {
        let clock = FakeRelativeClock::default();
        let limiter = Limiter::new(api, processes, clock.clone());
        let begun = clock.now();
        let waits = async {
            for _ in 0..calls {
                limiter.turn_within(Duration::MAX, async |wait| clock.advance(wait)).await;
            }
        };
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(waits);
        clock.now().duration_since(begun).into()
    }

    #[test]
    fn what_one_incident_asks_waits_for_no_share() {
        for (api, most) in [(READS, 500), (LISTS, 1_500), (REQUESTS, 1_000), (LOOKUPS, 5_500)] {
            let alone = taken(&api, 1, api.an_incident);
            assert_eq!(taken(&api, 1000, api.an_incident), alone);
            // Gathering evidence has six seconds, who calls is asked for eight more.
            assert!(alone <= Duration::from_millis(most), "{alone:?}");
        }
    }

    #[test]
    fn in_the_long_run_all_processes_together_keep_to_the_documented_rate() {
        for api in [READS, LISTS, REQUESTS, LOOKUPS] {
            for processes in [1, 2, 5] {
                let calls = 500;
                let seconds = taken(&api, processes, calls).as_secs_f64();
                let together = f64::from((calls - api.an_incident) * processes) / seconds;
                assert!(together <= f64::from(api.a_second) * 1.01, "{processes}: {together} a second");
                assert!(together >= f64::from(api.a_second) * 0.9, "{processes}: {together} a second");
            }
        }
    }

    #[test]
    fn a_second_look_at_cloudtrail_reads_what_the_share_has_room_for() {
        let clock = FakeRelativeClock::default();
        let limiter = Limiter::new(&LOOKUPS, 5, clock.clone());
        let begun = clock.now();
        let turns = async |wanted: u32, soon| {
            let mut taken = 0;
            while taken < wanted && limiter.turn_within(soon, async |wait| clock.advance(wait)).await {
                taken += 1;
            }
            taken
        };
        let looks = async {
            let first = turns(LOOKUPS.an_incident, Duration::MAX).await;
            let alone: Duration = clock.now().duration_since(begun).into();
            // Its first page is waited for, the others only if they are near.
            let second = turns(1, Duration::MAX).await + turns(3, Duration::from_secs(1)).await;
            (first, second, alone)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (first, second, alone) = runtime.block_on(looks);
        // While the first one kept to the pace, room for three came back.
        assert_eq!((first, second), (LOOKUPS.an_incident, 3));
        let taken: Duration = clock.now().duration_since(begun).into();
        let further = taken.checked_sub(alone).unwrap();
        assert!(further < Duration::from_secs(6), "the second look fits the time that it has: {further:?}");
    }

    #[test]
    fn no_process_calls_faster_than_the_documented_rate() {
        let burst = taken(&LISTS, 1, LISTS.an_incident).as_secs_f64();
        assert!(
            burst >= f64::from(LISTS.an_incident - LISTS.a_second) / f64::from(LISTS.a_second),
            "{burst}"
        );
    }
}
