//! What the endpoint answers, and what the sender does about it. The use case that gives the answers has a test that holds
//! this table to them.

use crate::dialect::Dialect;
use crate::limits::BODY_BYTES_MAX;

/// What stands in an answer's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This text.
    Text(String),
    /// A text with a number in it: what stands before the number, and behind it.
    Counted(&'static str, String),
    /// JSON with a `message`: the gateway before the endpoint answers so.
    Gateway,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub said: Said,
    /// When it is given.
    pub when: &'static str,
    /// What the sender does.
    pub then: &'static str,
}

/// How long a sender should wait for an answer, in seconds: longer than the endpoint takes at most.
pub(super) const ANSWER_SECONDS_MAX: u32 = 30;

/// The waits between the attempts of one delivery, in words, first to last.
pub(super) const WAITS: [&str; 9] = ["5 s", "5 min", "30 min", "2 h", "5 h", "10 h", "14 h", "20 h", "24 h"];

/// Every answer of a source's endpoint to a POST, and those of the gateway before it.
#[must_use]
pub fn answers(dialect: &Dialect) -> Vec<Answer> {
    let text =
        |status, said: &str, when, then| Answer { status, said: Said::Text(said.to_owned()), when, then };
    let gateway = |status, when, then| Answer { status, said: Said::Gateway, when, then };
    const AGAIN: &str = "Send it again, as under Attempts.";
    const CORRECT: &str = "Correct it: the same will be refused again.";
    vec![
        text(200, &dialect.answers.ok_body, "It is kept: new, or a duplicate.", "Nothing: it was delivered."),
        text(
            400,
            "no event can be read from the body",
            "The signature holds, but no event can be read.",
            CORRECT,
        ),
        text(
            dialect.answers.unauthentic_status,
            "the delivery is not authentic",
            "The signature, its time, or another proof is missing or wrong: all of them look the same.",
            "Check the test vector, the secret and your clock, then send it again.",
        ),
        text(
            404,
            "there is no such webhook endpoint",
            "The URL is of no source, or of one that is turned off.",
            "Check the URL; ask us.",
        ),
        gateway(404, "The URL is not even like one of a source.", "Check the URL."),
        text(405, "webhooks are sent here with POST", "The method is not POST.", CORRECT),
        Answer {
            status: 413,
            said: Said::Counted("the body has ", format!(" bytes, more than {BODY_BYTES_MAX}")),
            when: "The body is too large.",
            then: "Send fewer events at once.",
        },
        gateway(413, "The body is far too large.", "Send fewer events at once."),
        text(
            415,
            "the body must be application/json without content-encoding",
            "The content type is not JSON, or the body is compressed.",
            CORRECT,
        ),
        gateway(429, "Too many requests at once.", AGAIN),
        gateway(500, "Something failed on our side.", AGAIN),
        text(503, "try again later", "Our store failed; `Retry-After` says how many seconds to wait.", AGAIN),
        gateway(503, "The endpoint gave no answer in time.", AGAIN),
        gateway(504, "The endpoint gave no answer in time.", AGAIN),
    ]
}
