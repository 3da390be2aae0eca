//! When everything has fallen quiet, the books are looked after once more, and then again: the second time must change
//! nothing.

use super::World;
use super::environment::Call;
use super::hub::{Due, instant};
use crate::auditor::Violation;
use countersign_domain::event::{ReconciliationData, ReconciliationRequest};
use countersign_domain::ids::SourceName;
use countersign_domain::time::Window;

/// Long enough for every check of a final state to be due, in milliseconds.
const UNTIL_DUE_MS: i64 = 300_000;

impl World {
    pub(super) fn look_after_everything(&mut self) -> Result<(), Violation> {
        self.check_announced()?;
        let requests = self.requests();
        if requests.is_empty() {
            return Ok(());
        }
        // What the first of them sends is leveled for the second.
        for _ in 0..2 {
            self.run_again(&requests)?;
            self.check_announced()?;
        }
        let before = self.auditor.ledgers();
        let completed = self.run_again(&requests)?;
        self.auditor.is_unchanged(&before)?;
        self.auditor.sums_up(&self.providers, &completed)
    }

    /// Every day with business of every source with books.
    pub(super) fn requests(&self) -> Vec<ReconciliationRequest> {
        let with_books = self.providers.sources.iter().filter(|source| source.format.has_api());
        let days = |name: &str| {
            let source = SourceName::new(name).expect("a source name");
            self.calendar.days_ms.iter().map(move |day_ms| {
                // As the daily call cuts the days.
                let Window { from, to } = Window::utc_day(instant(*day_ms), 0);
                ReconciliationRequest { source: source.clone(), from, to, again: true }
            })
        };
        with_books.flat_map(|source| days(&source.name).collect::<Vec<_>>()).collect()
    }

    /// One run of each window. Returns what was said of them.
    fn run_again(
        &mut self,
        requests: &[ReconciliationRequest],
    ) -> Result<Vec<ReconciliationData>, Violation> {
        self.auditor.forget_runs();
        for request in requests {
            self.hub.lock().schedule_in(1, Due::Invoke(Call::Requested(request.clone()), 0));
            self.until_quiet()?;
        }
        Ok(self.auditor.completed_runs())
    }

    /// The announced payments, and the final states that wait to be checked.
    fn check_announced(&mut self) -> Result<(), Violation> {
        if self.stores.expectations.all().is_empty() {
            return Ok(());
        }
        self.hub.lock().schedule_in(UNTIL_DUE_MS, Due::Invoke(Call::Check, 0));
        self.until_quiet()
    }
}
