//! A year in the life of an account, as `docs/year.md` tells it: every notice in it is what the function says.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use bedrock_remediator::notice::message;
use bedrock_remediator::simulation::years::{Family, Mail, Policy, Setting, mails};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/year.md");
/// The sections of a mail that are shown, and so many lines of each.
const SHOWN: [&str; 2] = ["What happened", "What was done"];
const LINES: usize = 4;

/// The subject of a mail, and the first lines of what happened and what was done.
fn shortened(mail: &Mail) -> String {
    let body = mail.notice.mail();
    let mut text = message(&mail.notice).subject + "\n";
    for title in SHOWN {
        let mut lines = body.lines().skip_while(|line| *line != title);
        let Some(title) = lines.next() else { continue };
        let section: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
        let _ = write!(text, "\n{title}\n");
        for line in section.iter().take(LINES) {
            let _ = writeln!(text, "{line}");
        }
        if section.len() > LINES {
            text.push_str("  [...]\n");
        }
    }
    text
}

fn year() -> String {
    let all = mails(&Setting::new(7), Family::Growth, 0, Policy::Reader);
    assert!(all.len() > 5);
    let mut page = "# A year in the life of an account, shortened\n\nThe program wrote this page. A test runs this year on the embedded world and compares what it says with this page.\n`UPDATE_YEAR=1 cargo test --test all year::` writes the page again.\n\nThe account has one model, whose use grows all year. AWS grants each request within hours. A person acts two working days\nafter each notice. The page shows the subject of each mail, and the first lines of what happened and what was done.\n".to_owned();
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
