//! Increase requests in the sandbox's Service Quotas.

use jiff::Timestamp;

use crate::ids::{QuotaService, Region};
use crate::quota::Catalog;
use crate::quota::request::IncreaseRequest;
use crate::sandbox::{QuotaEntry, WorldFile};

#[derive(Clone, Debug)]
pub(crate) struct FiledRequest {
    pub(crate) region: Region,
    pub(crate) request: IncreaseRequest,
    /// When Service Quotas begins to list it; `None`: at once.
    pub(crate) listed_from: Option<Timestamp>,
}

pub(crate) fn filed_before(file: &WorldFile) -> Vec<FiledRequest> {
    let requests = file.requests.iter().enumerate().map(|(n, r)| FiledRequest {
        region: r.region.clone(),
        request: IncreaseRequest {
            id: request_id(n),
            code: r.code.clone(),
            desired: r.desired,
            status: r.status,
            created: r.created,
            case_id: r.case_id.clone(),
        },
        listed_from: r.listed_from,
    });
    requests.collect()
}

pub(crate) fn request_id(n: usize) -> String {
    format!("request-{:04}", n + 1)
}

/// All quotas of a service in a Region.
#[derive(Clone, Debug)]
pub(crate) struct PastListing {
    pub(crate) region: Region,
    pub(crate) service: QuotaService,
    /// The world file's quotas at the time it was made.
    pub(crate) of: Vec<QuotaEntry>,
    pub(crate) catalog: Catalog,
}
