//! What `sam deploy` does, on MiniStack: uploads the packages, points the template at them, makes the stack.

use super::build::Package;
use super::failure::{Doing as _, Failure};
use super::project::Project;
use crate::stack::Outputs;
use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::{Capability, Parameter, StackStatus};
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use std::collections::BTreeMap;
use std::time::Duration;

/// The stack's name, as in samconfig.toml.
pub(crate) const STACK: &str = "countersign-dev";

/// Where the packages and the template are uploaded to.
const BUCKET: &str = "countersign-local-artifacts";

/// What the template is called there.
const TEMPLATE: &str = "template.yaml";

/// How long the stack may take. It takes half a second.
const DEPLOY_SECONDS_MAX: u64 = 60;

const POLL: Duration = Duration::from_millis(50);

/// What has to be said in other words for the roles and policies to mean on MiniStack what they mean on AWS.
const REWORDED: [(&str, &str); 2] = [
    // Calls without TLS are refused. On loopback there is none: then refuse calls that there are not.
    (r#""aws:SecureTransport": "false""#, r#""aws:SecureTransport": "never""#),
    // Who may send may send a batch. MiniStack asks for an action of that name, which AWS does not have.
    ("[sqs:SendMessage", "[sqs:SendMessageBatch, sqs:SendMessage"),
];

/// Deploys the checkout's template, with other values than its defaults where `parameters` has them.
pub(crate) async fn deploy(
    project: &Project,
    packages: &BTreeMap<&'static str, Package>,
    parameters: &BTreeMap<String, String>,
    config: &SdkConfig,
) -> Result<Outputs, Failure> {
    let path = project.template();
    let template = std::fs::read_to_string(&path).doing(|| format!("read {}", path.display()))?;
    let uris = packages.keys().map(|name| (*name, format!("s3://{BUCKET}/{}", key(name))));
    let template = reworded(&with_packages(&template, &uris.collect())?)?;
    upload(packages, &template, config).await?;
    let client = aws_sdk_cloudformation::Client::new(config);
    // By its place: a request holds no more than 51,200 bytes of it.
    let url = format!("{}/{BUCKET}/{TEMPLATE}", config.endpoint_url().unwrap_or_default());
    create(&client, &url, parameters).await?;
    Outputs::of(&client, STACK, config.endpoint_url()).await
}

fn key(function: &str) -> String {
    format!("{function}.zip")
}

/// Points each `CodeUri:` that names a function's folder at its package, as `sam package` does.
fn with_packages(template: &str, uris: &BTreeMap<&str, String>) -> Result<String, Failure> {
    let mut placed = Vec::new();
    let mut lines = Vec::new();
    for line in template.lines() {
        let Some((indent, folder)) =
            line.split_once("CodeUri:").filter(|(indent, _)| indent.trim().is_empty())
        else {
            lines.push(line.to_owned());
            continue;
        };
        let folder = folder.trim();
        let name = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let uri = uris.get(name).ok_or_else(|| {
            let known: Vec<_> = uris.keys().copied().collect();
            Failure::new(format!(
                "template.yaml has CodeUri {folder}, but the functions are {}",
                known.join(", ")
            ))
        })?;
        lines.push(format!("{indent}CodeUri: {uri}"));
        placed.push(name);
    }
    if let Some(missing) = uris.keys().find(|name| !placed.contains(name)) {
        return Err(Failure::new(format!("template.yaml has no CodeUri for functions/{missing}")));
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

fn reworded(template: &str) -> Result<String, Failure> {
    let mut template = template.to_owned();
    for (on_aws, on_ministack) in REWORDED {
        if !template.contains(on_aws) {
            return Err(Failure::new(format!(
                "template.yaml does not say `{on_aws}` any more, which the local stack rewords for MiniStack: change it in \
                 infra/cli/src/local/deploy.rs too"
            )));
        }
        template = template.replace(on_aws, on_ministack);
    }
    Ok(template)
}

async fn upload(
    packages: &BTreeMap<&'static str, Package>,
    template: &str,
    config: &SdkConfig,
) -> Result<(), Failure> {
    let settings = aws_sdk_s3::config::Builder::from(config)
        // Names of buckets as host names would need a name server.
        .force_path_style(true)
        // Hashing what stays on this machine takes seconds in a build that is not optimised.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .build();
    let client = aws_sdk_s3::Client::from_conf(settings);
    let region = config.region().map_or("", |region| region.as_ref());
    let place = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(region))
        .build();
    let made = client.create_bucket().bucket(BUCKET).create_bucket_configuration(place).send().await;
    made.doing(|| format!("make the bucket {BUCKET}"))?;
    let zips = packages.iter().map(|(name, package)| (key(name), package.zip.clone()));
    for (key, bytes) in zips.chain([(TEMPLATE.to_owned(), template.as_bytes().to_vec())]) {
        let put = client.put_object().bucket(BUCKET).key(&key).body(bytes.into());
        put.customize().disable_payload_signing().send().await.doing(|| format!("upload {key}"))?;
    }
    Ok(())
}

async fn create(
    client: &aws_sdk_cloudformation::Client,
    template_url: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let parameter = |(name, value)| Parameter::builder().parameter_key(name).parameter_value(value).build();
    client
        .create_stack()
        .stack_name(STACK)
        .template_url(template_url)
        .set_parameters(Some(parameters.iter().map(parameter).collect()))
        .capabilities(Capability::CapabilityIam)
        .capabilities(Capability::CapabilityNamedIam)
        .capabilities(Capability::CapabilityAutoExpand)
        .send()
        .await
        .doing(|| format!("deploy template.yaml as {STACK}"))?;
    tokio::time::timeout(Duration::from_secs(DEPLOY_SECONDS_MAX), made(client)).await.unwrap_or_else(|_| {
        Err(Failure::new(format!(
            "deploying template.yaml as {STACK} was not over after {DEPLOY_SECONDS_MAX} s"
        )))
    })
}

/// Waits until the stack is made.
async fn made(client: &aws_sdk_cloudformation::Client) -> Result<(), Failure> {
    loop {
        let described = client.describe_stacks().stack_name(STACK).send().await;
        let described = described.doing(|| format!("follow the deployment of {STACK}"))?;
        match described.stacks().first().and_then(|stack| stack.stack_status()) {
            Some(StackStatus::CreateComplete) => return Ok(()),
            Some(StackStatus::CreateInProgress | StackStatus::ReviewInProgress) => {
                tokio::time::sleep(POLL).await
            }
            status => return Err(refused(client, status).await),
        }
    }
}

async fn refused(client: &aws_sdk_cloudformation::Client, status: Option<&StackStatus>) -> Failure {
    let events = client.describe_stack_events().stack_name(STACK).send().await;
    let reasons: Vec<String> = match &events {
        Ok(events) => events.stack_events().iter().filter_map(reason).collect(),
        Err(error) => vec![format!("its events cannot be read: {error}")],
    };
    let status = status.map_or("no status", StackStatus::as_str);
    Failure::new(format!(
        "MiniStack did not deploy template.yaml ({status}):\n    {}",
        reasons.join("\n    ")
    ))
}

fn reason(event: &aws_sdk_cloudformation::types::StackEvent) -> Option<String> {
    let is_failure = event.resource_status()?.as_str().ends_with("FAILED");
    is_failure.then(|| {
        let reason = event.resource_status_reason().unwrap_or("no reason given");
        format!("{}: {reason}", event.logical_resource_id().unwrap_or("the stack"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris() -> BTreeMap<&'static str, String> {
        ["ingest", "processor"].into_iter().map(|name| (name, format!("s3://b/{name}.zip"))).collect()
    }

    #[test]
    fn each_function_gets_its_own_package() {
        let template = "Resources:\n  A:\n    Properties:\n      CodeUri: functions/ingest\n      Timeout: 1\n  B:\n    \
                        Properties:\n      CodeUri: functions/processor/\n# CodeUri: in a comment\n";
        let packaged = with_packages(template, &uris()).unwrap();
        assert_eq!(
            packaged,
            "Resources:\n  A:\n    Properties:\n      CodeUri: s3://b/ingest.zip\n      Timeout: 1\n  B:\n    \
             Properties:\n      CodeUri: s3://b/processor.zip\n# CodeUri: in a comment\n"
        );
    }

    #[test]
    fn a_function_without_a_package_is_named_and_so_is_a_package_without_a_function() {
        let unknown = with_packages("      CodeUri: functions/console\n", &uris()).unwrap_err().to_string();
        assert!(unknown.contains("functions/console") && unknown.contains("ingest"), "{unknown}");
        let missing = with_packages("      CodeUri: functions/ingest\n", &uris()).unwrap_err().to_string();
        assert!(missing.contains("functions/processor"), "{missing}");
    }

    #[test]
    fn a_wording_that_is_gone_is_named() {
        let error = reworded("Action: [sqs:SendMessage, sqs:GetQueueAttributes]").unwrap_err().to_string();
        assert!(error.contains("SecureTransport"), "{error}");
    }

    #[test]
    fn the_checkouts_own_template_is_packaged() {
        let template = std::fs::read_to_string(Project::find().unwrap().template()).unwrap();
        let uris =
            super::super::build::FUNCTIONS.into_iter().map(|name| (name, format!("s3://b/{name}.zip")));
        let packaged = with_packages(&template, &uris.collect()).unwrap();
        assert_eq!(packaged.matches("CodeUri: s3://b/").count(), 3);
        let reworded = reworded(&packaged).unwrap();
        assert!(!reworded.contains(REWORDED[0].0), "every rule about TLS is reworded");
    }
}
