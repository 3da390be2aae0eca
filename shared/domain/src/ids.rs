//! Names that were checked once, so that no key, log line or message ever holds an unchecked one.

use crate::limits::{ID_BYTES_MAX, KIND_BYTES_MAX, SOURCE_NAME_BYTES_MAX};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Why a text cannot be a name. It never repeats the text: an id from outside is shown only once it is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing there.
    #[error("the {what} is empty")]
    Empty {
        /// What it was meant to name.
        what: &'static str,
    },
    /// Over its limit.
    #[error("the {what} has {bytes} bytes, more than {bytes_max}")]
    TooLong {
        /// What it was meant to name.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Fewer than there must be.
    #[error("the {what} has {bytes} bytes, fewer than {bytes_min}")]
    TooShort {
        /// What it was meant to name.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// How many there must be.
        bytes_min: usize,
    },
    /// A character that keys, messages or logs must not hold.
    #[error("the {what} holds {character:?} at byte {at}; {allowed}")]
    Character {
        /// What it was meant to name.
        what: &'static str,
        /// The character.
        character: char,
        /// Where.
        at: usize,
        /// What may stand there.
        allowed: &'static str,
    },
}

const PRINTABLE: &str = "printable ASCII without spaces and `#` is allowed";
const GRAPHIC: &str = "printable ASCII without spaces is allowed";
const SLUG: &str = "lower-case letters, digits and `-` are allowed";

fn check(
    text: &str,
    what: &'static str,
    bytes_max: usize,
    allowed: &'static str,
    is_allowed: fn(char) -> bool,
) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { what });
    }
    if text.len() > bytes_max {
        return Err(IdError::TooLong { what, bytes: text.len(), bytes_max });
    }
    match text.char_indices().find(|(_, c)| !is_allowed(*c)) {
        Some((at, character)) => Err(IdError::Character { what, character, at, allowed }),
        None => Ok(()),
    }
}

/// `#` separates the parts of a key, so no part may hold one.
fn is_printable(c: char) -> bool {
    c.is_ascii_graphic() && c != '#'
}

/// A type is only ever the last part of a key, and Wise's hold a `#`.
fn is_graphic(c: char) -> bool {
    c.is_ascii_graphic()
}

fn is_slug(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $what:literal, $max:expr, $allowed:expr, $is_allowed:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// The name, if it is one.
            ///
            /// # Errors
            /// [`IdError`] says what is wrong with the text, without repeating it.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                check(&text, $what, $max, $allowed, $is_allowed)?;
                Ok(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }
    )*};
}

names! {
    /// One configured endpoint, as it stands in its URL: `stripe-main`.
    SourceName: "source name", SOURCE_NAME_BYTES_MAX, SLUG, is_slug;
    /// The provider's id of one event, unique within its source: `evt_1NG8Du2eZvKYlo2C`.
    EventId: "event id", ID_BYTES_MAX, PRINTABLE, is_printable;
    /// The provider's name for one payment, unique within its source: `pi_3MtwBwLkdIwHu7ix`.
    PaymentId: "payment reference", ID_BYTES_MAX, PRINTABLE, is_printable;
    /// The provider's id of one refund, dispute, payout or attempt: an item of a register.
    ItemId: "item id", ID_BYTES_MAX, PRINTABLE, is_printable;
    /// The provider's name for what sort of event it is: `payment_intent.succeeded`.
    EventKind: "event type", KIND_BYTES_MAX, GRAPHIC, is_graphic;
}

/// A W3C trace id: 16 bytes, lower-case hex. It is made at the delivery and travels to the published event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceId(String);

/// Length of the mark that tells apart what came out of one event, in hex digits.
const MARK_BYTES: usize = 24;

impl EventId {
    /// The id of something that came out of this event: the event's own, and a mark of what it is. The same parts give
    /// the same id, and no other event's.
    #[must_use]
    pub fn with_digest(&self, what: &str) -> Self {
        let digest = Sha256Hex::of(&[self.0.as_bytes(), what.as_bytes()]);
        let room = ID_BYTES_MAX.saturating_sub(MARK_BYTES).saturating_sub(1);
        let (own, mark) =
            (self.0.get(..room).unwrap_or(&self.0), digest.as_str().get(..MARK_BYTES).unwrap_or_default());
        Self(format!("{own}~{mark}"))
    }

    /// The event that this one came out of, told from its form: none when the form is not that of [`Self::with_digest`]. A
    /// provider may give ids of this form itself, and a long id has lost its end: what is kept under the answer decides.
    #[must_use]
    pub fn came_out_of(&self) -> Option<Self> {
        let (own, mark) = self.0.rsplit_once('~')?;
        let is_mark = mark.len() == MARK_BYTES && HEXLOWER.decode(mark.as_bytes()).is_ok();
        (is_mark && !own.is_empty()).then(|| Self(own.to_owned()))
    }

    /// This event, then those that it came out of.
    pub fn lineage(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::came_out_of)
    }
}

