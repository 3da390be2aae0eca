//! Report files in memory.

use super::Shared;
use crate::ports::{Arrived, Files, Port, PortError};
use countersign_domain::ids::Sha256Hex;
use std::collections::BTreeMap;
use std::io::Cursor;

/// Files and parts, by their keys. They come as they are: nothing is decompressed.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles(Shared<BTreeMap<String, Vec<u8>>>);

impl MemoryFiles {
    /// Lets a file arrive.
    pub fn arrive(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.0.lock().insert(key.to_owned(), bytes.into());
    }
}

impl Files for MemoryFiles {
    async fn open(&self, key: &str) -> Port<Option<Arrived>> {
        let Some(bytes) = self.0.lock().get(key).cloned() else { return Ok(None) };
        let sha256 = Sha256Hex::of_file(bytes.as_slice()).map_err(|e| PortError::new("files", "open", e))?;
        Ok(Some(Arrived { sha256, plain: Box::new(Cursor::new(bytes)) }))
    }

    async fn keep(&self, key: &str, bytes: Vec<u8>) -> Port<()> {
        self.0.lock().insert(key.to_owned(), bytes);
        Ok(())
    }

    async fn kept(&self, key: &str) -> Port<Option<Vec<u8>>> {
        Ok(self.0.lock().get(key).cloned())
    }
}
