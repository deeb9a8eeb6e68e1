//! AWS as the function sees it: its own account, and the members of its organization.

use std::cell::{Cell, LazyCell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use aws_config::{BehaviorVersion, SdkConfig};
use jiff::{SignedDuration, Timestamp};

use crate::aws::config::{self, retries, timeouts};
use crate::aws::error;
use crate::aws::http::http_client;
use crate::aws::members::Members;
use crate::aws::regional::{Lazy, Regional, in_region, lazy};
use crate::error::{ServiceError, ServiceResult};
use crate::iam_action::IamAction;
use crate::identity::{FunctionIdentity, Organization};
use crate::ids::{AccountId, AccountRegion, Arn, Region};
use crate::ports::Clock;

/// AWS as one account sees it. Keeps clients for each Region.
#[derive(Debug)]
pub struct Aws {
    config: Rc<SdkConfig>,
    account: OnceCell<AccountId>,
    regions: RefCell<BTreeMap<Region, Rc<Regional>>>,
    /// The other accounts of the organization; `None` without one.
    members: Option<Members>,
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
            members: None,
            own: Own::default(),
            concurrency: 1,
        }
    }

    /// Sets the account of the credentials. Without an organization, no other account is ever called.
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

    /// Sets the organization whose other accounts are called with the role of a member.
    #[must_use]
    pub fn with_organization(mut self, organization: Option<Organization>) -> Self {
        self.members = organization.map(|organization| Members::of(organization, &self.config));
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
        if self.account() == Some(&place.account) {
            let region = self.in_own_account(&place.region);
            LazyCell::force(&region.quotas);
            LazyCell::force(&region.metrics);
        }
        if let Some((topic, _)) = &self.own.topic {
            LazyCell::force(topic);
        }
    }

    pub(crate) fn config_in(&self, region: &Region) -> SdkConfig {
        in_region(&self.config, region)
    }

    /// The clients for `place`; an error if it is in an account that cannot be called.
    pub(crate) async fn at(&self, place: &AccountRegion) -> ServiceResult<Rc<Regional>> {
        match (self.account(), &self.members) {
            (Some(own), _) if own == &place.account => Ok(self.in_own_account(&place.region)),
            (Some(_), Some(members)) => members.at(place, &self.config, self.concurrency).await,
            (Some(own), None) => {
                let why = format!("account {} cannot be asked from account {own}", place.account);
                Err(ServiceError::invalid(why))
            }
            (None, _) => Err(ServiceError::invalid("the account of the credentials is not known")),
        }
    }

    fn in_own_account(&self, region: &Region) -> Rc<Regional> {
        let mut regions = self.regions.borrow_mut();
        let clients = regions
            .entry(region.clone())
            .or_insert_with(|| Rc::new(Regional::new(&self.config, region, self.concurrency)));
        clients.clone()
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
