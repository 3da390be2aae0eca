//! A provider's own books, over HTTPS.
//!
//! It only ever makes GETs (and, for an access token, one POST), below the base URL of a source, with the source's token. It follows no redirect and uses no
//! proxy of the environment, so the token goes nowhere else. What may pass is tried again; what it returns is final.

mod authorization;
mod breaker;
mod pace;

use crate::clock::SystemClock;
use crate::secrets::ApiTokens;
use authorization::{Access, failed};
use backon::{ExponentialBuilder, Retryable as _};
use breaker::{Breaker, Call};
use countersign_app::ports::{ApiRequest, Clock as _, Port, PortError, ProviderApi};
use countersign_domain::ids::SourceName;
use countersign_domain::limits::API_BODY_BYTES_MAX;
use countersign_domain::source::Source;
use countersign_domain::time::Timestamp;
use pace::Pace;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

const PORT: &str = "provider_api";

/// Until a connection stands.
const CONNECT_MS_MAX: u64 = 5_000;

/// How long a caller can wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For one try, from the first byte sent to the last byte read, in milliseconds.
    attempt_ms_max: u64,
    /// For one call with all its tries and waits, from the token to the last byte, in milliseconds.
    call_ms_max: u64,
    /// Tries after the first.
    retries_max: usize,
}

impl Patience {
    /// A run of reconciliation keeps a minute free for its last call.
    pub(crate) const OF_A_RUN: Self = Self { attempt_ms_max: 15_000, call_ms_max: 55_000, retries_max: 4 };
    /// A message of a batch comes back by itself when it fails, and others wait for it.
    pub(crate) const OF_A_BATCH: Self =
        Self { attempt_ms_max: 4_000, call_ms_max: EVENT_CALL_MS_MAX, retries_max: 1 };
}

/// One call about an event, with all its tries and waits, in milliseconds. The processor keeps so much time free.
pub const EVENT_CALL_MS_MAX: u64 = 8_000;

/// Before the first retry, in milliseconds; twice as long before each one after it.
const BACKOFF_MS: u64 = 500;
/// Longest wait that a provider may ask for, in seconds. One that asks for more is not waited for: the run is incomplete,
/// and comes again.
const RETRY_AFTER_SECONDS_MAX: u64 = 30;
/// How long a token is believed, in seconds.
const TOKEN_SECONDS_MAX: i64 = 300;

/// Why a call to a provider's API failed. No answer's body is repeated: it may hold personal data.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nowhere to call.
    #[error("source {0} has no base URL of an API: its dialect has none, and neither has the source")]
    NoBaseUrl(SourceName),
    /// Nothing to call with.
    #[error("source {0} has no API token for this: add one with the operator's command")]
    NoToken(SourceName),
    /// A URL that is none, or that leads elsewhere.
    #[error(
        "{base} and {path} make no URL that may be called: only https, or http on 127.0.0.1, below the base"
    )]
    BadUrl {
        /// The base.
        base: String,
        /// The path.
        path: String,
    },
    /// The token was refused.
    #[error(
        "{path}: the provider refuses the API token of source {source_name} with status {status}: replace it"
    )]
    Refused {
        /// What was asked for.
        path: String,
        /// Whose token.
        source_name: SourceName,
        /// 401 or 403.
        status: u16,
    },
    /// Another answer than 200 or 404.
    #[error("{path}: the provider answers with status {status}")]
    Status {
        /// What was asked for.
        path: String,
        /// The status.
        status: u16,
        /// How long to wait, if it says so.
        retry_after: Option<Duration>,
    },
    /// No answer, or half of one.
    #[error("{path}: the provider cannot be reached")]
    Unreachable {
        /// What was asked for.
        path: String,
        /// Why.
        #[source]
        error: reqwest::Error,
    },
    /// More than is read.
    #[error("{path}: the answer has more than {API_BODY_BYTES_MAX} bytes: ask for smaller pages")]
    TooLarge {
        /// What was asked for.
        path: String,
    },
    /// All tries together took too long.
    #[error("{path}: no answer within {call_ms_max} ms")]
    TooSlow {
        /// What was asked for.
        path: String,
        /// How long was waited.
        call_ms_max: u64,
    },
    /// It failed too often, and is left alone.
    #[error("{path}: the provider failed several times in a row, and is not asked again before {until}")]
    LeftAlone {
        /// What was to be asked for.
        path: String,
        /// When it may be asked again.
        until: Timestamp,
    },
    /// A token that its dialect's authorization cannot use.
    #[error("the API token of source {0} is not of the form that its dialect needs: see the provider's page")]
    UnusableToken(SourceName),
    /// A token endpoint that grants nothing.
    #[error("{path}: the answer holds no access token")]
    NoAccess {
        /// What was asked for.
        path: String,
    },
}

