//! The figures of an account-year.

use serde::Serialize;

/// The figures of an account-year; [`super`] explains each. `None` if there was nothing to measure.
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
    /// The highest ratio of a final applied value to the first day's.
    pub quota_grew: f64,
    pub attack_amplification: Option<f64>,
    pub loop_amplification: Option<f64>,
    /// Quota tokens served to attackers and loops beyond what the first day's quota would have served.
    pub abuse_tokens: f64,
    pub throttled_days: u32,
    pub abused_throttled_days: u32,
    /// Set by the comparison with the sensible operator.
    pub avoidable_days: u32,
    pub idle_days: u32,
    pub longest_idle: u32,
    /// For each need that AWS would grant, the days until it was served.
    pub unserved: Vec<u32>,
    /// For each quota, its value divided by true demand at the end.
    pub quota_to_demand: Vec<f64>,
    pub notices: u32,
    pub repeating: u32,
    pub week_median: f64,
    pub week_most: u32,
    pub silence_hours: f64,
    pub attacks: u32,
    /// For each attack with a warning, the hours until the warning.
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
    /// Adds an account-year.
    pub fn add(&mut self, figures: Figures) {
        self.all.push(figures);
    }

    /// The number of account-years.
    pub fn years(&self) -> usize {
        self.all.len()
    }

    /// The mean of `of` over all.
    pub fn mean(&self, of: impl Fn(&Figures) -> f64) -> f64 {
        if self.all.is_empty() {
            return 0.0;
        }
        self.all.iter().map(of).sum::<f64>() / self.all.len() as f64
    }

    /// The highest value of `of`; `None` if it has none.
    pub fn worst(&self, of: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        self.all.iter().filter_map(of).max_by(f64::total_cmp)
    }

    /// The mean of `of` over those that have a value.
    pub fn mean_of_some(&self, of: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        let some: Vec<f64> = self.all.iter().filter_map(of).collect();
        (!some.is_empty()).then(|| some.iter().sum::<f64>() / some.len() as f64)
    }

    /// The median of all values of `of`.
    pub fn median<'a>(&'a self, of: impl Fn(&'a Figures) -> &'a [f64]) -> Option<f64> {
        let mut all: Vec<f64> = self.all.iter().flat_map(of).copied().collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len().checked_sub(1)? / 2).copied()
    }
}
