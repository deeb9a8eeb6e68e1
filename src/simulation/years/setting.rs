//! What account-years are lived: families, policies, and their bounds.

use jiff::Timestamp;

use crate::config::Config;
use crate::notice::Notice;
use crate::wire_enum::wire_enum;

/// The account that all years take place in.
pub(crate) const ACCOUNT: &str = crate::simulation::problem::ACCOUNT;

wire_enum! {
    /// What an account lives through.
    pub enum Family {
        /// Demand grows by 5 to 60 % a month, over one to eight models; AWS grants in every manner.
        Growth = "growth",
        /// The same, and AWS closes six of ten requests without a change.
        GrowthCloses = "growth-closes",
        /// The same, and AWS grants nothing beyond a ceiling that it does not tell.
        GrowthCeiling = "growth-ceiling",
        /// Launches, seasons and decline.
        Seasons = "seasons",
        /// Retry storms, and services that ask for more than whatever is granted.
        Loops = "loops",
        /// Calls are refused for other reasons than the quota's value.
        NoProblem = "no-problem",
        /// Somebody uses stolen credentials.
        Attackers = "attackers",
        /// Missing steps of access, AWS's own overload, odd minutes, 200 models at once.
        Noise = "noise",
        /// Quotas of zero, below AWS's default, not adjustable, and shared by application profiles.
        Odd = "odd",
    }
}

wire_enum! {
    /// Who looks after the quotas.
    pub enum Policy {
        /// The function, and nobody reads its notices.
        Ours = "ours",
        /// The function, and a person who acts two working days after a notice.
        Reader = "reader",
        /// A quarter more on each alarm, without a memory.
        QuarterMore = "b1",
        /// A person who files 1.5 times the true demand within two working days of a throttle.
        Person = "b2",
        /// A sensible operator, who files twice the true demand from three quarters of the quota on.
        Operator = "b3",
    }
}

/// What years are lived with.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The guard rails of the function.
    pub config: Config,
    /// What chance decides.
    pub seed: u64,
    /// Whether the function ticks every five minutes, due or not.
    pub every_tick: bool,
    /// How many days a year has.
    pub days: i64,
    /// Whether the mails are kept, to be read in order.
    pub keeps_mails: bool,
}

/// A notice of an account-year.
#[derive(Clone, Debug)]
pub struct Mail {
    /// When it was published.
    pub at: Timestamp,
    /// What was told.
    pub notice: Notice,
}

impl Setting {
    /// Whole years with the default guard rails.
    pub fn new(seed: u64) -> Self {
        Self { config: Config::default(), seed, every_tick: false, days: 365, keeps_mails: false }
    }
}

/// Minutes of a step.
pub(crate) const STEP: i64 = 5;

/// Metrics are shown so many minutes late.
pub(crate) const LATE: i64 = 3;
