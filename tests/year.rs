//! A year in the life of an account, as `docs/year.md` tells it: every notice in it is what the function says.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use bedrock_remediator::notice::message;
use bedrock_remediator::simulation::years::{Family, Mail, Policy, Setting, mails};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/year.md");

/// The subject of a mail, and its lines before what to do.
fn shortened(mail: &Mail) -> String {
    let body = mail.notice.mail();
    let first: Vec<&str> = body.lines().take_while(|line| !line.starts_with("To do:")).collect();
    assert!(first.len() < 14, "{body}");
    format!("{}\n\n{}\n", message(&mail.notice).subject, first.join("\n"))
}

fn year() -> String {
    let all = mails(&Setting::new(7), Family::Growth, 0, Policy::Reader);
    assert!(all.len() > 5);
    let mut page = "# A year in the life of an account, shortened\n\nThe program wrote this page. A test runs this year on the embedded world and compares what it says with this page.\n`UPDATE_YEAR=1 cargo test --test all year::` writes the page again.\n\nThe account has one model, whose use grows all year. AWS grants each request within hours. A person acts two working days\nafter each notice. The page shows the subject of each mail, and its lines before what to do.\n".to_owned();
    for mail in &all {
        let at = mail.at.strftime("%A, %-d %B, %H:%M");
        let _ = write!(page, "\n**{at}** (`{}`)\n\n```text\n{}```\n", mail.notice.kind, shortened(mail));
    }
    page
}

#[test]
fn the_page_tells_what_the_function_says() {
    let told = year();
    if std::env::var_os("UPDATE_YEAR").is_some() {
        std::fs::write(PAGE, &told).unwrap();
    }
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert_eq!(page, told, "UPDATE_YEAR=1 cargo test --test all year:: writes docs/year.md again");
}
