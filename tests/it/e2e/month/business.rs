//! The month: what a business did, what was planted in it, and a provider that lists it.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use countersign_domain::time::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Payments of which nothing is wrong.
const LEVEL: i64 = 45;
/// Objects on one page of the provider's.
const PAGE: usize = 20;
const DAY: i64 = 86_400;

/// The report file that arrives, every day of the month in one.
pub(super) const FORMAT: &str = r#"
title = "Daily report"
format = "csv"
[columns]
reference = "payment"
entry = { column = "type", map = { sale = "payment", refund = "refund", dispute = "dispute" } }
item = "item"
currency = { column = "currency" }
amount = { column = "amount" }
at = { column = "at", form = "unix_seconds" }
sequence = "number"
"#;

/// The settlement's format.
pub(super) const SETTLEMENT: &str = r#"
title = "Settlement"
format = "csv"
[columns]
reference = "id"
entry = { column = "type", map = { charge = "payment", payout = "payout" } }
currency = { column = "currency" }
amount = { column = "amount" }
at = { column = "at", form = "rfc_3339" }
payout = "payout"
settled = { currency = { column = "paid_in" }, gross = { column = "gross" }, fee = { column = "fee" } }
"#;
/// One fee too high, one rate that is not that of its day, one payout of another amount than its rows.
pub(super) const SETTLED: &str = "id,type,currency,amount,paid_in,gross,fee,at,payout
ch_1,charge,EUR,100.00,EUR,100.00,1.65,2026-11-10T09:00:00Z,po_1
ch_2,charge,EUR,50.00,EUR,50.00,1.05,2026-11-10T10:00:00Z,po_2
ch_3,charge,USD,100.00,EUR,90.00,1.00,2026-11-10T11:00:00Z,po_3
po_1,payout,EUR,98.35,EUR,98.35,0.00,2026-11-12T00:00:00Z,
po_2,payout,EUR,47.95,EUR,47.95,0.00,2026-11-12T00:00:00Z,
po_3,payout,EUR,89.00,EUR,89.00,0.00,2026-11-12T00:00:00Z,
";
/// What was agreed.
pub(super) const FEES: &str = "[[fee]]\ncurrency = \"EUR\"\npercent = \"1.4\"\nfixed = \"0.25\"\n";
/// The day's rate.
pub(super) const RATES: &str = "date,from,to,rate\n2026-11-10,USD,EUR,0.92\n";
/// The bank: the first payout, the third with another amount, and something that no payout explains.
pub(super) const BANK: &str = ":20:S\n:25:1\n:60F:C261112EUR0,00\n:61:261113C98,35NTRFPO-1//B1\n:86:ACME PAYOUT\n\
    :61:261113C88,00NTRFPO-3//B2\n:86:ACME PAYOUT\n:61:261120C7,77NTRFOTHER//B3\n:86:ACME EXTRA\n\
    :62F:C261120EUR194,12\n";

/// What the provider lists.
#[derive(Debug, Default)]
struct Books {
    events: Vec<Value>,
    intents: Vec<Value>,
}

/// A month of it.
pub(super) struct Business {
    now: i64,
    books: Arc<Books>,
    webhooks: Vec<String>,
    unreadable: String,
    applied: Vec<String>,
}

/// A month while it is planned.
struct Plan {
    now: i64,
    books: Books,
    webhooks: Vec<String>,
    applied: Vec<String>,
}

/// Who hears of an event.
#[derive(Clone, Copy)]
enum Told {
    /// The provider lists it, and its webhook came.
    Both,
    /// The provider lists it, and its webhook was lost.
    ListOnly,
    /// It came, and the provider knows nothing of it.
    WebhookOnly,
}

impl Plan {
    fn at(&self, days_ago: i64) -> i64 {
        self.now - days_ago * DAY - 7_200
    }

