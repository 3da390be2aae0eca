//! Events that came in before are handed over again: after a dialect learnt a word, or a fault was mended.
//!
//! It is as safe as any redelivery: what was applied changes nothing, what was not is applied now.

use crate::ingest::hand_over;
use crate::ports::{Inbox, InboxKey, Port, Queue};
use countersign_domain::ids::{EventId, SourceName, TraceId};

/// What became of the events of a replay.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Handed over.
    pub sent: Vec<EventId>,
    /// Not in the inbox: they never came in, or their row has expired.
    pub unknown: Vec<EventId>,
}

/// Hands events of a source over again, under one trace. What the inbox does not hold is named and left.
///
/// # Errors
/// [`PortError`](crate::ports::PortError) when a call fails; doing it again is right.
pub async fn replay(
    inbox: &impl Inbox,
    queue: &impl Queue,
    source: &SourceName,
    events: &[EventId],
    trace: &TraceId,
) -> Port<Replayed> {
    let (mut replayed, mut keys) = (Replayed::default(), Vec::new());
    for event in events {
        let key = InboxKey::Event { source: source.clone(), event: event.clone() };
        if inbox.get(&key).await?.is_some() {
            keys.push(key);
            replayed.sent.push(event.clone());
        } else {
            replayed.unknown.push(event.clone());
        }
    }
    hand_over(queue, &keys, trace).await?;
    Ok(replayed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryInbox, MemoryQueue};
    use crate::ports::{InboxRow, Origin};
    use crate::testing::{SOURCE, at, event_id, now_or_never, source_name};
    use countersign_domain::ids::Sha256Hex;
    use std::collections::BTreeMap;

    fn row(event: &str) -> InboxRow {
        InboxRow {
            key: InboxKey::Event { source: source_name(SOURCE), event: event_id(event) },
            origin: Origin::Delivery,
            kind: None,
            meaning: Sha256Hex::of(&[event.as_bytes()]),
            body: Vec::new(),
            headers: BTreeMap::new(),
            occurred_at: None,
            received_at: at(0),
            attempt: TraceId::of(&["delivery"]),
            trace: TraceId::of(&["delivery"]),
            reason: None,
        }
    }

    #[test]
    fn what_came_in_is_handed_over_again_and_the_rest_is_named() {
        let (inbox, queue) = (MemoryInbox::default(), MemoryQueue::default());
        for event in ["e1", "e2"] {
            let _ = now_or_never(inbox.put(&row(event))).expect("a put");
        }
        let (events, trace) = (["e2", "e3", "e1"].map(event_id), TraceId::of(&["replay"]));
        let replayed =
            now_or_never(replay(&inbox, &queue, &source_name(SOURCE), &events, &trace)).expect("a replay");
        assert_eq!(replayed.sent, ["e2", "e1"].map(event_id));
        assert_eq!(replayed.unknown, ["e3"].map(event_id));
        let sent: Vec<_> = queue.take().into_iter().map(|notice| (notice.key, notice.trace)).collect();
        let expected = ["e2", "e1"].map(|event| (row(event).key, trace.clone()));
        assert_eq!(sent, expected);
        assert_eq!(inbox.rows().len(), 2, "nothing is written");
    }

    #[test]
    fn nothing_to_replay_sends_nothing() {
        let (inbox, queue) = (MemoryInbox::default(), MemoryQueue::default());
        let (source, events, trace) = (source_name(SOURCE), [event_id("e1")], TraceId::of(&["replay"]));
        let replayed = now_or_never(replay(&inbox, &queue, &source, &events, &trace)).expect("a replay");
        assert_eq!(replayed.unknown, events);
        assert_eq!(queue.take(), []);
    }
}
