//! Sessions in the member accounts of an organization.
//!
//! Invariant: The function's own account never asks STS. A member is asked for credentials once for all its Regions,
//! until they are about to end; after a refusal it is not asked again for some minutes.
//! See <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use aws_config::SdkConfig;
use aws_sdk_sts::config::Credentials;
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::{AssumeRoleError, AssumeRoleOutput};
use aws_types::sdk_config::SharedCredentialsProvider;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::aws::error;
use crate::aws::regional::{Lazy, Regional, lazy};
use crate::error::{RoleRefusal, ServiceError, ServiceResult};
use crate::iam_action::IamAction;
use crate::identity::Organization;
use crate::ids::{AccountId, AccountRegion, Region};
use crate::time::after;

/// The name of a session, as a member's CloudTrail shows it.
const SESSION: &str = "bedrock-remediator";
/// How many seconds a session lasts; what the credentials of a role ask for lasts at most an hour.
const LASTS: i32 = 3600;
/// After so long it is replaced, so that no call of it is under way at its end.
const USED_FOR: SignedDuration = SignedDuration::from_mins(55);
/// So long an account that refused is not asked again.
const REFUSED_FOR: SignedDuration = SignedDuration::from_mins(5);
/// At most so many accounts are remembered.
const MOST: usize = 256;

/// The members whose roles were assumed.
#[derive(Debug)]
pub(crate) struct Members {
    organization: Organization,
    sts: Lazy<aws_sdk_sts::Client>,
    accounts: RefCell<BTreeMap<AccountId, Rc<Mutex<Option<Kept>>>>>,
}

/// What an account answered last. The time is the wall clock's: a frozen function's other clock may stand still.
#[derive(Debug)]
struct Kept {
    session: ServiceResult<Rc<MemberSession>>,
    until: Timestamp,
}

/// The clients of one account, with credentials that are valid for some time.
#[derive(Debug)]
struct MemberSession {
    config: SdkConfig,
    regions: RefCell<BTreeMap<Region, Rc<Regional>>>,
}

impl Members {
    pub(crate) fn of(organization: Organization, config: &Rc<SdkConfig>) -> Self {
        let sts = lazy(config, aws_sdk_sts::Client::new);
        Self { organization, sts, accounts: RefCell::default() }
    }

    /// The clients for `place`. The error says why its role could not be assumed. `concurrency`: how many processes
    /// share the account's request rates.
    pub(crate) async fn at(
        &self,
        place: &AccountRegion,
        config: &SdkConfig,
        concurrency: u32,
    ) -> ServiceResult<Rc<Regional>> {
        let account = self.account(&place.account);
        // Calls that are made side by side wait for one answer of STS.
        let mut kept = account.lock().await;
        let now = Timestamp::now();
        let known = kept.as_ref().filter(|kept| now < kept.until);
        let session = if let Some(known) = known {
            known.session.clone()
        } else {
            let session = self.assume(place, config).await;
            let lasts = match &session {
                Ok(_) => USED_FOR,
                // The next call may succeed.
                Err(error) if error.is_passing() => SignedDuration::ZERO,
                Err(_) => REFUSED_FOR,
            };
            *kept = Some(Kept { session: session.clone(), until: after(now, lasts) });
            session
        };
        let session = session?;
        let mut regions = session.regions.borrow_mut();
        let regional = regions
            .entry(place.region.clone())
            .or_insert_with(|| Rc::new(Regional::new(&session.config, &place.region, concurrency)));
        Ok(regional.clone())
    }

    /// The account's place; the one that ends first makes room for a new one.
    fn account(&self, account: &AccountId) -> Rc<Mutex<Option<Kept>>> {
        let mut accounts = self.accounts.borrow_mut();
        if accounts.len() >= MOST && !accounts.contains_key(account) {
            // An account that is being asked is locked, and stays.
            let end = |kept: &Rc<Mutex<Option<Kept>>>| kept.try_lock().ok()?.as_ref().map(|kept| kept.until);
            let ends = accounts.iter().filter_map(|(account, kept)| Some((end(kept)?, account.clone())));
            if let Some((_, first)) = ends.min() {
                accounts.remove(&first);
            }
        }
        accounts.entry(account.clone()).or_default().clone()
    }

    async fn assume(&self, place: &AccountRegion, config: &SdkConfig) -> ServiceResult<Rc<MemberSession>> {
        let role = self.organization.role_in(place);
        let call = self.sts.assume_role().role_arn(&role).role_session_name(SESSION);
        let call = call.duration_seconds(LASTS).set_external_id(self.organization.external_id.clone());
        let answer = call.send().await.map_err(|e| refused(&role, &e))?;
        let credentials = credentials(&answer)
            .ok_or_else(|| ServiceError::Unavailable("STS answered without credentials".to_owned()))?;
        let provider = SharedCredentialsProvider::new(credentials);
        let config = config.to_builder().credentials_provider(provider).build();
        Ok(Rc::new(MemberSession { config, regions: RefCell::default() }))
    }
}

fn credentials(answer: &AssumeRoleOutput) -> Option<Credentials> {
    let given = answer.credentials()?;
    let token = Some(given.session_token().to_owned());
    // The session is replaced before its end, so the SDK is told no expiry: it could not refresh these credentials.
    Some(Credentials::new(given.access_key_id(), given.secret_access_key(), token, None, "AssumeRole"))
}

/// Why the role could not be assumed, in words of ours: AWS's name the function's session.
fn refused(role: &str, error: &SdkError<AssumeRoleError, HttpResponse>) -> ServiceError {
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let message = service.and_then(ProvideErrorMetadata::message).unwrap_or_default();
    let why = match code.trim_end_matches("Exception") {
        "AccessDenied" if message.contains("service control policy") => RoleRefusal::ServiceControlPolicy,
        "AccessDenied" if message.contains("resource control policy") => RoleRefusal::ResourceControlPolicy,
        "AccessDenied" => RoleRefusal::Missing,
        "RegionDisabled" => RoleRefusal::RegionOff,
        _ => return error::of_read(IamAction::AssumeRole, error),
    };
    ServiceError::unreachable(role, why)
}