impl ApiError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, retry_after, .. } => {
                let is_patient = retry_after.is_none_or(|wait| wait.as_secs() <= RETRY_AFTER_SECONDS_MAX);
                matches!(status, 408 | 429 | 500 | 502 | 503 | 504) && is_patient
            }
            _ => false,
        }
    }

    /// What a call that ended so says of the API: down or overloaded, or there, whatever it said.
    fn call(&self) -> Call {
        match self {
            Self::TooSlow { .. } => Call::Failed { retry_after: None },
            error if error.may_pass() || error.retry_after().is_some() => {
                Call::Failed { retry_after: error.retry_after() }
            }
            _ => Call::Answered,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Self::Status { retry_after, .. } = self { *retry_after } else { None }
    }
}

struct KnownToken {
    token: String,
    read_at: Timestamp,
}

/// The APIs of all sources.
pub struct HttpsApi {
    http: Client,
    tokens: ApiTokens,
    patience: Patience,
    known: Mutex<HashMap<SourceName, KnownToken>>,
    access: Mutex<HashMap<SourceName, Access>>,
    breakers: Mutex<HashMap<SourceName, Breaker>>,
    paces: Mutex<HashMap<SourceName, Pace>>,
}

impl HttpsApi {
    pub(crate) fn new(tokens: ApiTokens, patience: Patience) -> Port<Self> {
        // Fails only when the process has chosen one before, which then is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
            .timeout(Duration::from_millis(patience.attempt_ms_max))
            .build()
            .map_err(|error| PortError::new(PORT, "build", error))?;
        Ok(Self {
            http,
            tokens,
            patience,
            known: Mutex::default(),
            access: Mutex::default(),
            breakers: Mutex::default(),
            paces: Mutex::default(),
        })
    }

    async fn token(&self, source: &Source) -> Port<String> {
        let now = SystemClock.now();
        let is_fresh = |known: &&KnownToken| {
            now.as_second().saturating_sub(known.read_at.as_second()) < TOKEN_SECONDS_MAX
        };
        let known = self.known().get(&source.name).filter(is_fresh).map(|known| known.token.clone());
        if let Some(token) = known {
            return Ok(token);
        }
        let secret = self.tokens.fetch(&source.name).await?;
        let token = secret.ok_or_else(|| Self::no_token(source))?.token;
        self.known().insert(source.name.clone(), KnownToken { token: token.clone(), read_at: now });
        Ok(token)
    }

    /// The source's token, when its turn has come.
    async fn ready(&self, source: &Source) -> Port<String> {
        let token = self.token(source).await?;
        self.keep_pace(source).await;
        Ok(token)
    }

    /// A panic elsewhere cannot leave the map half-written: every write is one insert or removal.
    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<SourceName, KnownToken>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, for what is known of how the APIs fare.
    fn breaker<T>(&self, source: &Source, what: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        what(breakers.entry(source.name.clone()).or_default())
    }

    /// Waits until the source's next call may be made.
    async fn keep_pace(&self, source: &Source) {
        let Some(calls_per_second) = source.dialect.api.as_ref().and_then(|api| api.calls_per_second) else {
            return;
        };
        let wait = {
            let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
            paces.entry(source.name.clone()).or_default().take(calls_per_second, SystemClock.now())
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    fn access_tokens(&self) -> std::sync::MutexGuard<'_, HashMap<SourceName, Access>> {
        self.access.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn attempt(&self, source: &Source, url: &Url, token: &str) -> Result<Option<Vec<u8>>, ApiError> {
        let path = url.path().to_owned();
        let unreachable =
            |error: reqwest::Error| ApiError::Unreachable { path: path.clone(), error: error.without_url() };
        let request = self.authorized(source, token, self.http.get(url.clone())).await?;
        let response = request.send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::OK => read_body(response, &path).await.map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                // It may have been replaced meanwhile.
                self.forget(source);
                let source_name = source.name.clone();
                Err(ApiError::Refused { path, source_name, status: status.as_u16() })
            }
            status => {
                let retry_after = retry_after(response.headers(), SystemClock.now());
                Err(ApiError::Status { path, status: status.as_u16(), retry_after })
            }
        }
    }
}

