//! The reports, on S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use countersign_app::ports::{Port, PortError, Reports};

/// The bucket of the reports.
#[derive(Clone, Debug)]
pub struct ReportBucket {
    client: Client,
    bucket: String,
}

impl ReportBucket {
    pub(crate) fn new(client: Client, bucket: &str) -> Self {
        Self { client, bucket: bucket.to_owned() }
    }
}

impl Reports for ReportBucket {
    async fn write(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Port<()> {
        let call = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        let answer = call.body(ByteStream::from(bytes)).send().await;
        answer.map(drop).map_err(|error| PortError::new("reports", "write", error))
    }
}
