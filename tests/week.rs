//! A week in the life of an account, as `docs/week.md` tells it: every notice in it is what the function says.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Write as _;

use crate::support::story::*;
use bedrock_remediator::model::access::Availability;
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::sandbox::{Days, MinuteEntry, Sandbox, WorldFile};
use bedrock_remediator::usage::Minute;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/week.md");
const HAIKU: &str = "anthropic.claude-haiku-4-5-20251001-v1:0";

struct Week {
    world: Sandbox,
    page: String,
    told: usize,
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Week {
    /// Ticks go by until then.
    fn until(&mut self, at: &str) {
        while self.world.time() < time(at) {
            let left = time(at).duration_since(self.world.time());
            self.world.pass(left.min(SignedDuration::from_mins(5)));
            run_sweep(&self.world);
            self.write_down_what_was_told();
        }
    }

    /// What happens in the world, in a sentence.
    fn says(&mut self, what: &str) {
        let at = self.world.time().strftime("%A %H:%M");
        let _ = write!(self.page, "\n**{at}.** {what}\n");
    }

    fn event(&mut self, payload: &str) {
        deliver(&self.world, payload);
        self.write_down_what_was_told();
    }

    fn write_down_what_was_told(&mut self) {
        for notice in self.world.published().iter().skip(self.told) {
            let at = self.world.time().strftime("%A %H:%M");
            let _ = write!(
                self.page,
                "\n**{at}.** Notice (`{}`):\n\n```text\n{}```\n",
                notice.kind,
                notice.mail()
            );
            self.told += 1;
        }
    }
}

/// An event of now.
fn of_now(event: &str, world: &Sandbox) -> String {
    event.replace("2026-11-20T14:32:05Z", &world.time().to_string())
}

fn alarm(world: &Sandbox) -> String {
    json!({
        "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change",
        "account": "111122223333", "region": "us-east-1",
        "detail": {
            "alarmName": "bedrock-throttles",
            "state": { "value": "ALARM", "timestamp": world.time().strftime("%FT%T.000+0000").to_string() },
            "configuration": { "metrics": [{ "metricStat": { "metric": {
                "namespace": "AWS/Bedrock", "name": "InvocationThrottles", "dimensions": { "ModelId": SONNET },
            } } }] },
        },
    })
    .to_string()
}

/// A model in use for weeks, and some minutes of Monday in which it ran into its quota.
fn account() -> WorldFile {
    let mut file = busy();
    let file_now = time("2026-11-16T08:00:00Z");
    file.now = Some(file_now);
    let usage = &mut file.usage[0];
    let full: Minute = usage.last.take().unwrap().each;
    let quiet = Minute { throttles: 0.0, ..full };
    let minute = |n: i64| time("2026-11-16T08:55:00Z") + SignedDuration::from_mins(n);
    usage.first_use = Some(time("2026-09-01T00:00:00Z"));
    let mut usual = Minute::NONE;
    usual.add(&quiet, 0.6);
    usage.days = Some(Days { days: 14, first: usual, last: usual, until: Some(file_now) });
    usage.series = (0..20)
        .map(|n| MinuteEntry { at: minute(n), values: if (8..17).contains(&n) { full } else { quiet } })
        .collect();
    let shut: Value = json!([{ "model_id": HAIKU, "form_submitted": false, "agreement": "NOT_AVAILABLE", "authorized": false }]);
    file.availability = serde_json::from_value(shut).unwrap();
    file
}

fn week() -> String {
    let page = "# A week in the life of an account\n\nThe program wrote this page. A test runs this week on the embedded world and compares what it says with this page.\n`UPDATE_WEEK=1 cargo test --test all week::` writes the page again.\n";
    let file = account();
    let start = file.now.unwrap();
    let mut week = Week { world: Sandbox::new(file, start), page: page.to_owned(), told: 0 };

    week.until("2026-11-16T09:12:00Z");
    week.says("A release sends more to Claude Sonnet 4.5 than its quota allows. CloudWatch's alarm goes off. CloudTrail has no record yet.");
    let alarm = alarm(&week.world);
    week.event(&alarm);
    week.until("2026-11-16T09:21:00Z");
    week.says("The errors themselves arrive through CloudTrail: forty of them, twice. They name the limit that the metric could not name, and they show who calls, so the increase is filed.");
    let storm = vec![of_now(&throttle(SONNET), &week.world); 40];
    week.event(&queue(&storm));
    week.event(&queue(&storm));

    week.until("2026-11-17T10:30:00Z");
    week.says("A team tries Claude Haiku 4.5, for which nobody has submitted Anthropic's form.");
    let text = "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model.";
    let form = error("us-east-1", HAIKU, "ResourceNotFoundException", text);
    let form = of_now(&form, &week.world);
    week.event(&form);

    week.until("2026-11-18T15:40:00Z");
    week.says("AWS raises the quota and closes the case without a comment.");
    week.world.decide("request-0001", RequestStatus::CaseClosed, Some(8.5e6));

    week.until("2026-11-19T16:05:00Z");
    week.says(
        "Somebody who may sign for the organization submits the form; the agreement follows within minutes.",
    );
    week.world.change(|file| {
        let state = &mut file.availability[0];
        (state.form_submitted, state.authorized) = (Some(true), Some(true));
        state.agreement = Availability::Available;
    });

    week.until("2026-11-22T20:00:00Z");
    week.says("The week is over. Nothing is open.");
    assert!(week.world.incidents().iter().all(|i| i.record.due_at.is_none()));
    assert_eq!(
        kinds(&week.world),
        ["opened", "again", "opened", "reminder", "outcome", "resolved", "resolved"]
    );
    week.page
}

#[test]
fn the_page_tells_what_the_function_says() {
    let told = week();
    if std::env::var_os("UPDATE_WEEK").is_some() {
        std::fs::write(PAGE, &told).unwrap();
    }
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert_eq!(page, told, "UPDATE_WEEK=1 cargo test --test all week:: writes docs/week.md again");
}
