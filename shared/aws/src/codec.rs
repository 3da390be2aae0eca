//! Bytes that are kept in a row, made small.
//!
//! The first byte says how the rest is kept, so a row stays readable when a better way is found:
//!
//! | id | the rest is |
//! |---|---|
//! | 0 | the bytes as they are |
//! | 1 | one zstd frame against `dictionary/1.txt` |
//!
//! A real Stripe event of 6 KB becomes about 500 bytes, which is what makes its row cost one write unit.

use std::io;
use std::sync::LazyLock;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::CParameter;

/// Most bytes that are packed or unpacked. Four times the largest delivery, so that an event from a provider's list fits
/// as well; a frame that claims more is refused before anything is allocated.
pub const PLAIN_BYTES_MAX: usize = 1_048_576;

const AS_IT_IS: u8 = 0;
const ZSTD_DICTIONARY_1: u8 = 1;

static DICTIONARY_1: &[u8] = include_bytes!("../dictionary/1.txt");

/// Above 9 a body of 6 KB gets 2 % smaller and takes twenty times as long.
const LEVEL: i32 = 9;

/// Preparing them takes milliseconds, so it is done once, and only by a process that needs it.
static ENCODER_1: LazyLock<io::Result<EncoderDictionary<'static>>> =
    LazyLock::new(|| EncoderDictionary::try_copy(DICTIONARY_1, LEVEL));
static DECODER_1: LazyLock<io::Result<DecoderDictionary<'static>>> =
    LazyLock::new(|| DecoderDictionary::try_copy(DICTIONARY_1));

/// Why bytes cannot be packed or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// More than a row may hold.
    #[error("{bytes} bytes are more than the {PLAIN_BYTES_MAX} that one row may hold")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// Nothing there, not even the codec's id.
    #[error("the packed bytes are empty")]
    Empty,
    /// Written by a newer version, or no packed bytes at all.
    #[error("the packed bytes have the codec id {id}, and 0 and 1 are known: deploy a version that knows it")]
    UnknownCodec {
        /// The id.
        id: u8,
    },
    /// zstd refused.
    #[error("zstd cannot {operation}")]
    Zstd {
        /// What it was asked for.
        operation: &'static str,
        /// Its word for it.
        #[source]
        error: io::Error,
    },
}

fn failed(operation: &'static str) -> impl Fn(io::Error) -> CodecError {
    move |error| CodecError::Zstd { operation, error }
}

/// A prepared dictionary, or why there is none.
fn ready<T>(dictionary: &io::Result<T>) -> Result<&T, CodecError> {
    dictionary
        .as_ref()
        .map_err(|error| failed("load its dictionary")(io::Error::new(error.kind(), error.to_string())))
}

/// Makes bytes small, if they can be made so.
///
/// # Errors
/// [`CodecError`] when there are more than [`PLAIN_BYTES_MAX`] of them.
pub fn pack(plain: &[u8]) -> Result<Vec<u8>, CodecError> {
    if plain.len() > PLAIN_BYTES_MAX {
        return Err(CodecError::TooLarge { bytes: plain.len() });
    }
    let mut compressor =
        Compressor::with_prepared_dictionary(ready(&ENCODER_1)?).map_err(failed("begin a frame"))?;
    // The codec id names the dictionary, and the store guards the bytes: the frame need not do either again.
    for parameter in [CParameter::DictIdFlag(false), CParameter::ChecksumFlag(false)] {
        compressor.set_parameter(parameter).map_err(failed("begin a frame"))?;
    }
    let frame = compressor.compress(plain).map_err(failed("compress"))?;
    let (codec, rest) =
        if frame.len() < plain.len() { (ZSTD_DICTIONARY_1, frame.as_slice()) } else { (AS_IT_IS, plain) };
    let mut packed = Vec::with_capacity(rest.len().saturating_add(1));
    packed.push(codec);
    packed.extend_from_slice(rest);
    Ok(packed)
}

