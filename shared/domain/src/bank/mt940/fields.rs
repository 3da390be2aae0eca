//! The fields of an MT940 file.

use super::super::{At, BankError};
use super::booking::parts;

/// The tags of a statement, by SWIFT's rules and in the files of banks.
const TAGS: [&str; 21] = [
    "13", "13C", "13D", "20", "21", "25", "25P", "28", "28C", "28D", "34F", "60F", "60M", "61", "62F", "62M",
    "64", "65", "86", "90C", "90D",
];

/// Bytes in front of an entry in which a spoilt tag is looked for.
const TAG_BYTES: usize = 6;

/// One field: its tag, and its lines.
pub(super) struct Field<'a> {
    pub(super) tag: &'a str,
    pub(super) text: String,
}

/// Takes a file apart. What belongs to no field must not read as an entry.
pub(super) fn fields(file: &str) -> Result<Vec<Field<'_>>, BankError> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut is_in_field = false;
    for (line, number) in file.lines().zip(1_u64..) {
        let (line, is_block) = behind_blocks(line.trim());
        is_in_field &= !is_block;
        match tagged(line) {
            Some((tag, text)) if TAGS.contains(&tag) => {
                if tag != "61" {
                    check_no_entry(text, &fields, number)?;
                }
                fields.push(Field { tag, text: text.to_owned() });
                is_in_field = true;
            }
            Some((tag, _)) => {
                let why = format!("line {number} is no field of a statement");
                return Err(next_entry(&fields).wrong("a tag", tag, why));
            }
            None if matches!(line, "-" | "-}") => is_in_field = false,
            None => {
                check_no_entry(line, &fields, number)?;
                if is_in_field && let Some(last) = fields.last_mut() {
                    last.text.push('\n');
                    last.text.push_str(line);
                }
            }
        }
    }
    Ok(fields)
}

/// What stands behind the blocks that SWIFT puts around a statement, and whether there are any.
fn behind_blocks(line: &str) -> (&str, bool) {
    let is_block = line.strip_prefix('{').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    match line.split_once("{4:") {
        _ if !is_block => (line, false),
        Some((_, rest)) => (rest.trim_start(), true),
        None => ("", true),
    }
}

/// A tag that begins with two digits, and what stands behind it.
fn tagged(line: &str) -> Option<(&str, &str)> {
    let (tag, text) = line.strip_prefix(':')?.split_once(':')?;
    let is_tag = (2..=3).contains(&tag.len()) && tag.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then_some((tag, text))
}

/// A line that reads as an entry has lost its tag, or has another's.
fn check_no_entry(text: &str, fields: &[Field<'_>], number: u64) -> Result<(), BankError> {
    // Behind what is left of the tag.
    let reads_as_entry =
        (0..=TAG_BYTES).filter_map(|from| text.get(from..)).any(|text| parts(text).is_some());
    if !reads_as_entry {
        return Ok(());
    }
    let why = format!("line {number} reads as an entry, and its tag is not :61:");
    Err(next_entry(fields).wrong_line("a line", text, why))
}

fn next_entry(fields: &[Field<'_>]) -> At {
    let closed = fields.iter().filter(|field| field.tag == "62F").count();
    let since = fields.iter().rev().take_while(|field| field.tag != "62F");
    let entries = since.filter(|field| field.tag == "61").count();
    At { statement: closed.saturating_add(1), entry: Some(entries.saturating_add(1)) }
}
