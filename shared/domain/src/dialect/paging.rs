//! How a list of the provider's goes from one page to the next.

use super::{Listing, TimeForm};
use crate::json::{Doc, JsonError, Path};
use crate::money::excerpt;
use crate::time::{Timestamp, Window};

/// What asks for the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The id of the last item, for as long as the page promises more.
    AfterItem {
        /// Query parameter of the id.
        parameter: String,
        /// Where an item's id is.
        id: Path,
        /// Where `true` or `false` says whether more pages follow.
        more: Path,
    },
    /// A token that the page gives, for as long as it gives one.
    Token {
        /// Query parameter of the token.
        parameter: String,
        /// Where the token is.
        at: Path,
    },
    /// The number of the page, until one is not full.
    Page {
        /// Query parameter of the number.
        parameter: String,
        /// The first number.
        first: u32,
        /// Items on a full page.
        size: u32,
    },
    /// The number of items before it, until a page is not full.
    Offset {
        /// Query parameter of the number.
        parameter: String,
        /// Items on a full page.
        size: u32,
    },
    /// A link to it, of which only the query is taken: it leads to the same list, and to no other place.
    Link {
        /// Where the link is.
        at: Path,
        /// Where `true` or `false` says whether more pages follow, where a last page has a link too.
        more: Option<Path>,
    },
}

/// Why it cannot be told what comes after a page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The page cannot be read.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It does not say whether more follows.
    #[error("{0} is neither true nor false")]
    NoFlag(String),
    /// More is promised, and nothing leads there.
    #[error("more pages are promised, but the cursor stands")]
    Stands,
    /// The link leads elsewhere.
    #[error("the link to the next page is {link:?}, which is not in the list {path}")]
    Elsewhere {
        /// The link, shortened.
        link: String,
        /// The list.
        path: String,
    },
}

impl Listing {
    /// The query of a page: the first, or that of a cursor which [`Self::cursor_after`] gave.
    #[must_use]
    pub fn query_of(&self, window: Window, cursor: Option<&str>) -> Vec<(String, String)> {
        if let (Next::Link { .. }, Some(query)) = (&self.next, cursor) {
            return form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        }
        let mut query = self.query.clone();
        for (parameter, instant) in [(&self.since, window.from), (&self.until, window.to)] {
            if let Some(parameter) = parameter {
                query.push((parameter.clone(), written(instant, self.time)));
            }
        }
        let number = |first: u32| cursor.map_or_else(|| first.to_string(), str::to_owned);
        match (&self.next, cursor) {
            (Next::Page { parameter, first, .. }, _) => query.push((parameter.clone(), number(*first))),
            (Next::Offset { parameter, .. }, _) => query.push((parameter.clone(), number(0))),
            (Next::AfterItem { parameter, .. } | Next::Token { parameter, .. }, Some(cursor)) => {
                query.push((parameter.clone(), cursor.to_owned()));
            }
            (Next::AfterItem { .. } | Next::Token { .. } | Next::Link { .. }, None | Some(_)) => {}
        }
        query
    }

    /// What asks for the page after this one; nothing when it is the last.
    ///
    /// # Errors
    /// [`PageError`] when the page does not say, or leads nowhere new.
    pub fn cursor_after(
        &self,
        page: Doc<'_>,
        items: &[Doc<'_>],
        cursor: Option<&str>,
    ) -> Result<Option<String>, PageError> {
        let scalar = |doc: Doc<'_>, path: &Path| -> Result<Option<String>, PageError> {
            let found = doc.at(path)?.and_then(Doc::scalar);
            Ok(found.map(|text| text.into_owned()).filter(|text| !text.is_empty()))
        };
        let is_full = |size: u32| items.len() >= size as usize;
        let counted = |first: u32, step: usize| {
            let now = cursor.and_then(|number| number.parse::<u64>().ok()).unwrap_or(u64::from(first));
            Some(now.saturating_add(step as u64).to_string())
        };
        let next = match &self.next {
            Next::AfterItem { id, more, .. } => match scalar(page, more)?.as_deref() {
                Some("false") => return Ok(None),
                Some("true") => match items.last() {
                    Some(item) => scalar(*item, id)?,
                    None => None,
                },
                _ => return Err(PageError::NoFlag(more.as_str().to_owned())),
            },
            Next::Token { at, .. } => match scalar(page, at)? {
                None => return Ok(None),
                token => token,
            },
            Next::Page { size, .. } | Next::Offset { size, .. } if !is_full(*size) => return Ok(None),
            Next::Page { first, .. } => counted(*first, 1),
            Next::Offset { .. } => counted(0, items.len()),
            Next::Link { at, more } => {
                let more = more.as_ref().map(|more| scalar(page, more)).transpose()?.flatten();
                match scalar(page, at)? {
                    None => return Ok(None),
                    Some(_) if more.as_deref() == Some("false") => return Ok(None),
                    Some(link) => Some(self.query_of_link(&link)?),
                }
            }
        };
        match next {
            Some(next) if cursor != Some(next.as_str()) => Ok(Some(next)),
            _ => Err(PageError::Stands),
        }
    }

