//! How a person follows an increase, files it by hand, or prepares for it.
//!
//! Invariant: A command that files a request says whether the request is filed already.

use crate::config::Config;
use crate::ids::{AccountRegion, QuotaCode, Region};
use crate::plan::action::{Increase, Step};
use crate::quota::Quota;

/// What is left to do about an increase that the function files.
pub(crate) fn filed(increase: &Increase, place: &AccountRegion, config: &Config) -> Step {
    let is_whole = config.use_case.is_some() && config.expected_growth.is_some();
    let blanks = if is_whole { "" } else { ", with the sentences in brackets filled in" };
    Step {
        text: format!(
            "Paste the justification below into the support case as soon as its id appears{blanks}. The request itself cannot carry it."
        ),
        command: None,
        link: Some(quota_link(place, &increase.quota.code)),
    }
}

/// How a person files the same request.
pub(crate) fn by_hand(increase: &Increase, place: &AccountRegion) -> Step {
    Step {
        text: "Ask for the increase by hand, if it is wanted.".to_owned(),
        command: Some(command(&increase.quota, increase.desired, &increase.region)),
        link: Some(quota_link(place, &increase.quota.code)),
    }
}

/// The command that files the same request.
pub(crate) fn command(quota: &Quota, desired: f64, region: &Region) -> String {
    format!(
        "aws service-quotas request-service-quota-increase --service-code {} --quota-code {} --desired-value {desired} --region {region}",
        quota.code.service(),
        quota.code.code()
    )
}

/// How a person opens the support case that only a person can open.
pub(crate) fn open_case(place: &AccountRegion) -> Step {
    Step {
        text: "Open a support case of type service limit increase with the text below.".to_owned(),
        command: None,
        link: Some(place.region.console("support/home#/case/create?issueType=service-limit-increase")),
    }
}

/// How somebody comes to hear of what is filed.
pub(crate) fn subscribe() -> Step {
    Step {
        text: "Subscribe to the topic that people are told through, and confirm the subscription.".to_owned(),
        command: None,
        link: Some(
            "https://docs.aws.amazon.com/sns/latest/dg/sns-create-subscribe-endpoint-to-topic.html"
                .to_owned(),
        ),
    }
}

/// How a person checks a quota's status.
pub(crate) fn look_at(place: &AccountRegion, code: &QuotaCode) -> Step {
    let command = format!(
        "aws service-quotas list-requested-service-quota-change-history-by-quota --service-code {} --quota-code {} --region {}",
        code.service(),
        code.code(),
        place.region
    );
    Step {
        text: "Look at the quota and its requests.".to_owned(),
        command: Some(command),
        link: Some(quota_link(place, code)),
    }
}

/// The console page of a quota.
pub(crate) fn quota_link(place: &AccountRegion, code: &QuotaCode) -> String {
    let page = format!("servicequotas/home/services/{}/quotas/{}", code.service(), code.code());
    place.region.regional_console(&page)
}
