//! A strict and lazy view of a provider's JSON.
//!
//! The body stays the bytes that were signed; this only points into it. A number is its source text, so no amount
//! passes through a float. An object that names a key twice is refused wherever it is looked at, because two readers
//! could disagree on which one counts.

mod canonical;
mod path;
mod tape;

pub use canonical::meaning;
pub use path::{Path, PathError, Place};

use crate::limits::JSON_DEPTH_MAX;
use path::Step;
use serde_json::value::RawValue;
use std::borrow::Cow;
use tape::{Kind, Node};

/// A JSON text whose values have been found, each once.
#[derive(Clone, Debug)]
pub struct Json<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

/// A place in a JSON text.
#[derive(Clone, Copy, Debug)]
pub struct Doc<'a> {
    json: &'a Json<'a>,
    at: usize,
}

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

impl<'a> Json<'a> {
    /// Checks that the bytes are one JSON text, and finds its values.
    ///
    /// # Errors
    /// [`JsonError::Syntax`] with the place.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::Syntax {
            reason: "not UTF-8",
            line: 1,
            column: 1,
        })?;
        // What is JSON is serde's word alone; where its values are is then easily found.
        serde_json::from_str::<&RawValue>(text).map_err(|e| JsonError::Syntax {
            reason: if e.is_eof() { "it ends too early" } else { "a syntax error" },
            line: e.line(),
            column: e.column(),
        })?;
        Ok(Self { text, nodes: tape::nodes(text) })
    }

    /// The whole of it.
    #[must_use]
    pub fn root(&self) -> Doc<'_> {
        Doc { json: self, at: 0 }
    }
}

impl<'a> Doc<'a> {
    fn node(self) -> Node {
        let whole =
            Node { start: 0, end: self.json.text.len(), after: self.json.nodes.len(), kind: Kind::Null };
        self.json.nodes.get(self.at).copied().unwrap_or(whole)
    }

