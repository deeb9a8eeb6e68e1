//! Calls Service Quotas.
//!
//! Invariant: An increase request is sent once. It is repeated only if AWS says that it did not accept it.

use std::time::Duration;

use aws_sdk_servicequotas::config::retry::RetryConfig;
use aws_sdk_servicequotas::types::{self as sdk, ServiceQuota};
use tokio::time::Instant;

use crate::aws::clients::{Aws, timestamp};
use crate::aws::error;
use crate::aws::rates::{Limiter, TRIES};
use crate::aws::regional::{CachedListing, Regional};
use crate::error::{ServiceError, ServiceResult};
use crate::iam_action::IamAction;
use crate::ids::{AccountRegion, QuotaCode, QuotaService};
use crate::ports::Quotas;
use crate::quota::request::{IncreaseRequest, QuotaValue, RequestStatus};
use crate::quota::{Catalog, Quota};

/// How long a listing is kept. New models appear a few times a week; a listing is eleven pages.
const LISTING_KEPT: Duration = Duration::from_hours(1);

/// The quota's value; `None` if Service Quotas has no such quota. An answer without a value is an error.
fn value(quota: Option<ServiceQuota>) -> ServiceResult<Option<QuotaValue>> {
    let Some(quota) = quota else { return Ok(None) };
    let value = quota.value.ok_or_else(|| ServiceError::invalid("Service Quotas names no value"))?;
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
        // Treat an unknown, newer status as open, so that nothing is filed.
        _ => RequestStatus::Pending,
    }
}

/// The increase request; `None` if the answer has no valid request, or one for a service that this program does not know.
pub(crate) fn request(change: &sdk::RequestedServiceQuotaChange) -> Option<IncreaseRequest> {
    Some(IncreaseRequest {
        id: change.id()?.to_owned(),
        code: QuotaCode::of(QuotaService::parse(change.service_code()?)?, change.quota_code()?)?,
        desired: change.desired_value()?,
        status: status(change.status()),
        created: timestamp(change.created()?)?,
        case_id: change.case_id().map(str::to_owned),
    })
}

/// The quotas of a listing of `service`.
fn listed(service: QuotaService, quotas: Vec<ServiceQuota>) -> impl Iterator<Item = Quota> {
    quotas.into_iter().filter_map(move |q| {
        Some(Quota {
            code: QuotaCode::of(service, q.quota_code()?)?,
            name: q.quota_name()?.to_owned(),
            adjustable: q.adjustable,
            value: q.value,
        })
    })
}

/// Reads all pages of an answer, with one turn of `limiter` for each.
async fn every_page<T>(
    limiter: &Limiter,
    fetch: impl AsyncFn(Option<String>) -> ServiceResult<(Vec<T>, Option<String>)>,
) -> ServiceResult<Vec<T>> {
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
    async fn all_applied(&self, service: QuotaService) -> ServiceResult<Vec<ServiceQuota>> {
        every_page(&self.rates.list, async |token| {
            let call = self.quotas.list_service_quotas().service_code(service.as_str()).max_results(100);
            let page = call.set_next_token(token).send().await;
            let page = page.map_err(|e| error::of_read(IamAction::ListServiceQuotas, &e))?;
            Ok((page.quotas.unwrap_or_default(), page.next_token))
        })
        .await
    }

    async fn all_defaults(&self, service: QuotaService) -> ServiceResult<Vec<ServiceQuota>> {
        every_page(&self.rates.list, async |token| {
            let call = self.quotas.list_aws_default_service_quotas().service_code(service.as_str());
            let call = call.max_results(100);
            let page = call.set_next_token(token).send().await;
            let page = page.map_err(|e| error::of_read(IamAction::ListAwsDefaultServiceQuotas, &e))?;
            Ok((page.quotas.unwrap_or_default(), page.next_token))
        })
        .await
    }
}

