//! What an account-year comes to.

use serde::Serialize;

/// The figures of an account-year; [`super`] says what each means. `None` where there was nothing to measure.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Figures {
    pub filed: u32,
    pub right: u32,
    pub needless: u32,
    pub for_attackers: u32,
    pub for_loops: u32,
    pub in_vain: u32,
    pub same_value_again: u32,
    pub beyond_ceiling: u32,
    /// The largest applied value at the end, against the first day's.
    pub quota_grew: f64,
    pub attack_amplification: Option<f64>,
    pub loop_amplification: Option<f64>,
    /// Quota tokens served to attackers and loops beyond what the first day's quota would have served.
    pub abuse_tokens: f64,
    pub throttled_days: u32,
    pub abused_throttled_days: u32,
    /// Set by whoever compares with the sensible operator.
    pub avoidable_days: u32,
    pub idle_days: u32,
    pub longest_idle: u32,
    /// Of each need that AWS would grant, the days until it was served.
    pub unserved: Vec<u32>,
    /// Quota against true demand at the end, for each quota.
    pub quota_to_demand: Vec<f64>,
    pub notices: u32,
    pub repeating: u32,
    pub week_median: f64,
    pub week_most: u32,
    pub silence_hours: f64,
    pub attacks: u32,
    /// Of each attack that was warned of, the hours until then.
    pub warned_after_hours: Vec<f64>,
    pub aws_calls_a_day: f64,
    pub ledger_writes_a_day: f64,
}

/// Several account-years together.
#[derive(Clone, Debug, Default)]
pub struct Means {
    all: Vec<Figures>,
}

impl Means {
    /// Adds one.
    pub fn add(&mut self, figures: Figures) {
        self.all.push(figures);
    }

    /// How many there are.
    pub fn years(&self) -> usize {
        self.all.len()
    }

    /// The mean of what `of` tells of each.
    pub fn mean(&self, of: impl Fn(&Figures) -> f64) -> f64 {
        if self.all.is_empty() {
            return 0.0;
        }
        self.all.iter().map(of).sum::<f64>() / self.all.len() as f64
    }

    /// The largest of what `of` tells of each; `None` where it tells nothing of any.
    pub fn worst(&self, of: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        self.all.iter().filter_map(of).max_by(f64::total_cmp)
    }

    /// The mean over those of which `of` tells something.
    pub fn mean_of_some(&self, of: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        let some: Vec<f64> = self.all.iter().filter_map(of).collect();
        (!some.is_empty()).then(|| some.iter().sum::<f64>() / some.len() as f64)
    }

    /// The median of all that `of` tells of each.
    pub fn median<'a>(&'a self, of: impl Fn(&'a Figures) -> &'a [f64]) -> Option<f64> {
        let mut all: Vec<f64> = self.all.iter().flat_map(of).copied().collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len().checked_sub(1)? / 2).copied()
    }
}
