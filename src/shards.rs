//! The shards of the index of open incidents. Sweeps process the shards in parallel.
//!
//! Invariant: The shard of an incident never changes, because it follows from the incident's id alone.

use crate::ids::IncidentId;

/// One of the shards over which open incidents are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(u8);

impl Shard {
    /// The number of shards.
    pub const COUNT: u8 = 8;
    /// The shard whose tick also does the work that is done once for all shards.
    pub const FIRST: Self = Self(0);

    /// `None` unless `number` is below [`Shard::COUNT`].
    pub const fn new(number: u64) -> Option<Self> {
        // A cast of a number below eight loses nothing.
        #[allow(clippy::cast_possible_truncation)]
        if number < Self::COUNT as u64 { Some(Self(number as u8)) } else { None }
    }

    /// The shard of an incident: the low three bits of its id, which is a hash.
    pub fn of(id: &IncidentId) -> Self {
        let digit = id.as_str().chars().next_back().and_then(|digit| digit.to_digit(16)).unwrap_or_default();
        // A hex digit is below 16.
        Self(u8::try_from(digit).unwrap_or_default() % Self::COUNT)
    }

    /// The shard's number, from 0.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A set of shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shards(u8);

impl Shards {
    /// All shards.
    pub const ALL: Self = Self(u8::MAX);

    /// The shards that the template's first tick rule sweeps.
    pub const FIRST_HALF: Self = Self(0b0000_1111);
    /// The shards that the template's second tick rule sweeps.
    pub const SECOND_HALF: Self = Self(0b1111_0000);

    /// A set of one shard.
    pub const fn one(shard: Shard) -> Self {
        Self(1 << shard.0)
    }

    /// The union of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `shard` is in the set.
    pub const fn contains(self, shard: Shard) -> bool {
        self.0 & (1 << shard.0) != 0
    }

    /// How many shards are in both sets.
    pub const fn among(self, others: Self) -> usize {
        (self.0 & others.0).count_ones() as usize
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The shards of the set, in order.
    pub fn iter(self) -> impl Iterator<Item = Shard> {
        (0..Shard::COUNT).map(Shard).filter(move |shard| self.contains(*shard))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn ids_are_spread_over_every_shard() {
        let mut found = BTreeMap::<Shard, usize>::new();
        for n in 0..8000 {
            let id = format!("inc-{}", crate::ids::short_hash(&n.to_string()));
            *found.entry(Shard::of(&IncidentId::parse(&id).unwrap())).or_default() += 1;
        }
        assert_eq!(found.len(), 8);
        assert!(found.values().all(|count| (850..1150).contains(count)), "{found:?}");
    }

    #[test]
    fn shards_are_a_set() {
        let [one, six] = [1, 6].map(|n| Shard::new(n).unwrap());
        let both = Shards::one(one).and(Shards::one(six));
        assert_eq!(both.iter().collect::<Vec<_>>(), [one, six]);
        assert!(both.contains(six) && !both.contains(Shard::FIRST) && Shards::default().is_empty());
        assert_eq!((both.among(Shards::FIRST_HALF), Shards::ALL.among(Shards::SECOND_HALF)), (1, 4));
        assert_eq!((Shards::ALL.iter().count(), Shard::new(8)), (8, None));
    }
}