impl Quotas for Aws {
    async fn applied(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<Option<QuotaValue>> {
        let region = self.at(place).await?;
        region.rates.applied.turn().await;
        let call = region.quotas.get_service_quota().service_code(code.service().as_str());
        let call = call.quota_code(code.code());
        let found = error::of_lookup(IamAction::GetServiceQuota, call.send().await)?;
        value(found.and_then(|answer| answer.quota))
    }

    async fn default_value(
        &self,
        place: &AccountRegion,
        code: &QuotaCode,
    ) -> ServiceResult<Option<QuotaValue>> {
        let region = self.at(place).await?;
        region.rates.default.turn().await;
        let call = region.quotas.get_aws_default_service_quota().service_code(code.service().as_str());
        let answer = call.quota_code(code.code()).send().await;
        let found = error::of_lookup(IamAction::GetAwsDefaultServiceQuota, answer)?;
        value(found.and_then(|answer| answer.quota))
    }

    async fn request(&self, place: &AccountRegion, id: &str) -> ServiceResult<Option<IncreaseRequest>> {
        let region = self.at(place).await?;
        region.rates.history.turn().await;
        let answer = region.quotas.get_requested_service_quota_change().request_id(id).send().await;
        let found = error::of_lookup(IamAction::GetRequestedServiceQuotaChange, answer)?;
        let Some(change) = found.and_then(|answer| answer.requested_quota) else { return Ok(None) };
        let why = || {
            ServiceError::invalid("Service Quotas describes the request without its id, quota, value or date")
        };
        request(&change).map(Some).ok_or_else(why)
    }

    async fn history(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<Vec<IncreaseRequest>> {
        let region = self.at(place).await?;
        let action = IamAction::ListRequestedServiceQuotaChangeHistoryByQuota;
        let mut found = every_page(&region.rates.history, async |token| {
            let call = region.quotas.list_requested_service_quota_change_history_by_quota();
            let call = call.service_code(code.service().as_str()).quota_code(code.code()).max_results(100);
            // A quota that Service Quotas does not know has no requests.
            let Some(page) = error::of_lookup(action, call.set_next_token(token).send().await)? else {
                return Ok((Vec::new(), None));
            };
            Ok((page.requested_quotas().iter().filter_map(request).collect(), page.next_token))
        })
        .await?;
        found.sort_by_key(|r| std::cmp::Reverse(r.created));
        Ok(found)
    }

    /// Every quota with its applied value, or its default if the account has no value of its own.
    async fn listing(&self, place: &AccountRegion, service: QuotaService) -> ServiceResult<Catalog> {
        let region = self.at(place).await?;
        if let Some(known) = region.listings.borrow().get(&service)
            && known.since.elapsed() < LISTING_KEPT
        {
            return Ok(known.catalog.clone());
        }
        let (applied, defaults) = tokio::join!(region.all_applied(service), region.all_defaults(service));
        // `Catalog` keeps the later of two quotas with the same code.
        let catalog = Catalog::new(listed(service, defaults?).chain(listed(service, applied?)));
        let listing = CachedListing { since: Instant::now(), catalog: catalog.clone() };
        region.listings.borrow_mut().insert(service, listing);
        Ok(catalog)
    }

    async fn request_increase(
        &self,
        place: &AccountRegion,
        code: &QuotaCode,
        desired: f64,
    ) -> ServiceResult<IncreaseRequest> {
        let region = self.at(place).await?;
        let once = aws_sdk_servicequotas::config::Builder::new().retry_config(RetryConfig::disabled());
        let mut tries = 0;
        let answer = loop {
            region.rates.request.turn().await;
            let call = region.quotas.request_service_quota_increase();
            let call = call.service_code(code.service().as_str()).quota_code(code.code());
            let call = call.desired_value(desired).support_case_allowed(true);
            let answer = call.customize().config_override(once.clone()).send().await;
            let answer = answer.map_err(|e| error::of_write(IamAction::RequestServiceQuotaIncrease, &e));
            tries += 1;
            if !matches!(answer, Err(ServiceError::Throttled)) || tries == TRIES {
                break answer?;
            }
            tokio::time::sleep(Duration::from_millis(500) * tries).await;
        };
        // An answer without a request leaves the outcome unknown; the history has it.
        answer.requested_quota().and_then(request).ok_or(ServiceError::UnknownOutcome)
    }
}
