//! Finds every phrase of the rule table in one pass over a message.
//!
//! One law: a phrase begins where a word begins, so that no phrase is found inside another word. The
//! index costs microseconds to make, on first use.

use std::sync::LazyLock;

use super::rule::Rule;
use super::table::RULES;
use super::text::{Plain, words};

/// Room for the table's phrases; a test holds the table to it.
const MOST: usize = 1024;
/// Phrases are looked up by so many of their first bytes.
const HEAD: usize = 3;

/// The table's phrases, and the table's rows in terms of them.
struct Index {
    /// Sorted, each once.
    phrases: Vec<&'static str>,
    /// The head of each phrase, in the same order.
    heads: Vec<u32>,
    /// Which heads occur, so that most words need no search.
    occurs: [u64; 64],
    rows: Vec<Row>,
}

/// A rule's phrases by their numbers.
struct Row {
    rule: &'static Rule,
    says: Vec<Vec<u16>>,
    unless: Vec<u16>,
}

/// The numbers of the phrases that a message holds.
struct Present([u64; MOST / 64]);

static INDEX: LazyLock<Index> = LazyLock::new(Index::of_table);

/// The first row of the table that holds of `plain`.
pub(super) fn first_row(plain: &Plain) -> Option<&'static Rule> {
    let index = &*INDEX;
    let present = index.find(&plain.message);
    index.rows.iter().find(|row| row.holds(plain, &present)).map(|row| row.rule)
}

fn head(bytes: &[u8]) -> Option<u32> {
    let chunk = bytes.first_chunk::<HEAD>()?;
    Some(chunk.iter().fold(0, |head, byte| (head << 8) | u32::from(*byte)))
}

/// Where a head stands in [`Index::occurs`].
fn slot(head: u32) -> (usize, u64) {
    let hash = head.wrapping_mul(0x9e37_79b1) >> 20;
    ((hash >> 6) as usize, 1 << (hash & 63))
}

impl Index {
    fn of_table() -> Self {
        let all = RULES.iter().flat_map(|r| r.says.iter().copied().flatten().chain(r.unless)).copied();
        let mut phrases: Vec<&'static str> = all.collect();
        phrases.sort_unstable();
        phrases.dedup();
        let heads: Vec<u32> = phrases.iter().filter_map(|p| head(p.as_bytes())).collect();
        let mut occurs = [0; 64];
        for head in &heads {
            let (word, bit) = slot(*head);
            if let Some(word) = occurs.get_mut(word) {
                *word |= bit;
            }
        }
        let number = |p: &&'static str| phrases.binary_search(p).ok().and_then(|n| u16::try_from(n).ok());
        let numbers = |list: &'static [&'static str]| list.iter().filter_map(number).collect::<Vec<u16>>();
        let rows = RULES.iter().map(|rule| Row {
            rule,
            says: rule.says.iter().map(|group| numbers(group)).collect(),
            unless: numbers(rule.unless),
        });
        Self { rows: rows.collect(), phrases, heads, occurs }
    }

    fn find(&self, message: &str) -> Present {
        let mut present = Present([0; MOST / 64]);
        for (start, _) in words(message) {
            let Some(rest) = message.as_bytes().get(start..) else { break };
            let Some(head) = head(rest) else { break };
            let (word, bit) = slot(head);
            if self.occurs.get(word).is_none_or(|w| w & bit == 0) {
                continue;
            }
            let first = self.heads.partition_point(|h| *h < head);
            let candidates = self.heads.iter().zip(&self.phrases).enumerate().skip(first);
            for (number, (_, phrase)) in candidates.take_while(|(_, (h, _))| **h == head) {
                if rest.starts_with(phrase.as_bytes()) {
                    present.insert(number);
                }
            }
        }
        present
    }
}

impl Present {
    fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    fn has(&self, number: u16) -> bool {
        self.0.get(usize::from(number / 64)).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

impl Row {
    fn holds(&self, plain: &Plain, present: &Present) -> bool {
        (self.says.is_empty() || self.says.iter().any(|group| group.iter().all(|p| present.has(*p))))
            && !self.unless.iter().any(|p| present.has(*p))
            && (self.rule.codes.is_empty() || self.rule.codes.iter().any(|c| plain.has_code(c)))
            && self.rule.when.is_none_or(|holds| holds(plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_can_be_found_and_fits_the_index() {
        assert!(INDEX.phrases.len() <= MOST);
        assert_eq!(INDEX.heads.len(), INDEX.phrases.len(), "a phrase is shorter than its head");
        for (number, phrase) in INDEX.phrases.iter().enumerate() {
            let number = u16::try_from(number).unwrap();
            assert!(INDEX.find(phrase).has(number), "`{phrase}` does not begin with a word");
            assert!(INDEX.find(&format!("x (\"{phrase}\") y")).has(number), "{phrase}");
        }
    }

    #[test]
    fn no_phrase_is_found_inside_a_word() {
        let throttled = INDEX.phrases.binary_search(&"too many tokens").unwrap();
        let number = u16::try_from(throttled).unwrap();
        assert!(!INDEX.find("xtoo many tokens").has(number));
        assert!(INDEX.find("x.too many tokens").has(number));
    }
}
