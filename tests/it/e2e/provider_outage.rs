//! Webhooks that never came, and a provider that cannot be read to the end: the books are healed, or left alone.

use super::harness::{Harness, e2e};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use countersign::commands::Command as _;
use countersign::commands::reconcile::{Done, RunArgs};
use countersign::local::{LocalStripe, PaidBy, Port};
use countersign::output::Progress;
use countersign_app::ports::Clock as _;
use countersign_aws::clock::SystemClock;
use countersign_domain::ids::SourceName;
use countersign_domain::payment::PaymentStatus;
use countersign_domain::reconcile::RunStatus;
use countersign_domain::source::DialectRef;
use countersign_domain::time::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// More than one page of ten.
const PAYMENTS: usize = 12;

#[test]
fn what_webhooks_missed_is_healed_and_an_outage_changes_nothing() {
    e2e(async |h| {
        let stripe = LocalStripe::start(Port::Free, Progress::Silent).await.expect("localstripe starts");
        let client = stripe.client();
        client.cut_webhook().await.expect("no webhooks");
        let provider = Provider::before(client.base_url()).await;
        let dialect = include_str!("../../../infra/cli/local/localstripe.toml").to_owned();
        let source = h.source_at("outage", DialectRef::Own(dialect), Some(provider.url.clone())).await;
        let from = SystemClock.now();
        let mut payments = Vec::new();
        for minor in 1..=PAYMENTS {
            let minor = i64::try_from(minor * 100).expect("small");
            let payment = client.create_payment(minor, "eur", PaidBy::Card, false).await.expect("a payment");
            client.confirm(&payment.id).await.expect("it is paid");
            payments.push((payment.id, minor));
        }
        let window = closed_window(h, from).await;

        provider.is_down.store(true, Ordering::SeqCst);
        let done = reconcile(h, &source, window, false).await;
        assert_eq!(done.run.status, RunStatus::Incomplete, "{done:?}");
        assert!(
            done.run.cause.is_some_and(|cause| cause.contains("503")),
            "the cause names the provider's answer"
        );
        for (payment, _) in &payments {
            assert!(h.history(&source, payment).await.is_empty(), "an incomplete run changes nothing");
        }

        provider.is_down.store(false, Ordering::SeqCst);
        let done = reconcile(h, &source, window, false).await;
        assert_eq!((done.run.status, done.run.attempt), (RunStatus::Complete, 2));
        assert_eq!(usize::try_from(done.run.healed).expect("small"), PAYMENTS);
        for (payment, minor) in &payments {
            let row = h.until_version(&source, payment, 1).await;
            assert_eq!(row.state.status(), PaymentStatus::Captured);
            assert_eq!(row.state.amounts().map(|amounts| amounts.captured), Some(*minor));
        }

        let done = reconcile(h, &source, window, true).await;
        assert_eq!((done.run.healed, done.run.open), (0, 0), "a second run changes nothing");
        let [totals] = done.run.totals.as_slice() else { panic!("one currency: {:?}", done.run.totals) };
        assert_eq!(totals.captured_ours, totals.captured_theirs);
        assert_eq!(totals.captured_ours, payments.iter().map(|(_, minor)| i128::from(*minor)).sum::<i128>());
    });
}

/// The window from `from` until now, once the second after it has begun: the provider counts in whole seconds.
async fn closed_window(h: &Harness, from: Timestamp) -> (Timestamp, Timestamp) {
    let second =
        |at: Timestamp, later: i64| Timestamp::from_second(at.as_second() + later).expect("a second");
    let to = second(SystemClock.now(), 1);
    h.until("the window closes", || async { (SystemClock.now() >= to).then_some(()) }).await;
    (second(from, 0) - SignedDuration::from_secs(1), to)
}

async fn reconcile(
    h: &Harness,
    source: &SourceName,
    (from, to): (Timestamp, Timestamp),
    again: bool,
) -> Done {
    let args = RunArgs::over(source.clone(), from, to);
    let args = if again { args.again() } else { args };
    args.run(&h.context).await.expect("the run is over")
}

/// What stands before the fake Stripe: hands calls through, or answers 503 to every page but the first.
struct Provider {
    url: String,
    is_down: Arc<AtomicBool>,
}

#[derive(Clone)]
struct Upstream {
    base_url: String,
    http: reqwest::Client,
    is_down: Arc<AtomicBool>,
}

impl Provider {
    async fn before(base_url: &str) -> Self {
        let is_down = Arc::new(AtomicBool::new(false));
        let upstream = Upstream {
            base_url: base_url.to_owned(),
            http: reqwest::Client::new(),
            is_down: Arc::clone(&is_down),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let routes = axum::Router::new().fallback(answer).with_state(upstream);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, is_down }
    }
}

async fn answer(State(upstream): State<Upstream>, uri: Uri, headers: HeaderMap, _: Bytes) -> Response {
    let is_first_page = !uri.query().unwrap_or_default().contains("starting_after");
    if upstream.is_down.load(Ordering::SeqCst) && !is_first_page {
        return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]).into_response();
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = upstream.http.get(format!("{}{path}", upstream.base_url));
    if let Some(authorization) = headers.get("authorization") {
        request = request.header("authorization", authorization);
    }
    let answer = request.send().await.expect("localstripe answers");
    (answer.status(), answer.bytes().await.expect("its body")).into_response()
}
