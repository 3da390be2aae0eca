//! The samples are ours: written from the message definitions, with invented names and amounts.

use super::*;

/// A statement in words.
fn said(file: &str) -> Vec<String> {
    let statements = read(file.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let mut said = Vec::new();
    for statement in statements {
        let Statement { account, currency, opening, closing, entries } = &statement;
        said.push(format!("{account} {opening} to {closing} {currency}"));
        for Booking { reference, text, minor, at } in entries {
            said.push(format!("{} {minor} {reference} | {text}", crate::time::utc_date(*at)));
        }
        assert_eq!(statement.rows().len(), entries.len());
    }
    said
}

#[track_caller]
fn refused(file: &str, message: &str) {
    let error = read(file.as_bytes()).expect_err(message).to_string();
    assert!(error.contains(message), "{error}");
}

pub(crate) const CAMT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
 <BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId></GrpHdr>
  <Stmt><Id>S1</Id><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>
   <Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
   <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1057.66</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
   <Ntry><NtryRef>N1</NtryRef><Amt Ccy="EUR">967.66</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
    <BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>B1</AcctSvcrRef>
    <NtryDtls><TxDtls><Refs><EndToEndId>po_1</EndToEndId></Refs>
     <RltdPties><Dbtr><Pty><Nm>Acme &amp; Sons</Nm></Pty></Dbtr></RltdPties>
     <RmtInf><Ustrd>PAYOUT po_1</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
   <Ntry><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
    <BookgDt><DtTm>2026-11-21T08:00:00+01:00</DtTm></BookgDt><AcctSvcrRef>B2</AcctSvcrRef>
    <NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>
   <Ntry><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>PDNG</Cd></Sts><BookgDt><Dt>2026-11-21</Dt></BookgDt></Ntry>
  </Stmt></BkToCstmrStmt></Document>"#;

#[test]
fn camt_053() {
    let expected = [
        "DE89370400440532013000 10000 to 105766 EUR",
        "2026-11-20 96766 po_1 | Acme & Sons PAYOUT po_1",
        "2026-11-21 -1000 B2 | ",
    ];
    assert_eq!(said(CAMT), expected);
    // The older versions have a name without Pty, and another prefix is the same name.
    let older = CAMT.replace("<Pty>", "").replace("</Pty>", "").replace("camt.053.001.08", "camt.053.001.02");
    assert_eq!(said(&older), expected);
    assert_eq!(said(&CAMT.replace("<Stmt>", "<c:Stmt>").replace("</Stmt>", "</c:Stmt>")), expected);
    // What a bank adds may have any form, mixed content among it.
    let own = "<SplmtryData><Envlp><p>see <b>page 2</b>, please</p></Envlp></SplmtryData>";
    assert_eq!(said(&CAMT.replace("</Stmt>", &format!("</Stmt>{own}"))), expected);
}

#[test]
fn a_camt_statement_that_is_none_says_why() {
    refused(
        &CAMT.replace("967.66", "967.65"),
        "100.00 EUR at the beginning and 957.65 EUR booked make 1057.65 EUR, and not 1057.66 EUR",
    );
    refused(&CAMT.replace(">967.66<", ">1e3<"), "Ntry/Amt is \"1e3\"");
    refused(&CAMT.replace("2026-11-20", "2026-11-31"), "Ntry/BookgDt is \"2026-11-31\"");
    refused(&CAMT.replace("CLBD", "CLAV"), "the closing balance (CLBD) is missing");
    refused(&CAMT.replace("<Document", "<!DOCTYPE d [<!ENTITY a \"b\">]><Document"), "no DOCTYPE");
    refused(&CAMT.replace("&amp;", "&xxe;"), "not readable as XML");
    refused(&CAMT[..600], "not readable as XML");
    refused(
        &CAMT.replace("</AcctSvcrRef>", "<AcctSvcrR<Ntry/>"),
        "a tag begins inside a tag, which is like \"AaaaAaaaA<Aaaa\"",
    );
    refused(
        &CAMT.replace("<Cd>PDNG</Cd>", "<Cd>PDN<Amt Ccy=\"EUR\">0.00</Amt>G</Cd>"),
        "<Cd> holds a text and elements beside it; the text is like \"AAAA\"",
    );
    refused(&CAMT.replace(" xmlns=", " xml<Ntry>ns="), "not readable as XML");
    refused("<a/>", "Stmt is missing");
    // All its statements are whole, and more may have followed.
    let (cut, _) = CAMT.split_once("</BkToCstmrStmt>").expect("the message's end");
    refused(cut, "the file ends in the middle");
}

#[test]
fn camt_elements_are_nested_as_deep_as_they_may_be_and_no_deeper() {
    // Around them are the document, the message and what the bank adds.
    let nested = |levels: usize| {
        let (begun, ended) = ("<a>".repeat(levels - 3), "</a>".repeat(levels - 3));
        CAMT.replace("</Stmt>", &format!("</Stmt><SplmtryData>{begun}{ended}</SplmtryData>"))
    };
    assert_eq!(said(&nested(64)), said(CAMT));
    refused(&nested(65), "more than 64 levels");
}

#[test]
fn a_camt_entry_is_named_by_its_payer_else_by_itself_else_by_the_bank() {
    for (entry, reference) in [
        ("<EndToEndId>E2</EndToEndId><NtryRef>N2</NtryRef><AcctSvcrRef>B2</AcctSvcrRef>", "E2"),
        ("<EndToEndId>NOTPROVIDED</EndToEndId><NtryRef>N2</NtryRef><AcctSvcrRef>B2</AcctSvcrRef>", "N2"),
        ("<NtryRef></NtryRef><AcctSvcrRef>B2</AcctSvcrRef>", "B2"),
        ("", ""),
    ] {
        let payer = entry
            .replace("<EndToEndId>", "<Refs><EndToEndId>")
            .replace("</EndToEndId>", "</EndToEndId></Refs>");
        let named = CAMT
            .replace("<EndToEndId>NOTPROVIDED</EndToEndId>", "")
            .replace("<AcctSvcrRef>B2</AcctSvcrRef>", &payer);
        assert_eq!(said(&named)[2], format!("2026-11-21 -1000 {reference} | "), "{entry}");
    }
}

pub(crate) const MT940: &str = "{1:F01BANKDEFFXXXX0000000000}{4:\r
:20:STMT1\r
:25:37040044/532013000\r
:28C:00012/001\r
:60F:C261119EUR100,00\r
:61:2611201120CR967,66NTRFpo_1//B1\r
:86:166?00CREDIT?20PAYOUT po_1\r
?32ACME\r
:61:261231D10,NCHGNONREF//B2\r
:61:2612310102RC0,50NMSCREV1\r
:62M:C261231EUR1057,16\r
:20:STMT1\r
:25:37040044/532013000\r
:60M:C261231EUR1057,16\r
:61:261231CR0,84NTRFX2\r
:62F:C261231EUR1058,00\r
-}\r
:20:STMT2\r
:25:1\r
:60F:D261231JPY500,\r
:62F:D261231JPY500,\r
-\r
";

