//! Decides for which account an event may speak.
//!
//! Invariant: With an organization, only EventBridge vouches for another account than the function's own. EventBridge
//! writes the sender's account into the envelope, and a sender cannot choose a source that begins with `aws.`
//! (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html>). What a record, a log line or a
//! published message says of an account is only compared with that.

use crate::event::Signal;
use crate::identity::FunctionIdentity;
use crate::ids::AccountId;

impl Signal {
    /// The account that the signal is about; `None` if it names none.
    fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Error(error) => error.account.as_ref(),
            Self::Alarm(alarm) => alarm.account.as_ref(),
            Self::QuotaChange(change) => change.account.as_ref(),
            Self::Tick { .. } | Self::Ignored(_) => None,
        }
    }

    /// The same signal, or the reason to ignore it: it speaks for an account for which nobody vouches. `envelope` is
    /// the account in EventBridge's envelope; `None` if the signal came another way. Without an organization, nothing
    /// is done for another account, so each may be named.
    pub(super) fn vouched(self, envelope: Option<&str>, home: &FunctionIdentity) -> Self {
        let (Some(_), Some(own), Some(named)) = (&home.organization, &home.account, self.account()) else {
            return self;
        };
        match envelope {
            Some(delivered) if delivered == named.as_str() => self,
            Some(_) => Self::unvouched(format!(
                "it names account {named}, and EventBridge delivered it from another one"
            )),
            None if named == own => self,
            None => Self::unvouched(format!(
                "only EventBridge vouches for account {named}, and it came another way"
            )),
        }
    }
}
