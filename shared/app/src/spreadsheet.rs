//! Text from outside in a CSV that a person opens in a spreadsheet.

use std::borrow::Cow;

/// A cell that no spreadsheet takes for a formula: where it would, an apostrophe goes before it, as spreadsheets
/// themselves write such text. Source: OWASP, "CSV Injection".
#[must_use]
pub fn cell(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_no_formula() {
        for (text, expected) in [
            ("pi_1", "pi_1"),
            ("", ""),
            ("a=b", "a=b"),
            ("=HYPERLINK(\"https://evil.example\")", "'=HYPERLINK(\"https://evil.example\")"),
            ("+1", "'+1"),
            ("-1+1|cmd", "'-1+1|cmd"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "'\t=1"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
