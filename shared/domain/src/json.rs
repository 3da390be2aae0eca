//! A strict and lazy view of a provider's JSON.
//!
//! The body stays the bytes that were signed; this only points into it. A number is its source text, so no amount
//! passes through a float. An object that names a key twice is refused wherever it is looked at, because two readers
//! could disagree on which one counts.

mod path;

pub use path::{Path, PathError, Place};

use crate::ids::Sha256Hex;
use crate::limits::JSON_DEPTH_MAX;
use path::Step;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// A place in a JSON text.
#[derive(Clone, Copy, Debug)]
pub struct Doc<'a>(&'a RawValue);

/// Why a JSON text cannot be used. It never repeats the text, only where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not UTF-8 or not JSON.
    #[error("the body is not JSON: {reason} at line {line}, column {column}")]
    Syntax {
        /// What the parser said, without the text.
        reason: &'static str,
        /// 1-based.
        line: usize,
        /// 1-based.
        column: usize,
    },
    /// One object holds a key twice.
    #[error("the object at {at} names the key {key:?} twice")]
    DuplicateKey {
        /// The path.
        at: String,
        /// The key.
        key: String,
    },
    /// Deeper than [`JSON_DEPTH_MAX`].
    #[error("the body is nested deeper than {JSON_DEPTH_MAX} levels")]
    TooDeep,
    /// Something else stands where a path expects an object, a list, a text or a number.
    #[error("{at} is {found}, not {expected}")]
    Kind {
        /// The path.
        at: String,
        /// What stands there.
        found: &'static str,
        /// What was expected.
        expected: &'static str,
    },
}