    /// The query of a link into this list.
    fn query_of_link(&self, link: &str) -> Result<String, PageError> {
        let elsewhere = || PageError::Elsewhere { link: excerpt(link), path: self.path.clone() };
        let behind_host = match link.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).ok_or_else(elsewhere)?,
            None => link,
        };
        let (path, query) = behind_host.split_once('?').ok_or_else(elsewhere)?;
        if path == self.path { Ok(query.to_owned()) } else { Err(elsewhere()) }
    }
}

/// An instant as the list wants its bounds.
fn written(instant: Timestamp, form: TimeForm) -> String {
    match form {
        TimeForm::UnixS => instant.as_second().to_string(),
        TimeForm::UnixMs => instant.as_millisecond().to_string(),
        TimeForm::Rfc3339 => instant.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    fn path(text: &str) -> Path {
        Path::parse(text).expect("a path")
    }

    fn listing(next: Next) -> Listing {
        Listing {
            path: "/v2/payments".to_owned(),
            query: vec![("limit".to_owned(), "2".to_owned())],
            since: Some("from".to_owned()),
            until: None,
            time: TimeForm::Rfc3339,
            items: path("$.items[*]"),
            created: (path("$.at"), TimeForm::UnixS),
            is_newest_first: false,
            next,
        }
    }

    /// The query of the first page, and of the one after each of these pages.
    fn walk(next: Next, pages: &[&str]) -> Result<Vec<String>, String> {
        let listing = listing(next);
        let window = Window {
            from: "2026-11-22T00:00:00Z".parse().expect("an instant"),
            to: "2026-11-23T00:00:00Z".parse().expect("an instant"),
        };
        let mut cursor: Option<String> = None;
        let mut asked = Vec::new();
        for page in pages {
            let query = listing.query_of(window, cursor.as_deref());
            asked.push(
                query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"),
            );
            let json = Json::parse(page.as_bytes()).expect("JSON");
            let items = json.root().all(&listing.items).expect("items");
            cursor =
                listing.cursor_after(json.root(), &items, cursor.as_deref()).map_err(|e| e.to_string())?;
            if cursor.is_none() {
                break;
            }
        }
        Ok(asked)
    }

    #[test]
    fn from_page_to_page() {
        let first = "limit=2&from=2026-11-22T00:00:00Z";
        let after_item =
            || Next::AfterItem { parameter: "after".to_owned(), id: path("$.id"), more: path("$.more") };
        let token = || Next::Token { parameter: "cursor".to_owned(), at: path("$.cursor") };
        let page = || Next::Page { parameter: "page".to_owned(), first: 1, size: 2 };
        let offset = || Next::Offset { parameter: "skip".to_owned(), size: 2 };
        let link = || Next::Link { more: None, at: path("$.next") };
        let two = r#"{"items": [{"id": "a"}, {"id": "b"}]}"#;
        let one = r#"{"items": [{"id": "c"}]}"#;
        for (next, pages, expected) in [
            (
                after_item(),
                vec![
                    r#"{"items": [{"id": "a"}, {"id": "b"}], "more": true}"#,
                    r#"{"items": [], "more": false}"#,
                ],
                vec![first.to_owned(), format!("{first}&after=b")],
            ),
            (
                token(),
                vec![r#"{"items": [], "cursor": "t1"}"#, r#"{"items": [], "cursor": null}"#],
                vec![first.to_owned(), format!("{first}&cursor=t1")],
            ),
            (
                page(),
                vec![two, two, one],
                vec![format!("{first}&page=1"), format!("{first}&page=2"), format!("{first}&page=3")],
            ),
            (
                offset(),
                vec![two, two, r#"{"items": []}"#],
                vec![format!("{first}&skip=0"), format!("{first}&skip=2"), format!("{first}&skip=4")],
            ),
            (
                link(),
                vec![
                    r#"{"items": [], "next": "https://api.example.com/v2/payments?from=tr_9&limit=2"}"#,
                    r#"{"items": [], "next": null}"#,
                ],
                vec![first.to_owned(), "from=tr_9&limit=2".to_owned()],
            ),
        ] {
            assert_eq!(walk(next, &pages), Ok(expected));
        }
        for (next, pages, message) in [
            (
                after_item(),
                vec![r#"{"items": [], "more": true}"#],
                "more pages are promised, but the cursor stands",
            ),
            (after_item(), vec![r#"{"items": []}"#], "$.more is neither true nor false"),
            (
                token(),
                vec![r#"{"items": [], "cursor": "t"}"#, r#"{"items": [], "cursor": "t"}"#],
                "more pages are promised, but the cursor stands",
            ),
            (
                link(),
                vec![r#"{"items": [], "next": "https://evil.example/v1/other?x=1"}"#],
                "the link to the next page is \"https://evil.example/v1/other?x=1\", which is not in the list /v2/payments",
            ),
        ] {
            assert_eq!(walk(next, &pages), Err(message.to_owned()));
        }
    }

    #[test]
    fn a_link_on_the_last_page_is_not_followed() {
        let next = Next::Link { more: Some(path("$.more")), at: path("$.next") };
        let pages = [
            r#"{"items": [], "next": "/v2/payments?page=2", "more": true}"#,
            r#"{"items": [], "next": "/v2/payments?page=3", "more": false}"#,
            r#"{"items": []}"#,
        ];
        let first = "limit=2&from=2026-11-22T00:00:00Z".to_owned();
        assert_eq!(walk(next, &pages), Ok(vec![first, "page=2".to_owned()]));
    }
}
