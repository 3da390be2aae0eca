//! A target for a fuzzer (see the domain's `fuzz`): whatever words come from outside, the table keeps them in their cells
//! and the page shows them as text.

use super::*;
use crate::spreadsheet::cell;
use countersign_domain::finding::FindingKind;
use countersign_domain::ids::SourceName;
use countersign_domain::time::{Window, from_seconds};

/// What the page is made of. Nothing else may begin with `<` in it.
const TAGS: [&str; 20] = [
    "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "span", "table", "tr",
    "th", "td", "code", "i", "div", "svg", "br",
];
const IN_CHARTS: [&str; 5] = ["rect", "text", "line", "g", "path"];

fn report(words: &[String; 6]) -> Report {
    let [cause, input, ours, theirs, finding, owner] = words.clone();
    let at = from_seconds(1_764_000_000);
    let window = Window { from: at, to: from_seconds(1_764_086_400) };
    let mut run = Run::begin(SourceName::new("shop").expect("a name"), window, 1, 1, at);
    (run.status, run.cause) = (RunStatus::Incomplete, Some(cause));
    run.has_read(&input, b"bytes");
    let kind = FindingKind::AmountDiffers;
    let difference = Difference { kind, ours, theirs, effects: Vec::new() };
    let payment = PaymentId::new("=cmd|'/c'!A1").expect("an id");
    let notes = vec![
        Evidence::Difference { payment, difference, resolution: Resolution::Open },
        Evidence::Level { finding },
    ];
    let policy = Policy { owner: Some(owner.clone()), ..Policy::default() };
    Report::new(&run, notes, History { policy, code: owner, ..History::default() })
}

/// The words, cut out of the fuzzer's bytes at each NUL.
fn words(input: &[u8]) -> [String; 6] {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.split('\0');
    std::array::from_fn(|_| parts.next().unwrap_or_default().to_owned())
}

#[test]
fn files() {
    let hostile = "=1\0<script>alert(1)</script>\0\"><img src=x>\0-2\r\n+3\0@x,\"\0&lt;";
    let expected: Vec<Vec<String>> = table_of(&report(&words(b"")));
    bolero::check!().for_each(|input: &[u8]| {
        let input = if input.is_empty() { hostile.as_bytes() } else { input };
        let words = words(input);
        let report = report(&words);
        let [(_, _, json), (_, _, _), (_, _, html)] = report.files().expect("files");

        let table = table_of(&report);
        assert_eq!(table.len(), expected.len(), "no word makes a row");
        assert!(table.iter().flatten().all(|text| *text == cell(text) || is_amount(text)), "{table:?}");
        let [_, name, ours, theirs, finding, _] = &words;
        for word in [name, ours, theirs, finding] {
            assert!(table.iter().flatten().any(|found| *found == cell(word)), "{word:?} is not in {table:?}");
        }

        let html = String::from_utf8(html).expect("text");
        for tag in html.split('<').skip(1) {
            let tag = tag.trim_start_matches('/');
            let name = tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '!').next().unwrap_or_default();
            assert!(TAGS.contains(&name) || IN_CHARTS.contains(&name), "<{tag}");
        }

        let read: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(read["cause"], words[0]);
        assert_eq!(read["differences"][0]["theirs"], words[3]);
    });
}

fn table_of(report: &Report) -> Vec<Vec<String>> {
    let bytes = table::csv(report).expect("a table");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice());
    reader.records().map(|record| record.expect("a row").iter().map(str::to_owned).collect()).collect()
}

/// Our own numbers may begin with a minus.
fn is_amount(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}
