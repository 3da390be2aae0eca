//! localstripe: a fake Stripe that keeps state, as a process of its own, and a client for its API.
//!
//! What it does and does not do (1.15.10), as far as it matters here:
//! - It delivers each event once, about a second after the call that made it, and never again.
//! - Events exist only for succeeded and failed payment intents, payouts, and customers, invoices, plans and products: none
//!   for charges, refunds, captures that are due, or cancellations. Those are seen by listing objects.
//! - Events and payment intents are listed oldest first, where Stripe lists newest first.

use super::failure::{Doing as _, Failure};
use super::port::Port;
use super::process::{self, Server};
use super::project::Project;
use super::python::{self, Python};
use crate::clients;
use crate::output::Progress;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Any key that begins like this is taken.
pub const API_KEY: &str = "sk_test_countersign_local";

/// Name of the one webhook that is configured.
const WEBHOOK: &str = "countersign";

/// How long it may take to answer. It takes half a second on a laptop.
const START_SECONDS_MAX: u64 = 30;

/// Objects asked for at a time.
const PAGE_SIZE: &str = "100";

/// A running localstripe. It ends when this is dropped.
#[derive(Debug)]
pub struct LocalStripe {
    server: Server,
    client: Stripe,
}

impl LocalStripe {
    /// Installs it when it is missing, starts it with nothing in it, and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be installed or started.
    pub async fn start(port: Port, progress: Progress) -> Result<Self, Failure> {
        let port = port.pick("localstripe", "choose another with --stripe-port")?;
        let project = Project::find()?;
        let interpreter = Python::find().await?.with(python::LOCALSTRIPE, &project, progress).await?;
        progress.timed("starting localstripe", Self::start_installed(&interpreter, &project, port)).await
    }

    async fn start_installed(interpreter: &Path, project: &Project, port: u16) -> Result<Self, Failure> {
        let log = project.kept(&format!("logs/localstripe-{port}.log"))?;
        let mut command = process::script(interpreter, project, "start_localstripe.py");
        command.arg(port.to_string()).env("PYTHONUNBUFFERED", "1");
        let client = Stripe { http: clients::http()?, base_url: format!("http://127.0.0.1:{port}") };
        let mut server = Server::start("localstripe", command, &log)?;
        let answers = || async { client.call(Method::GET, "/v1/events", None).await.is_ok() };
        server.wait_until(Duration::from_secs(START_SECONDS_MAX), answers).await?;
        Ok(Self { server, client })
    }

    /// What talks to it.
    #[must_use]
    pub fn client(&self) -> &Stripe {
        &self.client
    }

    pub(crate) fn look_after(&mut self) -> Result<(), Failure> {
        self.server.look_after()
    }
}

/// How a payment is paid, by what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaidBy {
    /// A card that pays.
    Card,
    /// A card that is declined when it is charged.
    DeclinedCard,
    /// A card whose holder must confirm first.
    CardWithAuthentication,
    /// A bank debit that is paid at once, and says so half a second later.
    Debit,
    /// A bank debit that is refused half a second later.
    RefusedDebit,
}

/// A payment intent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PaymentIntent {
    /// `pi_…`
    pub id: String,
    /// In minor units.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// As Stripe names it.
    pub status: String,
    /// Seconds since 1970.
    pub created: i64,
    /// The latest attempt to charge.
    pub latest_charge: Option<Charge>,
    /// What the payer's browser proves itself with.
    pub client_secret: String,
}

/// A charge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Charge {
    /// `ch_…`
    pub id: String,
    /// In minor units.
    pub amount: i64,
    /// In minor units. After a partial capture, what was not captured counts as refunded.
    pub amount_refunded: i64,
    /// Whether the money was taken.
    pub captured: bool,
    /// As Stripe names it.
    pub status: String,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// `evt_…`
    pub id: String,
    /// `payment_intent.succeeded`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Seconds since 1970.
    pub created: i64,
    /// With the object as it was.
    pub data: Value,
}

