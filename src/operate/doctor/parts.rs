//! The parts of a deployment, by logical id.

/// The stack's rules by logical id, and what each lets the function see.
pub const RULES: &[(&str, &str)] = &[
    (
        "AlarmContributorsRule",
        "throttles that CloudTrail does not record: this stack's own alarms over all models",
    ),
    ("HealthRule", "what AWS Health says of Bedrock: incidents on AWS's side, announced ends of models"),
    ("InferenceErrorsRule", "every error's text, caller and request id: only alarms are left"),
    ("JobsRule", "batch and customization jobs that fail, or that process only part of their input"),
    ("LaterTickRule", "half of what takes time, as TickRule"),
    ("QuotaNewsRule", "AWS's decisions as they fall; they are still asked for every 15 minutes"),
    ("SupportNewsRule", "support cases as they change; they come to us-east-1 only"),
    (
        "TickRule",
        "half of what takes time: outcomes, reminders, what a function that died has left; and the daily watch",
    ),
    ("YourAlarmsRule", "alarms of yours"),
];

/// What each rule reacts to: a `detail-type`, as [`RuleTrigger`](crate::installation::RuleTrigger) writes it, or a
/// schedule if `None`. It identifies a rule whose generated name CloudFormation had to cut.
pub const TRIGGERS: &[(&str, Option<&str>)] = &[
    ("AlarmContributorsRule", Some("CloudWatch Alarm Contributor State Change")),
    ("HealthRule", Some("AWS Health Event")),
    ("InferenceErrorsRule", Some("AWS API Call via CloudTrail")),
    ("JobsRule", Some("*Job State Change")),
    ("LaterTickRule", None),
    ("QuotaNewsRule", Some("AWS Service Event via CloudTrail")),
    ("SupportNewsRule", Some("Support Case Update")),
    ("TickRule", None),
    ("YourAlarmsRule", Some("CloudWatch Alarm State Change")),
];

/// Inference calls are read-only management events. A rule receives those only in the state that includes reads.
pub(crate) const READS_TOO: &str = "InferenceErrorsRule";

/// The stack's alarms by name suffix, and what each lets people see.
pub const ALARMS: &[(&str, &str)] = &[
    ("models-throttles", "throttled calls, where CloudTrail does not record them"),
    ("models-client-errors", "refused calls, where no trail tells of them"),
    ("models-server-errors", "calls that fail on AWS's side, where no trail tells of them"),
    ("health-dead-letters", "events that nobody could handle"),
    ("health-backlog", "events that wait too long"),
    ("health-errors", "a function that fails"),
    ("health-throttles", "a function that is not let run"),
    ("health-notices", "notices that SNS could not deliver"),
    ("health-untold", "incidents that could not be told"),
    ("health-ticks", "a schedule that does not tick"),
    ("health-later-ticks", "the second half of it"),
    ("health-invocations", "a function that nothing invokes"),
    ("health-watch-failed", "a daily watch that cannot look"),
    ("health-nobody-told", "a topic that nobody listens to"),
];
