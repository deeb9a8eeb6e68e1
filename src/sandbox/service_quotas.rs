//! Service Quotas with its real rules: open requests block new ones, values are checked against the default,
//! and a closed case does not say how it was closed.
//! See <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_RequestServiceQuotaIncrease.html>.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::error::{Rejection, ServiceError, ServiceResult};
use crate::ids::{AccountRegion, QuotaCode, QuotaService};
use crate::ports::Quotas;
use crate::quota::request::{IncreaseRequest, QuotaValue, RequestStatus};
use crate::quota::{Catalog, Quota};
use crate::sandbox::filed::{FiledRequest, PastListing, request_id};
use crate::sandbox::state::{Sandbox, SandboxState};
use crate::sandbox::{Happened, PortCall, QuotaEntry};

/// The most open requests in a Region.
const MOST_OPEN: usize = 2;
/// How long history is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A quota in this world.
struct KnownQuota {
    quota: Quota,
    applied: Option<f64>,
    default: Option<f64>,
}

impl KnownQuota {
    fn value(&self, of: fn(&Self) -> Option<f64>) -> Option<QuotaValue> {
        Some(QuotaValue { value: of(self)?, adjustable: self.quota.adjustable })
    }
}

impl SandboxState {
    /// Every quota of `service` in this account and Region. Made again only when a quota of the world file has changed.
    fn listing(&mut self, place: &AccountRegion, service: QuotaService) -> Catalog {
        let quotas = &self.file.quotas;
        let is_same = |known: &PastListing| known.region == place.region && known.service == service;
        let is_of_now = |known: &&PastListing| is_same(known) && known.of == *quotas;
        if let Some(known) = self.listings.iter().find(is_of_now) {
            return known.catalog.clone();
        }
        let mut codes: BTreeSet<&QuotaCode> =
            quotas.iter().map(|q| &q.code).filter(|c| c.service() == service).collect();
        let mut listed: Vec<KnownQuota> = codes.iter().filter_map(|code| self.known(place, code)).collect();
        let built_in = Catalog::built_in().quotas().iter().filter(|_| !self.lists_little);
        let built_in = built_in.filter(|q| q.code.service() == service && codes.insert(&q.code));
        listed.extend(built_in.map(|q| KnownQuota { applied: None, default: q.value, quota: q.clone() }));
        let catalog =
            Catalog::new(listed.into_iter().map(|k| Quota { value: k.applied.or(k.default), ..k.quota }));
        let listing = PastListing {
            region: place.region.clone(),
            service,
            of: quotas.clone(),
            catalog: catalog.clone(),
        };
        self.listings.retain(|known| !is_same(known));
        self.listings.push(listing);
        catalog
    }

    /// The quota; `None` if this account and Region do not have it.
    fn known(&self, place: &AccountRegion, code: &QuotaCode) -> Option<KnownQuota> {
        let fits = |q: &&QuotaEntry| q.code == *code && q.region.as_ref().is_none_or(|r| *r == place.region);
        let entry = self.file.quotas.iter().find(fits);
        let listed = Catalog::built_in().get(code).cloned();
        let named = || {
            let entry = entry?;
            Some(Quota {
                code: code.clone(),
                name: entry.name.clone()?,
                adjustable: entry.adjustable.unwrap_or(true),
                value: None,
            })
        };
        let mut quota = listed.or_else(named)?;
        if let Some(adjustable) = entry.and_then(|e| e.adjustable) {
            quota.adjustable = adjustable;
        }
        let default = entry.and_then(|e| e.default).or(quota.value);
        Some(KnownQuota { quota, applied: entry.and_then(|e| e.applied), default })
    }

    fn history(&self, place: &AccountRegion, code: &QuotaCode) -> Vec<IncreaseRequest> {
        let oldest = self.now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        let of_quota = |f: &&FiledRequest| {
            let is_listed = f.listed_from.is_none_or(|from| from <= self.now);
            f.region == place.region && f.request.code == *code && f.request.created >= oldest && is_listed
        };
        let mut history: Vec<_> = self.requests.iter().filter(of_quota).map(|f| f.request.clone()).collect();
        history.sort_by_key(|r| std::cmp::Reverse(r.created));
        history
    }

