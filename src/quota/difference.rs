//! What a newer listing of quotas has that the catalogue lacks, and the other way round.
//!
//! Invariant: A quota is the same if its code is.

use std::collections::HashSet;

use crate::quota::catalog::{Catalog, Quota};
use crate::quota::name::QuotaName;

/// A quota that a listing shows otherwise than the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// As the catalogue has it.
    pub before: Quota,
    /// As the listing has it.
    pub after: Quota,
}

/// The difference between a catalogue and a newer listing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Quotas that only the listing has.
    pub new: Vec<Quota>,
    /// Quotas that only the catalogue has. A listing of one Region lacks many.
    pub gone: Vec<Quota>,
    /// Quotas of another name, value or adjustability. A value that one of them does not know is no change.
    pub changed: Vec<Changed>,
}

impl Difference {
    /// The difference from `catalog` to `listing`.
    pub fn between(catalog: &Catalog, listing: &Catalog) -> Self {
        let missing_in = |from: &Catalog, quotas: &Catalog| -> Vec<Quota> {
            let codes: HashSet<_> = from.quotas().iter().map(|q| &q.code).collect();
            quotas.quotas().iter().filter(|q| !codes.contains(&q.code)).cloned().collect()
        };
        let is_changed = |(before, after): &(&Quota, &Quota)| {
            let values = before.value.zip(after.value);
            before.name != after.name
                || before.adjustable != after.adjustable
                || values.is_some_and(|(before, after)| before.total_cmp(&after).is_ne())
        };
        let both = listing.quotas().iter().filter_map(|after| Some((catalog.get(&after.code)?, after)));
        let changed = both.filter(is_changed);
        Self {
            new: missing_in(catalog, listing),
            gone: missing_in(listing, catalog),
            changed: changed
                .map(|(before, after)| Changed { before: before.clone(), after: after.clone() })
                .collect(),
        }
    }
}

/// How many inference quotas of an account a catalogue lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The inference quotas of the account.
    pub all: usize,
    /// Those of them that the catalogue lacks.
    pub lacking: usize,
}

impl Lack {
    /// Compares `catalog` with an account's own `listing`.
    pub fn of(catalog: &Catalog, listing: &Catalog) -> Self {
        let codes: HashSet<_> = catalog.quotas().iter().map(|q| &q.code).collect();
        let inference = || listing.quotas().iter().filter(|q| QuotaName::parse(&q.name).is_some());
        Self { all: inference().count(), lacking: inference().filter(|q| !codes.contains(&q.code)).count() }
    }

    /// Whether the catalogue is too old to be of use: it lacks more than half.
    ///
    /// The function reads the account's own list for a model that the catalogue lacks. So a few models too many cost a
    /// call each, and half of them mean that the catalogue hardly helps any more.
    pub fn is_much(self) -> bool {
        self.lacking * 2 > self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(text: &str) -> Catalog {
        Catalog::parse(text).unwrap()
    }

    #[test]
    fn new_gone_and_changed_quotas_are_told_apart_by_their_codes() {
        let before = catalog(
            "L-00000001\tA\t10\tsame\nL-00000002\tA\t20\told name\nL-00000003\tA\t\tno value\nL-00000004\tA\t5\tgone\n",
        );
        let after = catalog(
            "L-00000001\tA\t10\tsame\nL-00000002\t-\t20\tnew name\nL-00000003\tA\t9\tno value\nL-00000005\tA\t5\tnew\n",
        );
        let found = Difference::between(&before, &after);
        let codes = |quotas: &[Quota]| quotas.iter().map(|q| q.code.to_string()).collect::<Vec<_>>();
        assert_eq!(codes(&found.new), ["L-00000005"]);
        assert_eq!(codes(&found.gone), ["L-00000004"]);
        let [changed] = found.changed.as_slice() else { panic!("{:?}", found.changed) };
        assert_eq!((changed.before.name.as_str(), changed.after.name.as_str()), ("old name", "new name"));
        assert_eq!(Difference::between(&before, &before), Difference::default());
    }

    #[test]
    fn a_catalogue_that_lacks_half_is_no_lack_yet() {
        let name = "On-demand model inference tokens per minute for Model";
        let listing = catalog(&format!(
            "L-00000001\tA\t1\t{name} A\nL-00000002\tA\t1\t{name} B\nL-00000003\tA\t1\tGuardrails per account\n"
        ));
        for (has, lacking, is_much) in [("12", 0, false), ("1", 1, false), ("", 2, true)] {
            let lines = has.chars().map(|n| format!("L-0000000{n}\tA\t1\t{name}\n"));
            let lack = Lack::of(&catalog(&lines.collect::<String>()), &listing);
            assert_eq!((lack, lack.is_much()), (Lack { all: 2, lacking }, is_much), "{has}");
        }
    }
}
