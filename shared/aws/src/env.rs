//! What a function is told by its environment. `template.yaml` sets every variable; a missing or wrong one stops the
//! function before its first event, with an error that names it.

use countersign_domain::ids::Sha256Hex;
use std::fmt;
use std::str::FromStr;

/// Shortest life of an inbox row, in days: 3 of a provider's retries, 30 of its resends, and 14 in the dead letters.
pub const INBOX_TTL_DAYS_MIN: u16 = 45;
const INBOX_TTL_DAYS_MAX: u16 = 3_650;
const PART_ROWS_MAX: usize = 1_000_000;
const GRACE_SECONDS_MAX: i64 = 86_400;

/// Why a function cannot start.
#[derive(PartialEq, Eq, thiserror::Error)]
pub enum EnvError {
    /// A variable is not set, or empty.
    #[error("the environment variable {variable} is not set: {remedy}")]
    Missing {
        /// Its name.
        variable: &'static str,
        /// What to set it to.
        remedy: &'static str,
    },
    /// A variable holds what cannot be used.
    #[error("the environment variable {variable} is {value:?}: {remedy}")]
    Wrong {
        /// Its name.
        variable: &'static str,
        /// What it holds.
        value: String,
        /// What to set it to.
        remedy: &'static str,
    },
}

/// `main` shows an error by its `Debug`; a person should read the sentence.
impl fmt::Debug for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What ingest is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingest {
    /// `dev` or `prod`.
    pub stage: String,
    /// Table of what came in.
    pub inbox_table: String,
    /// Table of sources, findings and runs.
    pub control_table: String,
    /// Queue to the processor.
    pub queue_url: String,
    /// Life of an inbox row, in days.
    pub inbox_ttl_days: u16,
}

/// What the processor is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    /// `dev` or `prod`.
    pub stage: String,
    /// Table of what came in.
    pub inbox_table: String,
    /// Table of the books.
    pub ledger_table: String,
    /// Table of sources, findings and runs.
    pub control_table: String,
    /// Bus that the business listens to.
    pub bus_name: String,
    /// Life of an inbox row, in days.
    pub inbox_ttl_days: u16,
}

/// What a report calls the code that made it: the version, and the digest of the running binary.
///
/// # Errors
/// Why the binary cannot be read.
pub fn code_version() -> Result<String, std::io::Error> {
    let binary = std::fs::read(std::env::current_exe()?)?;
    let digest = Sha256Hex::of(&[&binary]);
    Ok(format!("countersign {} {}", env!("CARGO_PKG_VERSION"), digest.as_str()))
}

/// What reconcile is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// `dev` or `prod`.
    pub stage: String,
    /// Table of what came in.
    pub inbox_table: String,
    /// Table of the books.
    pub ledger_table: String,
    /// Table of sources, findings and runs.
    pub control_table: String,
    /// Queue to the processor.
    pub queue_url: String,
    /// Bus that the business listens to.
    pub bus_name: String,
    /// Bucket of the reports.
    pub report_bucket: String,
    /// Bucket that report files arrive in.
    pub file_bucket: String,
    /// Rows of one part of a report file, about.
    pub part_rows_max: usize,
    /// Life of an inbox row, in days.
    pub inbox_ttl_days: u16,
    /// Youngest age of a window's end, in seconds.
    pub grace_seconds: i64,
}

impl Ingest {
    /// From the environment of this process.
    ///
    /// # Errors
    /// [`EnvError`] names the variable and what to set it to.
    pub fn from_env() -> Result<Self, EnvError> {
        Self::read(&Lookup(&process))
    }

    fn read(vars: &Lookup<'_>) -> Result<Self, EnvError> {
        Ok(Self {
            stage: vars.stage()?,
            inbox_table: vars.name("INBOX_TABLE")?,
            control_table: vars.name("CONTROL_TABLE")?,
            queue_url: vars.queue_url()?,
            inbox_ttl_days: vars.inbox_ttl_days()?,
        })
    }
}

