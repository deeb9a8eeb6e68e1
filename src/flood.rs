//! What keeps a flood of false errors from hiding a real one: bounds on new incidents.
//!
//! Invariant: an error costs its sender nothing, so the number of incidents that one sender can open is bounded. No
//! error is dropped: what has no room is counted in one incident of its sender.

use jiff::Timestamp;

/// One sender opens at most so many incidents in an hour. A person reads so many lines of a digest, and no
/// application has so many different problems at once.
pub const OF_SENDER: u32 = 20;
/// So many incidents are opened in an hour in one account and Region, whoever sends them: so many can be looked at
/// in one sweep, and two digests list them.
pub const IN_PLACE: u32 = 200;

/// The beginning of the hour that `now` is in. The ledger counts by it.
pub(crate) fn hour_of(now: Timestamp) -> Timestamp {
    let seconds = now.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(3600)).unwrap_or(now)
}

/// An incident that was opened a moment ago, as the ledger counts it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Opened {
    /// `account#region`; `-` stands for what is not known.
    pub place: String,
    /// A hash of its sender, in hexadecimal digits; `None` where only the place's bound applies.
    pub sender: Option<String>,
}

/// Whether another incident may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It may, and it is counted.
    Free,
    /// Its sender has opened [`OF_SENDER`] in this hour.
    SenderFull,
    /// [`IN_PLACE`] were opened in its place in this hour.
    PlaceFull,
}

impl Room {
    /// Whether there is room after so many in the place and of the sender.
    pub(crate) fn after(in_place: u32, of_sender: u32) -> Self {
        if in_place >= IN_PLACE {
            Self::PlaceFull
        } else if of_sender >= OF_SENDER {
            Self::SenderFull
        } else {
            Self::Free
        }
    }
}