    fn event(&mut self, told: Told, id: &str, kind: &str, days_ago: i64, object: Value) {
        let created = self.at(days_ago);
        let event = json!({ "id": id, "type": kind, "created": created, "livemode": false, "data": { "object": object } });
        if matches!(told, Told::Both | Told::WebhookOnly) {
            self.webhooks.push(event.to_string());
        }
        if matches!(told, Told::Both | Told::ListOnly) {
            self.books.events.push(event);
        }
    }

    fn captured(&mut self, told: Told, payment: &str, minor: i64, currency: &str, days_ago: i64) {
        let object = json!({ "id": payment, "amount_received": minor, "currency": currency });
        self.event(told, &format!("evt_{payment}"), "payment_intent.succeeded", days_ago, object);
        if matches!(told, Told::Both | Told::WebhookOnly) {
            self.applied.push(payment.to_owned());
        }
    }

    fn refunded(&mut self, told: Told, payment: &str, minor: i64, currency: &str, days_ago: i64) {
        let object = json!({
            "id": format!("ch_{payment}"), "payment_intent": payment, "captured": true, "amount": 100_000_000,
            "amount_captured": 100_000_000, "amount_refunded": minor, "currency": currency,
        });
        self.event(told, &format!("evt_back_{payment}"), "charge.refunded", days_ago, object);
    }

    fn intent(
        &mut self,
        payment: &str,
        status: &str,
        (captured, refunded): (i64, i64),
        currency: &str,
        days_ago: i64,
    ) {
        let created = self.at(days_ago);
        self.books.intents.push(json!({
            "id": payment, "created": created, "amount": captured.max(1_000), "amount_received": captured,
            "amount_capturable": 0, "currency": currency, "status": status,
            "latest_charge": { "amount": captured, "amount_captured": captured, "amount_refunded": refunded },
        }));
    }

    /// Payments that are the same on both sides, in currencies of no, two and three decimals.
    fn level(&mut self) {
        for number in 0..LEVEL {
            let (payment, days_ago) = (format!("pi_level_{number:03}"), 1 + number % 28);
            let (currency, minor) =
                [("eur", 1_999), ("jpy", 500), ("kwd", 12_340)][usize::try_from(number % 3).expect("0 to 2")];
            let minor = minor + number * 10;
            self.captured(Told::Both, &payment, minor, currency, days_ago);
            let back = if number % 5 == 0 { 100 } else { 0 };
            if back > 0 {
                self.refunded(Told::Both, &payment, back, currency, days_ago);
            }
            self.intent(&payment, "succeeded", (minor, back), currency, days_ago);
        }
    }

    /// What a run heals: lost webhooks, payments and refunds that only the provider's list shows, states that are behind.
    fn healed(&mut self) {
        for payment in ["pi_missed_1", "pi_missed_2"] {
            self.captured(Told::ListOnly, payment, 1_000, "eur", 9);
            self.intent(payment, "succeeded", (1_000, 0), "eur", 9);
        }
        for payment in ["pi_silent_1", "pi_silent_2"] {
            self.intent(payment, "succeeded", (700, 0), "eur", 12);
        }
        self.captured(Told::Both, "pi_backless", 1_000, "eur", 11);
        self.intent("pi_backless", "succeeded", (1_000, 400), "eur", 11);
        let held = json!({ "id": "pi_behind", "amount_capturable": 1_000, "currency": "eur" });
        self.event(Told::Both, "evt_pi_behind", "payment_intent.amount_capturable_updated", 10, held);
        self.applied.push("pi_behind".to_owned());
        self.intent("pi_behind", "succeeded", (1_000, 0), "eur", 10);
        self.captured(Told::Both, "pi_more", 1_000, "eur", 8);
        self.intent("pi_more", "succeeded", (1_200, 0), "eur", 8);
    }

