use super::*;
use proptest::prelude::*;

fn read(text: &[u8]) -> Result<Vec<Row>, CanonicalError> {
    let mut rows = CanonicalRows::new(text)?;
    let (mut all, mut row) = (Vec::new(), Row::empty());
    while rows.next(&mut row)? {
        all.push(row.clone());
    }
    Ok(all)
}

fn any_row() -> impl Strategy<Value = Row> {
    let id = "[!-~]{0,20}";
    let entry = prop::sample::select(vec![
        Entry::Payment,
        Entry::Refund,
        Entry::Dispute,
        Entry::Fee,
        Entry::Adjustment,
        Entry::Payout,
        Entry::Deposit,
    ]);
    let currency = prop::sample::select(vec!["EUR", "JPY", "BHD"]);
    let currency = currency.prop_map(|code| Currency::from_code(code).expect("a currency"));
    let rate = (1_u64..1_000_000, 0_usize..6)
        .prop_map(|(digits, scale)| Rate::parse(&format!("{}.{:0scale$}1", digits, 0)).expect("a rate"));
    let settled = (currency.clone(), any::<i64>(), any::<i64>(), prop::option::of(rate)).prop_map(
        |(currency, gross_minor, fee_minor, rate)| Settled { currency, gross_minor, fee_minor, rate },
    );
    let status = prop::sample::select(vec![PaymentStatus::Captured, PaymentStatus::RequiresAction]);
    let at = (0_i64..4_000_000_000).prop_map(|at| Timestamp::from_second(at).expect("an instant"));
    let texts = (id, id, id, id);
    let rest = (any::<i64>(), prop::option::of(status), prop::option::of(at), prop::option::of(any::<u64>()));
    (texts, entry, currency, rest, prop::option::of(settled)).prop_map(
        |((reference, item, payout, method), entry, currency, (minor, status, at, sequence), settled)| Row {
            reference,
            entry,
            item,
            currency,
            minor,
            status,
            settled,
            at,
            payout,
            method,
            sequence,
            place: 0,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(rows in prop::collection::vec(any_row(), 0..20)) {
        let mut text = Vec::new();
        write_header(&mut text).expect("memory");
        rows.iter().for_each(|row| write_row(&mut text, row).expect("memory"));
        let placed = rows.into_iter().zip(1..).map(|(row, place)| Row { place, ..row });
        prop_assert_eq!(read(&text).expect("rows"), placed.collect::<Vec<_>>());
    }
}

#[test]
fn a_field_that_cannot_be_used_is_named() {
    let header = COLUMNS.join("\t");
    let line = |fields: [&str; 14]| format!("{header}\n{}\n", fields.join("\t"));
    let good = ["pi_1", "payment", "", "EUR", "100", "captured", "1", "", "", "", "", "", "", ""];
    assert_eq!(read(line(good).as_bytes()).expect("a row").len(), 1);
    for (at, value, message) in [
        (
            1,
            "gift",
            r#"row 1: entry is like "aaaa": payment, refund, dispute, fee, adjustment, payout or deposit is expected"#,
        ),
        (3, "XYZ", r#"row 1: currency is like "AAA": a currency of ISO 4217 is expected"#),
        (4, "1.5", r#"row 1: minor is like "9.9": a whole number is expected"#),
        (5, "paid", r#"row 1: status is like "aaaa": a status of a payment is expected"#),
        (
            6,
            "99999999999999",
            r#"row 1: at_seconds is like "99999999999999": seconds since 1970 are expected"#,
        ),
        (9, "-1", r#"row 1: sequence is like "-9": a whole number is expected"#),
        (12, "5", r#"row 1: settled_currency is empty: a currency is expected beside settled amounts"#),
        (13, "\tmore", r#"row 1: rate is like "aaaa": nothing is expected after it"#),
    ] {
        let mut fields = good;
        fields[at] = value;
        let error = read(line(fields).as_bytes()).expect_err(value);
        assert_eq!(error.to_string(), message);
    }
    for (text, message) in [
        ("", "its first line does not hold the names of the columns, with tabs between".to_owned()),
        (
            &format!("{header}\npi_1\tpayment\n"),
            "row 1: item is empty: another column is expected".to_owned(),
        ),
        (&format!("{header}\n{}", "x".repeat(5_000)), "line 1 has more than 4096 bytes".to_owned()),
    ] {
        assert_eq!(read(text.as_bytes()).expect_err("no rows").to_string(), message);
    }
}

#[test]
fn an_amount_is_a_whole_number_however_long() {
    let header = COLUMNS.join("\t");
    for (minor, expected) in [
        ("0", Some(0)),
        ("-5", Some(-5)),
        ("999999999999999999", Some(999_999_999_999_999_999)),
        ("9223372036854775807", Some(i64::MAX)),
        // One more than twice the range of the number that holds it.
        ("18446744073709551617", None),
        ("", None),
        ("abc", None),
        // The character behind the nine.
        (":", None),
        ("1:", None),
    ] {
        let line = format!("{header}\npi_1\tpayment\t\tEUR\t{minor}\t\t\t\t\t\t\t\t\t\n");
        let found = read(line.as_bytes()).map(|rows| rows[0].minor).map_err(|error| error.to_string());
        let refused =
            format!("row 1: minor is {}: a whole number is expected", crate::shape::Shape::of(minor));
        assert_eq!(found, expected.ok_or(refused), "{minor}");
    }
}

#[test]
fn a_last_line_is_as_long_as_it_may_be_and_no_longer() {
    let header = COLUMNS.join("\t");
    let of = |bytes: usize| {
        let rest = "\tpayment\t\tEUR\t100\t\t\t\t\t\t\t\t\t";
        read(format!("{header}\n{}{rest}", "x".repeat(bytes - rest.len())).as_bytes())
    };
    assert_eq!(of(LINE_BYTES_MAX).expect("a row").len(), 1);
    let error = of(LINE_BYTES_MAX + 1).expect_err("too long").to_string();
    assert_eq!(error, "line 1 has more than 4096 bytes");
}
