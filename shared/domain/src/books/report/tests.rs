//! What a file comes to under a format.

use super::*;
use crate::books::compare::{Rules, compare};
use crate::books::{Entry, Row, Rows as _};
use crate::finding::FindingKind;

const FORMAT: &str = r#"
title = "Settlement of Acme"
format = "csv"
delimiter = ";"
[columns]
reference = "Payment"
entry = { column = "Type", map = { Sale = "payment", Refund = "refund", Fee = "fee" } }
item = "Refund"
currency = { column = "Ccy" }
amount = { column = "Gross", decimal_mark = ",", thousands_mark = ".", sign = "by_balance" }
at = { column = "Booked", form = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }
payout = "Batch"
settled = { currency = { constant = "EUR" }, gross = { column = "Net", decimal_mark = "," }, fee = { column = "Cost", decimal_mark = "," }, rate = "Rate" }
[[leave_out]]
column = "Type"
is = ["Total", ""]
"#;
const HEADER: &str = "Payment;Type;Refund;Ccy;Gross;Booked;Batch;Net;Cost;Rate;Remark";

fn reader<'f>(format: &str, file: &'f [u8]) -> Result<ReportRows<&'f [u8]>, ReportError> {
    ReportRows::new(file, ReportFormat::parse(format).expect("a format"))
}

fn read(format: &str, file: &[u8]) -> Result<(Vec<Row>, Vec<String>), ReportError> {
    let mut rows = reader(format, file)?;
    let (mut all, mut row) = (Vec::new(), Row::empty());
    while rows.next(&mut row)? {
        all.push(row.clone());
    }
    Ok((all, rows.faults().iter().map(ToString::to_string).collect()))
}

/// A row in words.
fn said(row: &Row) -> String {
    let settled = row.settled.map_or_else(String::new, |s| {
        let rate = s.rate.map_or_else(String::new, |rate| format!(" at {rate}"));
        format!(", settled {} less {} {}{rate}", s.gross_minor, s.fee_minor, s.currency)
    });
    let at = row.at.map_or_else(String::new, |at| format!(" at {at}"));
    let payout = if row.payout.is_empty() { String::new() } else { format!(" in {}", row.payout) };
    let item = if row.item.is_empty() { String::new() } else { format!("/{}", row.item) };
    format!(
        "{} {}{item} {} {}{at}{payout}{settled}",
        row.entry.as_str(),
        row.reference,
        row.minor,
        row.currency
    )
}

#[track_caller]
fn check(format: &str, file: &[u8], rows: &[&str], faults: &[&str]) {
    let (found, set_aside) = read(format, file).expect("a file that can be read");
    assert_eq!(found.iter().map(said).collect::<Vec<_>>(), rows);
    assert_eq!(set_aside, faults);
}

#[test]
fn a_file_in_the_german_manner() {
    let file = format!(
        "{HEADER}\r\n\
         p1;Sale;;EUR;1.234,50;23.11.2026 09:15;b1;1234,50;3,60;;x\r\n\
         p1;Refund;r1;EUR;-34,50;23.11.2026 10:00;b1;34,50;0,00;;\"a; \"\"b\"\"\"\r\n\
         p2;Sale;;USD;10,00;01.07.2026 00:00;;9,22;0,30;0.9224;\r\n\
         p3;Refund;r2;JPY;500-;29.03.2026 02:30;;3,10;0;0.0062;\r\n\
         p4;Fee;;EUR;(12);25.10.2026 02:30;;;;;\r\n\
         sum;Total;;;9999;;;;;;\r\n"
    );
    check(
        FORMAT,
        file.as_bytes(),
        &[
            "payment p1 123450 EUR at 2026-11-23T08:15:00Z in b1, settled 123450 less 360 EUR",
            "refund p1/r1 3450 EUR at 2026-11-23T09:00:00Z in b1, settled 3450 less 0 EUR",
            "payment p2 1000 USD at 2026-06-30T22:00:00Z, settled 922 less 30 EUR at 0.9224",
            // The clocks leave 02:30 out: 03:30 summer time. Later they show it twice: the first one.
            "refund p3/r2 500 JPY at 2026-03-29T01:30:00Z, settled 310 less 0 EUR at 0.0062",
            "fee p4 1200 EUR at 2026-10-25T00:30:00Z",
        ],
        &[],
    );
}

