//! Files of rows on disk: what comes compressed, and sorted runs that wait to be merged.

use countersign_domain::books::Row;
use countersign_domain::books::canonical::{CanonicalError, CanonicalRows, write_header, write_row};
use countersign_domain::books::sort::Spill;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek as _, SeekFrom, Write as _};

/// Most bytes that one file comes to once it is decompressed. A hundred million rows are about ten of these gigabytes.
pub const REPORT_BYTES_MAX: u64 = 64 << 30;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Reads a file that may be compressed: with gzip or zstd, which its first bytes tell. A file that comes to more than
/// `bytes_max` ends in an error.
///
/// # Errors
/// Why its first bytes cannot be read.
pub fn decompressed<R: Read + Send + 'static>(
    mut from: R,
    bytes_max: u64,
) -> std::io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(ZSTD.len());
    from.by_ref().take(ZSTD.len() as u64).read_to_end(&mut magic)?;
    let (is_gzip, is_zstd) = (magic.starts_with(&GZIP), magic == ZSTD);
    let whole = BufReader::new(std::io::Cursor::new(magic).chain(from));
    let plain: Box<dyn Read + Send> = if is_gzip {
        Box::new(flate2::bufread::MultiGzDecoder::new(whole))
    } else if is_zstd {
        Box::new(zstd::stream::Decoder::with_buffer(whole)?)
    } else {
        Box::new(whole)
    };
    Ok(Box::new(Capped { from: plain, left: bytes_max, bytes_max }))
}

/// Ends in an error, and not as if the file were over, where a file is larger than it may be.
struct Capped {
    from: Box<dyn Read + Send>,
    left: u64,
    bytes_max: u64,
}

impl Read for Capped {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let why = format!("the file comes to more than {} bytes", self.bytes_max);
            std::io::Error::other(why)
        })?;
        Ok(read)
    }
}

/// Sorted runs in temporary files, which are gone with them.
#[derive(Debug, Default)]
pub struct FileRuns(Vec<File>);

impl Spill for FileRuns {
    type Run = CanonicalRows<File>;
    type Error = CanonicalError;

    fn keep(&mut self, run: &[Row]) -> Result<(), CanonicalError> {
        let mut into = BufWriter::new(tempfile::tempfile()?);
        write_header(&mut into)?;
        for row in run {
            write_row(&mut into, row)?;
        }
        into.flush()?;
        self.0.push(into.into_inner().map_err(std::io::IntoInnerError::into_error)?);
        Ok(())
    }

    fn runs(self) -> Result<Vec<CanonicalRows<File>>, CanonicalError> {
        let read = |mut file: File| {
            file.seek(SeekFrom::Start(0))?;
            CanonicalRows::new(file)
        };
        self.0.into_iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_domain::books::sort::{HeldRows, sort};
    use countersign_domain::books::{Entry, Rows as _};

    fn read(bytes: Vec<u8>, bytes_max: u64) -> std::io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        decompressed(std::io::Cursor::new(bytes), bytes_max)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut into = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        into.write_all(bytes).expect("memory");
        into.finish().expect("memory")
    }

    #[test]
    fn a_file_is_read_whatever_it_is_compressed_with() {
        let text = b"payment,amount\np1,10.00\n".repeat(1_000);
        let two_members = [gzip(&text[..24]), gzip(&text[24..])].concat();
        for file in
            [text.clone(), gzip(&text), two_members, zstd::encode_all(text.as_slice(), 0).expect("memory")]
        {
            assert_eq!(read(file.clone(), text.len() as u64).expect("a file"), text);
            let error = read(file, text.len() as u64 - 1).expect_err("too large").to_string();
            assert_eq!(error, "the file comes to more than 23999 bytes");
        }
        assert_eq!(read(Vec::new(), 0).expect("an empty file"), b"");
        let torn = gzip(&text)[..40].to_vec();
        assert!(read(torn, 1 << 20).is_err(), "half a file is no file");
    }

    #[test]
    fn runs_in_files_are_merged_into_one_order() {
        let rows: Vec<_> = (0..100)
            .map(|number: u64| Row {
                reference: format!("p{:03}", number * 37 % 100),
                entry: Entry::Payment,
                ..Row::empty()
            })
            .collect();
        let mut merged = sort(HeldRows::new(rows), 7, FileRuns::default()).expect("space");
        let (mut row, mut references) = (Row::empty(), Vec::new());
        while merged.next(&mut row).expect("rows") {
            references.push(row.reference.clone());
        }
        assert!(references.is_sorted() && references.len() == 100, "{references:?}");
    }
}