/// Gives the bytes back.
///
/// # Errors
/// [`CodecError`] when these are no packed bytes, or hold more than [`PLAIN_BYTES_MAX`].
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, CodecError> {
    match packed.split_first() {
        None => Err(CodecError::Empty),
        Some((&AS_IT_IS, rest)) if rest.len() > PLAIN_BYTES_MAX => {
            Err(CodecError::TooLarge { bytes: rest.len() })
        }
        Some((&AS_IT_IS, rest)) => Ok(rest.to_vec()),
        Some((&ZSTD_DICTIONARY_1, frame)) => {
            let mut decompressor =
                Decompressor::with_prepared_dictionary(ready(&DECODER_1)?).map_err(failed("read a frame"))?;
            decompressor.decompress(frame, PLAIN_BYTES_MAX).map_err(failed("decompress"))
        }
        Some((&id, _)) => Err(CodecError::UnknownCodec { id }),
    }
}

/// Prepares the dictionaries, so that no delivery waits for it.
pub fn warm() {
    LazyLock::force(&ENCODER_1);
    LazyLock::force(&DECODER_1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_packed_comes_back(plain in proptest::collection::vec(any::<u8>(), 0..4_000)) {
            let packed = pack(&plain).expect("packs");
            prop_assert!(packed.len() <= plain.len() + 1, "packing never costs more than its id");
            prop_assert_eq!(unpack(&packed).expect("unpacks"), plain);
        }

        #[test]
        fn no_bytes_make_it_panic(packed in proptest::collection::vec(any::<u8>(), 0..400), codec in 0_u8..3) {
            let _ = unpack(&packed);
            let _ = unpack(&[&[codec], packed.as_slice()].concat());
        }
    }

    #[test]
    fn what_does_not_get_smaller_is_kept_as_it_is() {
        assert_eq!(pack(b"x").expect("packs"), b"\0x");
        assert_eq!(unpack(b"\0x").expect("unpacks"), b"x");
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let largest = vec![b'x'; PLAIN_BYTES_MAX];
        assert_eq!(unpack(&pack(&largest).expect("packs")).expect("unpacks"), largest);
        let larger = vec![b'x'; PLAIN_BYTES_MAX + 1];
        assert!(matches!(pack(&larger), Err(CodecError::TooLarge { bytes }) if bytes == PLAIN_BYTES_MAX + 1));
        // A frame of a few hundred bytes that claims sixteen times the limit.
        let bomb = zstd::bulk::compress(&vec![0; 16 * PLAIN_BYTES_MAX], 19).expect("compresses");
        assert!(bomb.len() < 4_096, "{}", bomb.len());
        let refused = unpack(&[&[ZSTD_DICTIONARY_1], bomb.as_slice()].concat());
        assert!(matches!(refused, Err(CodecError::Zstd { operation: "decompress", .. })), "{refused:?}");
        assert!(unpack(&[&[AS_IT_IS], larger.as_slice()].concat()).is_err());
    }

    #[test]
    fn an_unknown_codec_says_so() {
        let error = unpack(&[7, 1, 2]).expect_err("is unknown").to_string();
        assert!(error.starts_with("the packed bytes have the codec id 7"), "{error}");
        assert!(matches!(unpack(&[]), Err(CodecError::Empty)));
    }

    /// Rows that were written stay readable: these bytes were made by another implementation of zstd.
    #[test]
    fn old_rows_stay_readable() {
        let packed = data_encoding::HEXLOWER.decode(OLD_ROW.as_bytes()).expect("is hex");
        assert_eq!(unpack(&packed).expect("unpacks"), OLD_BODY);
    }

    const OLD_BODY: &[u8] =
        br#"{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"object":"payment_intent"}}}"#;
    const OLD_ROW: &str =
        "0128b52ffd205e1d01004031222c2c7b7d7d7d08007d87085a36e00b968316641ca2b522f6e1bfb380d2e80e20";
}
