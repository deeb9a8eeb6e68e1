//! Reads any payload that can reach the function into items of signals.
//!
//! Invariant: A bad item is a value, a bad delivery is an error, and nothing panics. Layers are opened one at a time,
//! by their shape, until one says what happened.

pub mod envelope;
mod items;
mod layers;
mod opener;
mod alarm;
mod cloudtrail;
mod logs;
mod service;
pub mod signal;
mod times;
mod vouched;
mod request_parameters;
mod value;

pub use crate::event::alarm::Described;
pub use crate::event::envelope::Malformed;
pub use crate::event::items::{Delivery, Item, Items, Payload, ReadItem, latest, read};
pub use crate::event::layers::{DIRECT, EVENTS, EventForm};
pub use crate::event::service::FAILED_JOB;
pub use crate::event::signal::{
    AlarmSignal, Call, ErrorSignal, Ignored, Metric, QuotaChange, Recorded, Signal, Source,
};
use crate::identity::FunctionIdentity;

/// The failed inference call in a CloudTrail record; `None` for every other record.
pub fn recorded_error(record: &str, home: &FunctionIdentity) -> Option<ErrorSignal> {
    match cloudtrail::read(record, envelope::Envelope::default(), home, "record") {
        Ok(Signal::Error(error)) => Some(error),
        _ => None,
    }
}

/// The successful inference call in a CloudTrail record; `None` for every other record.
pub fn recorded_call(record: &str) -> Option<Call> {
    cloudtrail::succeeded(record)
}
