//! Any text as an error: the same diagnosis every time, and no fact that could carry prose.

#![no_main]

use bedrock_remediator::diagnosis::{ErrorText, diagnose};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Option<&str>, Option<u16>, bool, &str)| {
    let (code, status, is_of_bedrock, message) = input;
    let text = ErrorText { code, status, operation: None, is_of_bedrock, message };
    let found = diagnose(&text);
    assert_eq!(found, diagnose(&text));
    let facts = &found.facts;
    for name in [&facts.action, &facts.field, &facts.policy_arn].into_iter().flatten() {
        assert!(name.len() <= 512 && !name.contains(['\n', '"', '`']), "{name}");
    }
});