#[test]
fn a_bad_row_is_set_aside_and_the_others_are_read() {
    let good = "p1;Sale;;EUR;1,00;23.11.2026 09:15;;;;;";
    let bad = [
        (
            good.replace("1,00", "1.00"),
            r#"Gross is like "9.99": the marks of its thousands are not between groups of three digits"#,
        ),
        (good.replace("1,00", "1,001"), r#"Gross is like "9,999": an amount in EUR has at most 2 decimals"#),
        (
            good.replace("1,00", "1e3"),
            r#"Gross is like "9a9": a plain decimal number such as 20.00, without sign or exponent is expected"#,
        ),
        (
            good.replace("EUR", "XXX"),
            r#"Ccy is like "AAA": a currency of ISO 4217 with minor units is expected"#,
        ),
        (good.replace("Sale", "Gift"), r#"Type is like "Aaaa": the format knows Fee, Refund, Sale"#),
        (
            good.replace("p1", "p 1"),
            r#"Payment is like "a 9": the payment reference holds ' ' at byte 1; printable ASCII without spaces and `#` is allowed"#,
        ),
        (good.replace("p1", ""), "Payment is empty: the payment reference is empty"),
        (
            good.replace("23.11", "31.02"),
            r#"Booked is like "99.99.9999 99:99": a time in the form that the format gives is expected"#,
        ),
        (
            format!("{good};more"),
            "the row cannot be read: it has 12 fields, and 11 are expected, as in the header",
        ),
    ];
    for (row, fault) in bad {
        let file = format!("{HEADER}\n{row}\n{good}\n");
        let (rows, faults) = read(FORMAT, file.as_bytes()).expect("a file that can be read");
        assert_eq!(rows.len(), 1, "{row}");
        assert_eq!(faults, [format!("line 2: {fault}")]);
    }
}

#[test]
fn a_quote_that_is_not_closed_is_reported_with_the_lines_it_takes_in() {
    let good = |id: &str, remark: &str| format!("{id};Sale;;EUR;1,00;23.11.2026 09:15;;;;;{remark}\n");
    let open =
        "cannot be read: a quote opens and is not closed before the lines after it: close it, or double it";
    for (rows, kept, lines) in [
        // To the end of the file, in the last line of which it opens or before.
        ([good("p1", ""), good("p2", "\"19 inch"), good("p3", ""), good("p4", "")], 1, "lines 3 to 5"),
        ([good("p1", ""), good("p2", ""), good("p3", ""), good("p4", "\"19 inch")], 3, "line 5"),
        // To the next quote, wherever that is.
        ([good("p1", "\"19 inch"), good("p2", ""), good("p3", "19\""), good("p4", "")], 1, "lines 2 to 4"),
        ([good("p1", "\"19 inch"), good("p2", "\"a;b\""), good("p3", ""), good("p4", "")], 2, "lines 2 to 3"),
        ([good("p1", ""), good("\"p2", ""), good("p3", "\"x\""), good("p4", "")], 2, "lines 3 to 4"),
    ] {
        let file = format!("{HEADER}\n{}", rows.concat());
        let (found, faults) = read(FORMAT, file.as_bytes()).expect("a file that can be read");
        assert_eq!(found.len(), kept, "{file}\n{faults:?}");
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        assert_eq!(*fault, format!("{lines}: the row {open}"));
    }
    // The header has no more columns than its rows have; how many that are it does not say itself.
    for rows in [good("p1", ""), good("p1", "\"19\"\" inch; black\"")] {
        let file = format!("{}\n{rows}", HEADER.replace("Remark", "\"Remark"));
        let error = read(FORMAT, file.as_bytes()).expect_err("no rows").to_string();
        assert_eq!(error, format!("its header {open}"));
    }
}

/// What is said of a file goes into findings and logs.
#[test]
fn nothing_that_a_row_says_is_told() {
    let good = "p1;Sale;;EUR;1,00;23.11.2026 09:15;b1;1,00;0,10;;";
    let said = ["Jane", "jane@example.com", "+49 30 123"];
    let person = "Jane <jane@example.com> +49 30 123";
    let in_place_of = |cell: &str| good.replacen(cell, person, 1);
    let cells = ["p1", "Sale", ";;EUR", "EUR", "1,00", "23.11.2026 09:15", "b1", "1,00;0,10", "0,10;;"];
    let rows = cells.into_iter().map(|cell| match cell {
        ";;EUR" => in_place_of(cell).replace(person, &format!(";{person};EUR")),
        "1,00;0,10" => in_place_of(cell).replace(person, &format!("{person};0,10")),
        "0,10;;" => in_place_of(cell).replace(person, &format!("0,10;{person};")),
        _ => in_place_of(cell),
    });
    let others =
        [format!("{person};{good}"), format!("\"{person};{good}"), format!("{good}\"{person}\n{good}")];
    let with_header = |row: String| format!("{HEADER}\n{row}\n{good}\n");
    let files = rows.chain(others).map(with_header);
    // A file without a header begins with a row, and an open quote takes in more of them.
    let headless = [
        format!("{person};{good}\n"),
        format!("\"{person};{good}\n{good}\n"),
        format!("{HEADER};\"{person}\n"),
    ];
    for file in files.chain(headless) {
        let told = match read(FORMAT, file.as_bytes()) {
            Ok((_, faults)) => faults.join("\n"),
            Err(error) => error.to_string(),
        };
        assert!(!told.is_empty() && said.iter().all(|said| !told.contains(said)), "{file}\n{told}");
    }
    for line in [
        format!("{{\"id\": \"{person}"),
        format!("{{\"id\": \"{person}\", \"{person}\": 1}}"),
        format!("{{\"id\": \"a\", \"amount\": \"{person}\"}}"),
        format!("{{\"id\": \"a\", \"amount\": {{\"in\": \"{person}\", \"currency\": \"EUR\"}}}}"),
    ] {
        let (_, faults) = read(FEED, line.as_bytes()).expect("a file that can be read");
        let told = faults.join("\n");
        assert!(!told.is_empty() && said.iter().all(|said| !told.contains(said)), "{line}\n{told}");
    }
}

#[test]
fn a_line_break_in_quotes_is_a_part_of_its_row() {
    let row = "p1;Sale;;EUR;1,00;23.11.2026 09:15;;;;;\"first; \nsecond \"\"19\"\"\r\n\"\n";
    let file = format!("{HEADER}\n{row}p2;Gift;;EUR;1,00;23.11.2026 09:15;;;;;\"\0\"\n\0");
    let (rows, faults) = read(FORMAT, file.as_bytes()).expect("a file that can be read");
    assert_eq!(rows.len(), 1);
    let expected = [
        r#"line 5: Type is like "Aaaa": the format knows Fee, Refund, Sale"#,
        "line 6: the row cannot be read: it has 1 fields, and 11 are expected, as in the header",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn the_lines_of_faults_are_those_of_the_file() {
    let (good, bad) = ("p1;Sale;;EUR;1,00;23.11.2026 09:15;;;;;", "p1;Gift;;EUR;1,00;23.11.2026 09:15;;;;;");
    let format = FORMAT.replace("[columns]", "skip_lines = 2\n[columns]");
    for line_end in ["\n", "\r\n"] {
        let lines = ["Acme", "November", HEADER, good, "", bad, good, bad];
        let (_, faults) = read(&format, lines.join(line_end).as_bytes()).expect("a file that can be read");
        let found: Vec<_> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
        assert_eq!(found, ["line 6", "line 8"], "{line_end:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_at_all_says_why() {
    let many = format!("{HEADER}\n{}", "x\n".repeat(1_001));
    for (file, message) in [
        ("", "it is empty: it has no header and no rows"),
        ("\n\n", "it is empty: it has no header and no rows"),
        ("Payment;Type;x\n", r#"it has no column "Batch"; of its 3 columns the format knows Payment, Type"#),
        (&format!("{HEADER};Batch\n"), r#"it has two columns "Batch": nobody knows which is meant"#),
        (
            &many,
            "more than 1000 of its rows cannot be read: another format is meant; the first: line 2: the row cannot",
        ),
    ] {
        let error = read(FORMAT, file.as_bytes()).expect_err("no rows").to_string();
        assert!(error.starts_with(message), "{error}");
    }
    check(FORMAT, HEADER.as_bytes(), &[], &[]);
}

#[test]
fn other_encodings_and_a_byte_order_mark() {
    let format = "title = \"t\"\nformat = \"csv\"\nencoding = \"windows-1252\"\nskip_lines = 1\n[columns]\nreference = \"R\u{e9}f\"\nentry = \"payment\"\ncurrency = { constant = \"EUR\" }\namount = { column = \"M\", units = \"minor\" }\n";
    check(format, b"Rapport du mois d'ao\xfbt\nR\xe9f,M\np1,100\n", &["payment p1 100 EUR"], &[]);
    let utf_8 = format.replace("windows-1252", "utf-8");
    check(&utf_8, "\u{feff}Rapport\nR\u{e9}f,M\np1,100\n".as_bytes(), &["payment p1 100 EUR"], &[]);
    let wide: Vec<u8> =
        "\u{feff}Rapport\nR\u{e9}f,M\np1,100\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(&utf_8, &wide, &["payment p1 100 EUR"], &[]);
}

/// A feed of objects, and a file of it: two rows, an empty line and two faults.
pub(crate) const FEED: &str = r#"
        title = "Feed"
        format = "json_lines"
        [columns]
        reference = "$.id"
        entry = "payment"
        currency = { column = "$.amount.currency" }
        amount = { column = "$.amount.in", debit = "$.amount.out" }
        at = { column = "$.at", form = "rfc_3339" }
        sequence = "$.n"
    "#;
pub(crate) const FEED_FILE: &str = r#"{"id": "a", "amount": {"in": "1.50", "currency": "eur"}, "at": "2026-11-23T00:00:00+01:00", "n": 7}

{"id": "b", "amount": {"out": 2.5, "currency": "BHD"}, "at": "2026-11-23T00:00:00Z", "n": 8}
{"id": "c", "id": "d"}
{"id": "e", "amount": {"in": 1, "out": 1, "currency": "EUR"}, "at": "2026-11-23T00:00:00Z", "n": 9}"#;

#[test]
fn lines_of_json() {
    check(
        FEED,
        FEED_FILE.as_bytes(),
        &["payment a 150 EUR at 2026-11-22T23:00:00Z", "payment b -2500 BHD at 2026-11-23T00:00:00Z"],
        &[
            r#"line 4: the row cannot be read: the object at $.id (step 0) names the key "id" twice"#,
            r#"line 5: $.amount.in is like "9": an amount is expected in one of the two columns, and not in both"#,
        ],
    );
}

#[test]
fn a_format_that_cannot_be_used_is_refused_with_its_key() {
    for (from, to, message) in [
        (
            "delimiter = \";\"",
            "delimiter = \"\u{a7}\"",
            "delimiter = \"\u{a7}\": one ASCII character other than the quote is expected",
        ),
        (
            "Europe/Berlin",
            "Europe/Berlyn",
            "columns.at.zone = \"Europe/Berlyn\": a name such as Europe/Berlin or UTC is expected",
        ),
        (", zone = \"Europe/Berlin\"", "", "a pattern without an offset needs columns.at.zone"),
        (
            "thousands_mark = \".\"",
            "thousands_mark = \",\"",
            "decimal_mark = \",\": a mark that is no digit and not the thousands_mark is expected",
        ),
        ("payout = \"Batch\"", "payuot = \"Batch\"", "unknown field `payuot`"),
        ("Sale = \"payment\"", "Sale = \"sale\"", "entry"),
        (
            "format = \"csv\"",
            "format = \"csv\"\nencoding = \"ebcdic\"",
            "encoding = \"ebcdic\": a name of the WHATWG Encoding Standard",
        ),
        (
            "format = \"csv\"",
            "format = \"json_lines\"",
            "in JSON lines a column is a path such as $.amount.value",
        ),
    ] {
        let text = FORMAT.replacen(from, to, 1);
        assert_ne!(text, FORMAT, "{from}");
        let error = ReportFormat::parse(&text).expect_err(to).to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn an_amount_stands_in_one_of_its_two_columns() {
    let of = |amount: &str| {
        format!(
            "{{\"id\": \"a\", \"amount\": {{{amount}\"currency\": \"EUR\"}}, \"n\": 1, \"at\": \"2026-11-23T00:00:00Z\"}}"
        )
    };
    let fault = "line 1: $.amount.in is empty: an amount is expected in one of the two columns";
    check(FEED, of("").as_bytes(), &[], &[fault]);
    check(
        FEED,
        of("\"out\": 0, \"in\": 1, ").as_bytes(),
        &["payment a 100 EUR at 2026-11-23T00:00:00Z"],
        &[],
    );
}

#[test]
fn marks_of_thousands_stand_between_digits() {
    for (amount, is_read) in
        [("1.234,50", true), ("1.234", true), (".123,50", false), ("123.,50", false), ("123.", false)]
    {
        let file = format!("{HEADER}\np1;Sale;;EUR;{amount};23.11.2026 09:15;;;;;\n");
        let (rows, faults) = read(FORMAT, file.as_bytes()).expect("a file that can be read");
        assert_eq!(rows.len(), usize::from(is_read), "{amount}");
        let why = "the marks of its thousands are not between groups of three digits";
        assert!(faults.iter().all(|fault| fault.ends_with(why)), "{faults:?}");
    }
}

#[test]
fn an_example_shows_all_its_rows() {
    let example = |rows: &str| {
        format!(
            "{FORMAT}[[examples]]\nname = \"one sale\"\ntext = \"\"\"\n{HEADER}\np1;Sale;;EUR;1,00;23.11.2026 09:15;;;;;\n\"\"\"\nrows = [{rows}]\n"
        )
    };
    let row = "{ reference = \"p1\", entry = \"payment\", currency = \"EUR\", minor = 100 }";
    assert!(ReportFormat::parse(&example(row)).is_ok());
    for (rows, says) in [
        (String::new(), "there are 1 rows, and 0 are expected"),
        (format!("{row}, {row}"), "there are 1 rows, and 2 are expected"),
    ] {
        let error = ReportFormat::parse(&example(&rows)).expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_format_says_what_its_rows_can_be() {
    let entries = |format: &str| Vec::from_iter(ReportFormat::parse(format).expect("a format").entries());
    assert_eq!(entries(FORMAT), [Entry::Payment, Entry::Refund, Entry::Fee]);
    assert_eq!(entries(FEED), [Entry::Payment]);
    assert_eq!(entries(&FEED.replace("entry = \"payment\"", "entry = \"payout\"")), [Entry::Payout]);
}

#[test]
fn a_line_of_json_is_as_long_as_it_may_be_and_no_longer() {
    let (first, _) = FEED_FILE.split_once('\n').expect("lines");
    let padded = |bytes: usize| format!("{first}{}", " ".repeat(bytes - first.len()));
    let longest = 1 << 20;
    for (file, kept) in [
        (format!("{}\n{first}", padded(longest - 1)), Ok(2)),
        (format!("{}\n{first}", padded(longest)), Err("line 1 has more than 1048576 bytes")),
        (padded(longest + 1), Err("line 1 has more than 1048576 bytes")),
    ] {
        let found =
            read(FEED, file.as_bytes()).map(|(rows, _)| rows.len()).map_err(|error| error.to_string());
        assert_eq!(found, kept.map_err(str::to_owned));
    }
}

#[test]
fn as_many_rows_may_be_set_aside_as_the_limit_says() {
    let file = format!("{HEADER}\n{}", "x\n".repeat(1_000));
    let (rows, faults) = read(FORMAT, file.as_bytes()).expect("a file that can be read");
    assert_eq!((rows.len(), faults.len()), (0, 1_000));
}

#[test]
fn a_reader_that_is_lent_is_asked_afterwards_what_it_set_aside() {
    let file = format!(
        "{HEADER}\np1;Sale;;EUR;1,00;23.11.2026 09:15;;;;;\np1;Gift;;EUR;1,00;23.11.2026 09:15;;;;;\n"
    );
    let of = |file| reader(FORMAT, file).expect("a file that can be read");
    let (mut ours, mut theirs) = (of(file.as_bytes()), of(HEADER.as_bytes()));
    let mut found = Vec::new();
    let compared = compare(&mut ours, &mut theirs, &Rules::default(), |discrepancy| {
        let row = discrepancy.ours.or(discrepancy.theirs).expect("a row");
        assert_eq!(row.reference, "p1", "a row that was read");
        found.push(discrepancy.kind);
    });
    assert!(compared.is_ok(), "{compared:?}");
    assert_eq!(found, [FindingKind::MissingThere]);
    assert_eq!((ours.faults().len(), theirs.faults().len()), (1, 0));
}
