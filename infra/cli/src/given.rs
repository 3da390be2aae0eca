//! What is given on the command line or in its variables, checked where it is read: a refusal says what a right one looks
//! like. The parser of the command line puts the option's name and the refused value in front of it.

use crate::local::Port;
use countersign_domain::time::{SignedDuration, Timestamp};
use reqwest::Url;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The variable that says the same as `--endpoint`.
pub const ENDPOINT_VARIABLE: &str = "COUNTERSIGN_ENDPOINT";

/// The variable that says the same as `--stack`.
pub const STACK_VARIABLE: &str = "COUNTERSIGN_STACK";

/// Longest name of a stack: CloudFormation's own bound.
const STACK_NAME_CHARS_MAX: usize = 128;

/// Where an emulator of AWS is said to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).ok().filter(is_endpoint).ok_or_else(|| {
            format!(
                "an endpoint is an http or https URL with a host, and with a port of at most 65535: write it like \
                 http://127.0.0.1:4566, or leave --endpoint and {ENDPOINT_VARIABLE} out to talk to AWS"
            )
        })?;
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

/// The SDK takes no more than a place: it would put a query into the path, and send no user's name.
fn is_endpoint(url: &Url) -> bool {
    let is_place_only = url.query().is_none() && url.fragment().is_none();
    let names_nobody = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && is_place_only && names_nobody
}

/// The name of a deployed stack, or its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackName(String);

impl StackName {
    /// As CloudFormation is asked for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for StackName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StackName {
    type Err = String;

    /// An empty name is refused wherever it comes from. CloudFormation would show every stack for it, and what stands in a
    /// variable as nothing is more often a script's mistake than the wish for the stack of development.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_name = text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && text.len() <= STACK_NAME_CHARS_MAX;
        if is_name || text.starts_with("arn:") {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "a stack's name is a letter and then letters, digits and hyphens, {STACK_NAME_CHARS_MAX} at most: write it \
             like countersign-dev, which is meant where --stack is left out and {STACK_VARIABLE} is unset"
        ))
    }
}

/// An instant.
///
/// # Errors
/// What a right one looks like.
pub fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        "there is no such time; a date has its hour and its zone with it: write it like 2026-11-02T00:00:00Z".to_owned()
    })
}

/// A span of time that is not negative.
///
/// # Errors
/// What a right one looks like.
pub fn span(text: &str) -> Result<SignedDuration, String> {
    let span = text.parse().ok().filter(|span: &SignedDuration| !span.is_negative());
    span.ok_or_else(|| {
        "a span is a number and a unit, and not negative: write it like 72h, 30m or 0s".to_owned()
    })
}

/// A port to listen on.
///
/// # Errors
/// What a right one looks like.
pub fn port(text: &str) -> Result<Port, String> {
    match text.parse() {
        Ok(0) => Ok(Port::Free),
        Ok(number) => Ok(Port::Exactly(number)),
        Err(_) => Err("a port is a number from 1 to 65535, or 0 for a free one".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_with_a_host() {
        for (given, read) in [
            ("http://127.0.0.1:4566", Some("http://127.0.0.1:4566")),
            ("http://127.0.0.1:4566/", Some("http://127.0.0.1:4566")),
            ("https://aws.internal/behind/a/path", Some("https://aws.internal/behind/a/path")),
            ("http://[::1]:4566", Some("http://[::1]:4566")),
            ("http:127.0.0.1:4566", Some("http://127.0.0.1:4566")),
            ("", None),
            (" ", None),
            ("nonsense", None),
            ("127.0.0.1:4566", None),
            ("localhost:4566", None),
            ("http://", None),
            ("http://:4566", None),
            ("http://127.0.0.1:99999", None),
            ("http://127.0.0.1:4566?a=b", None),
            ("http://user:word@127.0.0.1:4566", None),
            ("ftp://127.0.0.1:4566", None),
            ("file:///tmp", None),
        ] {
            match (given.parse::<Endpoint>(), read) {
                (Ok(endpoint), Some(read)) => assert_eq!(endpoint.as_str(), read, "{given:?}"),
                (Err(why), None) => assert!(why.contains("write it like http://127.0.0.1:4566"), "{why}"),
                (found, _) => panic!("{given:?} is read as {found:?}"),
            }
        }
    }

    #[test]
    fn a_stack_has_a_name() {
        let arn = "arn:aws:cloudformation:eu-central-1:000000000000:stack/countersign-dev/f69eb487";
        let longest = "s".repeat(STACK_NAME_CHARS_MAX);
        let too_long = "s".repeat(STACK_NAME_CHARS_MAX + 1);
        for (given, is_name) in [
            ("countersign-dev", true),
            ("S", true),
            (arn, true),
            (&longest, true),
            (&too_long, false),
            ("", false),
            (" ", false),
            ("-dev", false),
            ("1st", false),
            ("countersign_dev", false),
        ] {
            match given.parse::<StackName>() {
                Ok(name) => assert!(is_name && name.as_str() == given, "{given:?}"),
                Err(why) => {
                    assert!(!is_name && why.contains("write it like countersign-dev"), "{given:?}: {why}")
                }
            }
        }
    }

    #[test]
    fn a_time_has_its_hour_and_its_zone() {
        for (given, read) in [
            ("2026-11-02T00:00:00Z", Some("2026-11-02T00:00:00Z")),
            ("2026-11-02T01:00:00+01:00", Some("2026-11-02T00:00:00Z")),
            ("2026-11-02", None),
            ("2026-11-31T00:00:00Z", None),
            ("2026-11-02T00:00:00", None),
            ("yesterday", None),
            ("", None),
        ] {
            match (time(given), read) {
                (Ok(time), Some(read)) => assert_eq!(time.to_string(), read, "{given:?}"),
                (Err(why), None) => assert!(why.ends_with("write it like 2026-11-02T00:00:00Z"), "{why}"),
                (found, _) => panic!("{given:?} is read as {found:?}"),
            }
        }
    }

    #[test]
    fn a_span_has_a_unit_and_is_not_negative() {
        for (given, minutes) in [
            ("72h", Some(72 * 60)),
            ("1h 30m", Some(90)),
            ("0s", Some(0)),
            ("72x", None),
            ("72", None),
            ("-5h", None),
            ("three days", None),
            ("", None),
        ] {
            match (span(given), minutes) {
                (Ok(span), Some(minutes)) => assert_eq!(span.as_mins(), minutes, "{given:?}"),
                (Err(why), None) => assert!(why.contains("write it like 72h"), "{why}"),
                (found, _) => panic!("{given:?} is read as {found:?}"),
            }
        }
    }

    #[test]
    fn a_port_is_a_number() {
        assert_eq!(
            [port("0"), port("1"), port("65535")],
            [Port::Free, Port::Exactly(1), Port::Exactly(65_535)].map(Ok)
        );
        for given in ["abc", "", "65536", "-1", "45.6"] {
            let why = port(given).unwrap_err();
            assert!(why.contains("from 1 to 65535"), "{given:?}: {why}");
        }
    }
}
