//! Any bytes as a delivery: read without a panic, and every malformed item says where and what.

#![no_main]

use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::event::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let problems = match read(payload, &FunctionIdentity::default()) {
        Ok(delivery) => delivery.items.into_iter().filter_map(|i| i.read.err()).collect(),
        Err(malformed) => vec![malformed],
    };
    for problem in problems {
        assert!(problem.at.starts_with("event") && !problem.what.is_empty());
    }
});