    /// The source text of this place.
    #[must_use]
    pub fn source(self) -> &'a str {
        let Node { start, end, .. } = self.node();
        self.json.text.get(start..end).unwrap_or_default()
    }

    /// What stands at `path`, or nothing: an absent key, an index past the end and `null` are all nothing.
    ///
    /// # Errors
    /// [`JsonError`] when an object on the way names a key twice.
    pub fn at(self, path: &Path) -> Result<Option<Doc<'a>>, JsonError> {
        if path.is_many() {
            return Ok(self.all(path)?.into_iter().next());
        }
        let mut place = self;
        for (depth, step) in path.steps().iter().enumerate() {
            match place.step(step, path, depth)? {
                Some(next) => place = next,
                None => return Ok(None),
            }
        }
        Ok(Some(place).filter(|place| !place.is_null()))
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
                if *step == Step::Each {
                    next.extend(place.items().ok_or_else(|| JsonError::Kind {
                        at: path.as_str().to_owned(),
                        found: place.kind(),
                        expected: "a list",
                    })?);
                } else {
                    next.extend(place.step(step, path, depth)?);
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

    /// The one place that a step leads to.
    fn step(self, step: &Step, path: &Path, depth: usize) -> Result<Option<Doc<'a>>, JsonError> {
        match step {
            Step::Key(key) => self.member(key, path, depth),
            Step::Index(index) => Ok(self.items().and_then(|items| items.get(*index).copied())),
            Step::Where(key, value) => {
                let mut found = Vec::new();
                for item in self.items().unwrap_or_default() {
                    let member = item.member(key, path, depth)?.and_then(Doc::scalar);
                    if member.is_some_and(|member| member == value.as_str()) {
                        found.push(item);
                    }
                }
                // Two that fit are as good as none: nothing says which one is meant.
                Ok(if let [only] = found.as_slice() { Some(*only) } else { None })
            }
            Step::Each => Ok(None),
        }
    }

    /// The text of a string, unescaped.
    #[must_use]
    pub fn text(self) -> Option<Cow<'a, str>> {
        let source = self.source();
        match self.node().kind {
            Kind::PlainText => source.get(1..source.len().saturating_sub(1)).map(Cow::Borrowed),
            Kind::EscapedText => serde_json::from_str(source).ok().map(Cow::Owned),
            _ => None,
        }
    }

    /// The source text of a number.
    #[must_use]
    pub fn number(self) -> Option<&'a str> {
        (self.node().kind == Kind::Number).then(|| self.source())
    }

    /// A string's content, a number's source text, or `true` / `false`: what an id or a status may be written as.
    #[must_use]
    pub fn scalar(self) -> Option<Cow<'a, str>> {
        match self.node().kind {
            Kind::PlainText | Kind::EscapedText => self.text(),
            Kind::Number | Kind::Boolean => Some(Cow::Borrowed(self.source())),
            Kind::Object | Kind::List | Kind::Null => None,
        }
    }

    /// The elements of a list.
    #[must_use]
    pub fn items(self) -> Option<Vec<Doc<'a>>> {
        (self.node().kind == Kind::List).then(|| self.children().collect())
    }

    /// What sort of value stands here, for messages.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self.node().kind {
            Kind::Object => "an object",
            Kind::List => "a list",
            Kind::PlainText | Kind::EscapedText => "a string",
            Kind::Boolean => "a boolean",
            Kind::Null => "null",
            Kind::Number => "a number",
        }
    }

    fn is_null(self) -> bool {
        self.node().kind == Kind::Null
    }

    /// What stands directly in this list or object; of an object, keys and values in turn.
    fn children(self) -> impl Iterator<Item = Doc<'a>> {
        let (json, end) = (self.json, self.node().after);
        let mut at = self.at.saturating_add(1);
        std::iter::from_fn(move || {
            let child = Doc { json, at };
            (at < end).then(|| {
                at = child.node().after;
                child
            })
        })
    }

    fn members(self) -> impl Iterator<Item = (Doc<'a>, Doc<'a>)> {
        let mut children = self.children();
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The text of a key. Half of a surrogate pair is JSON but no text, and could be taken for any other.
    fn key(self) -> Result<Cow<'a, str>, JsonError> {
        self.text().ok_or(JsonError::Syntax {
            reason: "a key that is no text",
            line: 1,
            column: self.node().start,
        })
    }

    /// The member of an object, or nothing when this is no object or has no such key.
    fn member(self, key: &str, path: &Path, depth: usize) -> Result<Option<Doc<'a>>, JsonError> {
        if self.node().kind != Kind::Object {
            return Ok(None);
        }
        let mut found = None;
        for (name, value) in self.members() {
            if name.key()? == key && found.replace(value).is_some() {
                let at = format!("{} (step {depth})", path.as_str());
                return Err(JsonError::DuplicateKey { at, key: key.to_owned() });
            }
        }
        Ok(found)
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
        let found = Json::parse(body.as_bytes())
            .and_then(|json| {
                let places = json.root().all(&path(at))?;
                Ok(places.iter().map(|p| p.source().to_owned()).collect::<Vec<_>>())
            })
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
    fn what_stands_in_the_place_of_a_list_is_named() {
        for (body, name) in [
            ("{}", "an object"),
            (r#""x""#, "a string"),
            (r#""\u0078""#, "a string"),
            ("-1.5e3", "a number"),
            ("true", "a boolean"),
            ("false", "a boolean"),
        ] {
            check(body, "$[*]", Err(&format!("$[*] is {name}, not a list")));
        }
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
        let json = Json::parse(br#"{"a":{"x":1,"y":{},"x":1}}"#).expect("JSON");
        assert!(matches!(meaning(json.root(), &[path("$.a")]), Err(JsonError::DuplicateKey { .. })));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for body in [&b""[..], b"{", b"{}x", b"{'a':1}", b"\xff", b"{\"a\":\"\n\"}", b"{\"a\":01}"] {
            assert!(matches!(Json::parse(body), Err(JsonError::Syntax { .. })), "{body:?}");
        }
    }

    #[test]
    fn nesting_costs_no_stack_and_is_bounded() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let json = Json::parse(deep.as_bytes()).expect("JSON");
        assert_eq!(meaning(json.root(), &[path("$")]), Err(JsonError::TooDeep));
    }

    #[test]
    fn meaning_ignores_form_and_sees_content() {
        let digest = |body: &str| {
            meaning(Json::parse(body.as_bytes()).expect("JSON").root(), &[path("$.type"), path("$.data")])
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
    fn a_place_is_a_name_or_the_end_of_a_url() {
        let body =
            br#"{"link":"https://x.example/v1/p1?a=/b#c","folder":"https://x.example/v1/","name":"p1"}"#;
        let json = Json::parse(body).expect("JSON");
        for (text, is_url_tail, expected) in [
            ("$.link | url_tail", true, Some("p1")),
            ("$.link", false, Some("https://x.example/v1/p1?a=/b#c")),
            ("$.name", false, Some("p1")),
            ("$.name | url_tail", true, None),
            ("$.folder | url_tail", true, None),
            ("$.missing | url_tail", true, None),
        ] {
            let place = Place::parse(text).expect(text);
            assert_eq!(place.is_url_tail(), is_url_tail, "{text}");
            assert_eq!(place.read(json.root()).expect("no doubled key").as_deref(), expected, "{text}");
        }
        let error = Place::parse("$.link | tail").expect_err("an unknown word").to_string();
        assert!(error.contains("after | only url_tail is known"), "{error}");
    }

    #[test]
    fn a_bad_path_is_refused() {
        for text in ["", "data", "$data", "$.", "$..a", "$.a[", "$.a[x]", "$.a[-1]"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
