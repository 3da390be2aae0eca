//! What the demonstration does: payments at a fake Stripe that nobody here wrote, an outage, a reconciliation, and everything
//! that must not get through.

use super::super::{API_KEY, Checks, PaidBy, Stack, Stripe};
use super::tools::{depth, post, until};
use crate::commands::Command as _;
use crate::commands::Context;
use crate::commands::reconcile::{Done, RunArgs};
use crate::commands::source::apply::put_in_force;
use crate::commands::trace::Trace;
use crate::error::CliError;
use crate::output::Progress;
use countersign_app::onboard::GivenSecrets;
use countersign_app::ports::{Clock as _, Findings as _, Ledger as _, Notice, Origin};
use countersign_aws::clock::{SystemClock, random_id};
use countersign_domain::dialect::Dialect;
use countersign_domain::finding::FindingKind;
use countersign_domain::ids::{EventId, PaymentId, SourceName};
use countersign_domain::payment::PaymentStatus;
use countersign_domain::reconcile::{RunStatus, word};
use countersign_domain::sign::sign;
use countersign_domain::source::{DialectRef, Mode, SourceConfig, SourceState};
use countersign_domain::time::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;

/// localstripe's differences to Stripe, as a dialect of its own.
const DIALECT: &str = include_str!("../../../local/localstripe.toml");

/// The secret that the fake Stripe signs with. It protects nothing but this demonstration.
const SECRET: &str = "whsec_countersign_local_demonstration";

/// How long a webhook may take from the fake Stripe, which waits a second before it sends, to the ledger.
const ARRIVES: Duration = Duration::from_secs(60);

/// The demonstration's own words: where it runs, what it claims.
pub(super) struct Scenario<'a> {
    pub(super) stack: &'a Stack,
    pub(super) stripe: &'a Stripe,
    pub(super) context: &'a Context,
    pub(super) source: SourceName,
    pub(super) checks: &'a mut Checks,
}

/// Payments that were made, by what became of them.
pub(super) struct Payments {
    pub(super) captured: String,
    pub(super) declined: String,
    pub(super) payout: String,
    pub(super) missed: Vec<String>,
    pub(super) refunded: String,
}

impl Payments {
    fn all(&self) -> impl Iterator<Item = &String> {
        [&self.captured, &self.declined, &self.payout].into_iter().chain(&self.missed).chain([&self.refunded])
    }

    fn captured_ones(&self) -> impl Iterator<Item = &String> {
        [&self.captured].into_iter().chain(self.missed.iter().take(2)).chain([&self.refunded])
    }
}

