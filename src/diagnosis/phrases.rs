//! Finds the rule table's phrases in a message, by the first bytes of the word each begins with.
//!
//! Invariant: A phrase begins where a word begins, so it is never found inside another word. The index is built on
//! first use, in about 0.3 ms.

use std::sync::LazyLock;

use crate::diagnosis::plain::{Plain, stem};
use crate::diagnosis::present::Present;
use crate::diagnosis::rule::Rule;
use crate::diagnosis::rules::RULES;

/// Rows are the bits of a `u128`. A test checks that the table fits.
#[cfg(test)]
const MOST_ROWS: usize = 128;
/// The number of first bytes by which phrases are looked up.
const HEAD: usize = 4;
/// The number of slots for heads; a power of two.
const SLOTS: usize = 4096;

/// The table's phrases, and the table's rows in terms of them.
pub(super) struct Index {
    /// Sorted by slot, so that the phrases of one slot are adjacent; no duplicates.
    phrases: Vec<Phrase>,
    /// Where each slot's phrases begin in `phrases`; `phrases.len()` for an empty slot.
    first: Vec<u16>,
    /// For each phrase, the rows that it can make match, one bit each.
    rows_of: Vec<u128>,
    rows: Vec<RuleRow>,
}

/// A phrase, with its first eight bytes as a number, so that one comparison distinguishes most phrases.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Phrase {
    slot: u16,
    first: u64,
    /// All ones in the bytes that the phrase has.
    mask: u64,
    text: &'static str,
}

/// A rule's phrases by number, and its codes without `exception`.
struct RuleRow {
    rule: &'static Rule,
    /// The groups one after another, each ended by [`END`].
    says: Vec<u16>,
    unless: Vec<u16>,
    codes: Vec<&'static str>,
}

/// Ends a group. No phrase has this number.
const END: u16 = u16::MAX;

pub(super) static INDEX: LazyLock<Index> = LazyLock::new(Index::of_table);

/// The first row of the table that matches `plain`; `None` if none does.
pub(super) fn first_row(plain: &Plain) -> Option<&'static Rule> {
    let index = &*INDEX;
    let touched = plain.phrases.list.iter().filter_map(|n| index.rows_of.get(usize::from(*n)));
    let touched = touched.fold(0, |all, rows| all | rows);
    let possible = |(n, row): &(usize, &RuleRow)| row.says.is_empty() || touched & bit(*n) != 0;
    let rows = index.rows.iter().enumerate().filter(possible);
    rows.map(|(_, row)| row).find(|row| row.holds(plain)).map(|row| row.rule)
}

/// The bit of a row.
fn bit(row: usize) -> u128 {
    u32::try_from(row).ok().and_then(|row| 1u128.checked_shl(row)).unwrap_or(0)
}

/// The slot of a word or phrase; `None` if it is shorter than [`HEAD`].
fn slot(bytes: &[u8]) -> Option<u16> {
    let head = u32::from_le_bytes(*bytes.first_chunk::<HEAD>()?);
    let hash = head.wrapping_mul(0x9e37_79b1) >> (u32::BITS - SLOTS.trailing_zeros());
    u16::try_from(hash).ok()
}

/// The first eight bytes of `bytes` as a number; missing bytes are 0.
fn first_eight(bytes: &[u8]) -> u64 {
    if let Some(chunk) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*chunk);
    }
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// The words of the table's phrases that occur in `message`, which is plain: sorted, without duplicates, and no more
/// than needed to show what the message is about.
pub(super) fn vocabulary(message: &str) -> Vec<&'static str> {
    const MOST: usize = 16;
    // Shorter words carry no information by themselves.
    const SHORTEST: usize = 4;
    static WORDS: LazyLock<std::collections::HashSet<&'static str>> = LazyLock::new(|| {
        let phrases = INDEX.phrases.iter().map(|p| p.text);
        let words = phrases.flat_map(|p| p.split(|c: char| !c.is_ascii_alphabetic()));
        words.filter(|w| w.len() >= SHORTEST).collect()
    });
    let mut found: Vec<&'static str> = message
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter_map(|word| WORDS.get(word).copied())
        .collect();
    found.sort_unstable();
    found.dedup();
    found.truncate(MOST);
    found
}

impl Phrase {
    fn of(text: &'static str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mask = u64::MAX >> (64 - 8 * bytes.len().min(8));
        Some(Self { slot: slot(bytes)?, text, first: first_eight(bytes), mask })
    }
}