    /// What nothing levels.
    fn open(&mut self) {
        self.captured(Told::WebhookOnly, "pi_gone", 1_000, "eur", 3);
        self.captured(Told::Both, "pi_less", 1_000, "eur", 4);
        self.intent("pi_less", "succeeded", (900, 0), "eur", 4);
        self.captured(Told::Both, "pi_currency", 1_000, "eur", 5);
        self.intent("pi_currency", "succeeded", (1_000, 0), "usd", 5);
        self.captured(Told::Both, "pi_refund", 1_000, "eur", 6);
        self.refunded(Told::WebhookOnly, "pi_refund", 300, "eur", 6);
        self.intent("pi_refund", "succeeded", (1_000, 0), "eur", 6);
        self.captured(Told::Both, "pi_ahead", 1_000, "eur", 7);
        self.intent("pi_ahead", "canceled", (0, 0), "eur", 7);
        self.captured(Told::Both, "pi_balance", 1_000, "eur", 13);
        self.refunded(Told::WebhookOnly, "pi_balance", 1_200, "eur", 13);
        self.intent("pi_balance", "succeeded", (1_000, 0), "eur", 13);
        // Two that only the report file knows otherwise.
        for payment in ["pi_twice", "pi_late"] {
            self.captured(Told::Both, payment, 1_000, "eur", 20);
            self.intent(payment, "succeeded", (1_000, 0), "eur", 20);
        }
    }

    /// Events with which something is wrong by themselves.
    fn doubtful(&mut self) {
        self.captured(Told::Both, "pi_conflict", 1_000, "eur", 2);
        self.intent("pi_conflict", "succeeded", (1_000, 0), "eur", 2);
        let other = json!({ "id": "pi_conflict", "amount_received": 999, "currency": "eur" });
        self.event(Told::WebhookOnly, "evt_pi_conflict", "payment_intent.succeeded", 2, other);
        let unknown = json!({ "id": "pi_zzz", "amount_received": 1_000, "currency": "zzz" });
        self.event(Told::WebhookOnly, "evt_zzz", "payment_intent.succeeded", 2, unknown);
        let dollars = json!({ "id": "pi_level_000", "amount_received": 1_000, "currency": "usd" });
        self.event(Told::WebhookOnly, "evt_dollars", "payment_intent.succeeded", 2, dollars);
    }
}

impl Business {
    /// The month before `now`, with everything that is planted in it.
    pub(super) fn plan(now: Timestamp) -> Self {
        let now = now.as_second();
        let mut plan = Plan { now, books: Books::default(), webhooks: Vec::new(), applied: Vec::new() };
        plan.level();
        plan.healed();
        plan.open();
        plan.doubtful();
        let newest_first =
            |one: &Value, other: &Value| other["created"].as_i64().cmp(&one["created"].as_i64());
        plan.books.events.sort_by(newest_first);
        plan.books.intents.sort_by(newest_first);
        let Plan { books, webhooks, applied, .. } = plan;
        let unreadable = json!({ "type": "payment_intent.succeeded", "livemode": false }).to_string();
        Self { now, books: Arc::new(books), webhooks, unreadable, applied }
    }

    /// Every webhook that comes, in order, with the status that it is answered with.
    pub(super) fn webhooks(&self) -> impl Iterator<Item = (&str, u16)> {
        let readable = self.webhooks.iter().map(|body| (body.as_str(), 200));
        readable.chain([(self.unreadable.as_str(), 400)])
    }

    /// The payments that webhooks tell of.
    pub(super) fn webhook_payments(&self) -> &[String] {
        &self.applied
    }

    /// Corrections that a run sends: two lost webhooks, and five that only the list of payments shows.
    pub(super) fn healed(&self) -> u32 {
        7
    }

