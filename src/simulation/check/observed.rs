//! What was observed of a life: notices, requests, acknowledgements, and what each function knew.
//!
//! Invariant: It holds what was seen. It judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::ids::{AccountRegion, IncidentId, QuotaCode};
use crate::incident::notice_kind::Kind;
use crate::sandbox::PortCall;
use crate::simulation::problem::Word;

/// A notice, or an incident's line in a digest.
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
pub(super) struct PublishedNotice {
    pub(super) incident: IncidentId,
    pub(super) episode: Option<u32>,
    pub(super) id: String,
    pub(super) kind: Kind,
    /// Whether a person must take a step, which has reminders.
    pub(super) needs_person: bool,
    pub(super) at: Timestamp,
    /// Whether it reports a request.
    pub(super) asks: bool,
    /// Whether nothing fails yet and a quota is only nearly full.
    pub(super) is_near: bool,
    /// Whether it is a line of a digest, which does not name the denied action.
    pub(super) is_line: bool,
    /// The denied action that it names.
    pub(super) action: Option<String>,
    /// The request whose end or waiting it reports.
    pub(super) request: Option<String>,
    /// Why nothing was filed.
    pub(super) withheld: Vec<String>,
    /// Whether it warns of misuse.
    pub(super) warns: bool,
    /// What it says, without numbers.
    pub(super) says: BTreeSet<String>,
    /// The function that published it.
    pub(super) function: u64,
    /// Whether that function recorded it. If not, the ledger does not know that people have read it, and another
    /// function publishes it again, with what it finds then.
    pub(super) is_recorded: bool,
}

/// A request that Service Quotas accepted from the function.
pub(crate) struct AskedRequest {
    pub(crate) incident: IncidentId,
    pub(crate) id: String,
    pub(crate) at: Timestamp,
}

/// A request that the function filed with Service Quotas.
pub(crate) struct Filing<'f> {
    pub(crate) function: u64,
    pub(crate) incident: &'f IncidentId,
    pub(crate) place: &'f AccountRegion,
    pub(crate) code: &'f QuotaCode,
    pub(crate) desired: f64,
    /// When it was meant to be filed.
    pub(crate) intended: Timestamp,
    pub(crate) at: Timestamp,
}

/// An error that was deleted from its queue.
pub(super) struct Acknowledged {
    pub(super) incident: IncidentId,
    /// The denied action that it names.
    pub(super) action: Option<&'static str>,
    pub(super) happened: Timestamp,
    pub(super) at: Timestamp,
}

/// What a running function has done and not finished.
#[derive(Default)]
pub(super) struct OpenInvocation {
    /// What its delivery reports about each incident.
    pub(super) told: BTreeMap<IncidentId, HeardNotice>,
    /// What it knows about each incident whose lease it took.
    pub(super) leased: BTreeMap<IncidentId, Leased>,
    /// Whether it was deployed in `observe` mode.
    pub(super) is_observing: bool,
    /// Its calls that failed.
    pub(super) failed: BTreeSet<PortCall>,
    pub(super) reserved: Vec<(IncidentId, AccountRegion, QuotaCode, Timestamp)>,
    /// Notices that were published and not yet recorded.
    pub(super) unrecorded: Vec<(IncidentId, String)>,
    /// Whether something happened to it that excuses notices without a record.
    pub(super) is_excused: bool,
}

/// What was known about an incident when a function took its lease. The function does not see later errors, and may
/// still carry out its decision when another function has the lease.
pub(crate) struct Leased {
    pub(crate) at: Timestamp,
    /// When its first error happened.
    pub(crate) first: Option<Timestamp>,
    pub(crate) by_root: bool,
    /// All values of [`SeenIncident::words`] since then.
    pub(crate) words: Vec<Word>,
}

/// The errors of an incident: those of earlier episodes, and those of the present one.
#[derive(Default)]
pub(super) struct CountedErrors {
    pub(super) before: u64,
    pub(super) episode: u32,
    pub(super) errors: u64,
}

/// What one delivery reports about an incident.
#[derive(Clone, Default)]
pub(crate) struct HeardNotice {
    pub(crate) words: Vec<Word>,
    /// When its first error happened.
    pub(crate) first: Option<Timestamp>,
    /// Whether it says that the root user called.
    pub(crate) by_root: bool,
}

/// What the ledger was told about an incident in its present episode.
pub(super) struct SeenIncident {
    pub(super) episode: u32,
    /// When it first happened.
    pub(super) first: Option<Timestamp>,
    pub(super) by_root: bool,
    /// The last word; if AWS recorded an error with a named cause, the last of those.
    pub(super) words: Vec<Word>,
    /// The words of earlier episodes.
    pub(super) past: Vec<Word>,
}

impl SeenIncident {
    pub(super) fn hear(&mut self, heard: &HeardNotice) {
        self.first = [self.first, heard.first].into_iter().flatten().min();
        self.by_root |= heard.by_root;
        let named: Vec<Word> = heard.words.iter().filter(|word| word.is_named()).cloned().collect();
        if !named.is_empty() {
            self.words = named;
        } else if !self.words.iter().any(Word::is_named) {
            self.words.extend(heard.words.iter().cloned());
            if heard.words.iter().any(|word| word.is_alarm) {
                self.words.append(&mut self.past);
            }
        }
    }
}
