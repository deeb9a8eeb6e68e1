//! The plan's own texts: justifications, support cases and explanations.

use crate::config::Config;
use crate::incident::Incident;
use crate::model::ModelId;
use crate::plan::action::Withheld;
use crate::plan::choose_quota::QuotaCase;
use crate::quota::{Limit, Quota, unit};
use crate::text::{number, whole};

pub(crate) fn number_or_unknown(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), number)
}

/// The justification that AWS's reviewers ask for.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-increase.html>.
pub(crate) fn justification(case: &QuotaCase<'_>, desired: Option<f64>, config: &Config) -> String {
    let (n, usage, quota) = (number, case.usage, case.quota);
    let asked = desired.map(|d| format!(" Asked for: {}.", n(d))).unwrap_or_default();
    let is_mantle = matches!(case.limit.limit, Limit::InputTokensPerMinute | Limit::OutputTokensPerMinute);
    let measured = if is_mantle { of_mantle(case) } else { of_runtime(case) };
    let mut lines = vec![
        format!(
            "Quota: {} ({}), account {}, Region {}, model {}.",
            quota.name, quota.code, case.place.account, case.place.region, case.model
        ),
        format!(
            "Applied value {}, AWS default {} {}.{asked}",
            n(case.applied),
            number_or_unknown(case.default),
            unit(case.limit.limit)
        ),
    ];
    lines.extend(measured);
    let trend = usage.trend.map(|trend| {
        let percent = ((trend - 1.0) * 100.0).round() + 0.0;
        format!("Requests of the last 7 days against the 7 before: {percent:+.0} %.")
    });
    lines.push(of_people(config, trend.as_deref()));
    lines.join("\n")
}

