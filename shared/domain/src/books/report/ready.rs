//! The report formats that are built in: `infra/reports/*.toml`.

use super::{FormatError, ReportFormat};
use serde::{Deserialize, Serialize};

const READY: &[(&str, &str)] = &[
    ("partner-daily", include_str!("../../../../../infra/reports/partner-daily.toml")),
    ("stripe-balance-change", include_str!("../../../../../infra/reports/stripe-balance-change.toml")),
    ("adyen-settlement-details", include_str!("../../../../../infra/reports/adyen-settlement-details.toml")),
    ("paypal-transactions", include_str!("../../../../../infra/reports/paypal-transactions.toml")),
];

/// The names of the ready formats.
pub fn ready_names() -> impl Iterator<Item = &'static str> {
    READY.iter().map(|(name, _)| *name)
}

/// Where a report format comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormatRef {
    /// A ready one, by name.
    Ready(String),
    /// A TOML text of its own.
    Own(String),
}

impl FormatRef {
    /// Its text.
    ///
    /// # Errors
    /// [`FormatError`] when no ready format has that name.
    pub fn text(&self) -> Result<&str, FormatError> {
        match self {
            Self::Own(text) => Ok(text),
            Self::Ready(name) => {
                let known = READY.iter().find(|(known, _)| known == name);
                known
                    .map(|(_, text)| *text)
                    .ok_or_else(|| FormatError::unknown(name, &ready_names().collect::<Vec<_>>().join(", ")))
            }
        }
    }

    /// The format, checked.
    ///
    /// # Errors
    /// [`FormatError`] when there is none of that name, or it cannot be used.
    pub fn read(&self) -> Result<ReportFormat, FormatError> {
        ReportFormat::parse(self.text()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ready_format_is_what_its_examples_say() {
        for name in ready_names() {
            let text = FormatRef::Ready(name.to_owned()).text().expect("it is there").to_owned();
            assert!(text.contains("[[examples]]"), "{name} shows nothing");
            ReportFormat::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let error = FormatRef::Ready("acme".to_owned()).read().expect_err("there is none").to_string();
        assert!(
            error.starts_with("there is no ready report format \"acme\"; there are partner-daily, "),
            "{error}"
        );
    }

    #[test]
    fn a_format_with_an_example_that_comes_out_otherwise_is_refused() {
        let text = FormatRef::Ready("partner-daily".to_owned()).text().expect("it is there").to_owned();
        for (from, to, says) in [
            ("minor = 500", "minor = 501", "row 2 is"),
            ("r-1,EUR", "r-1,XXQ", "like \"AAA\""),
            (
                "  { reference = \"p-1\", entry = \"payment\", currency = \"EUR\", minor = 2000 },\n",
                "",
                "row 1 is",
            ),
        ] {
            let error = ReportFormat::parse(&text.replace(from, to)).expect_err(says).to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
