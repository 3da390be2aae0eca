//! `countersign expect`: payments that somebody must hear of.

use super::{Command, Context, meant};
use crate::cli::{Global, on_stack};
use crate::error::CliError;
use crate::output::table;
use clap::builder::TypedValueParser;
use countersign_app::expect::waited_for;
use countersign_app::ports::{Bus as _, Clock as _};
use countersign_aws::clock::SystemClock;
use countersign_domain::event;
use countersign_domain::expect::{Announcement, Expectation, Purpose};
use countersign_domain::ids::{PaymentId, SourceName};
use countersign_domain::limits::EXPECT_WITHIN_SECONDS_MAX;
use countersign_domain::money::{AmountForm, Currency, Money};
use countersign_domain::time::Timestamp;
use std::time::Duration;

/// How often it is looked whether the announcement came through the bus, half a second apart.
const LOOKS_MAX: u32 = 120;

/// What is to be done.
#[derive(Debug, clap::Subcommand)]
pub enum Expect {
    /// Announce a payment: when its source tells nothing of it in time, the provider is asked.
    Announce(Announce),
    /// Show the payments that are waited for.
    List(Waiting),
}

impl Expect {
    /// Does it, and says whether it succeeded.
    ///
    /// # Errors
    /// [`CliError`] when it cannot be done.
    pub async fn run(self, global: &Global) -> Result<bool, CliError> {
        match self {
            Self::Announce(announce) => on_stack(announce, global).await,
            Self::List(waiting) => on_stack(waiting, global).await,
        }
    }
}

/// What a deadline may be: in no time nothing can be heard, and later than in a week nobody looks.
fn seconds() -> impl TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=i64::from(EXPECT_WITHIN_SECONDS_MAX))
}

/// Which payment.
#[derive(Debug, clap::Args)]
pub struct Announce {
    /// The source that will tell of it.
    source: SourceName,
    /// The provider's reference, as webhooks will name it.
    payment: PaymentId,
    /// The amount, in major units: `20.00`.
    amount: String,
    /// Its currency: `EUR`.
    currency: String,
    /// Seconds in which something must be heard, up to a week. Without it: the source's own deadline.
    #[arg(long, value_name = "SECONDS", value_parser = seconds())]
    within: Option<u32>,
}

impl Announce {
    /// A payment of a source.
    #[must_use]
    pub fn new(source: SourceName, payment: PaymentId, amount: &str, currency: &str, within: u32) -> Self {
        Self {
            source,
            payment,
            amount: amount.to_owned(),
            currency: currency.to_owned(),
            within: Some(within),
        }
    }
}

impl Command for Announce {
    type Output = Expectation;

    async fn run(self, context: &Context) -> Result<Expectation, CliError> {
        let usage = |error: countersign_domain::money::MoneyError| CliError::Usage(error.to_string());
        let currency = Currency::from_code(&self.currency).map_err(usage)?;
        let amount = Money::parse(&self.amount, AmountForm::DecimalString, currency, None).map_err(usage)?;
        let source = context.source(&self.source).await?.name;
        let payment = self.payment;
        let announcement = Announcement {
            source: source.clone(),
            payment: payment.clone(),
            amount,
            within_seconds: self.within,
        };
        let announced = event::of_announcement(&announcement).map_err(|error| {
            CliError::Refused(format!("the announcement of {payment} cannot be written: {error}"))
        })?;
        if !context.bus().publish(&[announced]).await?.is_empty() {
            return Err(CliError::Refused("the bus did not take the announcement: try again".to_owned()));
        }
        for _ in 0..LOOKS_MAX {
            let now = SystemClock.now();
            let waiting = waited_for(&context.expectations(), Some(&source), now).await?;
            if let Some(found) = waiting
                .into_iter()
                .find(|waiting| waiting.payment == payment && waiting.purpose == Purpose::Heard)
            {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Err(CliError::Refused(format!(
            "{payment} was announced, and after a minute nobody waits for it: look at the log of reconcile and at the target dead letters"
        )))
    }

    fn show(output: &Expectation) -> String {
        let Expectation { source, payment, amount, due_at, .. } = output;
        format!("{payment} of {source}, {amount}: something must be heard until {due_at}\n")
    }
}

/// Whose payments.
#[derive(Debug, clap::Args)]
pub struct Waiting {
    /// Those of one source; of every source without it.
    #[arg(long, value_name = "NAME")]
    source: Option<SourceName>,
}

impl Waiting {
    /// Those of one source.
    #[must_use]
    pub fn of(source: SourceName) -> Self {
        Self { source: Some(source) }
    }
}

impl Command for Waiting {
    type Output = Vec<Expectation>;

    async fn run(self, context: &Context) -> Result<Vec<Expectation>, CliError> {
        let now = SystemClock.now();
        if self.source.is_some() {
            meant(&context.sources(), self.source.clone()).await?;
        }
        Ok(waited_for(&context.expectations(), self.source.as_ref(), now).await?)
    }

    fn show(output: &Vec<Expectation>) -> String {
        if output.is_empty() {
            return "no payment is waited for\n".to_owned();
        }
        let now: Timestamp = SystemClock.now();
        let mut shown = table(["source", "payment", "amount", "wanted", "since", "due", ""]);
        for Expectation { source, payment, amount, announced_at, due_at, purpose } in output {
            let is_due = if *due_at <= now { "asked about at the next check" } else { "" };
            shown.add_row([
                source.to_string(),
                payment.to_string(),
                amount.to_string(),
                match purpose {
                    Purpose::Heard => "to be heard of".to_owned(),
                    Purpose::Agreed => "to be agreed with".to_owned(),
                },
                announced_at.to_string(),
                due_at.to_string(),
                is_due.to_owned(),
            ]);
        }
        format!("{shown}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        announce: Announce,
    }

    #[test]
    fn a_deadline_is_one_that_somebody_looks_at() {
        for (within, expected) in [
            ("0", Err("invalid value '0' for '--within <SECONDS>': 0 is not in 1..=604800")),
            ("1", Ok(Some(1))),
            ("604800", Ok(Some(604_800))),
            ("604801", Err("604801 is not in 1..=604800")),
        ] {
            let line = ["announce", "acme", "p1", "20.00", "EUR", "--within", within];
            let found = Line::try_parse_from(line).map(|line| line.announce.within);
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{within}"),
                (Err(error), Err(says)) => assert!(error.to_string().contains(says), "{error}"),
                (found, expected) => panic!("{within}: {found:?}, not {expected:?}"),
            }
        }
    }
}
