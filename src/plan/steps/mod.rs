//! The texts of "To do": steps for a person, one file for each subject.
//!
//! Invariant: A step is a text with at most one command and one link. It says what to do and decides nothing.

/// Who takes the missing step of model access, and how; and the model that replaces a legacy one.
pub(crate) mod access;
/// What to do about calls of AgentCore of which only a metric is known.
pub(crate) mod agent_core;
/// The commands to approve or reject a request that waits for a person.
pub(crate) mod approve;
/// How to find out who calls, and what to do if nobody knows the calls.
pub(crate) mod callers;
/// How to follow, file or prepare an increase by hand.
pub(crate) mod increase;
/// Which id to call instead of one that is not available.
pub(crate) mod model_id;
/// What to ask AWS about a request that it leaves open.
pub(crate) mod open_request;
/// What to change in the body of a request.
pub(crate) mod request_body;
/// What to change if the calling pattern does harm.
pub(crate) mod retry;
pub(crate) mod room;
/// Other ids of the same model, to call while a support case is open.
pub(crate) mod siblings;
/// What to do if AWS does not answer the function.
pub(crate) mod unanswered;
/// How to find the missing error message, and how to make the next error visible.
pub(crate) mod visible;
/// How to find the quota or the model that the function could not.
pub(crate) mod which_quota;
