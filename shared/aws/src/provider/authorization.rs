//! How a call to a provider's API shows who we are, as its dialect says.

use super::{ApiError, HttpsApi, url_below};
use crate::clock::SystemClock;
use countersign_app::ports::{Clock as _, Port, PortError};
use countersign_domain::dialect::Authorization;
use countersign_domain::source::Source;
use countersign_domain::time::Timestamp;
use reqwest::RequestBuilder;
use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;

/// How long before its end an access token is no longer used, in seconds.
const EXPIRY_MARGIN_SECONDS: i64 = 60;
/// Longest life that is believed of an access token, in seconds.
const ACCESS_SECONDS_MAX: i64 = 86_400;

/// What a token endpoint answers: RFC 6749 §5.1.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: i64,
}

/// An access token and the end of its life.
pub(super) struct Access {
    token: String,
    until: Timestamp,
}

impl HttpsApi {
    /// The request with the source's token on it.
    pub(super) async fn authorized(
        &self,
        source: &Source,
        token: &str,
        mut request: RequestBuilder,
    ) -> Result<RequestBuilder, ApiError> {
        let Some(api) = &source.dialect.api else { return Ok(request.bearer_auth(token)) };
        for (name, value) in &api.headers {
            request = request.header(name, value);
        }
        Ok(match &api.authorization {
            Authorization::Bearer => request.bearer_auth(token),
            Authorization::Basic => {
                let (user, password) = token.split_once(':').unwrap_or((token, ""));
                request.basic_auth(user, Some(password))
            }
            Authorization::Header(name) => {
                let unusable = || ApiError::UnusableToken(source.name.clone());
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
                let mut value = HeaderValue::from_str(token).map_err(|_| unusable())?;
                value.set_sensitive(true);
                request.header(name, value)
            }
            Authorization::Oauth2 { token_path } => {
                let access = self.access(source, token, token_path).await?;
                request.bearer_auth(access)
            }
        })
    }

    /// An access token: the one that is known, or a new one for the client's id and secret.
    async fn access(&self, source: &Source, token: &str, path: &str) -> Result<String, ApiError> {
        let now = SystemClock.now();
        let known = self
            .access_tokens()
            .get(&source.name)
            .filter(|access| now < access.until)
            .map(|a| a.token.clone());
        if let Some(known) = known {
            return Ok(known);
        }
        let url = url_below(source, path, &[])?;
        let (client, secret) =
            token.split_once(':').ok_or_else(|| ApiError::UnusableToken(source.name.clone()))?;
        let unreachable = |error: reqwest::Error| ApiError::Unreachable {
            path: path.to_owned(),
            error: error.without_url(),
        };
        let form = [("grant_type", "client_credentials")];
        let request = self.http.post(url).basic_auth(client, Some(secret)).form(&form);
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            let (path, source_name, status) = (path.to_owned(), source.name.clone(), status.as_u16());
            return Err(match status {
                400 | 401 | 403 => ApiError::Refused { path, source_name, status },
                _ => ApiError::Status { path, status, retry_after: None },
            });
        }
        let body = super::read_body(response, path).await?;
        let granted: Granted =
            serde_json::from_slice(&body).map_err(|_| ApiError::NoAccess { path: path.to_owned() })?;
        let life =
            granted.expires_in.clamp(0, ACCESS_SECONDS_MAX).saturating_sub(EXPIRY_MARGIN_SECONDS).max(0);
        let until = countersign_domain::time::from_seconds(now.as_second().saturating_add(life));
        let access = Access { token: granted.access_token.clone(), until };
        self.access_tokens().insert(source.name.clone(), access);
        Ok(granted.access_token)
    }

    /// Forgets what a provider has just refused: the next call reads it again.
    pub(super) fn forget(&self, source: &Source) {
        self.known().remove(&source.name);
        self.access_tokens().remove(&source.name);
    }

    /// The token of a source, or why there is none.
    pub(super) fn no_token(source: &Source) -> PortError {
        PortError::new(super::PORT, "get", ApiError::NoToken(source.name.clone()))
    }
}

/// A call's whole outcome for its caller.
pub(super) fn failed<T>(result: Result<T, ApiError>) -> Port<T> {
    result.map_err(|error| PortError::new(super::PORT, "get", error))
}
