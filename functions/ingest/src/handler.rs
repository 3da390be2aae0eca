//! HTTP on one side, the use case on the other: the only place that knows what an answer looks like.

use countersign_app::ingest::{Accepted, Arrival, Ingest, Rejected, Request};
use countersign_app::logged;
use countersign_app::ports::{Certificates, Clock as _, Inbox, Queue, Secrets, Sources};
use countersign_aws::clock::{SystemClock, random_id};
use countersign_domain::signature::Headers;
use lambda_http::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, RequestExt as _, Response};

/// How long a provider should wait when our own store or queue failed, in seconds.
const RETRY_AFTER_SECONDS: &str = "30";

/// Answers one request.
pub(crate) async fn handle<S: Sources, K: Secrets, C: Certificates, I: Inbox, Q: Queue>(
    ingest: &Ingest<S, K, C, I, Q>,
    request: lambda_http::Request,
) -> Result<Response<Body>, Error> {
    let id = random_id();
    let arrival = Arrival { now: SystemClock.now(), attempt: id.clone(), trace: id };
    let request = read(request);
    let result = ingest.accept(&request, &arrival).await;
    logged::delivery(&request, &arrival, &result, SystemClock.now());
    respond(result)
}

fn read(request: lambda_http::Request) -> Request {
    let in_path = request.path_parameters();
    let source = in_path.first("source").unwrap_or_default().to_owned();
    let path_token = in_path.first("token").map(str::to_owned);
    let query = request.uri().query().unwrap_or_default().to_owned();
    let source_ip = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            context.http.source_ip.as_deref().and_then(|ip| ip.parse().ok())
        }
        _ => None,
    };
    let (parts, body) = request.into_parts();
    let text =
        |value: &lambda_http::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> =
        parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let body = match body {
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => Vec::new(),
    };
    Request {
        method: parts.method.to_string(),
        source,
        path_token,
        source_ip,
        query,
        headers: Headers::new(headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
        body,
    }
}

/// Every refusal of one status looks the same from outside; the reason is in the log.
fn respond(result: Result<Accepted, Rejected>) -> Result<Response<Body>, Error> {
    let response = Response::builder().header(CONTENT_TYPE, "text/plain; charset=utf-8");
    Ok(match result {
        Ok(accepted) => response.status(200).body(accepted.ok_body.into())?,
        Err(rejected @ Rejected::Unavailable(_)) => response
            .status(rejected.status())
            .header(RETRY_AFTER, RETRY_AFTER_SECONDS)
            .body(rejected.to_string().into())?,
        Err(rejected @ Rejected::Method(method)) => {
            response.status(rejected.status()).header(ALLOW, method).body(rejected.to_string().into())?
        }
        Err(rejected) => response.status(rejected.status()).body(rejected.to_string().into())?,
    })
}
