//! The counts of a life.

use serde::Serialize;

/// Counts of what a life contained, and so put to the test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Lived {
    pub messages: u64,
    pub deliveries: u64,
    pub functions: u64,
    pub crashes: u64,
    pub faults: u64,
    pub incidents: u64,
    pub notices: u64,
    pub digests: u64,
    pub unanswered: u64,
    pub repeats: u64,
    pub requests: u64,
    /// Requests for quotas of the bedrock-mantle endpoint.
    pub of_mantle: u64,
    /// Requests for quotas that are not of model inference.
    pub of_features: u64,
    /// Requests in members of an organization.
    pub of_members: u64,
    pub outcomes: u64,
    pub foreseen: u64,
    pub served: u64,
    pub dead_letters: u64,
}

impl Lived {
    /// Adds another life.
    pub fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.deliveries += other.deliveries;
        self.functions += other.functions;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.incidents += other.incidents;
        self.notices += other.notices;
        self.digests += other.digests;
        self.unanswered += other.unanswered;
        self.repeats += other.repeats;
        self.requests += other.requests;
        self.of_mantle += other.of_mantle;
        self.of_features += other.of_features;
        self.of_members += other.of_members;
        self.outcomes += other.outcomes;
        self.foreseen += other.foreseen;
        self.served += other.served;
        self.dead_letters += other.dead_letters;
    }
}