impl ProviderApi for HttpsApi {
    async fn get(&self, source: &Source, request: &ApiRequest) -> Port<Option<Vec<u8>>> {
        let url = failed(url_below(source, &request.path, &request.query))?;
        let (began, path) = (SystemClock.now(), || request.path.clone());
        let Patience { call_ms_max, attempt_ms_max, .. } = self.patience;
        let too_slow = || ApiError::TooSlow { path: path(), call_ms_max };
        // So that one try still fits, and an API is not blamed for what came before it.
        let ready_ms_max = Duration::from_millis(call_ms_max.saturating_sub(attempt_ms_max));
        let token = match timeout(ready_ms_max, self.ready(source)).await {
            Ok(token) => token?,
            Err(_) => return failed(Err(too_slow())),
        };
        let backoff = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(BACKOFF_MS))
            .with_max_times(self.patience.retries_max)
            .with_jitter();
        let call = (|| self.attempt(source, &url, &token))
            .retry(backoff)
            .when(ApiError::may_pass)
            // The backoff on top of what was asked for keeps many waiters apart.
            .adjust(|error, backoff| {
                backoff.map(|wait| wait.saturating_add(error.retry_after().unwrap_or_default()))
            });
        let admitted = self.breaker(source, |breaker| breaker.admit(SystemClock.now()));
        failed(admitted.map_err(|until| ApiError::LeftAlone { path: path(), until }))?;
        let left_ms = call_ms_max.saturating_sub(milliseconds_since(began));
        let answer = timeout(Duration::from_millis(left_ms), call).await.unwrap_or_else(|_| Err(too_slow()));
        let outcome = answer.as_ref().map_or_else(ApiError::call, |_| Call::Answered);
        self.breaker(source, |breaker| breaker.learn(outcome, SystemClock.now()));
        failed(answer)
    }
}

/// None when the clock was set back meanwhile.
fn milliseconds_since(began: Timestamp) -> u64 {
    u64::try_from(SystemClock.now().as_millisecond().saturating_sub(began.as_millisecond())).unwrap_or(0)
}

/// The URL of a request. Ids stand in paths, so a path is not trusted to stay where it belongs.
fn url_below(source: &Source, path: &str, query: &[(String, String)]) -> Result<Url, ApiError> {
    let base = source.api_base_url.as_deref().ok_or_else(|| ApiError::NoBaseUrl(source.name.clone()))?;
    let bad = || ApiError::BadUrl { base: base.to_owned(), path: path.to_owned() };
    let mut url = Url::parse(base).map_err(|_| bad())?;
    let is_allowed =
        url.scheme() == "https" || (url.scheme() == "http" && url.host_str() == Some("127.0.0.1"));
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let climbs =
        |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    let stays = path.starts_with('/') && !path.split(['/', '\\']).any(climbs);
    if !is_allowed || !is_plain || !stays {
        return Err(bad());
    }
    // Escapes `?` and `#`.
    url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), path));
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
}

async fn read_body(mut response: Response, path: &str) -> Result<Vec<u8>, ApiError> {
    let too_large = || ApiError::TooLarge { path: path.to_owned() };
    let is_within = |bytes: usize| bytes <= API_BODY_BYTES_MAX;
    if !response.content_length().is_none_or(|bytes| usize::try_from(bytes).is_ok_and(is_within)) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    let unreachable =
        |error: reqwest::Error| ApiError::Unreachable { path: path.to_owned(), error: error.without_url() };
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if !is_within(body.len().saturating_add(chunk.len())) {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::from_secs(u64::try_from(at.as_second().saturating_sub(now.as_second())).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
