//! The reports, and the files that arrive, on S3.

use crate::files::{REPORT_BYTES_MAX, decompressed};
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use countersign_app::ports::{Arrived, Files, Port, PortError, Reports};
use countersign_domain::ids::Sha256Hex;
use std::io::{Seek as _, Write as _};

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

/// The bucket that report files arrive in.
#[derive(Clone, Debug)]
pub struct FileBucket {
    client: Client,
    bucket: String,
}

impl FileBucket {
    pub(crate) fn new(client: Client, bucket: &str) -> Self {
        Self { client, bucket: bucket.to_owned() }
    }

    /// Lets a file arrive.
    ///
    /// # Errors
    /// [`PortError`] when the bucket does not answer.
    pub async fn put(&self, key: &str, body: ByteStream) -> Port<()> {
        let call = self.client.put_object().bucket(&self.bucket).key(key).body(body);
        call.send().await.map(drop).map_err(|error| PortError::new(FILES, "put", error))
    }

    async fn body(&self, key: &str, operation: &'static str) -> Port<Option<ByteStream>> {
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => Ok(Some(object.body)),
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => Ok(None),
            Err(error) => Err(PortError::new(FILES, operation, error)),
        }
    }
}

const FILES: &str = "files";

impl Files for FileBucket {
    /// Brings the file to this machine's disk first: reading it takes longer than a connection should be held.
    async fn open(&self, key: &str) -> Port<Option<Arrived>> {
        let Some(mut body) = self.body(key, "open").await? else { return Ok(None) };
        let failed = |error: std::io::Error| PortError::new(FILES, "open", error);
        let mut file = tempfile::tempfile().map_err(failed)?;
        while let Some(bytes) = body.try_next().await.map_err(|error| PortError::new(FILES, "open", error))? {
            file.write_all(&bytes).map_err(failed)?;
        }
        file.rewind().map_err(failed)?;
        let sha256 = Sha256Hex::of_file(&mut file).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let plain = decompressed(file, REPORT_BYTES_MAX).map_err(failed)?;
        Ok(Some(Arrived { sha256, plain }))
    }

    async fn keep(&self, key: &str, bytes: Vec<u8>) -> Port<()> {
        self.put(key, ByteStream::from(bytes)).await
    }

    async fn kept(&self, key: &str) -> Port<Option<Vec<u8>>> {
        let Some(body) = self.body(key, "kept").await? else { return Ok(None) };
        let bytes = body.collect().await.map_err(|error| PortError::new(FILES, "kept", error))?;
        Ok(Some(bytes.to_vec()))
    }
}
