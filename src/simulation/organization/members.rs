//! The accounts of an organization's life, and the events that come from them.

use std::collections::BTreeMap;
use std::fmt;

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::config::Config;
use crate::identity::{FunctionIdentity, Organization};
use crate::ids::{AccountId, AccountRegion, QuotaCode, Region};
use crate::sandbox::{MemberEntry, WorldFile};
use crate::simulation::account::Account;
use crate::simulation::models::{self, TrueModel, Unit};
use crate::simulation::problem::{ACCOUNT, Form, OTHER_ACCOUNT, Problem, ProblemCaller, REGIONS, What};
use crate::simulation::step::choose;
use crate::usage::Endpoint;

/// An account that has left the organization.
const FOREIGN: &str = "555566667777";
const ROLE: &str = "bedrock-remediator-member";

/// A hub and its members.
#[derive(Debug)]
pub(super) struct HubMembers {
    pub(super) config: Config,
    pub(super) home: FunctionIdentity,
    pub(super) start: Timestamp,
    pub(super) all: Vec<Member>,
}

/// A member whose model uses nearly all of a quota in every Region.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) account: AccountId,
    pub(super) entry: MemberEntry,
    model: &'static TrueModel,
    /// What is full.
    full: Unit,
    /// Whether the operator wants nothing filed there.
    pub(super) is_observed: bool,
    /// Whether an account that was refused at the end of the steps stays so for ever.
    pub(super) stays_shut: bool,
    /// The account's own daily limit.
    pub(super) most_a_day: u32,
}

impl HubMembers {
    pub(super) fn of(seed: u64) -> Option<Self> {
        // A different stream of random numbers than the steps'.
        let mut rng = Rng::with_seed(!seed);
        let start = Timestamp::from_second(1_790_000_000 + i64::from(rng.u32(0..86_400))).ok()?;
        let all: Vec<Member> = (0..rng.usize(2..6)).filter_map(|n| Member::any(&mut rng, n, start)).collect();
        let settings: serde_json::Map<String, Value> =
            all.iter().map(|m| (m.account.to_string(), m.settings())).collect();
        let settings = Value::Object(settings).to_string();
        let config = Config::from_vars(|name| (name == "ACCOUNTS").then(|| settings.clone())).ok()?;
        let config =
            Config { max_increases_per_day_organization: choose(&mut rng, &[0, 1, 2, 20, 20, 20]), ..config };
        let home = FunctionIdentity {
            account: AccountId::parse(OTHER_ACCOUNT),
            region: Region::parse(REGIONS.first()?),
            role: Some(format!("arn:aws:iam::{OTHER_ACCOUNT}:role/remediator")),
            organization: Some(Organization {
                id: "o-a1b2c3d4e5".to_owned(),
                member_role: ROLE.to_owned(),
                external_id: None,
            }),
            ..FunctionIdentity::default()
        };
        Some(Self { config, home, start, all })
    }

    /// The world of the hub and its members.
    pub(super) fn world(&self) -> WorldFile {
        let accounts: BTreeMap<AccountId, MemberEntry> =
            self.all.iter().map(|m| (m.account.clone(), m.entry.clone())).collect();
        WorldFile {
            account: self.home.account.clone(),
            region: self.home.region.clone(),
            accounts,
            ..WorldFile::default()
        }
    }

    pub(super) fn get(&self, account: &AccountId) -> Option<&Member> {
        self.all.iter().find(|member| member.account == *account)
    }
}

impl Member {
    /// The `n`th member.
    fn any(rng: &mut Rng, n: usize, start: Timestamp) -> Option<Self> {
        let models = models::raised(rng);
        let model = *models.first()?;
        let full = if rng.bool() { Unit::Tokens } else { Unit::Requests };
        let world = Account::with(&[model], full, Vec::new(), Config::default(), start).world;
        Some(Self {
            account: AccountId::parse(&format!("{}", 111_122_223_300 + n))?,
            entry: MemberEntry { quotas: world.quotas, usage: world.usage, ..MemberEntry::default() },
            model,
            full,
            stays_shut: rng.u8(0..3) == 0,
            is_observed: rng.u8(0..5) == 0,
            most_a_day: choose(rng, &[0, 1, 3, 3, 3]),
        })
    }

    fn settings(&self) -> Value {
        let mode = if self.is_observed { "observe" } else { "request" };
        json!({ "mode": mode, "max_increases_per_day": self.most_a_day })
    }

    /// Whether the operator allows the function to file there.
    pub(super) fn may_file(&self) -> bool {
        !self.is_observed && self.most_a_day > 0
    }

    /// The quota that its calls fill.
    pub(super) fn code(&self) -> Option<QuotaCode> {
        self.model.code(self.full)
    }

    /// The account in one of the Regions.
    pub(super) fn place(&self, region: usize) -> Option<AccountRegion> {
        let region = REGIONS.get(region.checked_rem(REGIONS.len())?)?;
        Some(AccountRegion { account: self.account.clone(), region: Region::parse(region)? })
    }

    /// An error of its model, as EventBridge of the account forwards it.
    pub(super) fn error(&self, what: What, region: usize, at: Timestamp) -> String {
        let region = REGIONS.get(region % REGIONS.len()).copied().unwrap_or_default();
        let problem = Problem {
            what,
            region,
            model: self.model.id.to_owned(),
            endpoint: Endpoint::Runtime,
            who: ProblemCaller::Role("checkout".to_owned()),
            form: Form::Event,
        };
        problem.event(at).replace(ACCOUNT, self.account.as_str())
    }

    /// An error of what is full.
    pub(super) fn throttle(&self, region: usize, at: Timestamp) -> String {
        let what = if self.full == Unit::Requests { What::Requests } else { What::Tokens };
        self.error(what, region, at)
    }

    /// The same, forwarded from another account.
    pub(super) fn forged(&self, from: &Self, at: Timestamp) -> String {
        let mut event: Value = serde_json::from_str(&self.throttle(0, at)).unwrap_or_default();
        if let Some(account) = event.get_mut("account") {
            *account = json!(from.account);
        }
        event.to_string()
    }

    /// The same in a message of a topic of the hub.
    pub(super) fn published(&self, at: Timestamp) -> String {
        json!({
            "Type": "Notification",
            "TopicArn": format!("arn:aws:sns:us-east-1:{OTHER_ACCOUNT}:anything"),
            "Message": self.throttle(0, at),
        })
        .to_string()
    }

    /// The same as the function's own call.
    pub(super) fn own_call(&self, region: usize, at: Timestamp) -> String {
        self.throttle(region, at)
            .replace("assumed-role/checkout/session", &format!("assumed-role/{ROLE}/bedrock-remediator"))
    }

    /// The same from an account that has left the organization.
    pub(super) fn foreign(&self, at: Timestamp) -> String {
        self.throttle(0, at).replace(self.account.as_str(), FOREIGN)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.is_observed { "observed" } else { "served" };
        write!(
            f,
            "{} calls {}, {:?} full, {mode}, at most {} requests a day",
            self.account, self.model.id, self.full, self.most_a_day
        )
    }
}

/// An account that has left the organization, in the first Region.
pub(super) fn foreign() -> Option<AccountRegion> {
    Some(AccountRegion { account: AccountId::parse(FOREIGN)?, region: Region::parse(REGIONS.first()?)? })
}

/// A denied call.
pub(super) const DENIED: What = What::Denied("bedrock:InvokeModel", "us-east-1");
