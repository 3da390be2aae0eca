//! The hands of the demonstration.

use crate::clients;
use crate::error::CliError;
use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use std::future::Future;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(100);

/// Waits until a condition gives something.
///
/// # Errors
/// When it does not within `limit`, or fails.
pub(super) async fn until<T, F: Future<Output = Result<Option<T>, CliError>>>(
    what: &str,
    limit: Duration,
    condition: impl Fn() -> F,
) -> Result<T, CliError> {
    let wait = async {
        loop {
            if let Some(found) = condition().await? {
                return Ok(found);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(limit, wait).await.unwrap_or_else(|_| {
        let seconds = limit.as_secs();
        Err(CliError::Refused(format!(
            "waited {seconds} s for {what}: see the functions' lines in .countersign/logs/"
        )))
    })
}

/// Posts a body and returns the status.
///
/// # Errors
/// When nobody answers.
pub(super) async fn post(url: &str, headers: Vec<(String, String)>, body: &str) -> Result<u16, CliError> {
    let mut request =
        clients::http()?.post(url).header("content-type", "application/json").body(body.to_owned());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.map_err(|error| CliError::http("post to", url, error))?;
    Ok(answer.status().as_u16())
}

/// How many messages wait in a queue.
///
/// # Errors
/// When the queue cannot be asked.
pub(super) async fn depth(config: &SdkConfig, queue_url: &str) -> Result<u32, CliError> {
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let ask = aws_sdk_sqs::Client::new(config)
        .get_queue_attributes()
        .queue_url(queue_url)
        .attribute_names(name.clone());
    let known = ask.send().await.map_err(|error| {
        CliError::Local(crate::local::Failure::because(
            format!("cannot ask for the depth of {queue_url}"),
            error,
        ))
    })?;
    let depth = known.attributes().and_then(|known| known.get(&name)).and_then(|depth| depth.parse().ok());
    depth.ok_or_else(|| CliError::Refused(format!("{queue_url} does not tell its depth")))
}