#[test]
fn mt940_with_pages() {
    assert_eq!(
        said(MT940),
        [
            "37040044/532013000 10000 to 105800 EUR",
            "2026-11-20 96766 po_1 | 166?00CREDIT?20PAYOUT po_1?32ACME",
            "2026-12-31 -1000 B2 | ",
            // Booked in the next year.
            "2027-01-02 -50 REV1 | ",
            "2026-12-31 84 X2 | ",
            "1 -500 to -500 JPY",
        ]
    );
}

#[test]
fn an_mt940_statement_that_is_none_says_why() {
    refused(&MT940.replace("967,66", "967,65"), "100.00 EUR at the beginning and 957.15 EUR booked");
    refused(&MT940.replace(":62F:C261231EUR1058,00\r\n", ""), "the closing balance (:62F:) is missing");
    refused(&MT940.replace(":60F:C261119EUR100,00\r\n", ""), "the opening balance (:60F:) is missing");
    refused(&MT940.replace("C261119EUR", "X261119EUR"), "the opening balance is \"X261119EUR100,00\"");
    refused(
        &MT940.replace("2611201120CR967,66", "2611201120CR99999999999999999999,00"),
        "an entry (:61:) is",
    );
    refused(
        &MT940.replace("261231D10,NCHG", "26D"),
        "an entry (:61:) is like \"99AAAAAAA//A9\": a day, a mark",
    );
    refused("a,b,c\n1,2,3\n", "the file is no statement");
    refused("", "the file is no statement");
    refused(":25:1\r\n", "the file is no statement");
}

