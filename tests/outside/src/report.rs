//! What a trial came to, as a table.

use crate::account::{Account, Fate, account};
use crate::load::{Answers, Tally};
use crate::stage::Stage;
use countersign::local::Failure;
use countersign::output;
use std::fmt::Display;
use std::time::Duration;

/// How long the queue may take to fall quiet once all faults have ended.
const QUIET: Duration = Duration::from_secs(900);

/// Broken promises that are told one by one.
const WRONG_SHOWN: usize = 20;

/// What a trial came to.
#[derive(Debug)]
pub struct Outcome {
    rows: Vec<(String, String)>,
    wrong: Vec<String>,
    /// Deliveries of the plan.
    pub deliveries: u64,
    /// What became of each acknowledged event.
    pub account: Account,
}

impl Outcome {
    /// Waits until it is quiet, reads the books, and accounts for everything that was sent.
    pub(crate) async fn of(title: String, tally: Tally, stage: &Stage) -> Result<Self, Failure> {
        stage.until_quiet(QUIET).await?;
        let books = stage.books().await?;
        let account = account(&tally.sent, &books);
        let wrong = account.wrong.iter().map(ToString::to_string).collect();
        let mut outcome = Self { rows: Vec::new(), wrong, deliveries: tally.deliveries, account };
        outcome.add("trial", title);
        outcome.add("deliveries sent", tally.deliveries);
        outcome.add("sent again after no 2xx", tally.again);
        outcome.add("given up by the sender", tally.given_up);
        outcome.answers(&tally.answers);
        outcome.must(
            tally.given_up == 0,
            "a sender gave up: some delivery was not acknowledged after all faults had ended",
        );
        let acknowledged = tally.sent.claims.values().filter(|claim| claim.acknowledged > 0).count();
        outcome.add("events acknowledged", acknowledged);
        outcome.must(acknowledged > 0, "nothing was acknowledged: nothing is shown");
        for (what, fate) in [
            ("  applied", Fate::Applied),
            ("  superseded", Fate::Superseded),
            ("  parked with a finding", Fate::Parked),
            ("  in the dead letters only", Fate::Dead),
        ] {
            outcome.add(what, outcome.account.of(fate));
        }
        outcome.add("  (of these, a dead letter as well)", outcome.account.dead_after_all);
        outcome.add("in the ledger without a 2xx", outcome.account.unheard);
        outcome.add("rows in the ledger", books.ledger.len());
        let (told, found) = outcome.account.sums;
        outcome.add("captured, as the events say", cents(told));
        outcome.add("captured, as the ledger says", cents(found));
        Ok(outcome)
    }

    fn answers(&mut self, answers: &Answers) {
        for ((is_forged, status), count) in answers {
            let who = if *is_forged { "forged" } else { "genuine" };
            let how = status.map_or("nothing".to_owned(), |status| status.to_string());
            self.add(format!("  {who}, answered {how}"), count);
        }
    }

    /// One line more.
    pub(crate) fn add(&mut self, what: impl Display, found: impl Display) {
        self.rows.push((what.to_string(), found.to_string()));
    }

    /// Something that must be so.
    pub(crate) fn must(&mut self, holds: bool, otherwise: impl Display) {
        self.wrong.extend((!holds).then(|| otherwise.to_string()));
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.wrong.is_empty()
    }

    /// All of it, for a person.
    #[must_use]
    pub fn show(&self) -> String {
        let mut table = output::table(["what", "how many"]);
        for (what, found) in &self.rows {
            table.add_row([what, found]);
        }
        let mut text = table.to_string();
        for wrong in self.wrong.iter().take(WRONG_SHOWN) {
            text.push_str(&format!("\nWRONG {wrong}"));
        }
        match self.wrong.len() {
            0 => text.push_str("\nEvery acknowledged event is accounted for, once."),
            wrong => text.push_str(&format!("\n{wrong} promises were broken.")),
        }
        text
    }
}

fn cents(minor: i64) -> String {
    format!("{}.{:02} EUR", minor / 100, minor % 100)
}
