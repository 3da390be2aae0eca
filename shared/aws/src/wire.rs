//! What goes over the wire, pinned: a server on loopback that answers by script and writes down what it was asked.

mod control;
mod messages;
mod onboarding;
mod tables;

use crate::clients::Clients;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use countersign_domain::ids::{EventId, PaymentId, SourceName};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `PutItem`, or the method and path where there is no target.
    pub(crate) what: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a request in JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header in ASCII"))
    }
}

#[derive(Default)]
struct Script {
    asked: Vec<Asked>,
    answers: VecDeque<(u16, HeaderMap, Vec<u8>)>,
}

/// A server that answers by script; what is not in the script is answered with `{}`.
#[derive(Clone)]
pub(crate) struct Server {
    script: Arc<Mutex<Script>>,
    pub(crate) url: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let script = Arc::new(Mutex::new(Script::default()));
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { script, url }
    }

    pub(crate) fn clients(&self) -> Clients {
        Clients::at(&self.url)
    }

    pub(crate) fn then(&self, status: u16, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) {
        let header = |(name, value): &(&'static str, &str)| {
            (name.parse().expect("a header name"), value.parse().expect("a header value"))
        };
        let answer = (status, headers.iter().map(header).collect(), body.into());
        self.script.lock().expect("a script").answers.push_back(answer);
    }

    pub(crate) fn then_json(&self, body: &Value) {
        self.then(200, &[], body.to_string());
    }

    /// A failure in AWS's JSON form.
    pub(crate) fn then_fail(&self, kind: &str, more: Value) {
        let mut body = json!({ "__type": format!("com.amazonaws.test#{kind}"), "message": "as scripted" });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.then(400, &[], body.to_string());
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().expect("a script").asked.clone()
    }

    /// The only request so far: its name and body.
    pub(crate) fn only(&self) -> (String, Value) {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        (asked[0].what.clone(), asked[0].json())
    }
}

async fn answer(
    State(script): State<Arc<Mutex<Script>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()?.rsplit('.').next());
    let what = target.map_or_else(|| format!("{method} {uri}"), str::to_owned);
    let mut script = script.lock().expect("a script");
    script.asked.push(Asked { what, headers, body });
    let (status, headers, body) =
        script.answers.pop_front().unwrap_or((200, HeaderMap::new(), b"{}".to_vec()));
    (StatusCode::from_u16(status).expect("a status"), headers, body).into_response()
}

pub(crate) fn source() -> SourceName {
    SourceName::new("stripe-main").expect("a source name")
}

pub(crate) fn event(id: &str) -> EventId {
    EventId::new(id).expect("an event id")
}

pub(crate) fn payment(id: &str) -> PaymentId {
    PaymentId::new(id).expect("a payment reference")
}
