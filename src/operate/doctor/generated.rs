//! The names that CloudFormation generates: the stack's name, the logical id and random letters, joined by hyphens.
//! Where that is too long for the service, the stack's name and the logical id are each cut at the end.
//!
//! Invariant: where names leave it open whose a rule is, it is nobody's.
//! See <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html>; how names are cut
//! is not documented, and was read off generated names.

use crate::installation::{EventRule, RuleTrigger};
use crate::operate::doctor::parts::{RULES, TRIGGERS};

/// A rule's name has no more letters.
const LONGEST: usize = 64;
/// The random letters, at most.
const RANDOM: usize = 13;
/// What is left of a stack's name that was cut, at least: half of what the name has room for.
const LEAST: usize = 24;

fn may_be_cut(stack: &str, id: &str) -> bool {
    stack.len() + 1 + id.len() + 1 + RANDOM > LONGEST
}

/// What the names of all rules of a stack begin with.
pub(super) fn beginning(stack: &str) -> String {
    let is_cut = RULES.iter().any(|(id, _)| may_be_cut(stack, id));
    if is_cut { stack.chars().take(LEAST).collect() } else { format!("{stack}-") }
}

/// The rules that may be `stack`'s rule `id`: one, none, or several where cut names leave it open. Another
/// stack's are not among them where the names tell.
pub(super) fn of<'r>(stack: &str, id: &str, rules: &'r [EventRule]) -> Vec<&'r EventRule> {
    let exact = format!("{stack}-{id}-");
    let named: Vec<_> = rules.iter().filter(|rule| rule.name.starts_with(&exact)).collect();
    if !named.is_empty() || !may_be_cut(stack, id) {
        return named;
    }
    rules.iter().filter(|rule| is_cut_of(stack, id, &rule.name) && reacts(id, &rule.trigger)).collect()
}

fn is_cut_of(stack: &str, id: &str, name: &str) -> bool {
    // A logical id has no hyphens.
    let parts = name.rsplit_once('-').and_then(|(rest, _)| rest.rsplit_once('-'));
    parts.is_some_and(|(of_stack, of_id)| {
        let is_enough = of_stack.len() >= LEAST.min(stack.len()) && !of_id.is_empty();
        is_enough && stack.starts_with(of_stack) && id.starts_with(of_id)
    })
}

fn reacts(id: &str, trigger: &RuleTrigger) -> bool {
    match (TRIGGERS.iter().find(|(known, _)| *known == id), trigger) {
        (Some((_, None)), RuleTrigger::Schedule) => true,
        (Some((_, Some(wanted))), RuleTrigger::Events(types)) => types.iter().any(|known| known == wanted),
        _ => false,
    }
}