    /// What the healed payments come to: taken and given back.
    pub(super) fn after_healing(&self) -> [(&'static str, i64, i64); 7] {
        [
            ("pi_missed_1", 1_000, 0),
            ("pi_missed_2", 1_000, 0),
            ("pi_silent_1", 700, 0),
            ("pi_silent_2", 700, 0),
            ("pi_backless", 1_000, 400),
            ("pi_behind", 1_000, 0),
            ("pi_more", 1_200, 0),
        ]
    }

    /// What the provider's file of the day says. It holds what the ledger has heard of today, which is what was corrected; one
    /// entry twice, one much later than the ledger has it, two that belong to nobody's payment, and not the number 3.
    pub(super) fn report_file(&self) -> String {
        let now = self.now;
        let mut file = String::from("payment,type,item,currency,amount,at,number\n");
        for (number, line) in [
            (1, "pi_silent_1,sale,,EUR,7.00"),
            (2, "pi_silent_2,sale,,EUR,7.00"),
            (4, "pi_behind,sale,,EUR,10.00"),
            (5, "pi_backless,refund,,EUR,4.00"),
            (6, "pi_late,sale,,EUR,10.00"),
            (7, "pi_ghost_1,refund,r1,EUR,1.00"),
            (8, "pi_ghost_2,dispute,d1,EUR,1.00"),
        ] {
            file.push_str(&format!("{line},{now},{number}\n"));
        }
        let then = self.now - 20 * DAY - 7_200;
        for number in [9, 10] {
            file.push_str(&format!("pi_twice,sale,,EUR,10.00,{then},{number}\n"));
        }
        file
    }

    /// Every finding that must be there.
    pub(super) fn expected(&self) -> BTreeSet<String> {
        let digest = countersign_domain::ids::Sha256Hex::of(&[self.unreadable.as_bytes()]);
        let unreadable = format!("unreadable delivery {}", digest.short());
        let said = [
            "amount_differs payment pi_less",
            "conflicting event evt_pi_conflict",
            "contradiction event evt_dollars",
            "currency_differs payment pi_currency",
            "deposit_differs payout po_3",
            "deposit_without_payout deposit OTHER",
            "dispute_without_payment payment pi_ghost_2",
            "duplicate_there payment pi_twice",
            "fee_differs payment ch_2",
            "late payment pi_late",
            "missing_there payment pi_gone",
            "out_of_balance payment pi_balance",
            "overdue payment pi_never",
            "payout_differs payout po_2",
            "payout_without_deposit payout po_2",
            "rate_differs payment ch_3",
            "refund_differs payment pi_balance",
            "refund_differs payment pi_refund",
            "refund_without_payment payment pi_ghost_1",
            "sequence_gap number 3",
            "status_ahead payment pi_ahead",
            "untranslatable event evt_zzz",
        ];
        said.into_iter().map(str::to_owned).chain([unreadable]).collect()
    }

    /// The provider's API on loopback.
    pub(super) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let routes = Router::new()
            .route("/v1/events", get(async |State(books): Shared, query| page(&books.events, &query)))
            .route(
                "/v1/payment_intents",
                get(async |State(books): Shared, query| page(&books.intents, &query)),
            )
            .route("/v1/payment_intents/{id}", get(one))
            .with_state(Arc::clone(&self.books));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        url
    }
}

type Shared = State<Arc<Books>>;

fn page(all: &[Value], Query(query): &Query<HashMap<String, String>>) -> Json<Value> {
    let bound = |name: &str| query.get(name).and_then(|text| text.parse::<i64>().ok());
    let (from, to) = (bound("created[gte]").unwrap_or(i64::MIN), bound("created[lt]").unwrap_or(i64::MAX));
    let inside =
        |object: &&Value| object["created"].as_i64().is_some_and(|created| (from..to).contains(&created));
    let listed: Vec<_> = all.iter().filter(inside).collect();
    let after = query.get("starting_after");
    let begin = after
        .and_then(|after| listed.iter().position(|object| object["id"] == **after))
        .map_or(0, |at| at + 1);
    let end = (begin + PAGE).min(listed.len());
    Json(json!({ "object": "list", "data": listed[begin..end], "has_more": end < listed.len() }))
}

async fn one(State(books): Shared, Path(id): Path<String>) -> Response {
    let found = books.intents.iter().find(|intent| intent["id"] == *id);
    found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |intent| Json(intent.clone()).into_response())
}