impl TraceId {
    /// From 16 random bytes, which the caller brings.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(HEXLOWER.encode(&bytes))
    }

    /// The same for the same parts: for work that may be done twice and must then look the same.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
        Self(Sha256Hex::of(&parts).short().to_owned())
    }

    /// 32 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The CloudEvents `traceparent` of this trace, with a span id taken from the trace itself so that a republished
    /// event has the same bytes.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let span = self.0.get(..16).unwrap_or("0000000000000001");
        format!("00-{}-{span}-01", self.0)
    }
}

/// A SHA-256, lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex(String);

macro_rules! hex {
    ($($name:ident: $what:literal, $digits:literal;)*) => {$(
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                const ALLOWED: &str = "lower-case hex digits are allowed";
                check(&text, $what, $digits, ALLOWED, |c| c.is_ascii_digit() || ('a'..='f').contains(&c))?;
                if text.len() < $digits {
                    return Err(IdError::TooShort { what: $what, bytes: text.len(), bytes_min: $digits });
                }
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(hex: $name) -> Self {
                hex.0
            }
        }
    )*};
}

hex! {
    TraceId: "trace id", 32;
    Sha256Hex: "digest", 64;
}

impl Sha256Hex {
    /// The hash of the parts, each preceded by its length so that no two lists of parts share one.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(HEXLOWER.encode(&hash.finalize()))
    }

    /// The plain digest of a file, as `sha256sum` shows it.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn of_file(mut file: impl std::io::Read) -> std::io::Result<Self> {
        let mut hash = Sha256::new();
        let mut block = vec![0; 1 << 16];
        loop {
            match file.read(&mut block)? {
                0 => return Ok(Self(HEXLOWER.encode(&hash.finalize()))),
                read => hash.update(block.get(..read).unwrap_or_default()),
            }
        }
    }

    /// 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 128 bits, 32 hex digits: enough for an id that nobody can choose freely.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..32).unwrap_or(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_what_keys_and_logs_must_not_hold() {
        let long = "x".repeat(ID_BYTES_MAX + 1);
        for (text, message) in [
            ("", "the event id is empty"),
            ("a b", "the event id holds ' ' at byte 1; printable ASCII without spaces and `#` is allowed"),
            ("a#b", "the event id holds '#' at byte 1; printable ASCII without spaces and `#` is allowed"),
            ("é", "the event id holds 'é' at byte 0; printable ASCII without spaces and `#` is allowed"),
            (long.as_str(), "the event id has 201 bytes, more than 200"),
        ] {
            assert_eq!(EventId::new(text).map_err(|e| e.to_string()), Err(message.to_owned()));
        }
        assert!(SourceName::new("stripe-main").is_ok());
        assert!(SourceName::new("Stripe").is_err());
        assert!(SourceName::new("x".repeat(SOURCE_NAME_BYTES_MAX + 1)).is_err());
        assert!(EventKind::new("x".repeat(KIND_BYTES_MAX)).is_ok());
        assert!(EventKind::new("x".repeat(KIND_BYTES_MAX + 1)).is_err());
        assert!(EventKind::new("transfers#state-change").is_ok());
        assert!(EventKind::new("a b").is_err());
    }

    #[test]
    fn what_came_out_of_an_event_leads_back_to_it() {
        let event = |text: &str| EventId::new(text).expect("an id");
        let longest_whole = "x".repeat(ID_BYTES_MAX - 1 - MARK_BYTES);
        for own in ["evt_1", "a~b", "~", longest_whole.as_str()] {
            let answer = event(own).with_digest("an answer");
            assert_eq!(answer.came_out_of(), Some(event(own)));
        }
        let fact = event("evt_1").with_digest("an answer").with_digest("a fact");
        let lineage = [fact.clone(), event("evt_1").with_digest("an answer"), event("evt_1")];
        assert_eq!(fact.lineage().collect::<Vec<_>>(), lineage);
        let mark = "0123456789abcdef01234567";
        let upper = format!("evt~{}", mark.to_uppercase());
        for other in ["evt_1", &format!("~{mark}"), &format!("evt~{mark}8"), &format!("evt{mark}"), &upper] {
            assert_eq!(event(other).came_out_of(), None, "{other}");
        }
    }

    #[test]
    fn parts_cannot_be_shifted() {
        assert_ne!(Sha256Hex::of(&[b"ab", b"c"]), Sha256Hex::of(&[b"a", b"bc"]));
        assert_eq!(Sha256Hex::of(&[]).short().len(), 32);
    }

    #[test]
    fn hex_is_read_only_as_it_is_written() {
        let trace = TraceId::from_bytes([0xa1; 16]);
        let digest = Sha256Hex::of(&[b"x"]);
        for text in [trace.as_str().to_owned(), "A".repeat(32), "a".repeat(31), "a".repeat(33), String::new()]
        {
            assert_eq!(TraceId::try_from(text.clone()).is_ok(), text == trace.as_str(), "{text}");
        }
        let json = serde_json::to_string(&digest).expect("JSON");
        assert_eq!(serde_json::from_str::<Sha256Hex>(&json).expect("a digest"), digest);
        let short = serde_json::from_str::<Sha256Hex>("\"ab\"").expect_err("no digest").to_string();
        assert!(short.contains("the digest has 2 bytes, fewer than 64"), "{short}");
    }
}