#[test]
fn a_line_of_the_banks_words_may_begin_with_a_colon() {
    for words in [":REF:7", ":1:7", ":2026:7"] {
        let said = said(&MT940.replace("?32ACME", words));
        assert_eq!(said[1], format!("2026-11-20 96766 po_1 | 166?00CREDIT?20PAYOUT po_1{words}"));
    }
}

/// An entry of nothing, and two that come to nothing, do not show in the balance.
#[test]
fn no_entry_is_lost_where_the_balance_does_not_tell() {
    let pair = [(":61:261231C7,00NTRFX3//B3\r\n", 4), (":61:261231D7,00NTRFX4//B4\r\n", 5)];
    let whole = MT940.replace(":62M:", &format!("{}{}:62M:", pair[0].0, pair[1].0));
    assert_eq!(said(&whole).len(), said(MT940).len() + 2);
    for (line, _) in pair {
        let entry = line.trim_start_matches(":61:").trim_end();
        for (mangled, message) in [
            (entry.to_owned(), "reads as an entry, and its tag is not :61:"),
            (format!(":61;{entry}"), "reads as an entry, and its tag is not :61:"),
            (format!(":6l:{entry}"), ": a tag is \"6l\": line "),
            (format!(":86:{entry}"), "reads as an entry, and its tag is not :61:"),
            (format!(":63:{entry}"), ": a tag is \"63\": line "),
            (format!(":61:{}", entry.replace("261231", "2612+1")), "an entry (:61:) is"),
            (format!(":61:{}", entry.replace("261231", "2612311399")), "an entry (:61:) is"),
        ] {
            refused(&whole.replace(line, &format!("{mangled}\r\n")), message);
        }
        assert_eq!(said(&whole.replace(line, &format!("  {line}"))), said(&whole), "a blank before the tag");
    }
    // A statement whose beginning is lost, alone and with its own end.
    let second = ":20:STMT2\r\n:25:1\r\n";
    refused(
        &MT940.replace(second, ":25:1\r\n"),
        "the statement 2: a field outside of a statement is \":25:\"",
    );
    refused(&format!(":25:1\r\n{MT940}"), "the statement 1: a field outside of a statement is \":25:\"");
    assert_eq!(said(&MT940.replace("{4:\r\n:20:", "{4::20:")), said(MT940));
    // A page in the middle.
    refused(
        &MT940.replace(":60M:C261231EUR1057,16", ":60M:C261231EUR1057,17"),
        "the balance before it is 1057.16 EUR: a page is missing",
    );
    refused(&MT940.replace(":60M:", ":61:261231C7,00NTRFX3\r\n:60M:"), "it stands between two pages");
    refused(&MT940.replace(":62F:C261231EUR", ":62F:C261231USD"), "the opening balance is in EUR");
}

#[test]
fn no_camt_entry_is_passed_over() {
    let entry = |inside: &str| CAMT.replace("</Stmt>", &format!("{inside}</Stmt>"));
    let zero = "<Ntry><Amt Ccy=\"EUR\">0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-21</Dt></BookgDt></Ntry>";
    assert_eq!(said(&entry(zero)).len(), said(CAMT).len() + 1);
    for (file, message) in [
        (entry("<Ntry/>"), "the statement 1, entry 4: Ntry/Amt is \"\""),
        (entry(&zero.replace("Ntry", "Ntri")), "the statement 1, entry 4: an element is \"Ntri\": it has no place in Stmt"),
        (CAMT.replace("</Acct>", &format!("{zero}</Acct>")), "entry 1: an element is \"Ntry\": it has no place in Acct"),
        (CAMT.replace("</BkToCstmrStmt>", "<Stnt/></BkToCstmrStmt>"), "an element is \"Stnt\": it has no place in BkToCstmrStmt"),
        (entry(&zero.replace("BOOK", "BOOKED")), "entry 4: Ntry/Sts is \"BOOKED\": BOOK, PDNG, INFO or FUTR is expected"),
        (entry(&zero.replace("CRDT", "CREDIT")), "entry 4: Ntry/CdtDbtInd is \"CREDIT\": CRDT or DBIT is expected"),
        (entry(&zero.replace("<CdtDbtInd>CRDT</CdtDbtInd>", "")), "entry 4: Ntry/CdtDbtInd is \"\""),
        (entry(&zero.replace("EUR", "USD")), "entry 4: Ntry/Amt/@Ccy is \"USD\": the opening balance is in EUR"),
        (entry(&zero.replace("</Amt>", "</Amt><Amt Ccy=\"EUR\">0.00</Amt>")), "it was \"0.00\" before, in the same place"),
        (entry(&zero.replace("11-21", "11-21x")), "entry 4: Ntry/BookgDt is \"2026-11-21x\""),
        (
            CAMT.replacen("<Bal>", "<Bal><Tp><CdOrPrtry><Cd>PRCD</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal><Bal>", 1),
            "Bal/Tp is \"OPBD\": the statement has another balance of this kind, and they differ",
        ),
    ] {
        refused(&file, message);
    }
}

