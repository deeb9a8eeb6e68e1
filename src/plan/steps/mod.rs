//! Steps for a person.

pub(crate) mod approve;
pub(crate) mod callers;
pub(crate) mod model_id;
pub(crate) mod request;
pub(crate) mod retry;
pub(crate) mod visible;