/// What only people know: the operator's words, or what somebody has to add. `between` stands before the growth.
pub(crate) fn of_people(config: &Config, between: Option<&str>) -> String {
    let said = |text: &Option<String>| {
        text.as_deref().map_or("(add one sentence)", |text| text.trim_end_matches('.')).to_owned()
    };
    let use_case = format!("Use case: {}.", said(&config.use_case));
    let growth = format!("Expected growth: {}.", said(&config.expected_growth));
    [Some(use_case.as_str()), between, Some(&growth)].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What CloudWatch measured of a model on the bedrock-runtime endpoint.
fn of_runtime(case: &QuotaCase<'_>) -> Vec<String> {
    let (n, usage) = (number, case.usage);
    let is_of_requests = case.limit.limit == Limit::RequestsPerMinute;
    let demand = |limit| {
        // Only the case's own quota is known to have been full. A quota of zero is always full.
        let is_known = (limit == Limit::RequestsPerMinute) == is_of_requests || case.applied <= 0.0;
        usage.demand(limit, if is_known { case.applied } else { f64::INFINITY })
    };
    vec![
        format!(
            "Measured by CloudWatch over the last 14 days: peak {} requests and {} tokens per minute (95th percentile {} and {}), {} calls throttled in the worst minute.",
            n(usage.peak_requests),
            n(usage.peak_tokens),
            n(usage.p95_requests),
            n(usage.p95_tokens),
            n(usage.peak_throttles)
        ),
        format!(
            "Average request: {} input and {} output tokens; {:.0} % of the requests fell into minutes whose average was over twice that. Demand in the worst minute, throttled calls included: {} requests, {} tokens.",
            n(usage.average_input),
            n(usage.average_output),
            usage.large_share * 100.0,
            n(demand(Limit::RequestsPerMinute)),
            n(demand(Limit::TokensPerMinute))
        ),
    ]
}

/// What CloudWatch measured of a model on the bedrock-mantle endpoint, whose quotas count input and output apart.
fn of_mantle(case: &QuotaCase<'_>) -> Vec<String> {
    let (n, usage) = (number, case.usage);
    let output = usage.counted(Limit::OutputTokensPerMinute);
    vec![
        format!(
            "Measured by CloudWatch over the last 14 days: peak {} requests, {} input and {} output tokens per minute (95th percentile {}, {} and {}). The endpoint counts no throttled calls; {} calls were refused around this incident, throttled ones among them.",
            n(usage.peak_requests),
            n(usage.peak_tokens),
            n(output.peak_tokens),
            n(usage.p95_requests),
            n(usage.p95_tokens),
            n(output.p95_tokens),
            n(usage.window_client_errors)
        ),
        format!(
            "Average request: {} input and {} output tokens. At admission a request counts with its input and `max_tokens`.",
            n(usage.average_input),
            n(usage.average_output)
        ),
    ]
}

/// Why calls are throttled although usage is far below the quota, as far as the numbers show.
pub(crate) fn far_below(case: &QuotaCase<'_>, requested: Option<u64>) -> String {
    let (n, usage, limit) = (number, case.usage, case.limit.limit);
    if limit == Limit::TokensPerDay {
        return "calls through other profiles of the model, or of other models, count against the same day"
            .to_owned();
    }
    let is_tokens = limit != Limit::RequestsPerMinute;
    // The cast saturates at the largest integer, and no quota is negative.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let holds = case.applied as u64;
    if let Some(asked) = requested.filter(|asked| is_tokens && *asked > holds) {
        return format!(
            "one request alone reserves {} output tokens, and the quota is {} tokens: lower its `max_tokens`, no increase is needed for what is used",
            whole(asked),
            n(case.applied)
        );
    }
    if usage.peak_requests < 1.0 {
        return format!(
            "no call was admitted in {} at all: either every request reserves more than the quota, or the calls are counted in another Region",
            case.place.region
        );
    }
    let counted = usage.counted(limit);
    let (peak, usual) = if is_tokens {
        (counted.peak_tokens, counted.p95_tokens)
    } else {
        (usage.peak_requests, usage.p95_requests)
    };
    if usual > 0.0 && peak >= usual * BURST {
        return format!(
            "the load comes in bursts: the busiest minute had {} where 95 % of the minutes have at most {}, and within such a minute seconds count: spread the calls",
            n(peak),
            n(usual)
        );
    }
    let reserved = case.applied / usage.peak_requests;
    let used = counted.peak_tokens / usage.peak_requests;
    if is_tokens && reserved <= LARGEST_OUTPUT {
        return format!(
            "at admission a request reserves its input and `max_tokens`, and {} requests a minute fill the quota if each reserves {} tokens, where they use {}: set `max_tokens` to what the answers need",
            n(usage.peak_requests),
            n(reserved),
            n(used)
        );
    }
    "neither use nor reservations can have filled it: most likely AWS's own capacity, or the model's calls from another Region".to_owned()
}

/// A minute with this many times the 95th percentile is a burst.
const BURST: f64 = 3.0;
/// Upper bound of `max_tokens` over all models.
const LARGEST_OUTPUT: f64 = 200_000.0;

/// A support case for a quota that Service Quotas cannot raise.
pub(crate) fn support_case(quota: &Quota, why: &Withheld, justification: &str) -> String {
    format!(
        "Please raise the quota `{}` ({}) of Amazon Bedrock. It cannot be asked for through Service Quotas: {}.\n\n{justification}",
        quota.name, quota.code, why.reason
    )
}

/// A support case for the daily limit.
pub(crate) fn daily_case(
    incident: &Incident,
    model: Option<&ModelId>,
    quota: &Quota,
    config: &Config,
) -> String {
    let place = incident.place();
    let unknown = || "(fill in)".to_owned();
    format!(
        "Please raise the daily token limit of Amazon Bedrock, `{}` ({}), account {}, Region {}. Calls of {} are refused with \"too many tokens per day\".\n\
         {}",
        quota.name,
        quota.code,
        place.as_ref().map_or_else(unknown, |p| p.account.to_string()),
        place.as_ref().map_or_else(unknown, |p| p.region.to_string()),
        model.map_or_else(unknown, ToString::to_string),
        of_people(config, Some("Tokens per day needed: (add the number).")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [(0.0, "0"), (999.0, "999"), (1000.0, "1,000"), (1_234_567.4, "1,234,567")] {
            assert_eq!(number(value), text);
        }
    }
}
