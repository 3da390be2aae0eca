//! Where something stands in a JSON text.

use super::{Doc, JsonError};
use std::borrow::Cow;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
    Each,
    /// The items of a list whose member has this text: `[rel=up]`.
    Where(String, String),
}

/// A path into a JSON text: `$.data.object.id`, `$.items[0].code`, `$.events[*]`, `$.links[rel=up].href`,
/// `$.data['modification.action']` for a key that holds a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: String,
    steps: Vec<Step>,
}

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a path: {why}; write it like $.data.object.id, $.items[0].code or $.events[*]")]
pub struct PathError {
    text: String,
    why: &'static str,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// [`PathError`] names the text and shows the form.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let fail = |why| PathError { text: text.to_owned(), why };
        let mut rest = text.strip_prefix('$').ok_or_else(|| fail("it does not begin with $"))?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('[') {
                let (inside, tail) = after.split_once(']').ok_or_else(|| fail("a [ is not closed"))?;
                steps.push(match inside {
                    "*" => Step::Each,
                    quoted if quoted.starts_with('\'') => {
                        let key = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
                        match key {
                            Some(key) if !key.is_empty() => Step::Key(key.to_owned()),
                            _ => return Err(fail("a quoted key is not like ['a.b']")),
                        }
                    }
                    filter if filter.contains('=') => match filter.split_once('=') {
                        Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                            Step::Where(key.to_owned(), value.to_owned())
                        }
                        _ => return Err(fail("a filter is not like [rel=up]")),
                    },
                    digits => Step::Index(digits.parse().map_err(|_| fail("an index is not a number"))?),
                });
                rest = tail;
            } else if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (key, tail) = after.split_at(end);
                if key.is_empty() {
                    return Err(fail("a key is empty"));
                }
                steps.push(Step::Key(key.to_owned()));
                rest = tail;
            } else {
                return Err(fail("a step begins with neither . nor ["));
            }
        }
        Ok(Self { text: text.to_owned(), steps })
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is `$`: the whole document.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether it may lead to several places.
    #[must_use]
    pub fn is_many(&self) -> bool {
        self.steps.contains(&Step::Each)
    }

    /// The keys on its way, where there is nothing else on it: `$.data.id` is `data`, `id`.
    #[must_use]
    pub fn keys(&self) -> Option<Vec<&str>> {
        let keys = self.steps.iter().map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) | Step::Each | Step::Where(..) => None,
        });
        keys.collect()
    }

    /// The path of the list that the only `[*]` goes through, and the path onward from each of its elements.
    #[must_use]
    pub fn each(&self) -> Option<(Self, Self)> {
        let list = self.list()?;
        let steps = self.steps.get(list.steps.len().saturating_add(1)..)?.to_vec();
        let (_, text) = self.text.split_once("[*]")?;
        (!steps.contains(&Step::Each)).then(|| (list, Self { text: format!("${text}"), steps }))
    }

    /// The path of the list that the first `[*]` goes through, if there is one.
    #[must_use]
    pub fn list(&self) -> Option<Self> {
        let at = self.steps.iter().position(|step| *step == Step::Each)?;
        let steps = self.steps.get(..at)?.to_vec();
        Some(Self { text: self.text.split("[*]").next().unwrap_or_default().to_owned(), steps })
    }
}

/// A place whose text is a name: a path and, where the name is only the end of a URL, `| url_tail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    path: Path,
    is_url_tail: bool,
}

impl Place {
    /// Reads a place: `$.id`, `$.links[rel=up].href | url_tail`.
    ///
    /// # Errors
    /// [`PathError`] names the text and shows the form.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let (path, is_url_tail) = match text.split_once('|') {
            None => (text, false),
            Some((path, take)) if take.trim() == "url_tail" => (path.trim_end(), true),
            Some(_) => {
                return Err(PathError { text: text.to_owned(), why: "after | only url_tail is known" });
            }
        };
        Ok(Self { path: Path::parse(path)?, is_url_tail })
    }

    /// Whether only the end of the URL that stands there is the name.
    #[must_use]
    pub fn is_url_tail(&self) -> bool {
        self.is_url_tail
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that stands there, or nothing.
    ///
    /// # Errors
    /// [`JsonError`] when an object on the way names a key twice.
    pub fn read<'a>(&self, doc: Doc<'a>) -> Result<Option<Cow<'a, str>>, JsonError> {
        let Some(text) = doc.at(&self.path)?.and_then(Doc::scalar) else { return Ok(None) };
        if !self.is_url_tail {
            return Ok(Some(text));
        }
        let tail = text.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        Ok((!tail.is_empty() && text.contains('/')).then(|| Cow::Owned(tail.to_owned())))
    }
}
