//! The SDK clients of each Region, made on first use.

use std::cell::{Cell, LazyCell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use aws_config::{BehaviorVersion, SdkConfig};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::aws::config::{self, retries, timeouts};
use crate::aws::error;
use crate::aws::http::http_client;
use crate::aws::rates::Rates;
use crate::error::{ServiceError, ServiceResult};
use crate::iam_action::IamAction;
use crate::identity::FunctionIdentity;
use crate::ids::{AccountId, AccountRegion, Arn, QuotaService, Region};
use crate::ports::Clock;
use crate::quota::Catalog;

/// A client, made on first use and kept: no delivery needs all of them.
pub(crate) type Lazy<C> = LazyCell<C, Box<dyn FnOnce() -> C>>;

pub(crate) fn lazy<C: 'static>(config: &Rc<SdkConfig>, client: fn(&SdkConfig) -> C) -> Lazy<C> {
    let config = config.clone();
    LazyCell::new(Box::new(move || client(&config)))
}

/// AWS as one account sees it. Keeps clients for each Region.
#[derive(Debug)]
pub struct Aws {
    config: Rc<SdkConfig>,
    account: OnceCell<AccountId>,
    regions: RefCell<BTreeMap<Region, Rc<Regional>>>,
    pub(crate) own: Own,
    /// How many processes share the account's request rates.
    concurrency: u32,
}

/// The function's own resources.
#[derive(Debug, Default)]
pub(crate) struct Own {
    pub(crate) table: Option<(Lazy<aws_sdk_dynamodb::Client>, String)>,
    pub(crate) topic: Option<(Lazy<aws_sdk_sns::Client>, String)>,
    /// Unique to this process among all that take leases.
    pub(crate) name: String,
    pub(crate) leases: Cell<u64>,
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

impl Aws {
    /// Uses the configuration that Lambda puts into the environment.
    pub fn of_function() -> Self {
        Self::new(config::config())
    }

    /// Uses the credentials of an engineer's machine: environment, profile, single sign-on. The error says why
    /// they do not work.
    pub async fn of_default_chain() -> ServiceResult<Self> {
        let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client());
        let loader = loader.timeout_config(timeouts()).retry_config(retries());
        let aws = Self::new(loader.load().await);
        if aws.config.region().is_none() {
            let why = "no Region is set; set AWS_REGION or the profile's `region`";
            return Err(ServiceError::invalid(why));
        }
        let caller = aws_sdk_sts::Client::new(&aws.config).get_caller_identity().send().await;
        let caller = caller.map_err(|e| error::of_read(IamAction::GetCallerIdentity, &e))?;
        if let Some(account) = caller.account().and_then(AccountId::parse) {
            aws.works_for(account);
        }
        Ok(aws)
    }

    /// Uses the given configuration.
    pub fn new(config: SdkConfig) -> Self {
        let config = Rc::new(config);
        Self {
            config,
            account: OnceCell::new(),
            regions: RefCell::default(),
            own: Own::default(),
            concurrency: 1,
        }
    }

    /// Sets the account of the credentials. No other account is ever called.
    pub fn works_for(&self, account: AccountId) {
        // Every invocation sets it again, always to the same account.
        let _ = self.account.set(account);
    }

    /// The account of the credentials; `None` until it is known.
    pub fn account(&self) -> Option<&AccountId> {
        self.account.get()
    }

    /// The Region of the configuration.
    pub fn region(&self) -> Option<Region> {
        self.config.region().and_then(|r| Region::parse(r.as_ref()))
    }

    /// The account and Region it works in.
    pub fn home(&self) -> FunctionIdentity {
        FunctionIdentity {
            account: self.account().cloned(),
            region: self.region(),
            ..FunctionIdentity::default()
        }
    }

    /// Sets how many processes run concurrently and share the account's request rates.
    #[must_use]
    pub fn with_concurrency(mut self, concurrency: u32) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Sets the ledger's table. `name` must be unique to this process among all that use the table.
    #[must_use]
    pub fn with_table(mut self, table: &str, name: &str) -> Self {
        self.own.table = Some((lazy(&self.config, aws_sdk_dynamodb::Client::new), table.to_owned()));
        name.clone_into(&mut self.own.name);
        self
    }

    /// Sets the topic, which may be in another Region.
    #[must_use]
    pub fn with_topic(mut self, arn: &str) -> Self {
        let region = Arn::parse(arn).and_then(|arn| Region::parse(arn.region));
        let config = region.map_or_else(|| self.config.clone(), |region| Rc::new(self.config_in(&region)));
        self.own.topic = Some((lazy(&config, aws_sdk_sns::Client::new), arn.to_owned()));
        self
    }

    /// Makes the clients that a throttle in `place` needs besides the ledger's, while the first answer is still
    /// on its way.
    pub fn make_clients(&self, place: &AccountRegion) {
        if let Ok(region) = self.at(place) {
            LazyCell::force(&region.quotas);
            LazyCell::force(&region.metrics);
        }
        if let Some((topic, _)) = &self.own.topic {
            LazyCell::force(topic);
        }
    }

    pub(crate) fn config_in(&self, region: &Region) -> SdkConfig {
        let region = aws_config::Region::new(region.as_str().to_owned());
        self.config.to_builder().region(region).build()
    }

    /// The clients for `place`; an error if it is in another account.
    pub(crate) fn at(&self, place: &AccountRegion) -> ServiceResult<Rc<Regional>> {
        if self.account() != Some(&place.account) {
            let why = match self.account() {
                Some(own) => format!("account {} cannot be asked from account {own}", place.account),
                None => "the account of the credentials is not known".to_owned(),
            };
            return Err(ServiceError::invalid(why));
        }
        let mut regions = self.regions.borrow_mut();
        let clients = regions.entry(place.region.clone()).or_insert_with(|| {
            let config = Rc::new(self.config_in(&place.region));
            Rc::new(Regional {
                quotas: lazy(&config, aws_sdk_servicequotas::Client::new),
                metrics: lazy(&config, aws_sdk_cloudwatch::Client::new),
                bedrock: lazy(&config, aws_sdk_bedrock::Client::new),
                trail: lazy(&config, aws_sdk_cloudtrail::Client::new),
                logs: lazy(&config, aws_sdk_cloudwatchlogs::Client::new),
                iam: lazy(&config, aws_sdk_iam::Client::new),
                rates: Rates::shared_by(self.concurrency),
                listings: RefCell::default(),
            })
        });
        Ok(clients.clone())
    }
}

pub(crate) fn timestamp(time: &aws_sdk_servicequotas::primitives::DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

impl Clock for Aws {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: SignedDuration) {
        tokio::time::sleep(duration.try_into().unwrap_or_default()).await;
    }

    async fn within<T>(&self, limit: SignedDuration, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(limit.try_into().unwrap_or_default(), work).await.ok()
    }
}

/// All quotas of the account in one Region, and when they were read.
#[derive(Debug)]
pub(crate) struct CachedListing {
    pub(crate) since: Instant,
    pub(crate) catalog: Catalog,
}
