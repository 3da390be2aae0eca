//! Why a stack cannot be looked up, in words that name where it was asked for and what to do.

use crate::given::{ENDPOINT_VARIABLE, STACK_VARIABLE};
use crate::local::Failure;
use aws_sdk_cloudformation::config::http::HttpResponse;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_cloudformation::operation::describe_stacks::DescribeStacksError;
use std::error::Error;
use std::io::{self, ErrorKind};

/// Who was asked for a stack.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked<'a> {
    /// AWS, with the account and the region of the environment.
    Aws,
    /// What is said to be an emulator, at this URL.
    Emulator(&'a str),
}

impl Asked<'_> {
    /// There is no stack of that name.
    pub(super) fn lacks(self, stack: &str) -> Failure {
        let remedy = match self {
            Self::Aws => {
                "deploy it first, or choose another account or region with AWS_PROFILE or AWS_REGION"
                    .to_owned()
            }
            Self::Emulator(url) => {
                format!("not AWS was asked, but {url} (--endpoint or {ENDPOINT_VARIABLE})")
            }
        };
        Failure::new(format!(
            "there is no stack {stack} in this account and region (--stack or {STACK_VARIABLE}): {remedy}"
        ))
    }

    /// Nobody answers.
    pub(super) fn is_silent(self, cause: String) -> Failure {
        let what = match self {
            Self::Aws => {
                "AWS does not answer: is there a network, and is there such a region (AWS_REGION or the profile's)?"
                    .to_owned()
            }
            Self::Emulator(url) => {
                format!("nothing answers at {url} (--endpoint or {ENDPOINT_VARIABLE}): is `cargo run local` up?")
            }
        };
        Failure::because(what, cause)
    }

    fn is_another(self, cause: String) -> Failure {
        let what = match self {
            Self::Aws => "what answers in the place of AWS is not AWS: is there a proxy between?".to_owned(),
            Self::Emulator(url) => format!(
                "what answers at {url} (--endpoint or {ENDPOINT_VARIABLE}) is not AWS: give the URL that `cargo run \
                 local` prints"
            ),
        };
        Failure::because(what, cause)
    }

    /// The SDK could not look it up.
    pub(super) fn refused(self, stack: &str, error: &SdkError<DescribeStacksError, HttpResponse>) -> Failure {
        match error {
            SdkError::ServiceError(answer) => {
                let said = (answer.err().code(), answer.err().message().unwrap_or_default());
                match said {
                    // CloudFormation has no code of its own for it.
                    (Some("ValidationError"), why) if why.contains("does not exist") => self.lacks(stack),
                    (Some(code), why) => {
                        Failure::new(format!("cannot look up the stack {stack}: {code}: {why}"))
                    }
                    (None, _) => {
                        let status = answer.raw().status().as_u16();
                        self.is_another(format!(
                            "it answers HTTP {status}, and not in the words of CloudFormation"
                        ))
                    }
                }
            }
            SdkError::TimeoutError(_) => self.is_silent("it took too long".to_owned()),
            error if is_out_of_reach(error) => self.is_silent(last_words(error)),
            SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => self.is_another(last_words(error)),
            error => Failure::because(format!("cannot look up the stack {stack}"), last_words(error)),
        }
    }
}

/// Whether the network gave out, rather than what was said over it. TLS reports bytes that it cannot read as invalid data.
fn is_out_of_reach(error: &SdkError<DescribeStacksError, HttpResponse>) -> bool {
    let is_late = matches!(error, SdkError::DispatchFailure(failure) if failure.is_timeout());
    let failed = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
    is_late || failed.is_some_and(|failed| failed.kind() != ErrorKind::InvalidData)
}

/// The innermost cause: those around it only say that there is one.
pub(crate) fn last_words(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
