//! The reports, on S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
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

impl ReportBucket {
    /// The bytes of a report, or nothing.
    ///
    /// # Errors
    /// [`PortError`] when the bucket does not answer.
    pub async fn read(&self, key: &str) -> Port<Option<Vec<u8>>> {
        let failed =
            |error: Box<dyn std::error::Error + Send + Sync>| PortError::new("reports", "read", error);
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => {
                let bytes = object.body.collect().await.map_err(|error| failed(error.into()))?;
                Ok(Some(bytes.to_vec()))
            }
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => Ok(None),
            Err(error) => Err(failed(error.into())),
        }
    }
}

impl Reports for ReportBucket {
    async fn write(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Port<()> {
        // A bucket with object lock takes nothing without a checksum.
        let call = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        let call = call.checksum_algorithm(ChecksumAlgorithm::Sha256);
        let answer = call.body(ByteStream::from(bytes)).send().await;
        answer.map(drop).map_err(|error| PortError::new("reports", "write", error))
    }
}
