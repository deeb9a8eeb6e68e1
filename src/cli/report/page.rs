//! The page: one file, readable without styles, on a phone and on paper.

use bedrock_remediator::ids::AccountId;
use bedrock_remediator::incident::record::Record;
use bedrock_remediator::model::ModelId;
use bedrock_remediator::notice::{Notice, Severity, counted};
use bedrock_remediator::operate::Shown;
use bedrock_remediator::operate::report::{AccountReport, ReportedUse, has_several_accounts};
use bedrock_remediator::text::number;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::cli::report::chart::chart;

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub(super) fn page(report: &AccountReport) -> Markup {
    let title = match &report.place {
        Some(place) => format!("Amazon Bedrock in {}, account {}", place.region, place.account),
        None => "Amazon Bedrock".to_owned(),
    };
    let are_several = has_several_accounts(report.records());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p { "As of " (minute(report.made)) ". Times are UTC." }
                    (tiles(report))
                }
                main {
                    section {
                        h2 { "Open incidents" }
                        @if report.open.is_empty() { p.quiet { "Nothing is open." } }
                        @for shown in &report.open { (open(shown, are_several)) }
                        @if !report.more.is_empty() { (table(&report.more, are_several)) }
                    }
                    section {
                        h2 { "Use against quota, two weeks" }
                        @if let Some(place) = report.place.as_ref().filter(|_| are_several) {
                            p.quiet { "Of account " (place.account) " in " (place.region) " only." }
                        }
                        @if report.uses.is_empty() { p.quiet { (no_use(report)) } }
                        @for shown in &report.uses { (usage(shown, report.made)) }
                    }
                    section {
                        h2 { "Past incidents" }
                        @if report.past.is_empty() { p.quiet { "None is remembered." } } @else { (table(&report.past, are_several)) }
                    }
                }
                footer { p { "Written by bedrock-remediator " (env!("CARGO_PKG_VERSION")) "; nothing was changed by it." } }
            }
        }
    }
}

fn no_use(report: &AccountReport) -> String {
    match report.unread.first() {
        Some(why) => format!("It could not be asked: {why}."),
        None if report.place.is_none() => "Nothing tells which account and Region to look at.".to_owned(),
        None => "No model was called in the last two weeks.".to_owned(),
    }
}

/// The three numbers that a reader wants first.
fn tiles(report: &AccountReport) -> Markup {
    let requests = report.open.iter().filter(|shown| shown.record.followed.is_some()).count();
    let fullest = report.uses.first().map(percent);
    html! {
        dl.tiles {
            div { dt { "open incidents" } dd { (report.open.len() + report.more.len()) } }
            div { dt { "increases under way" } dd { (requests) } }
            div { dt { "the fullest quota" } dd { (fullest.unwrap_or_else(|| "none".to_owned())) } }
        }
    }
}

fn percent(shown: &ReportedUse) -> String {
    format!("{:.0} %", shown.near.share() * 100.0)
}

fn minute(at: Timestamp) -> String {
    at.strftime("%F %H:%M").to_string()
}

fn or_dash(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "–".to_owned(), minute)
}

fn open(shown: &Shown, are_several: bool) -> Markup {
    let (record, notice) = (&shown.record, &shown.notice);
    let i = &record.incident;
    let severity = notice.severity;
    html! {
        article.(severity.as_str()) {
            h3 { (notice.title) }
            p.meta {
                span.badge { (word(severity)) } " "
                @if are_several { "account " (i.account.as_ref().map_or("–", AccountId::as_str)) ", " }
                (i.id) ", " (record.state) ", "
                (counted(i.counts)) ", last seen " (or_dash(i.last_seen))
            }
            p { (prose(&notice.summary)) }
            @if let Some(f) = &record.followed {
                p {
                    strong { "Asked for: " } (f.name) " from " (number(f.value_before)) " to " (number(f.desired))
                    ", " (minute(f.intended)) ", " (f.request_id.as_deref().unwrap_or("the answer is in doubt")) "."
                }
            }
            (told(record))
            (steps(notice))
            details {
                summary { "Why we think so" }
                ul { @for because in &notice.because { li { (prose(because)) } } }
                @if let Some(justification) = &notice.justification {
                    p { strong { "The justification, ready to paste" } }
                    pre { (justification) }
                }
            }
        }
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "calls fail",
        Severity::Warning => "look soon",
        Severity::Info => "for the record",
    }
}

/// When notices of the incident were sent.
fn told(record: &Record) -> Markup {
    html! {
        @if !record.notices.is_empty() {
            ol.told { @for told in record.notices.whole() { li { time { (minute(told.at)) } " " (told.kind) } } }
        }
    }
}

fn steps(notice: &Notice) -> Markup {
    html! {
        @for withheld in &notice.withheld {
            p { strong { "Not asked for (" (withheld.kind) "): " } (prose(&withheld.reason)) "." }
        }
        @if !notice.next_steps.is_empty() {
            p { strong { "What to do now" } }
            ol {
                @for step in &notice.next_steps {
                    li {
                        (prose(&step.text))
                        @if let Some(command) = &step.command { pre { (command) } }
                        @if let Some(link) = &step.link { p { a href=(link) { (link) } } }
                    }
                }
            }
        }
    }
}

fn usage(shown: &ReportedUse, now: Timestamp) -> Markup {
    let near = &shown.near;
    let models = shown.models.iter().map(ModelId::as_str).collect::<Vec<_>>().join(", ");
    let peak = format!("{} of {} in the last 24 hours", number(near.peak), number(near.applied));
    let full = near
        .full_on(now)
        .filter(|_| near.share() < 1.0)
        .map(|day| format!("; at its pace full on {}", day.strftime("%F")));
    html! {
        figure {
            figcaption {
                strong { (percent(shown)) " of " (near.quota.name) } " (" (near.quota.code) ")"
                br;
                (peak) (full.unwrap_or_default()) ". " span.quiet { (models) }
            }
            @match chart(shown, now) {
                Ok(svg) => (PreEscaped(svg)),
                Err(why) => p.quiet { (why) },
            }
        }
    }
}

/// Sets text between backticks as code.
fn prose(text: &str) -> Markup {
    html! {
        @for (n, part) in text.split('`').enumerate() {
            @if n % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn table(records: &[Record], are_several: bool) -> Markup {
    html! {
        div.wide {
            table {
                thead { tr { @if are_several { th { "account" } } th { "cause" } th { "model" } th { "Region" } th { "seen" } th { "state" } th { "told" } } }
                tbody {
                    @for record in records {
                        @let i = &record.incident;
                        tr {
                            @if are_several { td { (i.account.as_ref().map_or("–", AccountId::as_str)) } }
                            td { (i.cause) br; span.quiet { (i.id) } }
                            td { (i.model.as_ref().map_or("–", ModelId::as_str)) }
                            td { (i.region.as_ref().map_or("–", |region| region.as_str())) }
                            td { (or_dash(i.first_seen)) br; (or_dash(i.last_seen)) }
                            td { (record.state) br; (counted(i.counts)) }
                            td { (record.notices.count_all()) }
                        }
                    }
                }
            }
        }
    }
}