    fn file(
        &mut self,
        place: &AccountRegion,
        code: &QuotaCode,
        desired: f64,
    ) -> ServiceResult<IncreaseRequest> {
        let refused = |kind, why: &str| Err(ServiceError::Rejected(kind, why.to_owned()));
        let Some(known) = self.known(place, code) else {
            return refused(Rejection::Invalid, "the quota does not exist");
        };
        if !known.quota.adjustable {
            return refused(Rejection::Invalid, "the quota is not adjustable");
        }
        let open = || self.requests.iter().filter(|f| f.region == place.region && f.request.status.is_open());
        if open().any(|f| f.request.code == *code) {
            let why = "only one open service quota increase request is allowed per quota";
            return refused(Rejection::AlreadyOpen, why);
        }
        if open().count() >= MOST_OPEN {
            return refused(Rejection::TooManyOpen, "too many open quota increase requests in the Region");
        }
        let floor = known.default.unwrap_or(0.0).max(known.applied.unwrap_or(0.0));
        if desired <= floor {
            let why =
                format!("you must provide a quota value greater than the default quota value of {floor:?}");
            return refused(Rejection::TooLow, &why);
        }
        if desired > 1e10 {
            return refused(Rejection::Invalid, "the value is too large");
        }
        let request = IncreaseRequest {
            id: request_id(self.requests.len()),
            code: code.clone(),
            desired,
            status: RequestStatus::Pending,
            created: self.now,
            case_id: None,
        };
        self.requests.push(FiledRequest {
            region: place.region.clone(),
            request: request.clone(),
            listed_from: None,
        });
        Ok(request)
    }
}

impl Sandbox {
    /// Makes Service Quotas list only the world file's quotas from now on, without the built-in ones.
    pub fn list_little(&self) {
        let mut state = self.state.borrow_mut();
        state.lists_little = true;
        state.listings.clear();
    }

    /// Files a request as a person of the account would. Service Quotas' own rules may refuse it.
    pub fn request_by_hand(
        &self,
        place: &AccountRegion,
        code: &QuotaCode,
        desired: f64,
    ) -> ServiceResult<IncreaseRequest> {
        self.state.borrow_mut().file(place, code, desired)
    }

    /// Decides a request as AWS: sets its status, and the new applied value if it changes.
    pub fn decide(&self, request_id: &str, status: RequestStatus, applied: Option<f64>) {
        let mut state = self.state.borrow_mut();
        let Some(at) = state.requests.iter().position(|f| f.request.id == request_id) else { return };
        let Some(filed) = state.requests.get_mut(at) else { return };
        filed.request.status = status;
        if status == RequestStatus::CaseOpened {
            filed.request.case_id = Some(format!("case-{request_id}"));
        }
        let (region, code) = (filed.region.clone(), filed.request.code.clone());
        let Some(applied) = applied else { return };
        let entry = state
            .file
            .quotas
            .iter_mut()
            .find(|q| q.code == code && q.region.as_ref().is_none_or(|r| *r == region));
        match entry {
            Some(entry) => entry.applied = Some(applied),
            None => state.file.quotas.push(QuotaEntry {
                region: Some(region),
                code,
                name: None,
                applied: Some(applied),
                default: None,
                adjustable: None,
            }),
        }
    }

    /// The applied value of the quota that a request is for; `None` if there is no such request or
    /// value.
    pub fn applied_to(&self, request_id: &str) -> Option<f64> {
        let state = self.state.borrow();
        let filed = state.requests.iter().find(|f| f.request.id == request_id)?;
        let place = AccountRegion { account: state.file.account.clone()?, region: filed.region.clone() };
        let known = state.known(&place, &filed.request.code)?;
        known.applied.or(known.default)
    }

    /// Every increase request in this world, oldest first.
    pub fn increase_requests(&self) -> Vec<IncreaseRequest> {
        self.state.borrow().requests.iter().map(|f| f.request.clone()).collect()
    }
}

impl Quotas for Sandbox {
    async fn applied(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<Option<QuotaValue>> {
        self.call_at(place, PortCall::Applied, |state| {
            Ok(state.known(place, code).and_then(|q| q.value(|q| q.applied)))
        })
        .await
    }

    async fn default_value(
        &self,
        place: &AccountRegion,
        code: &QuotaCode,
    ) -> ServiceResult<Option<QuotaValue>> {
        self.call_at(place, PortCall::DefaultValue, |state| {
            Ok(state.known(place, code).and_then(|q| q.value(|q| q.default)))
        })
        .await
    }

    async fn request(&self, place: &AccountRegion, id: &str) -> ServiceResult<Option<IncreaseRequest>> {
        self.call_at(place, PortCall::Request, |state| {
            let oldest = state.now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
            let filed = state.requests.iter().find(|f| f.region == place.region && f.request.id == id);
            Ok(filed.map(|f| f.request.clone()).filter(|r| r.status.is_open() || r.created >= oldest))
        })
        .await
    }

    async fn history(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<Vec<IncreaseRequest>> {
        self.call_at(place, PortCall::History, |state| Ok(state.history(place, code))).await
    }

    async fn listing(&self, place: &AccountRegion, service: QuotaService) -> ServiceResult<Catalog> {
        self.call_at(place, PortCall::Listing, |state| Ok(state.listing(place, service))).await
    }

    async fn request_increase(
        &self,
        place: &AccountRegion,
        code: &QuotaCode,
        desired: f64,
    ) -> ServiceResult<IncreaseRequest> {
        self.call_at(place, PortCall::RequestIncrease, |state| {
            let answer = state.file(place, code, desired);
            let request_id = answer.as_ref().ok().map(|request| request.id.clone());
            state.note(|| Happened::Asked { place: place.clone(), code: code.clone(), desired, request_id });
            answer
        })
        .await
    }
}
