//! The SDK clients of one account and Region, each made on first use.

use std::cell::{LazyCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use aws_config::SdkConfig;
use tokio::time::Instant;

use crate::aws::rates::Rates;
use crate::ids::{QuotaService, Region};
use crate::quota::Catalog;

/// A client, made on first use and kept: no delivery needs all of them.
pub(crate) type Lazy<C> = LazyCell<C, Box<dyn FnOnce() -> C>>;

pub(crate) fn lazy<C: 'static>(config: &Rc<SdkConfig>, client: fn(&SdkConfig) -> C) -> Lazy<C> {
    let config = config.clone();
    LazyCell::new(Box::new(move || client(&config)))
}

/// The same configuration in `region`.
pub(crate) fn in_region(config: &SdkConfig, region: &Region) -> SdkConfig {
    let region = aws_config::Region::new(region.as_str().to_owned());
    config.to_builder().region(region).build()
}

/// Clients for the Region of an incident.
#[derive(Debug)]
pub(crate) struct Regional {
    pub(crate) quotas: Lazy<aws_sdk_servicequotas::Client>,
    pub(crate) metrics: Lazy<aws_sdk_cloudwatch::Client>,
    pub(crate) bedrock: Lazy<aws_sdk_bedrock::Client>,
    pub(crate) trail: Lazy<aws_sdk_cloudtrail::Client>,
    pub(crate) logs: Lazy<aws_sdk_cloudwatchlogs::Client>,
    pub(crate) iam: Lazy<aws_sdk_iam::Client>,
    pub(crate) rates: Rates,
    pub(crate) listings: RefCell<BTreeMap<QuotaService, CachedListing>>,
}

impl Regional {
    /// The clients in `region`, each made on first use. `concurrency`: how many processes share the request rates.
    pub(crate) fn new(config: &SdkConfig, region: &Region, concurrency: u32) -> Self {
        let config = Rc::new(in_region(config, region));
        Self {
            quotas: lazy(&config, aws_sdk_servicequotas::Client::new),
            metrics: lazy(&config, aws_sdk_cloudwatch::Client::new),
            bedrock: lazy(&config, aws_sdk_bedrock::Client::new),
            trail: lazy(&config, aws_sdk_cloudtrail::Client::new),
            logs: lazy(&config, aws_sdk_cloudwatchlogs::Client::new),
            iam: lazy(&config, aws_sdk_iam::Client::new),
            rates: Rates::shared_by(concurrency),
            listings: RefCell::default(),
        }
    }
}

/// All quotas of the account in one Region, and when they were read.
#[derive(Debug)]
pub(crate) struct CachedListing {
    pub(crate) since: Instant,
    pub(crate) catalog: Catalog,
}