impl Scenario<'_> {
    /// All of it, in order. Returns what a person should see of it.
    pub(super) async fn play(&mut self, progress: Progress) -> Result<String, CliError> {
        progress.say("2. A source, and payments at a fake Stripe whose signed webhooks arrive");
        let since = SystemClock.now();
        self.add_source().await?;
        let mut payments = self.pay().await?;
        progress.say("3. What must not get through");
        self.attack(&payments).await?;
        self.poison().await?;
        progress.say("4. The webhook is cut off, and payments go on");
        self.pay_while_cut_off(&mut payments).await?;
        progress.say("5. Reconciliation lists the provider's events and payments, and heals");
        let done = self.reconcile(since, &payments).await?;
        self.published(&payments).await?;
        self.story(&payments, &done).await
    }

    /// What a consumer of the bus has heard.
    async fn published(&mut self, payments: &Payments) -> Result<(), CliError> {
        let wanted: Vec<&String> = payments.captured_ones().collect();
        let heard = self.stack.tap().until(ARRIVES, |events| {
            let is_heard = |payment: &&&String| {
                events.iter().any(|event| {
                    event.detail_type == "payment.captured" && event.detail["subject"] == payment.as_str()
                })
            };
            wanted.iter().filter(is_heard).count() == wanted.len()
                && events.iter().filter(|event| event.detail_type == "reconciliation.completed").count() >= 2
        });
        let heard = heard.await?;
        for payment in wanted {
            let ids = heard.iter().filter(|event| {
                event.detail_type == "payment.captured" && event.detail["subject"] == payment.as_str()
            });
            let ids: BTreeSet<_> = ids.map(|event| event.detail["id"].to_string()).collect();
            self.checks.add(format!("{payment}: ids of payment.captured on the bus"), 1, ids.len());
        }
        Ok(())
    }

    /// The timelines of the payments, and the run with its totals.
    async fn story(&self, payments: &Payments, done: &Done) -> Result<String, CliError> {
        let mut text = String::new();
        for payment in payments.all() {
            let timelines = Trace::of(payment.clone(), self.source.clone()).run(self.context).await?;
            text.push_str(&format!("\n{payment}\n{}", Trace::show(&timelines)));
        }
        text.push_str(&format!("\n{}", RunArgs::show(done)));
        for report in &done.reports {
            text.push_str(&format!(
                "  aws --endpoint-url {} s3 cp s3://{}/{report} -\n",
                self.stack.endpoint(),
                self.context.outputs().report_bucket_name
            ));
        }
        Ok(text)
    }

    /// Adds the fake Stripe as a source, as an operator would.
    pub(super) async fn add_source(&self) -> Result<(), CliError> {
        let given = GivenSecrets {
            signing: Some(SECRET.to_owned()),
            api_token: Some(API_KEY.to_owned()),
            ..GivenSecrets::default()
        };
        let config = SourceConfig {
            name: self.source.clone(),
            dialect: DialectRef::Own(DIALECT.to_owned()),
            account: "localstripe".to_owned(),
            mode: Mode::Test,
            state: SourceState::Enabled,
            api_base_url: Some(self.stripe.base_url().to_owned()),
            settings: Default::default(),
            asks_back: false,
            second_factors: Default::default(),
            expect_within_seconds: None,
            policy: Default::default(),
            reports: Default::default(),
        };
        put_in_force(self.context, config, &given).await?;
        self.stripe.point_webhook(&self.url(), SECRET).await?;
        Ok(())
    }

    fn url(&self) -> String {
        self.context.webhook_url(&self.source)
    }

    /// Payments whose webhooks arrive.
    pub(super) async fn pay(&mut self) -> Result<Payments, CliError> {
        let captured = self.paid(2_000, PaidBy::Card).await?;
        let declined = self.paid(700, PaidBy::DeclinedCard).await?;
        let payout = self.stripe.pay_out(1_500, "paid").await?;
        self.expect(&captured, PaymentStatus::Captured, 2_000).await?;
        self.expect(&declined, PaymentStatus::Failed, 0).await?;
        let paid_out = self.until_amount(&payout, |amounts| amounts.paid_out).await?;
        self.checks.add("payout arrived by webhook: paid out", 1_500, paid_out);
        Ok(Payments { captured, declined, payout, missed: Vec::new(), refunded: String::new() })
    }

    /// Payments whose webhooks are lost, and a refund for which the fake Stripe has no event at all.
    pub(super) async fn pay_while_cut_off(&mut self, payments: &mut Payments) -> Result<(), CliError> {
        self.stripe.cut_webhook().await?;
        for (amount, method) in [(3_300, PaidBy::Card), (4_400, PaidBy::Card), (5_500, PaidBy::DeclinedCard)]
        {
            payments.missed.push(self.paid(amount, method).await?);
        }
        let refunded = self.paid(6_600, PaidBy::Card).await?;
        self.stripe.refund(&refunded, Some(600)).await?;
        payments.refunded = refunded;
        for payment in payments.missed.iter().chain([&payments.refunded]) {
            let seen = self.history(payment).await?;
            self.checks.add(format!("{payment} while cut off: ledger rows"), 0, seen);
        }
        Ok(())
    }

    async fn paid(&self, amount: i64, method: PaidBy) -> Result<String, CliError> {
        let payment = self.stripe.create_payment(amount, "eur", method, false).await?;
        self.stripe.confirm(&payment.id).await?;
        Ok(payment.id)
    }

    /// The reconcile function at work: finds what was missed and heals it.
    pub(super) async fn reconcile(
        &mut self,
        since: Timestamp,
        payments: &Payments,
    ) -> Result<Done, CliError> {
        let now = SystemClock.now();
        // A list of Stripe's counts in whole seconds: the window ends after the one in which the last payment was made.
        let until_closed = until("the window to close", ARRIVES, || async {
            Ok((SystemClock.now().as_second() > now.as_second().saturating_add(1)).then_some(()))
        });
        until_closed.await?;
        let to = now.checked_add(SignedDuration::from_secs(1)).unwrap_or(now);
        let args = RunArgs::over(self.source.clone(), since, to);
        let done = args.clone().run(self.context).await?;
        self.checks.add("reconciliation: status", "complete", word_of(done.run.status));
        self.expect(&payments.missed[0], PaymentStatus::Captured, 3_300).await?;
        self.expect(&payments.missed[1], PaymentStatus::Captured, 4_400).await?;
        self.expect(&payments.missed[2], PaymentStatus::Failed, 0).await?;
        self.expect(&payments.refunded, PaymentStatus::Captured, 6_600).await?;
        let refunded = self.until_amount(&payments.refunded, |amounts| amounts.refunded).await?;
        self.checks.add("refund without an event: refunded", 600, refunded);
        let again = args.again().run(self.context).await?;
        self.checks.add("reconciliation run again: corrections sent", 0, again.run.healed);
        self.checks.add("reconciliation run again: differences left", 0, again.run.open);
        for totals in &again.run.totals {
            let what = format!("run again, {}: captured in the ledger = at the provider", totals.currency);
            self.checks.add(what, totals.captured_theirs, totals.captured_ours);
        }
        Ok(done)
    }

    /// What must not get through, and what became of each.
    pub(super) async fn attack(&mut self, payments: &Payments) -> Result<(), CliError> {
        let event = self.first_event(&payments.captured).await?;
        let signed = |body: &str, secret: &str, age_seconds| signed(body, secret, age_seconds);
        let forged = event.replace("\"amount\": 2000", "\"amount\": 2000000");
        for (what, status, body, headers) in [
            ("unsigned", 401, event.as_str(), Vec::new()),
            ("signed with another secret", 401, &event, signed(&event, "whsec_of_somebody_else", 0)?),
            ("captured and sent an hour later", 401, &event, signed(&event, SECRET, 3_600)?),
            ("altered on the way", 401, &forged, signed(&event, SECRET, 0)?),
            ("sent twice", 200, &event, signed(&event, SECRET, 0)?),
            ("the same id with another amount", 200, &forged, signed(&forged, SECRET, 0)?),
            ("signed, but no event", 400, "{}", signed("{}", SECRET, 0)?),
        ] {
            let found = post(&self.url(), headers, body).await?;
            self.checks.add(format!("delivery {what}"), status, found);
        }
        for kind in [FindingKind::Conflicting, FindingKind::Unreadable] {
            let found = until(kind.as_str(), ARRIVES, || async {
                let findings = self.context.findings().list(&self.source).await?;
                Ok(findings.iter().any(|finding| finding.kind == kind).then_some("recorded"))
            });
            let found = found.await?;
            self.checks.add(format!("finding {}", kind.as_str()), "recorded", found);
        }
        let rows = self.history(&payments.captured).await?;
        self.checks.add("ledger rows of the payment that was attacked", 1, rows);
        self.expect(&payments.captured, PaymentStatus::Captured, 2_000).await
    }

    /// A message that cannot be processed: it goes to the dead letters, and nothing else with it.
    pub(super) async fn poison(&mut self) -> Result<(), CliError> {
        let event = EventId::new("evt_poison").map_err(|e| CliError::Usage(e.to_string()))?;
        let key = countersign_app::ports::InboxKey::Event { source: self.source.clone(), event };
        let notice = Notice { v: 1, key, trace: random_id() };
        countersign_app::ports::Queue::send(&self.context.queue(), &[notice]).await?;
        let depth = until("the dead letter", ARRIVES, || async {
            let depth = depth(self.stack.config(), &self.context.outputs().dead_letter_queue_url).await?;
            Ok((depth > 0).then_some(depth))
        });
        let depth = depth.await?;
        self.checks.add("dead letters after a poisonous message", 1, depth);
        Ok(())
    }

    async fn first_event(&self, payment: &str) -> Result<String, CliError> {
        let rows = self.context.ledger().history(&self.source, &payment_id(payment)?).await?;
        let event = rows.first().map(|row| row.cause.event.clone());
        let event = event.ok_or_else(|| CliError::NotFound(format!("{payment} has no ledger row")))?;
        let key = countersign_app::ports::InboxKey::Event { source: self.source.clone(), event };
        let row = countersign_app::ports::Inbox::get(&self.context.inbox(), &key).await?;
        let row = row.filter(|row| row.origin == Origin::Delivery);
        let row =
            row.ok_or_else(|| CliError::NotFound(format!("{payment} has no inbox row of a delivery")))?;
        String::from_utf8(row.body).map_err(|e| CliError::Usage(e.to_string()))
    }

    async fn history(&self, payment: &str) -> Result<usize, CliError> {
        Ok(self.context.ledger().history(&self.source, &payment_id(payment)?).await?.len())
    }

    /// Waits for a payment's status, and checks what was captured of it.
    async fn expect(&mut self, payment: &str, status: PaymentStatus, captured: i64) -> Result<(), CliError> {
        let id = payment_id(payment)?;
        let what = format!("{payment} to be {}", word(status));
        let row = until(&what, ARRIVES, || async {
            let row = self.context.ledger().history(&self.source, &id).await?.pop();
            Ok(row.filter(|row| row.state.status() == status))
        });
        let row = row.await?;
        let found = row.state.amounts().map_or(0, |amounts| amounts.captured);
        self.checks.add(format!("{payment}: {} of", word(status)), captured, found);
        Ok(())
    }

    async fn until_amount(
        &self,
        payment: &str,
        pick: impl Fn(countersign_domain::payment::Amounts) -> i64,
    ) -> Result<i64, CliError> {
        let id = payment_id(payment)?;
        let what = format!("{payment} to show its amount");
        let found = until(&what, ARRIVES, || async {
            let row = self.context.ledger().history(&self.source, &id).await?.pop();
            Ok(row.and_then(|row| row.state.amounts()).map(&pick).filter(|amount| *amount != 0))
        });
        found.await
    }
}

fn word_of(status: RunStatus) -> String {
    crate::output::word(&status)
}

fn payment_id(text: &str) -> Result<PaymentId, CliError> {
    PaymentId::new(text).map_err(|e| CliError::Usage(e.to_string()))
}

/// The headers of a body that was signed some seconds ago.
fn signed(body: &str, secret: &str, age_seconds: i64) -> Result<Vec<(String, String)>, CliError> {
    let dialect = Dialect::parse(DIALECT).map_err(|e| CliError::Usage(e.to_string()))?;
    let now = SystemClock.now();
    let at = now.checked_sub(SignedDuration::from_secs(age_seconds)).unwrap_or(now);
    sign(&dialect.auth, secret, &[], body.as_bytes(), at).map_err(|e| CliError::Usage(e.to_string()))
}
