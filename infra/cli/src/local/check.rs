//! What a demonstration claims, beside what was found.

use crate::output;
use serde::Serialize;
use std::fmt::Display;

/// One claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about.
    pub what: String,
    /// What must be so.
    pub expected: String,
    /// What is so.
    pub found: String,
}

impl Check {
    /// Whether it holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.expected == self.found
    }
}

/// All claims, in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// Adds one, and says whether it holds.
    pub fn add(&mut self, what: impl Into<String>, expected: impl Display, found: impl Display) -> bool {
        let check = Check { what: what.into(), expected: expected.to_string(), found: found.to_string() };
        let holds = check.holds();
        self.0.push(check);
        holds
    }

    /// Whether there are any and every one holds. Nothing checked is nothing shown.
    #[must_use]
    pub fn hold(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(Check::holds)
    }

    /// All of them as a table, with a line that sums up.
    #[must_use]
    pub fn show(&self) -> String {
        let mut table = output::table(["", "check", "expected", "found"]);
        for check in &self.0 {
            let mark = if check.holds() { "ok" } else { "FAILED" };
            table.add_row([mark, &check.what, &check.expected, &check.found]);
        }
        let held = self.0.iter().filter(|check| check.holds()).count();
        format!("{table}\n{held} of {} checks hold", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_check_fails_all() {
        let mut checks = Checks::default();
        assert!(!checks.hold(), "nothing was checked");
        assert!(checks.add("answers", 200, "200"));
        assert!(checks.hold());
        assert!(!checks.add("refuses", 401, 200));
        assert!(!checks.hold());
        let shown = checks.show();
        assert!(shown.contains("FAILED") && shown.contains("1 of 2 checks hold"), "{shown}");
    }
}
