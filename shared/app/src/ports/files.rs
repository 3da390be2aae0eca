//! Report files that arrive, and the parts that large ones are worked on in.

use super::Port;
use countersign_domain::ids::Sha256Hex;
use std::future::Future;
use std::io::Read;

/// A file that arrived.
pub struct Arrived {
    /// The digest of its bytes as they came.
    pub sha256: Sha256Hex,
    /// Its bytes, decompressed while they are read.
    pub plain: Box<dyn Read + Send>,
}

/// The bucket that report files arrive in.
pub trait Files: Send + Sync {
    /// A file, or nothing.
    fn open(&self, key: &str) -> impl Future<Output = Port<Option<Arrived>>> + Send;
    /// Keeps a part of one, replacing an equal one. Parts are gone after some days.
    fn keep(&self, key: &str, bytes: Vec<u8>) -> impl Future<Output = Port<()>> + Send;
    /// A part, or nothing.
    fn kept(&self, key: &str) -> impl Future<Output = Port<Option<Vec<u8>>>> + Send;
}
