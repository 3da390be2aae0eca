//! A proxy between the functions and AWS that spoils calls, as a seed decides.

use crate::fault::{Fault, fault, too_much};
use crate::load::Load;
use crate::plan::Plan;
use crate::report::Outcome;
use crate::stage::Stage;
use countersign::local::{BuiltWith, Doing as _, Failure, Options};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Deliveries on their way at the same time.
const SENDERS: usize = 8;

/// How long a message stays with a processor that does not answer.
const VISIBILITY_SECONDS: u32 = 5;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What the proxy knows.
struct Shared {
    seed: u64,
    http: reqwest::Client,
    upstream: OnceLock<String>,
    is_spoiling: AtomicBool,
    calls: AtomicU64,
    met: Mutex<BTreeMap<(String, &'static str), u64>>,
}

/// The proxy. It ends when this is dropped.
struct Proxy {
    shared: Arc<Shared>,
    endpoint: String,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// Listens. It passes calls on as soon as it knows where to, and spoils none before it is told to.
    async fn start(seed: u64) -> Result<Self, Failure> {
        let doing = || "listen on loopback for the functions' calls".to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.doing(doing)?;
        let endpoint = format!("http://{}", listener.local_addr().doing(doing)?);
        let shared = Arc::new(Shared {
            seed,
            http: countersign::clients::http()?,
            upstream: OnceLock::new(),
            is_spoiling: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            met: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { shared, endpoint, accepting })
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&shared), request));
            // An error of the service is how a connection is dropped.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cause> {
    let header = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let target = header.unwrap_or_default().to_owned();
    let spoiled = shared.is_spoiling.load(Ordering::Relaxed).then(|| {
        let number = shared.calls.fetch_add(1, Ordering::Relaxed);
        fault(shared.seed, number)
    });
    let fault = spoiled.flatten();
    if spoiled.is_some() {
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut met = shared.met.lock().unwrap_or_else(PoisonError::into_inner);
        *met.entry((operation, fault.map_or("as it should be", Fault::name))).or_default() += 1;
    }
    match fault {
        None => forward(&shared, request).await,
        Some(Fault::Throttled) => refusal(StatusCode::BAD_REQUEST, too_much(&target)),
        Some(Fault::Failed) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        Some(Fault::Denied) => {
            forward(&shared, request).await?;
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError")
        }
        Some(Fault::Dropped) => {
            forward(&shared, request).await?;
            Err("the connection is dropped on purpose".into())
        }
        Some(Fault::Slow(length)) => {
            tokio::time::sleep(length).await;
            forward(&shared, request).await
        }
    }
}

fn refusal(status: StatusCode, kind: &str) -> Result<Response<Full<Bytes>>, Cause> {
    let body = serde_json::json!({ "__type": kind, "message": "as the trial wants it" }).to_string();
    let answer = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    Ok(answer.body(Full::new(Bytes::from(body)))?)
}

/// Passes a call on, and its answer back.
async fn forward(shared: &Shared, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cause> {
    let upstream = shared.upstream.get().ok_or("the stack is not there yet")?;
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{upstream}{path}");
    // The host stays as it came: it is part of what the function signed.
    for name in ["content-length", "transfer-encoding", "connection"] {
        head.headers.remove(name);
    }
    let body = body.collect().await?.to_bytes();
    let call = shared.http.request(head.method, url).headers(head.headers).body(body);
    let answer = call.send().await?;
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if !["content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
            response = response.header(name, value);
        }
    }
    Ok(response.body(Full::new(answer.bytes().await?))?)
}

/// Runs the trial.
///
/// # Errors
/// When the stack does not start, does not fall quiet, or cannot be read.
pub async fn proxy(seed: u64, length: Duration, built_with: BuiltWith) -> Result<Outcome, Failure> {
    let proxy = Proxy::start(seed).await?;
    let functions_endpoint = Some(proxy.endpoint.clone());
    let options = Options { built_with, functions_endpoint, ..Options::default() };
    let stage = Arc::new(Stage::start(options, VISIBILITY_SECONDS).await?);
    // Nobody else sets it.
    let _ = proxy.shared.upstream.set(stage.endpoint().to_owned());
    proxy.shared.is_spoiling.store(true, Ordering::Relaxed);
    let load = Load::start(&stage, Plan::new(seed), SENDERS);
    tokio::time::sleep(length).await;
    load.end();
    proxy.shared.is_spoiling.store(false, Ordering::Relaxed);
    let tally = load.finish().await?;
    let title = format!("proxy, {} s, seed {seed}", length.as_secs());
    let mut outcome = Outcome::of(title, tally, &stage).await?;
    let met = std::mem::take(&mut *proxy.shared.met.lock().unwrap_or_else(PoisonError::into_inner));
    let spoiled: u64 =
        met.iter().filter(|((_, what), _)| *what != "as it should be").map(|(_, count)| count).sum();
    outcome.add("calls to AWS while spoiling", met.values().sum::<u64>());
    outcome.add("  of these spoiled", spoiled);
    for ((operation, what), count) in met {
        outcome.add(format!("{operation}: {what}"), count);
    }
    outcome.must(spoiled > 0, "the proxy spoiled no call: the functions do not call through it");
    Ok(outcome)
}