/// What came of a confirmation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// The payment goes on.
    Accepted(PaymentIntent),
    /// The issuer said no, with this code.
    Declined(String),
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    has_more: bool,
}

/// A client of localstripe's API.
#[derive(Clone, Debug)]
pub struct Stripe {
    http: reqwest::Client,
    base_url: String,
}

impl Stripe {
    /// Where its API is.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Delivers every event from now on to `url`, signed with `secret`.
    ///
    /// # Errors
    /// Like every call here: when localstripe does not answer, or refuses.
    pub async fn point_webhook(&self, url: &str, secret: &str) -> Result<(), Failure> {
        self.set_webhook(&json!({ "url": url, "secret": secret })).await
    }

    /// Delivers nothing from now on; events go on to happen. There is no way to remove a webhook, but one that wants no
    /// event gets none. Events of the last second, not delivered yet, are lost too.
    ///
    /// # Errors
    /// As [`Stripe::point_webhook`].
    pub async fn cut_webhook(&self) -> Result<(), Failure> {
        self.set_webhook(&json!({ "url": "http://127.0.0.1:9/", "secret": "none", "events": [] })).await
    }

    async fn set_webhook(&self, webhook: &Value) -> Result<(), Failure> {
        let path = format!("/_config/webhooks/{WEBHOOK}");
        let (status, answer) = self.call(Method::POST, &path, Some(webhook)).await?;
        self.expect_success(status, &answer, &path)
    }

    /// Makes a payment of an amount in minor units that waits to be confirmed. With `capture_later`, confirming it only
    /// reserves the money.
    ///
    /// # Errors
    /// As [`Stripe::point_webhook`].
    pub async fn create_payment(
        &self,
        amount: i64,
        currency: &str,
        method: PaidBy,
        capture_later: bool,
    ) -> Result<PaymentIntent, Failure> {
        #[derive(Deserialize)]
        struct PaymentMethod {
            id: String,
        }
        let method: PaymentMethod = self.post("/v1/payment_methods", &method.details()).await?;
        let capture = if capture_later { "manual" } else { "automatic" };
        let intent = json!({ "amount": amount, "currency": currency, "payment_method": method.id, "capture_method": capture });
        self.post("/v1/payment_intents", &intent).await
    }

    /// Confirms a payment: the payer pays.
    ///
    /// # Errors
    /// As [`Stripe::point_webhook`]. A decline is no error.
    pub async fn confirm(&self, payment: &str) -> Result<Confirmed, Failure> {
        let path = format!("/v1/payment_intents/{payment}/confirm");
        let (status, answer) = self.call(Method::POST, &path, Some(&json!({}))).await?;
        if status == StatusCode::PAYMENT_REQUIRED {
            let code = answer.pointer("/error/code").and_then(Value::as_str).unwrap_or("without a code");
            return Ok(Confirmed::Declined(code.to_owned()));
        }
        self.expect_success(status, &answer, &path)?;
        self.read(answer, &path).map(Confirmed::Accepted)
    }

    /// Answers for the card's holder.
    ///
    /// # Errors
    /// As [`Stripe::point_webhook`].
    pub async fn authenticate(
        &self,
        payment: &PaymentIntent,
        succeeds: bool,
    ) -> Result<PaymentIntent, Failure> {
        let proof = json!({ "client_secret": payment.client_secret, "success": succeeds });
        self.post(&format!("/v1/payment_intents/{}/_authenticate", payment.id), &proof).await
    }

    /// Takes the money that was reserved, or only `amount` of it.
    ///
    /// # Errors
    /// As [`Stripe::point_webhook`].
    pub async fn capture(&self, payment: &str, amount: Option<i64>) -> Result<PaymentIntent, Failure> {
        let body = amount.map_or_else(|| json!({}), |amount| json!({ "amount_to_capture": amount }));
        self.post(&format!("/v1/payment_intents/{payment}/capture"), &body).await
    }

    /// Gives up a payment that is not paid. There is no event for it.
    ///
    /// # Errors
    /// As [`Stripe::point_webhook`].
    pub async fn cancel(&self, payment: &str) -> Result<PaymentIntent, Failure> {
        self.post(&format!("/v1/payment_intents/{payment}/cancel"), &json!({})).await
    }

