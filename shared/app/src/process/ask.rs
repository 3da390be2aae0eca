//! Events that mean nothing, or may not be believed, before the provider's API was asked.

use super::{Asked, Processor, Retry, Trail};
use crate::ports::{
    ApiRequest, Bus, Clock, Findings, Inbox, InboxKey, InboxRow, Ledger, Origin, Port, ProviderApi, Put,
    Sources,
};
use countersign_domain::fetch::{Fetched, Question, question};
use countersign_domain::ids::{EventId, EventKind};
use countersign_domain::source::Source;
use countersign_domain::translate::{Body, TranslateError};

/// An event that is ready to be understood: the one that came in, or what the provider's API made of it.
pub(super) struct Ready<'r> {
    /// Its id.
    pub(super) id: EventId,
    /// Its row.
    pub(super) row: std::borrow::Cow<'r, InboxRow>,
}

impl<S, I, L, F, B, A, C, D, E> Processor<S, I, L, F, B, A, C, D, E>
where
    S: Sources,
    I: Inbox,
    L: Ledger,
    F: Findings,
    B: Bus,
    A: ProviderApi,
    C: Clock,
{
    /// Asks the provider, where its dialect says so, and keeps what it said before anything is booked: what was believed
    /// can be shown later, and a second try finds it.
    ///
    /// The inner error is for a person; the outer one is for another try.
    pub(super) async fn asked<'r>(
        &self,
        source: &Source,
        id: &EventId,
        (kind, row): (&EventKind, &'r InboxRow),
        trail: &mut Trail,
    ) -> Result<Result<Ready<'r>, TranslateError>, Retry> {
        let as_it_is = || Ready { id: id.clone(), row: std::borrow::Cow::Borrowed(row) };
        let body = row.content();
        let question = match row.origin {
            Origin::Delivery => question(source, kind, body),
            Origin::Listed => question_of_listed(source, kind, body),
            Origin::Fetched | Origin::Correction => Ok(None),
        };
        let question = match question {
            Ok(Some(question)) => question,
            Ok(None) => return Ok(Ok(as_it_is())),
            Err(error) => return Ok(Err(error)),
        };
        trail.asked = Some(Asked::Failed);
        let (_, fetched) = ask(&self.api, source, &question, (id, body)).await?;
        trail.asked = Some(Asked::Answered);
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) => return Ok(Err(error)),
        };
        let row = fetched_row(row, fetched, source);
        // New or known: its id is made from its meaning, so what is there is the same.
        let (Put::Written | Put::Exists { .. }) = self.inbox.put(&row).await?;
        let InboxKey::Event { event, .. } = &row.key else { return Err(Retry::NoRow(row.key)) };
        Ok(Ok(Ready { id: event.clone(), row: std::borrow::Cow::Owned(row) }))
    }
}

/// What must be asked about an event of the provider's list. It is from the provider's own hand: asked about only where it
/// means nothing without.
pub(crate) fn question_of_listed<'s>(
    source: &'s Source,
    kind: &EventKind,
    body: Body<'_>,
) -> Result<Option<Question<'s>>, TranslateError> {
    let means_nothing = source.dialect.fetches.iter().any(|fetch| fetch.is_required);
    if means_nothing { question(source, kind, body) } else { Ok(None) }
}

/// Asks the provider about an event: its answer as it came, if it knows what is asked for, and what the two come to.
///
/// # Errors
/// [`PortError`] when it cannot be asked.
pub(crate) async fn ask(
    api: &impl ProviderApi,
    source: &Source,
    question: &Question<'_>,
    (id, body): (&EventId, Body<'_>),
) -> Port<(Option<Vec<u8>>, Result<Fetched, TranslateError>)> {
    let request = ApiRequest { path: question.path.clone(), query: question.query.to_vec() };
    let Some(answer) = api.get(source, &request).await? else {
        return Ok((None, Err(TranslateError::NotFetched { path: request.path })));
    };
    let fetched = question.answered(source, id, body, &answer);
    Ok((Some(answer), fetched))
}

fn fetched_row(delivered: &InboxRow, fetched: Fetched, source: &Source) -> InboxRow {
    InboxRow {
        key: InboxKey::Event { source: source.name.clone(), event: fetched.id },
        origin: Origin::Fetched,
        meaning: fetched.meaning,
        body: fetched.body,
        ..delivered.clone()
    }
}
