//! Quotas, the services that share them, and how much of a minute's demand is admitted.
//!
//! Invariant: Admission is a plain limit on the tokens and the requests of a minute. Other refusals ([`Strain`]) do not
//! depend on the quota's value, so no increase is right for them.

use crate::ids::QuotaCode;
use crate::model::ModelId;
use crate::simulation::years::abuse::{Abuse, AbuseCaller};
use crate::simulation::years::demand::{DAY, Shape, chance, swing};
use crate::usage::{Minute, burndown};

/// How AWS decides requests for a quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Manner {
    /// Grants the desired value, after this median number of days.
    Grants(f64),
    /// Grants between a half and nine tenths of the increase.
    Partly(f64),
    /// Closes this share of the requests, from 0 to 1, without a change.
    Closes(f64),
}

/// A quota of the account.
#[derive(Clone, Debug)]
pub(super) struct PoolQuota {
    pub(super) code: QuotaCode,
    pub(super) is_tokens: bool,
    pub(super) default: f64,
    pub(super) applied: f64,
    /// The applied value on the first day.
    pub(super) first: f64,
    pub(super) is_adjustable: bool,
    pub(super) manner: Manner,
    /// AWS's hidden ceiling for grants.
    pub(super) ceiling: f64,
}

/// One `ModelId` as CloudWatch counts it, and its callers.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// The id as called.
    pub(super) id: ModelId,
    /// Its index among all measured ids.
    pub(super) meter: usize,
    pub(super) shape: Shape,
    /// Requests in the busiest minute of the first days.
    pub(super) scale: f64,
    /// Quota tokens of a request, on average.
    pub(super) size: f64,
    /// Quota tokens that an output token costs.
    pub(super) burndown: f64,
    pub(super) callers: Vec<AbuseCaller>,
    pub(super) abuse: Option<Abuse>,
    /// Total attempts of a refused call.
    pub(super) attempts: f64,
    pub(super) seed: u64,
}

/// What refuses calls besides the quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Strain {
    /// Nothing.
    None,
    /// Requests reserve `max_tokens`: calls are refused once this share of the quota is used.
    Reserved(f64),
    /// Calls come in bursts within the minute: in busy minutes this share is refused, however little is used.
    Bursts(f64),
    /// AWS's own capacity: every few days, for some hours, this share is refused, as throttles or as server errors.
    Capacity { every: f64, hours: f64, part: f64, is_throttle: bool },
    /// Some calls are refused in one of every `every` minutes.
    Odd { every: i64, calls: f64 },
}

/// Services that share the quotas of one model.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    /// The quotas' indexes in the account.
    pub(super) tokens: usize,
    pub(super) requests: usize,
    pub(super) services: Vec<Service>,
    pub(super) strain: Strain,
}

/// The limit that refused calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Tokens,
    Requests,
    /// Not a quota.
    Capacity,
}

/// What is demanded of one service in one minute.
struct ServiceDemand {
    /// Legitimate requests, and abusive ones.
    legitimate: f64,
    abuse: f64,
    /// Quota tokens of a request.
    size: f64,
}

/// What is demanded of a pool in one minute: legitimate requests and quota tokens, and abusive ones.
#[derive(Default)]
struct PoolDemand {
    requests: f64,
    tokens: f64,
    abuse_requests: f64,
    abuse_tokens: f64,
}

impl PoolDemand {
    fn of(services: &[ServiceDemand]) -> Self {
        let mut all = Self::default();
        for ServiceDemand { legitimate, abuse, size } in services {
            all.requests += legitimate;
            all.tokens += legitimate * size;
            all.abuse_requests += abuse;
            all.abuse_tokens += abuse * size;
        }
        all
    }
}

/// The result of one minute of one service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    pub(super) measured: Minute,
    /// Abusive requests demanded.
    pub(super) abuse_asked: f64,
    /// Legitimate requests demanded.
    pub(super) legitimate: f64,
}

