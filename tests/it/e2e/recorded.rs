//! A provider's API on loopback. It replays recorded objects by path, remembers what it was asked and with which token, and
//! is down while a test says so.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

/// What it answers: nothing while it is down, 404 for what was not recorded.
#[derive(Debug, Default)]
struct Script {
    objects: HashMap<String, Vec<u8>>,
    refused: HashSet<String>,
    is_down: bool,
    asked: Vec<(String, String)>,
}

/// The API.
pub(crate) struct Recorded {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
}

impl Recorded {
    pub(crate) async fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let routes = axum::Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, script }
    }

    /// Answers a path with a body from now on.
    pub(crate) fn answer(&self, path: &str, body: impl Into<Vec<u8>>) {
        self.script.lock().expect("no panic").objects.insert(path.to_owned(), body.into());
    }

    /// Refuses a path from now on, in a way that is final.
    pub(crate) fn refuse(&self, path: &str) {
        self.script.lock().expect("no panic").refused.insert(path.to_owned());
    }

    /// Answers a path with a file of `tests/fixtures`.
    pub(crate) fn replay(&self, path: &str, fixture: &str) {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
        self.answer(path, std::fs::read(format!("{file}/{fixture}")).expect("a recorded object"));
    }

    pub(crate) fn set_down(&self, is_down: bool) {
        self.script.lock().expect("no panic").is_down = is_down;
    }

    /// Every call: the path with its query, and the `authorization` header.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        self.script.lock().expect("no panic").asked.clone()
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, uri: Uri, headers: HeaderMap) -> Response {
    let mut script = script.lock().expect("no panic");
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    script.asked.push((uri.to_string(), authorization.unwrap_or_default().to_owned()));
    if script.is_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if script.refused.contains(uri.path()) {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    match script.objects.get(uri.path()) {
        Some(body) => body.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