impl Processor {
    /// From the environment of this process.
    ///
    /// # Errors
    /// [`EnvError`] names the variable and what to set it to.
    pub fn from_env() -> Result<Self, EnvError> {
        Self::read(&Lookup(&process))
    }

    fn read(vars: &Lookup<'_>) -> Result<Self, EnvError> {
        Ok(Self {
            stage: vars.stage()?,
            inbox_table: vars.name("INBOX_TABLE")?,
            ledger_table: vars.name("LEDGER_TABLE")?,
            control_table: vars.name("CONTROL_TABLE")?,
            bus_name: vars.name("BUS_NAME")?,
            inbox_ttl_days: vars.inbox_ttl_days()?,
        })
    }
}

impl Reconcile {
    /// From the environment of this process.
    ///
    /// # Errors
    /// [`EnvError`] names the variable and what to set it to.
    pub fn from_env() -> Result<Self, EnvError> {
        Self::read(&Lookup(&process))
    }

    fn read(vars: &Lookup<'_>) -> Result<Self, EnvError> {
        const PART_ROWS: &str = "set it to 1 to 1000000 rows in template.yaml, parameter FilePartRows";
        const GRACE: &str = "set it to 0 to 86400 seconds in template.yaml, parameter ReconcileGraceSeconds";
        Ok(Self {
            stage: vars.stage()?,
            inbox_table: vars.name("INBOX_TABLE")?,
            ledger_table: vars.name("LEDGER_TABLE")?,
            control_table: vars.name("CONTROL_TABLE")?,
            queue_url: vars.queue_url()?,
            bus_name: vars.name("BUS_NAME")?,
            report_bucket: vars.name("REPORT_BUCKET")?,
            file_bucket: vars.name("FILE_BUCKET")?,
            part_rows_max: vars.number("FILE_PART_ROWS", 1, PART_ROWS_MAX, PART_ROWS)?,
            inbox_ttl_days: vars.inbox_ttl_days()?,
            grace_seconds: vars.number("RECONCILE_GRACE_SECONDS", 0, GRACE_SECONDS_MAX, GRACE)?,
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the only reader of the environment")]
fn process(variable: &str) -> Option<String> {
    std::env::var_os(variable).map(|value| value.to_string_lossy().into_owned())
}

/// Where variables come from: the process, or a test.
struct Lookup<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Lookup<'_> {
    fn text(&self, variable: &'static str, remedy: &'static str) -> Result<String, EnvError> {
        let value = (self.0)(variable).filter(|value| !value.is_empty());
        value.ok_or(EnvError::Missing { variable, remedy })
    }

    fn checked(
        &self,
        variable: &'static str,
        remedy: &'static str,
        is_right: fn(&str) -> bool,
    ) -> Result<String, EnvError> {
        let value = self.text(variable, remedy)?;
        if is_right(&value) { Ok(value) } else { Err(EnvError::Wrong { variable, value, remedy }) }
    }

    fn stage(&self) -> Result<String, EnvError> {
        self.checked("STAGE", "set it to dev or prod in template.yaml, parameter Stage", |stage| {
            matches!(stage, "dev" | "prod")
        })
    }

    fn name(&self, variable: &'static str) -> Result<String, EnvError> {
        const REMEDY: &str =
            "set it in template.yaml, under the function's Environment, to the name of the resource";
        self.checked(variable, REMEDY, |name| {
            name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        })
    }

    fn queue_url(&self) -> Result<String, EnvError> {
        const REMEDY: &str =
            "set it in template.yaml, under the function's Environment, to the queue's URL (!Ref)";
        self.checked("QUEUE_URL", REMEDY, |url| url.starts_with("https://") || url.starts_with("http://"))
    }

    fn inbox_ttl_days(&self) -> Result<u16, EnvError> {
        const REMEDY: &str = "set it to 45 to 3650 days in template.yaml, parameter InboxTtlDays";
        self.number("INBOX_TTL_DAYS", INBOX_TTL_DAYS_MIN, INBOX_TTL_DAYS_MAX, REMEDY)
    }

    fn number<N: FromStr + PartialOrd>(
        &self,
        variable: &'static str,
        least: N,
        most: N,
        remedy: &'static str,
    ) -> Result<N, EnvError> {
        let value = self.text(variable, remedy)?;
        match value.parse() {
            Ok(number) if least <= number && number <= most => Ok(number),
            Ok(_) | Err(_) => Err(EnvError::Wrong { variable, value, remedy }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 11] = [
        ("STAGE", "dev"),
        ("INBOX_TABLE", "stack-InboxTable-1ABC"),
        ("LEDGER_TABLE", "stack-LedgerTable-1ABC"),
        ("CONTROL_TABLE", "stack-ControlTable-1ABC"),
        ("QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/123456789012/countersign-dev-events"),
        ("BUS_NAME", "countersign-dev"),
        ("REPORT_BUCKET", "stack-reports"),
        ("FILE_BUCKET", "stack-files"),
        ("FILE_PART_ROWS", "200000"),
        ("INBOX_TTL_DAYS", "45"),
        ("RECONCILE_GRACE_SECONDS", "3600"),
    ];

    fn with<T>(
        name: &str,
        value: Option<&str>,
        read: impl Fn(&Lookup<'_>) -> Result<T, EnvError>,
    ) -> Result<T, EnvError> {
        let lookup = |variable: &str| {
            if variable == name {
                return value.map(str::to_owned);
            }
            ALL.iter().find(|(known, _)| *known == variable).map(|(_, value)| (*value).to_owned())
        };
        read(&Lookup(&lookup))
    }

    #[test]
    fn what_is_set_is_read() {
        let config = with("", None, Reconcile::read).expect("is complete");
        assert_eq!((config.stage.as_str(), config.inbox_ttl_days, config.grace_seconds), ("dev", 45, 3600));
        assert_eq!(
            with("", None, Ingest::read).expect("is complete").control_table,
            "stack-ControlTable-1ABC"
        );
    }

    #[test]
    fn the_processor_needs_no_queue() {
        for variable in ["QUEUE_URL", "REPORT_BUCKET", "RECONCILE_GRACE_SECONDS"] {
            assert!(with(variable, None, Processor::read).is_ok(), "{variable}");
        }
    }

    #[test]
    fn a_missing_variable_is_named_with_its_remedy() {
        for (variable, _) in ALL {
            for value in [None, Some("")] {
                let error = with(variable, value, Reconcile::read).expect_err("it is missing");
                let text = error.to_string();
                assert!(
                    text.starts_with(&format!("the environment variable {variable} is not set: set it")),
                    "{text}"
                );
                assert_eq!(format!("{error:?}"), text, "main shows the sentence");
            }
        }
    }

    #[test]
    fn a_wrong_variable_is_shown_with_its_remedy() {
        for (variable, value) in [
            ("STAGE", "production"),
            ("INBOX_TABLE", "a table"),
            ("QUEUE_URL", "countersign-dev-events"),
            ("BUS_NAME", "arn:aws:events:eu-central-1:123456789012:event-bus/countersign-dev"),
            ("INBOX_TTL_DAYS", "44"),
            ("INBOX_TTL_DAYS", "3651"),
            ("INBOX_TTL_DAYS", "forty-five"),
            ("RECONCILE_GRACE_SECONDS", "-1"),
            ("RECONCILE_GRACE_SECONDS", "86401"),
            ("FILE_PART_ROWS", "0"),
        ] {
            let error = with(variable, Some(value), Reconcile::read).expect_err("it is wrong").to_string();
            let begin = format!("the environment variable {variable} is {value:?}: set it");
            assert!(error.starts_with(&begin), "{error}");
        }
    }
}
