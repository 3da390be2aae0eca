//! One real function binary under a Lambda runtime of our own, with every AWS call it makes passing through our hands.
//!
//! The runtime API and the AWS endpoint are one server on loopback. It hands invocations to the function, forwards its
//! AWS calls to the local stack and writes them down; told to, it kills the function with SIGKILL at a given call, before
//! that call takes effect. That is how a crash between two calls is made to happen every time.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use countersign_app::ports::Clock as _;
use countersign_aws::clock::SystemClock;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

/// One AWS call that a function made.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// `PutItem`, `SendMessageBatch`, …
    pub(crate) operation: String,
    /// Its JSON body.
    pub(crate) request: Value,
}

/// How an invocation ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// The function answered.
    Response(Value),
    /// The function reported an error.
    Error(Value),
    /// The function is gone.
    Died,
}

struct Shared {
    upstream: String,
    http: reqwest::Client,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Value>>,
    answer: Mutex<Option<oneshot::Sender<Answer>>>,
    calls: Mutex<Vec<Call>>,
    kill_at: Option<&'static str>,
    child: Mutex<Option<Child>>,
    lines: Mutex<Vec<Value>>,
}

/// A running function.
pub(crate) struct Function {
    shared: Arc<Shared>,
    events: mpsc::Sender<Value>,
}

impl Function {
    /// Starts a function binary with its environment; AWS calls go on to `upstream`.
    pub(crate) async fn start(
        binary: PathBuf,
        environment: BTreeMap<String, String>,
        upstream: &str,
        kill_at: Option<&'static str>,
    ) -> Self {
        let (events, waiting) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            http: reqwest::Client::new(),
            waiting: tokio::sync::Mutex::new(waiting),
            answer: Mutex::new(None),
            calls: Mutex::new(Vec::new()),
            kill_at,
            child: Mutex::new(None),
            lines: Mutex::new(Vec::new()),
        });
        let routes = axum::Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{how}", post(done))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .fallback(any(aws))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
        let address = listener.local_addr().expect("its address").to_string();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let mut child = Command::new(&binary)
            .envs(environment)
            .env("AWS_ENDPOINT_URL", format!("http://{address}"))
            .env("AWS_LAMBDA_RUNTIME_API", &address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "under-test")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "under-test")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "under-test")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", binary.display()));
        let out = child.stdout.take().expect("it is piped");
        *shared.child.lock().expect("no panic") = Some(child);
        tokio::spawn(listen(out, Arc::clone(&shared)));
        Self { shared, events }
    }

    /// Invokes the function once.
    pub(crate) async fn invoke(&self, event: Value) -> Answer {
        let (sender, receiver) = oneshot::channel();
        *self.shared.answer.lock().expect("no panic") = Some(sender);
        self.events.send(event).await.expect("the runtime is there");
        receiver.await.unwrap_or(Answer::Died)
    }

    /// Every AWS call it made, those of INIT first.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().expect("no panic").clone()
    }

    /// Every line that it has logged so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.shared.lines.lock().expect("no panic").clone()
    }
}

async fn listen(out: ChildStdout, shared: Arc<Shared>) {
    let mut lines = BufReader::new(out).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        shared.lines.lock().expect("no panic").extend(serde_json::from_str::<Value>(&line));
    }
}

type Runtime = State<Arc<Shared>>;

async fn next(State(shared): Runtime) -> Response {
    let Some(event) = shared.waiting.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline_ms = SystemClock.now().as_millisecond() + 120_000;
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:t".to_owned(),
        ),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700".to_owned()),
    ];
    (headers, event.to_string()).into_response()
}

async fn done(State(shared): Runtime, Path((_, how)): Path<(String, String)>, body: Bytes) -> StatusCode {
    let value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    reply(&shared, if how == "response" { Answer::Response(value) } else { Answer::Error(value) });
    StatusCode::ACCEPTED
}

async fn init_error(State(shared): Runtime, body: Bytes) -> StatusCode {
    reply(&shared, Answer::Error(serde_json::from_slice(&body).unwrap_or(Value::Null)));
    StatusCode::ACCEPTED
}

fn reply(shared: &Shared, answer: Answer) {
    if let Some(sender) = shared.answer.lock().expect("no panic").take() {
        drop(sender.send(answer));
    }
}

/// Forwards one AWS call, or kills the caller at it.
async fn aws(State(shared): Runtime, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    if shared.kill_at == Some(operation.as_str()) {
        let child = shared.child.lock().expect("no panic").take();
        if let Some(mut child) = child {
            child.start_kill().expect("SIGKILL");
        }
        reply(&shared, Answer::Died);
        return StatusCode::GATEWAY_TIMEOUT.into_response();
    }
    let request = serde_json::from_slice(&body).unwrap_or(Value::Null);
    shared.calls.lock().expect("no panic").push(Call { operation, request });
    let url = format!("{}{}", shared.upstream, uri.path_and_query().map_or("/", |path| path.as_str()));
    let mut forwarded = headers.clone();
    forwarded.remove("host");
    let answer = shared.http.request(method, url).headers(forwarded).body(body).send().await;
    match answer {
        Ok(answer) => {
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = (status, answer.bytes().await.unwrap_or_default()).into_response();
            for (name, value) in &headers {
                if name != "transfer-encoding" && name != "content-length" {
                    response.headers_mut().insert(name, value.clone());
                }
            }
            response
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// The size of an item by DynamoDB's own rule, in bytes: names and values, lists and maps with their overhead.
/// Source: "DynamoDB item sizes and formats" in the DynamoDB developer guide.
pub(crate) fn item_bytes(item: &Value) -> usize {
    let attributes = item.as_object().expect("an item");
    attributes.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> usize {
    let (kind, inner) = value.as_object().and_then(|map| map.iter().next()).expect("a typed value");
    match (kind.as_str(), inner) {
        ("S", Value::String(text)) => text.len(),
        ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
        ("B", Value::String(base64)) => base64.trim_end_matches('=').len() * 3 / 4,
        ("BOOL" | "NULL", _) => 1,
        ("M", Value::Object(_)) => 3 + item_bytes(inner) + inner.as_object().map_or(0, serde_json::Map::len),
        ("L", Value::Array(items)) => 3 + items.iter().map(|item| 1 + value_bytes(item)).sum::<usize>(),
        _ => panic!("an attribute type that our items do not have: {kind}"),
    }
}
