//! Statements of banks: whatever was damaged, an entry that can still be seen is in the books, or the file is refused.

use super::damage::{Script, damaged};
use crate::bank::tests::{CAMT, MT940};
use crate::bank::{Statement, read};

/// The statement proves itself, by sums of our own.
fn adds_up(statements: &[Statement]) {
    for statement in statements {
        let booked: i128 = statement.entries.iter().map(|entry| i128::from(entry.minor)).sum();
        assert_eq!(i128::from(statement.opening) + booked, i128::from(statement.closing));
        let rows = statement.rows();
        assert_eq!(rows.len(), statement.entries.len());
        let words = statement.entries.iter().flat_map(|entry| [&entry.reference, &entry.text]);
        assert!(
            words.chain(rows.iter().map(|row| &row.reference)).all(|text| !text.contains(char::is_control))
        );
    }
}

fn entries(statements: &[Statement]) -> usize {
    statements.iter().map(|statement| statement.entries.len()).sum()
}

/// Entries that a loss of would not show in the balance.
const SILENT: [&str; 3] = ["261231C7,00NTRFX3//B3", "261231D7,00NTRFX4//B4", "2612311231C0,00NMSCNONREF"];

#[test]
fn mt940() {
    let whole = MT940.replace(":62M:", &(SILENT.map(|entry| format!(":61:{entry}\r\n")).concat() + ":62M:"));
    let samples = [whole.clone(), MT940.replace("\r\n", "\n")];
    let known: Vec<_> = whole.lines().filter_map(|line| line.strip_prefix(":61:")).collect();
    let tokens = [
        ":61:", ":62M:", ":60F:", ":86:", ":20:", ":6", ":", "-\r\n", "{4:", "-}", "\n", "0,00", ",", "RC",
        "D", SILENT[0],
    ];
    bolero::check!().for_each(|input: &[u8]| {
        let file = damaged(&samples, &tokens, &mut Script::new(input));
        let Ok(statements) = read(&file) else { return };
        adds_up(&statements);
        let text = String::from_utf8_lossy(&file);
        if text.contains('{') || text.trim_start().starts_with('<') {
            return;
        }
        let tagged = text
            .lines()
            .filter(|line| line.trim_start_matches('\u{feff}').trim().starts_with(":61:"))
            .count();
        assert_eq!(entries(&statements), tagged, "{text}");
        // An entry without its own tag, or with another's.
        let is_seen = |line: &str| {
            let tag_bytes = known.iter().filter_map(|entry| line.trim().find(entry)).min();
            tag_bytes.is_some_and(|tag_bytes| tag_bytes <= ":61:".len())
        };
        let seen = text.lines().filter(|line| is_seen(line)).count();
        assert!(entries(&statements) >= seen, "{text}");
    });
}

/// The names of the elements that begin in a text, without their prefixes, and what stands behind each beginning.
fn elements(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('<').skip(1).filter_map(|tag| {
        let end = tag.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>')?;
        let name = &tag[..end];
        Some((name.rsplit(':').next().unwrap_or(name), tag))
    })
}

#[test]
fn camt() {
    let entry = |mark: &str| {
        let rest = "<Sts>BOOK</Sts><BookgDt><Dt>2026-11-21</Dt></BookgDt></Ntry>\n";
        format!("<Ntry><Amt Ccy=\"EUR\">7.00</Amt><CdtDbtInd>{mark}</CdtDbtInd>{rest}")
    };
    let whole = CAMT.replace("</Stmt>", &format!("{}{}</Stmt>", entry("CRDT"), entry("DBIT")));
    let samples = [whole.as_str(), CAMT];
    let tokens = [
        "<Ntry>",
        "</Ntry>",
        "<Ntry/>",
        "<Stmt>",
        "</Stmt>",
        "<Bal>",
        "</Bal>",
        "<Amt Ccy=\"EUR\">0.00</Amt>",
        "DBIT",
        "PDNG",
        "BOOK",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&amp;",
        "&#9;",
        "<Cd>",
        "</Cd>",
        ">",
        "<",
        "/",
        "\"",
        "0",
        "c:",
    ];
    bolero::check!().for_each(|input: &[u8]| {
        let file = damaged(&samples, &tokens, &mut Script::new(input));
        let Ok(statements) = read(&file) else { return };
        adds_up(&statements);
        let text = String::from_utf8_lossy(&file);
        let declared = text.strip_prefix("<?").and_then(|text| text.split_once("?>"));
        let text = declared.map_or(text.as_ref(), |(_, rest)| rest).trim_start();
        let is_plain = text.starts_with('<') && !text.contains("<!") && !text.contains("<?");
        // A `<` in an attribute begins no element.
        if !is_plain || text.split('"').skip(1).step_by(2).any(|value| value.contains('<')) {
            return;
        }
        let named = |wanted: &str| elements(text).filter(|(name, _)| *name == wanted).count();
        assert_eq!(statements.len(), named("Stmt"), "{text}");
        let texts =
            text.split("Ntry").map(|part| ["PDNG", "INFO", "FUTR"].iter().any(|word| part.contains(word)));
        let not_booked = texts.filter(|is| *is).count();
        assert!(entries(&statements) <= named("Ntry"), "{text}");
        assert!(entries(&statements) + not_booked >= named("Ntry"), "{text}");
    });
}
