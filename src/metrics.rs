//! The function's own metrics in CloudWatch: alarms and the dashboard name them as they stand here.
//!
//! Invariant: a metric that is not in this table is not written.

use crate::wire_enum::wire_enum;

/// The namespace of the function's own metrics.
pub const NAMESPACE: &str = "BedrockRemediator";
/// The one dimension of each of them, whose value is the function's name.
pub const DIMENSION: &str = "FunctionName";

wire_enum! {
    /// A metric of the function's own.
    pub enum OwnMetric {
        /// Items of deliveries.
        Items = "Items",
        /// Items, or whole deliveries, that have to be delivered again.
        FailedItems = "FailedItems",
        /// Deliveries for which there was too little time.
        OutOfTime = "OutOfTime",
        /// Incidents that a delivery was about.
        Incidents = "Incidents",
        /// Notices that were published.
        Notices = "Notices",
        /// Increase requests that Service Quotas took.
        IncreasesRequested = "IncreasesRequested",
        /// What was withheld.
        Withheld = "Withheld",
        /// Incidents that stay due, because the topic or the ledger refused.
        StaysDue = "StaysDue",
        /// Shards of the first half that were swept.
        Ticks = "Ticks",
        /// Shards of the second half that were swept.
        LaterTicks = "LaterTicks",
        /// The fullest quota's use, in percent.
        FullestQuota = "FullestQuota",
        /// Daily watches that could not look at everything.
        WatchFailed = "WatchFailed",
        /// Sweeps that found no confirmed subscription of the people's topic.
        NobodyTold = "NobodyTold",
    }
}

impl OwnMetric {
    /// CloudWatch's unit of it.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::FullestQuota => "Percent",
            _ => "Count",
        }
    }
}
