//! Any payload that can reach the function → items of signals.
//!
//! Invariant: a bad item is a value, a bad delivery an error, and nothing is a panic. Layers are opened
//! one at a time, each by its shape, until something says what happened.

pub mod envelope;
mod layers;
mod opener;
mod alarm;
mod cloudtrail;
mod logs;
mod service;
pub mod signal;
mod times;
mod value;

pub use crate::event::alarm::Described;
pub use crate::event::envelope::Malformed;
pub use crate::event::layers::{
    DIRECT, Delivery, EVENTS, EventForm, Item, Items, Payload, ReadItem, latest, read,
};
pub use crate::event::service::FAILED_JOB;
pub use crate::event::signal::{
    AlarmSignal, Call, ErrorSignal, Ignored, Metric, QuotaChange, Recorded, Signal, Source,
};
use crate::identity::FunctionIdentity;

/// The failed inference call that one CloudTrail record tells of; `None` for every other record.
pub fn recorded_error(record: &str, home: &FunctionIdentity) -> Option<ErrorSignal> {
    match cloudtrail::read(record, envelope::Envelope::default(), home, "record") {
        Ok(Signal::Error(error)) => Some(error),
        _ => None,
    }
}

/// The inference call that one CloudTrail record tells of, if it succeeded; `None` for every other record.
pub fn recorded_call(record: &str) -> Option<Call> {
    cloudtrail::succeeded(record)
}
