//! How much to request.
//!
//! Invariant: The requested value lies above what AWS validates against and below every ceiling, or nothing is
//! requested.

use crate::config::Config;
use crate::plan::action::{Reason, Withheld, withheld};
use crate::quota::Limit;
use crate::text::number;

/// The largest value that Service Quotas accepts.
const LARGEST: f64 = 1e10;

/// Upper bounds of the value.
pub(super) struct Bounds<'a> {
    /// The guard rails.
    pub(super) config: &'a Config,
    /// A further bound; `None` if there is none.
    pub(super) most: Option<f64>,
}

/// The value to request: what is `wanted`, within the step limit and the ceiling, above what AWS validates against, and
/// rounded as a person would.
pub(super) fn size(limit: Limit, floor: f64, wanted: f64, bounds: &Bounds<'_>) -> Result<f64, Withheld> {
    let config = bounds.config;
    let ceiling = match limit {
        Limit::RequestsPerMinute => config.max_requests_per_minute,
        Limit::TokensPerMinute | Limit::InputTokensPerMinute | Limit::OutputTokensPerMinute => {
            config.max_tokens_per_minute
        }
        Limit::TokensPerDay => None,
    };
    let most = (floor * config.max_step_factor).min(ceiling.unwrap_or(LARGEST)).min(LARGEST);
    let most = most.min(bounds.most.unwrap_or(LARGEST));
    if most <= floor {
        return Err(withheld(
            Reason::AtCeiling,
            format!("{} is applied, and the ceiling is {}", number(floor), number(most)),
        ));
    }
    let rounded = round_up(wanted.max(floor + two_digits(floor)));
    let desired = if rounded <= most { rounded } else { round_down(most) };
    let desired = if desired > floor { desired } else { most.floor() };
    if desired > floor {
        return Ok(desired);
    }
    Err(withheld(
        Reason::AtCeiling,
        format!("no whole value lies between {} and the ceiling {}", number(floor), number(most)),
    ))
}

/// The smallest whole number with two significant digits that is at least `value`.
pub fn round_up(value: f64) -> f64 {
    let unit = two_digits(value);
    (value / unit).ceil() * unit
}

fn round_down(value: f64) -> f64 {
    let unit = two_digits(value);
    (value / unit).floor() * unit
}

/// The value of the second digit; 1 for numbers below 100.
fn two_digits(value: f64) -> f64 {
    let digits = value.abs().max(1.0).log10().floor();
    10f64.powf((digits - 1.0).max(0.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_rounded_as_a_person_would() {
        for (value, up) in [
            (1_234_567.0, 1_300_000.0),
            (187.0, 190.0),
            (7.2, 8.0),
            (100.0, 100.0),
            (99.5, 100.0),
            (2_000_000.0, 2_000_000.0),
        ] {
            assert_eq!(round_up(value), up, "{value}");
        }
        assert_eq!(round_down(1_299_999.0), 1_200_000.0);
    }

    /// The requested value; `None` if the ceiling is reached.
    fn sized(floor: f64, wanted: f64, step: f64, ceiling: Option<f64>) -> Option<f64> {
        let config = Config { max_step_factor: step, max_tokens_per_minute: ceiling, ..Config::default() };
        size(Limit::TokensPerMinute, floor, wanted, &Bounds { config: &config, most: None }).ok()
    }

    proptest! {
        #[test]
        fn a_value_lies_above_the_floor_and_below_every_ceiling(
            floor in 0.0f64..2e10, wanted in 0.0f64..4e10, step in 1.0f64..10.0,
            ceiling in proptest::option::of(1.0f64..2e10),
        ) {
            let floor = floor.floor();
            if let Some(desired) = sized(floor, wanted, step, ceiling) {
                prop_assert!(desired > floor, "{desired} is not above {floor}");
                prop_assert!(desired <= floor * step && desired <= LARGEST);
                prop_assert!(ceiling.is_none_or(|most| desired <= most));
                prop_assert_eq!(desired, desired.floor());
            }
        }

        #[test]
        fn more_demand_never_asks_for_less(
            floor in 1.0f64..1e9, one in 0.0f64..4e9, more in 0.0f64..4e9, step in 1.01f64..10.0,
            ceiling in proptest::option::of(1.0f64..1e10),
        ) {
            let floor = floor.floor();
            let (less, greater) = (sized(floor, one, step, ceiling), sized(floor, one + more, step, ceiling));
            prop_assert_eq!(less.is_some(), greater.is_some(), "a ceiling does not depend on demand");
            prop_assert!(less.is_none_or(|less| greater.is_some_and(|greater| greater >= less)));
        }

        #[test]
        fn what_was_asked_for_is_asked_for_again(floor in 1.0f64..1e9, wanted in 0.0f64..4e9, step in 1.01f64..10.0) {
            let floor = floor.floor();
            if let Some(desired) = sized(floor, wanted, step, None) {
                prop_assert_eq!(sized(floor, desired, step, None), Some(desired));
            }
        }

        #[test]
        fn rounding_never_shrinks_and_never_adds_a_tenth(value in 1.0f64..1e10) {
            let up = round_up(value);
            prop_assert!(up >= value);
            prop_assert!(up <= value * 1.1 + 1.0);
            prop_assert_eq!(round_up(up), up);
        }
    }
}