/// The result of one minute of a pool.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    pub(super) services: Vec<Served>,
    /// Legitimate demand, in requests and in quota tokens.
    pub(super) requests: f64,
    pub(super) tokens: f64,
    /// The share of the calls that was refused.
    pub(super) refused: f64,
    /// What refused most; `None` if nothing was refused.
    pub(super) bound: Option<Bound>,
    /// Quota tokens of abuse that were served, and those that the first day's quota would have served.
    pub(super) abuse: f64,
    pub(super) abuse_at_first: f64,
    /// The share of abuse in all demand.
    pub(super) abuse_part: f64,
    /// All demand as a share of the quota that is nearest to full.
    pub(super) filled: f64,
}

/// The share of `asked` that is admitted under `limit`.
fn part(limit: f64, asked: f64) -> f64 {
    if asked <= limit { 1.0 } else { limit.max(0.0) / asked }
}

impl Service {
    /// Requests a minute that quotas of these values take from this service alone.
    fn taken(&self, tokens: f64, requests: f64) -> f64 {
        (tokens / self.size).min(requests)
    }

    /// Quota tokens of a request in that minute.
    fn size_at(&self, minute: i64) -> f64 {
        self.size * (1.0 + 0.08 * swing(self.seed.rotate_left(31), minute))
    }

    /// What is demanded in a minute, under quotas of tokens and requests.
    fn demand(&self, minute: i64, tokens: &PoolQuota, requests: &PoolQuota) -> ServiceDemand {
        let legitimate = self.shape.at(minute);
        let abuse = self.abuse.as_ref().map_or(0.0, |abuse| {
            let first = self.taken(tokens.first, requests.first);
            let now = self.taken(tokens.applied, requests.applied);
            let asked = abuse.at(minute, self.scale, first.max(1.0), now);
            // Demand that follows the limit is the total, which includes the legitimate part.
            let asked = if abuse.is_loop { asked - legitimate } else { asked };
            (asked.max(0.0) * (1.0 + 0.05 * swing(self.seed.rotate_left(7), minute))).round()
        });
        ServiceDemand { legitimate, abuse, size: self.size_at(minute) }
    }

    /// What is served of `demand` if the share `ratio` is admitted.
    fn serve(&self, demand: &ServiceDemand, ratio: f64, is_server_error: bool) -> Served {
        let ServiceDemand { legitimate, abuse, size } = *demand;
        let calls = legitimate + abuse;
        let admitted = (calls * ratio).round();
        let refused = ((calls - admitted) * self.attempts).round();
        let counted = admitted * size;
        Served {
            measured: Minute {
                invocations: admitted,
                throttles: if is_server_error { 0.0 } else { refused },
                server_errors: if is_server_error { refused } else { 0.0 },
                input_tokens: (counted * 0.8).round(),
                output_tokens: (counted * 0.2 / self.burndown).round(),
                quota_tokens: Some(counted.round()),
                ..Minute::NONE
            },
            abuse_asked: abuse,
            legitimate,
        }
    }

    pub(super) fn new(
        id: ModelId,
        meter: usize,
        shape: Shape,
        size: f64,
        callers: Vec<AbuseCaller>,
        seed: u64,
    ) -> Self {
        let scale = (0..7 * DAY).map(|minute| shape.at(minute)).fold(0.0, f64::max);
        let burndown = burndown(&id);
        Self { id, meter, shape, scale, size, burndown, callers, abuse: None, attempts: 1.0, seed }
    }
}

impl Pool {
    /// Admits the demand of one minute.
    pub(super) fn admit(&self, minute: i64, quotas: &[PoolQuota]) -> Option<Admitted> {
        let (tokens, requests) = (quotas.get(self.tokens)?, quotas.get(self.requests)?);
        let demands: Vec<ServiceDemand> =
            self.services.iter().map(|service| service.demand(minute, tokens, requests)).collect();
        let all = PoolDemand::of(&demands);
        let (sum_requests, sum_tokens) = (all.requests + all.abuse_requests, all.tokens + all.abuse_tokens);
        let reserved = if let Strain::Reserved(used) = self.strain { used } else { 1.0 };
        let by_tokens = part(tokens.applied * reserved, sum_tokens);
        let by_requests = part(requests.applied, sum_requests);
        let (ratio, bound) = self.tightest(by_tokens, by_requests, self.strained(minute, sum_requests));
        let at_first = part(tokens.first * reserved, sum_tokens).min(part(requests.first, sum_requests));
        let is_server_error = bound == Some(Bound::Capacity)
            && !matches!(self.strain, Strain::Capacity { is_throttle: true, .. });
        let served = self.services.iter().zip(&demands);
        let share =
            |used: f64, of: f64| if of > 0.0 { used / of } else { f64::from(u8::from(used > 0.0)) * 9.0 };
        Some(Admitted {
            services: served.map(|(service, demand)| service.serve(demand, ratio, is_server_error)).collect(),
            requests: all.requests,
            tokens: all.tokens,
            refused: 1.0 - ratio,
            bound,
            abuse: all.abuse_tokens * ratio,
            abuse_at_first: all.abuse_tokens * at_first,
            abuse_part: if sum_requests > 0.0 { all.abuse_requests / sum_requests } else { 0.0 },
            filled: share(sum_tokens, tokens.applied).max(share(sum_requests, requests.applied)),
        })
    }

