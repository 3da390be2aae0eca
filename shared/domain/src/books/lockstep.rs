//! The comparison of two canonical files, where lines that are alike are passed over as bytes.
//!
//! Nearly all lines of two books are alike. Such a line is compared as it stands, only its amount is read, for the sums;
//! what comes before and after a difference is read in full. The differences are those of
//! [`compare`](super::compare::compare), which a test holds this to.

use super::canonical::{CanonicalError, CanonicalRows, plain_number};
use super::compare::{CompareError, Discrepancy, Reader, Rules, Side, compare_and_skip};
use super::row::Entry;
use super::sums::Sums;
use std::io::Read;

/// As [`compare`](super::compare::compare), for canonical files.
///
/// # Errors
/// [`CompareError`] when a side cannot be read or is out of order.
pub fn compare_canonical<A: Read, B: Read>(
    ours: CanonicalRows<A>,
    theirs: CanonicalRows<B>,
    rules: &Rules,
    found: impl FnMut(Discrepancy<'_>),
) -> Result<Sums, CompareError<CanonicalError>> {
    let mut last = Vec::new();
    let skip =
        |ours: &mut Reader<CanonicalRows<A>>, theirs: &mut Reader<CanonicalRows<B>>, sums: &mut Sums| {
            // Two refunds that are alike may still both lack their payment.
            if rules.needs_payments { Ok(()) } else { pass_alike(ours, theirs, sums, &mut last) }
        };
    compare_and_skip(ours, theirs, rules, skip, found)
}

/// Passes over lines that are alike, as long as each is a plain one whose reference comes after the one before.
fn pass_alike<A: Read, B: Read>(
    ours: &mut Reader<CanonicalRows<A>>,
    theirs: &mut Reader<CanonicalRows<B>>,
    sums: &mut Sums,
    last: &mut Vec<u8>,
) -> Result<(), CompareError<CanonicalError>> {
    let unreadable = |side| move |error| CompareError::Unreadable(side, error);
    last.clear();
    last.extend_from_slice(ours.now.reference.as_bytes());
    let mut reference_bytes = last.len();
    let mut has_passed = false;
    while let Some(line) = theirs.rows.peek().map_err(unreadable(Side::Theirs))? {
        if ours.rows.peek().map_err(unreadable(Side::Ours))? != Some(line) {
            break;
        }
        let Some(plain) = Plain::of(line) else { break };
        let Some(currency) = ours.rows.known_currency(plain.currency) else { break };
        if Some(plain.reference) <= last.get(..reference_bytes) {
            break;
        }
        sums.count_both(currency, Entry::Payment, plain.minor);
        reference_bytes = plain.reference.len();
        last.clear();
        last.extend_from_slice(line);
        ours.rows.pass(last.len());
        theirs.rows.pass(last.len());
        has_passed = true;
    }
    if has_passed {
        ours.rows.reread(last, &mut ours.now).map_err(unreadable(Side::Ours))?;
        theirs.rows.reread(last, &mut theirs.now).map_err(unreadable(Side::Theirs))?;
    }
    Ok(())
}

/// What is needed of a line of a payment that is alike on both sides.
struct Plain<'a> {
    reference: &'a [u8],
    currency: &'a [u8],
    minor: i64,
}

impl<'a> Plain<'a> {
    /// Of a payment without an item and with an amount that is not negative; nothing of any other line.
    fn of(line: &'a [u8]) -> Option<Self> {
        let (reference, rest) = line.split_at_checked(memchr::memchr(b'\t', line)?)?;
        let rest = rest.strip_prefix(b"\tpayment\t\t")?;
        let (currency, rest) = rest.split_at_checked(3)?;
        let rest = rest.strip_prefix(b"\t")?;
        let minor = rest.get(..rest.iter().position(|byte| *byte == b'\t')?)?;
        Some(Self { reference, currency, minor: plain_number(minor)? })
    }
}