impl<'a> Doc<'a> {
    /// Checks that the bytes are one JSON text.
    ///
    /// # Errors
    /// [`JsonError::Syntax`] with the place.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::Syntax {
            reason: "not UTF-8",
            line: 1,
            column: 1,
        })?;
        serde_json::from_str::<&RawValue>(text).map(Doc).map_err(|e| JsonError::Syntax {
            reason: if e.is_eof() { "it ends too early" } else { "a syntax error" },
            line: e.line(),
            column: e.column(),
        })
    }

    /// The source text of this place.
    #[must_use]
    pub fn source(self) -> &'a str {
        self.0.get()
    }

    /// What stands at `path`, or nothing: an absent key, an index past the end and `null` are all nothing.
    ///
    /// # Errors
    /// [`JsonError`] when an object on the way names a key twice.
    pub fn at(self, path: &Path) -> Result<Option<Doc<'a>>, JsonError> {
        Ok(self.all(path)?.into_iter().next())
    }

    /// Every place that `path` leads to, in order. `null` counts only as an element of the list that the path ends in.
    ///
    /// # Errors
    /// [`JsonError::Kind`] when `[*]` meets something that is not a list; [`JsonError::DuplicateKey`].
    pub fn all(self, path: &Path) -> Result<Vec<Doc<'a>>, JsonError> {
        let mut places = vec![self];
        for (depth, step) in path.steps().iter().enumerate() {
            let mut next = Vec::new();
            for place in places {
                match step {
                    Step::Key(key) => next.extend(place.member(key, path, depth)?),
                    Step::Index(index) => {
                        next.extend(place.items().and_then(|items| items.get(*index).copied()))
                    }
                    Step::Where(key, value) => {
                        let mut found = Vec::new();
                        for item in place.items().unwrap_or_default() {
                            let member = item.member(key, path, depth)?.and_then(Doc::scalar);
                            if member.is_some_and(|member| member == value.as_str()) {
                                found.push(item);
                            }
                        }
                        // Two that fit are as good as none: nothing says which one is meant.
                        if let [only] = found.as_slice() {
                            next.push(*only);
                        }
                    }
                    Step::Each => next.extend(place.items().ok_or_else(|| JsonError::Kind {
                        at: path.as_str().to_owned(),
                        found: place.kind(),
                        expected: "a list",
                    })?),
                }
            }
            places = next;
        }
        // Nothing at a place is nothing; nothing in a list is an item that its reader must see.
        if path.steps().last() != Some(&Step::Each) {
            places.retain(|place| !place.is_null());
        }
        Ok(places)
    }

    /// The text of a string, unescaped.
    #[must_use]
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            "a string" => serde_json::from_str::<Text<'a>>(self.source()).ok().map(|text| text.0),
            _ => None,
        }
    }

    /// The source text of a number.
    #[must_use]
    pub fn number(self) -> Option<&'a str> {
        (self.kind() == "a number").then(|| self.source())
    }

    /// A string's content, a number's source text, or `true` / `false`: what an id or a status may be written as.
    #[must_use]
    pub fn scalar(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            "a string" => self.text(),
            "a number" | "a boolean" => Some(Cow::Borrowed(self.source())),
            _ => None,
        }
    }

    /// The elements of a list.
    #[must_use]
    pub fn items(self) -> Option<Vec<Doc<'a>>> {
        if self.kind() != "a list" {
            return None;
        }
        serde_json::from_str::<Vec<&'a RawValue>>(self.source())
            .ok()
            .map(|items| items.into_iter().map(Doc).collect())
    }

    /// What sort of value stands here, for messages.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self.source().as_bytes().first() {
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            _ => "a number",
        }
    }

    fn is_null(self) -> bool {
        self.source() == "null"
    }

    fn members(self) -> Result<Vec<(Cow<'a, str>, Doc<'a>)>, JsonError> {
        let Members(members) = serde_json::from_str(self.source()).map_err(|e| JsonError::Syntax {
            reason: "a broken object",
            line: e.line(),
            column: e.column(),
        })?;
        Ok(members)
    }

    /// The member of an object, or nothing when this is no object or has no such key.
    fn member(self, key: &str, path: &Path, depth: usize) -> Result<Option<Doc<'a>>, JsonError> {
        if self.kind() != "an object" {
            return Ok(None);
        }
        let mut found = None;
        for (name, value) in self.members()? {
            if name == key && found.replace(value).is_some() {
                let at = format!("{} (step {depth})", path.as_str());
                return Err(JsonError::DuplicateKey { at, key: key.to_owned() });
            }
        }
        Ok(found)
    }

    /// Adds the canonical form of this place to a hash: keys sorted, no spaces, strings unescaped, numbers as written.
    fn hash_canonical(self, hash: &mut Sha256, depth: usize) -> Result<(), JsonError> {
        if depth > JSON_DEPTH_MAX {
            return Err(JsonError::TooDeep);
        }
        match self.kind() {
            "an object" => {
                let mut members = self.members()?;
                members.sort_by(|(a, _), (b, _)| a.cmp(b));
                hash.update(b"{");
                for (at, (key, value)) in members.iter().enumerate() {
                    if at
                        .checked_sub(1)
                        .and_then(|last| members.get(last))
                        .is_some_and(|(last, _)| last == key)
                    {
                        return Err(JsonError::DuplicateKey {
                            at: "$".to_owned(),
                            key: crate::money::excerpt(key),
                        });
                    }
                    hash_text(hash, key);
                    value.hash_canonical(hash, depth.saturating_add(1))?;
                }
                hash.update(b"}");
            }
            "a list" => {
                hash.update(b"[");
                for item in self.items().unwrap_or_default() {
                    item.hash_canonical(hash, depth.saturating_add(1))?;
                    hash.update(b",");
                }
                hash.update(b"]");
            }
            "a string" => match self.text() {
                Some(text) => hash_text(hash, &text),
                // Half of a surrogate pair: valid JSON, but no text. Its source tells it from any other.
                None => hash.update(self.source()),
            },
            _ => hash.update(self.source()),
        }
        Ok(())
    }
}

/// A string, prefixed by its length so that it cannot be confused with what follows.
fn hash_text(hash: &mut Sha256, text: &str) {
    hash.update(b"\"");
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text);
}

/// The digest of what an event means: the canonical form of the given places, so that white space, key order and
/// fields that change from one delivery to the next (Stripe's `pending_webhooks`) do not count.
///
/// # Errors
/// [`JsonError`] when a place holds a doubled key or is nested too deep.
pub fn meaning(doc: Doc<'_>, places: &[Path]) -> Result<Sha256Hex, JsonError> {
    let mut hash = Sha256::new();
    for path in places {
        hash.update([0x1e]);
        for place in doc.all(path)? {
            place.hash_canonical(&mut hash, 0)?;
        }
    }
    Ok(Sha256Hex::of(&[&hash.finalize()]))
}