#[test]
fn a_camt_text_is_whole_whatever_it_is_written_in() {
    let owner = CAMT.replace("</Acct>", "<Ownr><Nm>Us Ltd</Nm></Ownr></Acct>");
    assert_eq!(said(&owner), said(CAMT), "the owner is no payer");
    let odd = CAMT
        .replace("967.66", "9<!-- -->67<![CDATA[.66]]>")
        .replace("<EndToEndId>po_1", "<EndToEndId>po&#95;1&#9;&amp;2&#10;")
        .replace("<Sts><Cd>PDNG", "<Sts><Cd><![CDATA[PDNG]]>");
    assert_eq!(said(&odd)[1], "2026-11-20 96766 po_1 &2 | Acme & Sons PAYOUT po_1");
    assert_eq!(said(&odd).len(), said(CAMT).len());
}

#[test]
fn each_entry_is_a_row_of_a_deposit() {
    // In another currency than a row that says nothing has.
    let dollars = CAMT.replace("EUR", "USD");
    let statements = read(dollars.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let statement = statements.first().expect("a statement");
    let rows = statement.rows();
    assert!(rows.len() > 1, "{rows:?}");
    for ((row, booking), place) in rows.iter().zip(&statement.entries).zip(1..) {
        let expected = Row {
            reference: booking.reference.clone(),
            entry: Entry::Deposit,
            currency: statement.currency,
            minor: booking.minor,
            at: Some(booking.at),
            place,
            ..Row::empty()
        };
        assert_eq!(*row, expected);
    }
}

#[test]
fn a_camt_element_counts_only_in_its_place() {
    let elsewhere = "<RltdAcct><Id><IBAN>X</IBAN></Id></RltdAcct><TxsSummry><TtlNtries><Amt>5</Amt><CdtDbtInd>DBIT</CdtDbtInd></TtlNtries><Bal/></TxsSummry>";
    assert_eq!(said(&CAMT.replacen("<Bal>", &format!("{elsewhere}<Bal>"), 1)), said(CAMT));
    let of_a_sort = "</CdOrPrtry><SubTp><Cd>INTM</Cd></SubTp></Tp>";
    assert_eq!(said(&CAMT.replace("</CdOrPrtry></Tp>", of_a_sort)), said(CAMT));
    let (_, balances) = CAMT.split_once("</Acct>").expect("an account");
    let (first, _) = balances.split_once("</Bal>").expect("a balance");
    assert_eq!(
        said(&CAMT.replacen("<Bal>", &format!("{first}</Bal><Bal>"), 1)),
        said(CAMT),
        "said twice, alike"
    );
    let other = "<Othr><Id>4711</Id></Othr>";
    let numbered = CAMT.replace("<IBAN>DE89370400440532013000</IBAN>", other);
    assert_eq!(said(&numbered)[0], "4711 10000 to 105766 EUR");
}

#[test]
fn what_stands_beside_the_entries_of_an_mt940_statement_is_passed_over() {
    let behind = ":64:C261231EUR1058,00\r\n:86:words to the owner\r\n-}";
    assert_eq!(said(&MT940.replace("-}", behind)), said(MT940));
    // Words are an entry's only right behind it.
    let of_the_page = ":13D:2612312359+0100\r\n:86:words of the page\r\n:62M:";
    assert_eq!(said(&MT940.replace(":62M:", of_the_page)), said(MT940));
}

#[test]
fn a_tag_that_no_statement_has_is_told_with_its_place() {
    for (before, place) in [(":62F:C", "the statement 1, entry 5"), (":62F:D", "the statement 2, entry 1")] {
        let file = MT940.replace(before, &format!(":6l:x\r\n{before}"));
        refused(&file, &format!("{place}: a tag is \"6l\""));
    }
}
