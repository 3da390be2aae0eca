//! Secrets, on Secrets Manager.
//!
//! | name | content | read by |
//! |---|---|---|
//! | `countersign/{stage}/signing/{source}` | `{"current": "…", "previous": "…", "previous_until": "…", "basic": ["…"], "path_tokens": ["…"]}`, all but the first optional | ingest |
//! | `countersign/{stage}/api/{source}` | `{"token": "…"}` | reconcile |
//! | `countersign/{stage}/fetch/{source}` | `{"token": "…"}` | processor, to ask events back |
//!
//! The operator's command writes them. No error repeats what a secret holds.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use countersign_app::ports::{Port, PortError, SecretPair, Secrets};
use countersign_domain::ids::SourceName;
use serde::{Deserialize, Serialize};

const PORT: &str = "secrets";

/// The name of the signing secret of a source.
#[must_use]
pub fn signing_secret_name(stage: &str, source: &SourceName) -> String {
    format!("countersign/{stage}/signing/{source}")
}

/// The name of the API secret of a source.
#[must_use]
pub fn api_secret_name(stage: &str, source: &SourceName) -> String {
    format!("countersign/{stage}/api/{source}")
}

/// The name of the secret with which a source's events are asked back.
#[must_use]
pub fn fetch_secret_name(stage: &str, source: &SourceName) -> String {
    format!("countersign/{stage}/fetch/{source}")
}

/// A token for a provider's API. It does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiToken {
    /// The token, without `Bearer`.
    pub token: String,
}

impl std::fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiToken([REDACTED])")
    }
}

/// The signing secrets of a stage.
#[derive(Clone, Debug)]
pub struct SigningSecrets {
    client: Client,
    stage: String,
}

impl SigningSecrets {
    pub(crate) fn new(client: Client, stage: &str) -> Self {
        Self { client, stage: stage.to_owned() }
    }

    /// Writes the signing secret of a source, replacing the one that is there. For the operator.
    ///
    /// # Errors
    /// [`PortError`] when the store refuses or cannot be reached.
    pub async fn put(&self, source: &SourceName, secret: &SecretPair) -> Port<()> {
        write(&self.client, &signing_secret_name(&self.stage, source), secret).await
    }
}

impl Secrets for SigningSecrets {
    async fn fetch(&self, source: &SourceName) -> Port<Option<SecretPair>> {
        let shape = r#"{"current": "…", "previous": "…"}"#;
        read(&self.client, &signing_secret_name(&self.stage, source), shape).await
    }
}

/// The API tokens of a stage.
#[derive(Clone, Debug)]
pub struct ApiTokens {
    client: Client,
    stage: String,
    name: fn(&str, &SourceName) -> String,
}

impl ApiTokens {
    /// Those of reconciliation.
    pub(crate) fn new(client: Client, stage: &str) -> Self {
        Self { client, stage: stage.to_owned(), name: api_secret_name }
    }

    /// Those with which events are asked back.
    pub(crate) fn for_events(client: Client, stage: &str) -> Self {
        Self { client, stage: stage.to_owned(), name: fetch_secret_name }
    }

    /// The API token of a source, or nothing.
    ///
    /// # Errors
    /// [`PortError`] when the store refuses, cannot be reached, or holds something else.
    pub async fn fetch(&self, source: &SourceName) -> Port<Option<ApiToken>> {
        read(&self.client, &(self.name)(&self.stage, source), r#"{"token": "…"}"#).await
    }

    /// Writes the API token of a source, replacing the one that is there. For the operator.
    ///
    /// # Errors
    /// [`PortError`] when the store refuses or cannot be reached.
    pub async fn put(&self, source: &SourceName, token: &ApiToken) -> Port<()> {
        write(&self.client, &(self.name)(&self.stage, source), token).await
    }
}

async fn read<T: for<'de> Deserialize<'de>>(client: &Client, name: &str, shape: &str) -> Port<Option<T>> {
    let answer = match client.get_secret_value().secret_id(name).send().await {
        Ok(answer) => answer,
        Err(error) => match error.as_service_error() {
            Some(GetSecretValueError::ResourceNotFoundException(_)) => return Ok(None),
            _ => return Err(PortError::new(PORT, "fetch", error)),
        },
    };
    let malformed = |at: String| {
        let why = format!(
            "the secret {name} is not of the shape {shape}{at}: write it with `countersign source apply`"
        );
        PortError::new(PORT, "fetch", why)
    };
    let text = answer.secret_string().ok_or_else(|| malformed(" but binary".to_owned()))?;
    // serde's own words may repeat the text.
    let secret = serde_json::from_str(text);
    secret
        .map(Some)
        .map_err(|error| malformed(format!(" (line {}, column {})", error.line(), error.column())))
}

async fn write(client: &Client, name: &str, secret: &impl Serialize) -> Port<()> {
    let text = serde_json::to_string(secret).map_err(|error| PortError::new(PORT, "encode", error))?;
    match client.create_secret().name(name).secret_string(&text).send().await {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            Some(CreateSecretError::ResourceExistsException(_)) => {
                let answer = client.put_secret_value().secret_id(name).secret_string(&text).send().await;
                answer.map(drop).map_err(|error| PortError::new(PORT, "put", error))
            }
            _ => Err(PortError::new(PORT, "put", error)),
        },
    }
}