    /// The share of the calls that is admitted, and what refuses the others: the token quota admits the share
    /// `by_tokens`, the request quota `by_requests`, and anything else refuses the share `strained`.
    fn tightest(&self, by_tokens: f64, by_requests: f64, strained: f64) -> (f64, Option<Bound>) {
        let ratio = by_tokens.min(by_requests);
        if strained > 0.0 && 1.0 - strained < ratio {
            let bound = match self.strain {
                Strain::Capacity { .. } => Bound::Capacity,
                _ => Bound::Tokens,
            };
            return (1.0 - strained, Some(bound));
        }
        let bound = if by_tokens <= by_requests { Bound::Tokens } else { Bound::Requests };
        (ratio, (by_tokens < 1.0 || by_requests < 1.0).then_some(bound))
    }

    /// The share that is refused for a reason other than the quota.
    fn strained(&self, minute: i64, asked: f64) -> f64 {
        let seed = self.services.first().map_or(0, |service| service.seed);
        let scale: f64 = self.services.iter().map(|service| service.scale).sum();
        match self.strain {
            Strain::None | Strain::Reserved(_) => 0.0,
            Strain::Bursts(part) => {
                let is_busy = asked > 0.6 * scale && chance(seed ^ 0xb, minute) < 0.5;
                if is_busy { part } else { 0.0 }
            }
            Strain::Capacity { every, hours, part, .. } => {
                let days = minute as f64 / DAY as f64;
                if days >= 0.0 && days.rem_euclid(every) * 24.0 < hours { part } else { 0.0 }
            }
            Strain::Odd { every, calls } => {
                let is_odd = minute >= 0 && minute.rem_euclid(every) == every / 2;
                if is_odd && asked > 0.0 { (calls / asked).min(1.0) } else { 0.0 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::years::demand::Hours;

    fn quota(code: &str, is_tokens: bool, applied: f64) -> PoolQuota {
        PoolQuota {
            code: QuotaCode::parse(code).unwrap(),
            is_tokens,
            default: applied,
            applied,
            first: applied,
            is_adjustable: true,
            manner: Manner::Grants(1.0),
            ceiling: f64::INFINITY,
        }
    }

    #[test]
    fn the_tighter_limit_decides_what_is_admitted() {
        let shape = Shape::new(1000.0, &[], Hours::Steady, 1.0, 1);
        let id = ModelId::parse("us.amazon.nova-pro-v1:0").unwrap();
        let service = Service::new(id, 0, shape, 1000.0, Vec::new(), 1);
        let pool = Pool { tokens: 0, requests: 1, services: vec![service], strain: Strain::None };
        for (tokens, requests, bound) in
            [(5e5, 900.0, Some(Bound::Tokens)), (9e9, 500.0, Some(Bound::Requests)), (9e9, 5000.0, None)]
        {
            let quotas = [quota("L-F4DDD3EB", true, tokens), quota("L-4A6BFAB1", false, requests)];
            let admitted = pool.admit(700, &quotas).unwrap();
            assert_eq!(admitted.bound, bound);
            let served = admitted.services[0].measured;
            assert!(served.invocations <= requests && served.invocations * 900.0 <= tokens.max(1.0) * 1.1);
            assert_eq!(served.throttles > 0.0, bound.is_some());
        }
    }
}
