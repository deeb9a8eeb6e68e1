//! Which account-years are simulated: families, policies, and their bounds.

use jiff::Timestamp;

use crate::config::Config;
use crate::notice::Notice;
use crate::wire_enum::wire_enum;

/// The account of all years.
pub(crate) const ACCOUNT: &str = crate::simulation::problem::ACCOUNT;

wire_enum! {
    /// What happens in an account.
    pub enum Family {
        /// Demand grows by 5 to 60 % a month, over one to eight models; AWS grants in every manner.
        Growth = "growth",
        /// The same, and AWS closes six of ten requests without a change.
        GrowthCloses = "growth-closes",
        /// The same, and AWS grants nothing beyond a hidden ceiling.
        GrowthCeiling = "growth-ceiling",
        /// Launches, seasons and decline.
        Seasons = "seasons",
        /// Retry storms, and services that demand more than whatever is granted.
        Loops = "loops",
        /// Calls are refused for reasons other than the quota's value.
        NoProblem = "no-problem",
        /// Someone uses stolen credentials.
        Attackers = "attackers",
        /// Missing access steps, AWS's own overload, odd minutes, 200 models at once.
        Noise = "noise",
        /// Quotas that are zero, below AWS's default, not adjustable, or shared by application profiles.
        Odd = "odd",
    }
}

wire_enum! {
    /// Who manages the quotas.
    pub enum Policy {
        /// The function; nobody reads its notices.
        Ours = "ours",
        /// The function, and a person who acts two working days after a notice.
        Reader = "reader",
        /// A quarter more on each alarm, without memory.
        QuarterMore = "b1",
        /// A person who files 1.5 times the true demand within two working days of a throttle.
        Person = "b2",
        /// A sensible operator, who files twice the true demand once three quarters of the quota are used.
        Operator = "b3",
    }
}

/// The settings of a simulation.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The guard rails of the function.
    pub config: Config,
    /// Seed of all random decisions.
    pub seed: u64,
    /// Whether the function ticks every five minutes, due or not.
    pub every_tick: bool,
    /// Days of a year.
    pub days: i64,
    /// Whether notices are kept, to be read in order.
    pub keeps_mails: bool,
}

/// A notice of an account-year.
#[derive(Clone, Debug)]
pub struct Mail {
    /// When it was published.
    pub at: Timestamp,
    /// The notice.
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

/// Minutes until metrics are shown.
pub(crate) const LATE: i64 = 3;
