//! The function's own CloudWatch metrics. The alarms and the dashboard use these names.
//!
//! Invariant: A metric that is not in this table is not written.

use crate::wire_enum::wire_enum;

/// The namespace of these metrics.
pub const NAMESPACE: &str = "BedrockRemediator";
/// The only dimension of these metrics. Its value is the function's name.
pub const DIMENSION: &str = "FunctionName";

wire_enum! {
    /// A metric that the function writes about itself.
    pub enum OwnMetric {
        /// Items in deliveries.
        Items = "Items",
        /// Items, or whole deliveries, that must be delivered again.
        FailedItems = "FailedItems",
        /// Deliveries that ran out of time.
        OutOfTime = "OutOfTime",
        /// Incidents that a delivery was about.
        Incidents = "Incidents",
        /// Notices published.
        Notices = "Notices",
        /// Increase requests that Service Quotas accepted.
        IncreasesRequested = "IncreasesRequested",
        /// Actions withheld.
        Withheld = "Withheld",
        /// Incidents that stay due because the topic or the ledger refused a call.
        StaysDue = "StaysDue",
        /// Shards of the first half that were swept.
        Ticks = "Ticks",
        /// Shards of the second half that were swept.
        LaterTicks = "LaterTicks",
        /// Use of the fullest quota, in percent.
        FullestQuota = "FullestQuota",
        /// Daily forecasts that could not read everything.
        WatchFailed = "WatchFailed",
        /// Members of the organization into which the daily watch could not look.
        MembersUnread = "MembersUnread",
        /// Events that name an account for which nobody vouches.
        Unvouched = "Unvouched",
        /// Sweeps that found no confirmed subscription of the notice topic.
        NobodyTold = "NobodyTold",
    }
}

impl OwnMetric {
    /// The CloudWatch unit of this metric.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::FullestQuota => "Percent",
            _ => "Count",
        }
    }
}
