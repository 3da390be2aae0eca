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

const CAMT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
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
    refused("<a/>", "Stmt is missing");
    refused(&"<a>".repeat(100), "more than 64 levels");
}

const MT940: &str = "{1:F01BANKDEFFXXXX0000000000}{4:\r
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
    refused(&MT940.replace("967,66", "967,65"), "100.00 EUR at the beginning and 957.99 EUR booked");
    refused(&MT940.replace(":62F:C261231EUR1058,00\r\n", ""), "the closing balance (:62F:) is missing");
    refused(&MT940.replace(":60F:C261119EUR100,00\r\n", ""), "the opening balance (:60F:) is missing");
    refused(&MT940.replace("C261119EUR", "X261119EUR"), "the opening balance is \"X261119EUR100,00\"");
    refused(
        &MT940.replace("2611201120CR967,66", "2611201120CR99999999999999999999,00"),
        "an entry (:61:) is",
    );
    refused(&MT940.replace("261231D10,NCHG", "26D"), "an entry (:61:) is \"26DNONREF//B2\"");
    refused("a,b,c\n1,2,3\n", "the file is no statement");
    refused("", "the file is no statement");
}

#[test]
fn each_entry_is_a_row_of_a_deposit() {
    let statements = read(CAMT.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
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