/// A string that borrows where nothing was escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object in source order, doubled keys included.
struct Members<'a>(Vec<(Cow<'a, str>, Doc<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(Cow<'de, str>, Doc<'de>)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(key), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((key, Doc(value)));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Collect).map(Members)
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).expect("a path in a test")
    }

    fn check(body: &str, at: &str, expected: Result<&[&str], &str>) {
        let found = Doc::parse(body.as_bytes())
            .and_then(|doc| doc.all(&path(at)))
            .map(|places| places.iter().map(|p| p.source().to_owned()).collect::<Vec<_>>())
            .map_err(|e| e.to_string());
        let expected = expected.map(|p| p.iter().map(|s| (*s).to_owned()).collect()).map_err(str::to_owned);
        assert_eq!(found, expected, "{body} {at}");
    }

    #[test]
    fn paths_lead_to_source_text() {
        let body = r#"{"a":{"b":[{"c":1.50},{"c":2e3}],"n":null},"s":"x"}"#;
        check(body, "$.a.b[0].c", Ok(&["1.50"]));
        check(body, "$.a.b[*].c", Ok(&["1.50", "2e3"]));
        check(body, "$.a.n", Ok(&[]));
        check(body, "$.a.missing.deeper", Ok(&[]));
        check(body, "$.s.not_an_object", Ok(&[]));
        check(body, "$.a.b[7]", Ok(&[]));
        check(body, "$.s[*]", Err("$.s[*] is a string, not a list"));
        check("7", "$", Ok(&["7"]));
        check("[1,null]", "$[*]", Ok(&["1", "null"]));
        check("[1,null]", "$[1]", Ok(&[]));
    }

    #[test]
    fn a_key_named_twice_is_refused_where_it_is_read() {
        check(
            r#"{"amount":1,"amount":2}"#,
            "$.amount",
            Err(r#"the object at $.amount (step 0) names the key "amount" twice"#),
        );
        check(
            r#"{"amount":1,"amoun\u0074":2}"#,
            "$.amount",
            Err(r#"the object at $.amount (step 0) names the key "amount" twice"#),
        );
        let doc = Doc::parse(br#"{"a":{"x":1,"y":{},"x":1}}"#).expect("JSON");
        assert!(matches!(meaning(doc, &[path("$.a")]), Err(JsonError::DuplicateKey { .. })));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for body in [&b""[..], b"{", b"{}x", b"{'a':1}", b"\xff", b"{\"a\":\"\n\"}", b"{\"a\":01}"] {
            assert!(matches!(Doc::parse(body), Err(JsonError::Syntax { .. })), "{body:?}");
        }
    }

    #[test]
    fn nesting_costs_no_stack_and_is_bounded() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let doc = Doc::parse(deep.as_bytes()).expect("JSON");
        assert_eq!(meaning(doc, &[path("$")]), Err(JsonError::TooDeep));
    }

    #[test]
    fn meaning_ignores_form_and_sees_content() {
        let digest = |body: &str| {
            meaning(Doc::parse(body.as_bytes()).expect("JSON"), &[path("$.type"), path("$.data")])
                .expect("a digest")
        };
        let one = digest(r#"{"type":"a","data":{"x":1,"y":["é"]},"pending_webhooks":2}"#);
        assert_eq!(
            one,
            digest("{ \"pending_webhooks\": 1, \"data\": {\"y\":[\"\\u00e9\"],\n \"x\": 1}, \"type\":\"a\"}")
        );
        assert_ne!(one, digest(r#"{"type":"a","data":{"x":2,"y":["é"]}}"#));
        assert_ne!(one, digest(r#"{"type":"b","data":{"x":1,"y":["é"]}}"#));
        assert_ne!(digest(r#"{"data":["ab"]}"#), digest(r#"{"data":["a","b"]}"#));
        assert_ne!(digest(r#"{"data":"1"}"#), digest(r#"{"data":1}"#));
    }

    #[test]
    fn a_bad_path_is_refused() {
        for text in ["", "data", "$data", "$.", "$..a", "$.a[", "$.a[x]", "$.a[-1]"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
