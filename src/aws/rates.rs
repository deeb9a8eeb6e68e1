//! Limits request rates to what AWS documents, and in the long run to this process's share.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota as Rate, RateLimiter};

/// Total attempts of a call that AWS throttles.
pub(crate) const TRIES: u32 = 3;

/// Rate limiters of the APIs. No call is faster than the documented rate. In the long run, calls also stay within
/// this process's share of it, because the rates are the account's and other processes use them too.
/// See <https://docs.aws.amazon.com/servicequotas/latest/userguide/reference_limits.html> and
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html>.
#[derive(Debug)]
pub(crate) struct Rates {
    pub(crate) applied: Limiter,
    pub(crate) default: Limiter,
    pub(crate) history: Limiter,
    pub(crate) list: Limiter,
    pub(crate) request: Limiter,
    /// CloudTrail's `LookupEvents`.
    pub(crate) lookup: Limiter,
}

/// The documented calls a second of an API, and the most calls that one incident makes of it: these need not wait
/// for the share.
pub(crate) struct Documented {
    a_second: u32,
    an_incident: u32,
}

/// One incident reads at most three limits.
pub(crate) const READS: Documented = Documented { a_second: 5, an_incident: 3 };

/// One listing of 1,100 quotas: applied values and defaults.
pub(crate) const LISTS: Documented = Documented { a_second: 10, an_incident: 24 };

/// One request and its further attempts.
pub(crate) const REQUESTS: Documented = Documented { a_second: 3, an_incident: TRIES };

/// Four pages for the errors behind an alarm, one page for the root user, four for present callers, four for callers a
/// week ago.
pub(crate) const LOOKUPS: Documented = Documented { a_second: 2, an_incident: 13 };

impl Rates {
    /// The limiters of one of `processes` that share the account's rates.
    pub(crate) fn shared_by(processes: u32) -> Self {
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

pub(crate) type Rated<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Lets a call pass when both of its rates allow it.
#[derive(Debug)]
pub(crate) struct Limiter<C: Clock = MonotonicClock> {
    /// This process's share of the documented rate, with room for one incident.
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
    pub(crate) async fn turn(&self) {
        self.turn_within(Duration::MAX, async |wait| tokio::time::sleep(wait).await).await;
    }

    /// Waits like `turn`, if the share has room within `soon`. `false`: the call must not be made.
    pub(crate) async fn turn_soon(&self, soon: Duration) -> bool {
        self.turn_within(soon, async |wait| tokio::time::sleep(wait).await).await
    }

    /// Waits like `turn_soon`, using `sleep`.
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

#[cfg(test)]
mod tests {
    use governor::clock::{FakeRelativeClock, Reference as _};

    use super::*;

    #[test]
    fn the_rates_are_those_that_aws_documents() {
        let rates = [READS, LISTS, REQUESTS, LOOKUPS].map(|api| api.a_second);
        assert_eq!(rates, [5, 10, 3, 2]);
    }

    /// How long `calls` consecutive calls take of an API that answers at once.
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
            // Gathering evidence has six seconds; finding the callers has eight more.
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
            // The first page is awaited, further pages only if their turn is near.
            let second = turns(1, Duration::MAX).await + turns(3, Duration::from_secs(1)).await;
            (first, second, alone)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (first, second, alone) = runtime.block_on(looks);
        // While the first look kept to the pace, room for three calls came back.
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
