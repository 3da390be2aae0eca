//! Files of rows: what goes in comes out as a row or as a refusal that names its lines.

use super::damage::{Script, damaged};
use crate::books::canonical::{CanonicalRows, write_header, write_row};
use crate::books::report::tests::{FEED, FEED_FILE};
use crate::books::report::{FormatRef, ReportError, ReportFormat, ReportRows, RowFault, ready_names};
use crate::books::{Row, Rows};

const CSV: &str = r#"
title = "t"
format = "csv"
[columns]
reference = "payment"
entry = { column = "entry", map = { payment = "payment", refund = "refund" } }
item = "refund"
currency = { column = "currency" }
amount = { column = "amount" }
at = { column = "at", form = "rfc_3339" }
"#;
const CSV_FILE: &str = "payment,entry,refund,currency,amount,at,remark
p-1,payment,,EUR,20.00,2025-11-24T16:00:00Z,
p-1,refund,r-1,EUR,5.00,2025-11-25T09:30:00+01:00,\"19 \"\" inch, black\"
p-2,payment,,JPY,7000,2025-11-24T16:00:00Z,\"first
second\"
p-3,payment,,BHD,1.234,2025-11-24T16:00:00Z,19
p-4,payment,,USD,0.07,2025-11-24T16:00:00Z,\"\"
p-5,refund,r-2,EUR,4503599627370496.01,2025-11-24T16:00:00Z,large
p-6,payment,,EUR,1.00,2025-11-24T16:00:00Z,last
";
const CSV_TOKENS: [&str; 14] =
    ["\"", "\"\"", ",\"", "\",", "\n", "\r\n", "\r", "\"\n", ",", ";", "\0", "\n\0\n", "1e3", "\u{feff}"];

fn all<R: Rows>(rows: &mut R) -> Result<Vec<Row>, R::Error> {
    let (mut all, mut row) = (Vec::new(), Row::empty());
    while rows.next(&mut row)? {
        all.push(row.clone());
    }
    Ok(all)
}

fn read(format: &ReportFormat, file: &[u8]) -> Result<(Vec<Row>, Vec<RowFault>), ReportError> {
    let mut rows = ReportRows::new(file, format.clone())?;
    let read = all(&mut rows)?;
    Ok((read, rows.faults().to_vec()))
}

/// Whether the bytes say of themselves that they are no UTF-8.
fn is_other_encoding(file: &[u8]) -> bool {
    [&b"\xff\xfe"[..], b"\xfe\xff"].iter().any(|mark| file.starts_with(mark))
}

#[test]
fn csv() {
    let format = ReportFormat::parse(CSV).expect("a format");
    let samples = [CSV_FILE.to_owned(), CSV_FILE.replace('\n', "\r\n")];
    // What was a row by itself in the whole file.
    let good: Vec<_> =
        CSV_FILE.lines().skip(1).filter(|line| line.starts_with("p-") && !line.ends_with("first")).collect();
    bolero::check!().for_each(|input: &[u8]| {
        let file = damaged(&samples, &CSV_TOKENS, &mut Script::new(input));
        let Ok((rows, faults)) = read(&format, &file) else { return };
        if is_other_encoding(&file) {
            return;
        }
        let text = String::from_utf8_lossy(&file);
        // Under a header with other columns they are no rows.
        let columns = |line: Option<&str>| line.map(|line| line.matches(',').count());
        if columns(text.lines().next()) != columns(CSV_FILE.lines().next()) {
            return;
        }
        for (line, number) in text.split('\n').zip(1..).skip(1) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if good.contains(&line) {
                let is_row = rows.iter().any(|row| row.place == number);
                let is_told = faults.iter().any(|fault| (fault.line..=fault.last_line).contains(&number));
                assert!(is_row || is_told, "line {number} is lost: {line}\nof {text}\n{faults:?}");
            }
        }
        if !text.contains(['"', '\r']) {
            let lines = text.split('\n').filter(|line| !line.is_empty()).count();
            assert_eq!(rows.len() + faults.len() + 1, lines, "{text}");
        }
    });
}

#[test]
fn json_lines() {
    let format = ReportFormat::parse(FEED).expect("a format");
    let sample = format!("{FEED_FILE}\n");
    let tokens = ["{", "}", "\"", "\n", ",", ":", "\\u0000", "1e3", "null", "[", "]", "\u{feff}"];
    bolero::check!().for_each(|input: &[u8]| {
        let file = damaged(&[&sample], &tokens, &mut Script::new(input));
        let Ok((rows, faults)) = read(&format, &file) else { return };
        if is_other_encoding(&file) || file.starts_with(b"\xef\xbb\xbf") {
            return;
        }
        let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        assert_eq!(rows.len() + faults.len(), lines, "{}", String::from_utf8_lossy(&file));
    });
}

/// What is read of our own files is written again as what is read; a line is a row, or the file is refused.
#[test]
fn canonical() {
    let header = crate::books::canonical::COLUMNS.join("\t");
    let sample = format!(
        "{header}\npi_1\tpayment\t\tEUR\t100\tcaptured\t1\tpo_1\tcard\t7\tUSD\t108\t3\t1.0842\n\
         pi_1\trefund\tre_1\tJPY\t-5\t\t\t\t\t\t\t\t\t\npi_2\tpayment\t\tBHD\t1\t\t\t\t\t\t\t\t\t\n"
    );
    let tokens =
        ["\t", "\n", "\t\t\t\t", "-", "+", "0", "9223372036854775807", "\r", "captured", "eur", "1e3", "0.5"];
    bolero::check!().for_each(|input: &[u8]| {
        let file = damaged(&[&sample], &tokens, &mut Script::new(input));
        let read = |file: &[u8]| CanonicalRows::new(file).and_then(|mut rows| all(&mut rows));
        let Ok(rows) = read(&file) else { return };
        let lines = file.split(|byte| *byte == b'\n').count() - usize::from(file.ends_with(b"\n"));
        assert_eq!(rows.len() + 1, lines);
        let mut again = Vec::new();
        write_header(&mut again).expect("memory");
        rows.iter().for_each(|row| write_row(&mut again, row).expect("memory"));
        assert_eq!(read(&again).expect("what was written is read"), rows);
    });
}

/// A format is refused with a reason, or it reads: no file makes it panic.
#[test]
fn format_file() {
    let ready: Vec<_> = ready_names()
        .map(|name| FormatRef::Ready(name.to_owned()).text().expect("a ready format").to_owned())
        .collect();
    let tokens = [
        "\"",
        "[",
        "]",
        "{ ",
        " }",
        "=",
        "\n",
        "delimiter = \";\"\n",
        "encoding = \"utf-16le\"\n",
        "skip_lines = 3\n",
        "units = \"minor\"",
        "decimal_mark = \",\"",
        "zone = \"Europe/Berlin\"",
        "%z",
        "json_lines",
        "$.a",
        "unix_seconds",
        "'''",
    ];
    bolero::check!().for_each(|input: &[u8]| {
        let text = damaged(&ready, &tokens, &mut Script::new(input));
        let text = String::from_utf8_lossy(&text);
        match ReportFormat::parse(&text) {
            Err(error) => assert!(error.to_string().starts_with("the report format"), "{error}"),
            Ok(format) => {
                let read = read(&format, CSV_FILE.as_bytes());
                let told = read.map_or(0, |(rows, faults)| rows.len() + faults.len());
                assert!(told <= CSV_FILE.lines().count(), "{text}");
            }
        }
    });
}
