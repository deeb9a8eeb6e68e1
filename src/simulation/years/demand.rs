//! The demand of a service, minute by minute.
//!
//! Invariant: The demand of a minute is a pure function of the seed and the minute. Grants and notices do not change
//! it. Demand that follows the granted value is a loop; see [`crate::simulation::years::abuse`].

/// Minutes of a day, and of an hour.
pub(super) const DAY: i64 = 1440;
pub(super) const HOUR: i64 = 60;
/// Demand is defined from this day before the year to this day of the year.
pub(super) const FROM: i64 = -16;
pub(super) const TO: i64 = 380;
/// Steps of five minutes in the curve of a day.
const FIVES: usize = 288;

/// A number from 0 to 1 that belongs to `seed` and `n`.
pub(super) fn chance(seed: u64, n: i64) -> f64 {
    // SplitMix64: see <https://prng.di.unimi.it/splitmix64.c>.
    let mut x = seed ^ n.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// A number from -1 to 1, most often near 0.
pub(super) fn swing(seed: u64, n: i64) -> f64 {
    chance(seed, n) + chance(!seed, n) - 1.0
}

/// When a day is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hours {
    /// In working hours, little at night.
    Office,
    /// In the evening.
    Evening,
    /// Always the same.
    Steady,
}

impl Hours {
    /// The share of the busiest minute in the `five`th five minutes of a day.
    fn part(self, five: usize) -> f64 {
        let (middle, least) = match self {
            Self::Office => (14.0, 0.15),
            Self::Evening => (20.0, 0.25),
            Self::Steady => return 1.0,
        };
        let hour = five as f64 / 12.0;
        let away: f64 = f64::abs(hour - middle);
        let away = away.min(24.0 - away);
        let wave = f64::midpoint(1.0, (away / 12.0 * std::f64::consts::PI).cos());
        least + (1.0 - least) * wave * wave
    }
}

/// The legitimate demand of one service.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Requests in the busiest minute of each hour since [`FROM`], before the curve of the day.
    hours: Vec<f64>,
    day: Vec<f64>,
    /// How much a minute varies.
    noise: f64,
    seed: u64,
}

impl Shape {
    /// `base` requests in the busiest minute of a working day, times the factor of `course` on each day, times
    /// `weekend` on Saturdays and Sundays. `course` has points of day and factor; between points the factor changes by
    /// the same ratio each day. The year begins on a Monday.
    pub(super) fn new(base: f64, course: &[(f64, f64)], hours: Hours, weekend: f64, seed: u64) -> Self {
        let all = (FROM * 24)..(TO * 24);
        let of_hour = |hour: i64| {
            let day = hour as f64 / 24.0;
            let is_weekend = hour.div_euclid(24).rem_euclid(7) >= 5;
            base * factor(course, day) * if is_weekend { weekend } else { 1.0 }
        };
        Self {
            hours: all.map(of_hour).collect(),
            day: (0..FIVES).map(|five| hours.part(five)).collect(),
            noise: 0.12,
            seed,
        }
    }

    /// Requests in a minute of the year, from 0.
    pub(super) fn at(&self, minute: i64) -> f64 {
        let hour = usize::try_from(minute.div_euclid(HOUR) - FROM * 24).ok();
        let level = hour.and_then(|hour| self.hours.get(hour)).copied().unwrap_or_default();
        let five = usize::try_from(minute.rem_euclid(DAY) / 5).unwrap_or_default();
        let part = self.day.get(five).copied().unwrap_or_default();
        let asked = level * part * (1.0 + self.noise * swing(self.seed, minute));
        // Whole calls: half a call a minute is one call every other minute.
        (asked + chance(self.seed.rotate_left(17), minute)).floor()
    }
}

/// The factor of `course` on a day.
fn factor(course: &[(f64, f64)], day: f64) -> f64 {
    let (mut before, mut factor) = (f64::MIN, 1.0);
    for (at, value) in course {
        if day < *at {
            if before == f64::MIN {
                return *value;
            }
            let passed = (day - before) / (at - before);
            return factor * f64::powf(value / factor, passed);
        }
        (before, factor) = (*at, *value);
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_grows_by_the_same_share_each_day_and_stays_at_its_ends() {
        let course = [(0.0, 1.0), (30.0, 4.0)];
        for (day, expected) in [(-5.0, 1.0), (0.0, 1.0), (15.0, 2.0), (30.0, 4.0), (99.0, 4.0)] {
            assert!((factor(&course, day) - expected).abs() < 1e-9, "{day}");
        }
    }

    #[test]
    fn a_small_demand_is_a_call_now_and_then() {
        let shape = Shape::new(0.25, &[], Hours::Steady, 1.0, 5);
        let calls: f64 = (0..DAY).map(|minute| shape.at(minute)).sum();
        assert!((300.0..420.0).contains(&calls), "{calls}");
        assert!((0..DAY).all(|minute| [0.0, 1.0].contains(&shape.at(minute))));
    }
}