impl Index {
    fn of_table() -> Self {
        let all = RULES.iter().flat_map(|r| r.says.iter().copied().flatten().chain(r.unless));
        let mut phrases: Vec<Phrase> = all.filter_map(|p| Phrase::of(p)).collect();
        phrases.sort_unstable();
        phrases.dedup();
        let none = u16::try_from(phrases.len()).unwrap_or(u16::MAX);
        let mut first = vec![none; SLOTS];
        for (number, phrase) in phrases.iter().enumerate().rev() {
            if let (Some(first), Ok(number)) =
                (first.get_mut(usize::from(phrase.slot)), u16::try_from(number))
            {
                *first = number;
            }
        }
        let number = |p: &&'static str| {
            let found = phrases.binary_search(&Phrase::of(p)?).ok()?;
            u16::try_from(found).ok()
        };
        let rows: Vec<RuleRow> = RULES
            .iter()
            .map(|rule| RuleRow {
                rule,
                says: rule
                    .says
                    .iter()
                    .flat_map(|group| group.iter().filter_map(number).chain([END]))
                    .collect(),
                unless: rule.unless.iter().filter_map(number).collect(),
                codes: rule.codes.iter().map(|c| stem(c)).collect(),
            })
            .collect();
        let mut rows_of = vec![0; phrases.len()];
        for (n, row) in rows.iter().enumerate() {
            for phrase in &row.says {
                if let Some(of) = rows_of.get_mut(usize::from(*phrase)) {
                    *of |= bit(n);
                }
            }
        }
        Self { phrases, first, rows_of, rows }
    }

    /// Adds to `present` the phrases that begin at the start of `rest`, which is a message from the start of one of its
    /// words.
    pub(super) fn find_at(&self, rest: &[u8], present: &mut Present) {
        let Some(slot) = slot(rest) else { return };
        let first = self.first.get(usize::from(slot)).copied().unwrap_or(u16::MAX);
        let head = first_eight(rest);
        let Some(candidates) = self.phrases.get(usize::from(first)..) else { return };
        for (number, phrase) in candidates.iter().take_while(|p| p.slot == slot).enumerate() {
            if head & phrase.mask == phrase.first && rest.starts_with(phrase.text.as_bytes()) {
                present.insert(usize::from(first) + number);
            }
        }
    }

    /// Whether `present` holds `phrase`, which must be one of the table's.
    pub(super) fn says(&self, present: &Present, phrase: &'static str) -> bool {
        let number = Phrase::of(phrase).and_then(|p| self.phrases.binary_search(&p).ok());
        number.and_then(|n| u16::try_from(n).ok()).is_some_and(|n| present.has(n))
    }
}

impl RuleRow {
    fn holds(&self, plain: &Plain) -> bool {
        let present = &plain.phrases;
        let mut groups = self.says.split_inclusive(|p| *p == END);
        (self.says.is_empty() || groups.any(|group| group.iter().all(|p| *p == END || present.has(*p))))
            && !self.unless.iter().any(|p| present.has(*p))
            && (self.codes.is_empty() || self.codes.iter().any(|c| plain.has_code_stem(c)))
            && self.rule.when.is_none_or(|holds| holds(plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::ErrorText;
    use crate::diagnosis::present::MOST;

    fn of(message: &str) -> Present {
        Plain::of(&ErrorText { message, ..ErrorText::default() }).phrases
    }

    #[test]
    fn every_word_of_the_vocabulary_may_be_shown() {
        for word in INDEX.phrases.iter().flat_map(|phrase| vocabulary(phrase.text)) {
            assert_eq!(crate::text::Safe::ours(word), crate::text::Safe::from(word));
        }
    }

    #[test]
    fn every_phrase_can_be_found_and_fits_the_index() {
        assert!(INDEX.rows.len() <= MOST_ROWS && INDEX.phrases.len() <= MOST);
        for rule in RULES {
            for phrase in rule.says.iter().copied().flatten().chain(rule.unless) {
                assert!(phrase.len() >= HEAD, "`{phrase}` of {} is too short", rule.id);
            }
        }
        for (number, Phrase { text: phrase, .. }) in INDEX.phrases.iter().enumerate() {
            let number = u16::try_from(number).unwrap();
            assert!(of(phrase).has(number), "`{phrase}` does not begin with a word");
            assert!(of(&format!("x (\"{phrase}\") y")).has(number), "{phrase}");
        }
    }

    #[test]
    fn no_phrase_is_found_inside_a_word() {
        let holds = |message: &str, phrase: &str| {
            of(message).list.iter().any(|n| INDEX.phrases[usize::from(*n)].text == phrase)
        };
        assert!(holds("x.too many tokens", "too many tokens"));
        assert!(!holds("xtoo many tokens", "too many tokens"));
    }
}