    /// Gives back all of a payment, or `amount` of it. There is no event for it. Returns the refund's id.
    ///
    /// # Errors
    /// As [`Stripe::point_webhook`].
    pub async fn refund(&self, payment: &str, amount: Option<i64>) -> Result<String, Failure> {
        #[derive(Deserialize)]
        struct Refund {
            id: String,
        }
        let mut body = json!({ "payment_intent": payment });
        if let (Some(amount), Some(fields)) = (amount, body.as_object_mut()) {
            fields.insert("amount".to_owned(), amount.into());
        }
        self.post("/v1/refunds", &body).await.map(|refund: Refund| refund.id)
    }

    /// Pays an amount of euro cents out to the bank, which is `paid`, `pending` or `failed` at once. Returns its id.
    ///
    /// # Errors
    /// As [`Stripe::point_webhook`].
    pub async fn pay_out(&self, amount: i64, status: &str) -> Result<String, Failure> {
        #[derive(Deserialize)]
        struct Payout {
            id: String,
        }
        let body = json!({ "amount": amount, "currency": "eur", "status": status });
        self.post("/v1/payouts", &body).await.map(|payout: Payout| payout.id)
    }

    /// Every event, oldest first.
    ///
    /// # Errors
    /// As [`Stripe::point_webhook`].
    pub async fn events(&self) -> Result<Vec<Event>, Failure> {
        self.list("/v1/events", |event: &Event| event.id.clone()).await
    }

    /// Every payment, oldest first.
    ///
    /// # Errors
    /// As [`Stripe::point_webhook`].
    pub async fn payments(&self) -> Result<Vec<PaymentIntent>, Failure> {
        self.list("/v1/payment_intents", |payment: &PaymentIntent| payment.id.clone()).await
    }

    async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        id: impl Fn(&T) -> String,
    ) -> Result<Vec<T>, Failure> {
        let mut all: Vec<T> = Vec::new();
        loop {
            let after = all.last().map(|last| format!("&starting_after={}", id(last))).unwrap_or_default();
            let page_path = format!("{path}?limit={PAGE_SIZE}{after}");
            let (status, answer) = self.call(Method::GET, &page_path, None).await?;
            self.expect_success(status, &answer, &page_path)?;
            let page: Page<T> = self.read(answer, &page_path)?;
            let is_over = !page.has_more || page.data.is_empty();
            all.extend(page.data);
            if is_over {
                return Ok(all);
            }
        }
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Failure> {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await?;
        self.expect_success(status, &answer, path)?;
        self.read(answer, path)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), Failure> {
        let doing = || format!("call localstripe's {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.base_url)).bearer_auth(API_KEY);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.doing(doing)?;
        let status = answer.status();
        let text = answer.text().await.doing(doing)?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    fn expect_success(&self, status: StatusCode, answer: &Value, path: &str) -> Result<(), Failure> {
        if status.is_success() {
            return Ok(());
        }
        Err(Failure::new(format!("localstripe refused {path} with {status}: {answer}")))
    }

    fn read<T: DeserializeOwned>(&self, answer: Value, path: &str) -> Result<T, Failure> {
        serde_json::from_value(answer).doing(|| format!("read localstripe's answer to {path}"))
    }
}

impl PaidBy {
    /// The numbers that decide what comes of it are Stripe's own test numbers.
    fn details(self) -> Value {
        let card = |number: &str| json!({ "type": "card", "card": { "number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123" } });
        let debit = |iban: &str| json!({ "type": "sepa_debit", "sepa_debit": { "iban": iban } });
        match self {
            Self::Card => card("4242424242424242"),
            Self::DeclinedCard => card("4000000000000341"),
            Self::CardWithAuthentication => card("4000002500003155"),
            Self::Debit => debit("DE89370400440532013000"),
            Self::RefusedDebit => debit("DE62370400440532013001"),
        }
    }
}
