//! What a live source says that its dialect has no word for is counted: once a batch for each word, so that a flood of
//! one unknown type costs one write for ten messages.

use super::{Committed, Processor, Retry, Trail};
use crate::ports::{Clock, Drift, Seen, Sighting, Unknown};
use countersign_domain::ids::{EventId, EventKind, SourceName};
use countersign_domain::limits::RECORDS_IN_FLIGHT_MAX;
use countersign_domain::time::Timestamp;
use futures::stream::{self, StreamExt as _};
use std::collections::BTreeMap;

type Word = (SourceName, EventKind, Unknown);
type Worked = (Trail, Result<Committed, Retry>);

impl<S, I, L, F, B, A, C: Clock, D: Drift, E> Processor<S, I, L, F, B, A, C, D, E> {
    /// Counts the unknown words of a batch. What cannot be counted stays in the queue, and is counted when it comes back.
    pub(super) async fn count_unknown(&self, batch: &mut [Worked]) {
        let words = words(batch, self.clock.now());
        let counted: Vec<_> = stream::iter(words)
            .map(|(sighting, positions)| async move { (self.drift.saw(&sighting).await, positions) })
            .buffered(RECORDS_IN_FLIGHT_MAX)
            .collect()
            .await;
        for (seen, positions) in counted {
            let error = match seen {
                Ok(Seen::Known) => continue,
                Ok(Seen::New) => None,
                Err(error) => Some(error),
            };
            for (nth, position) in positions.into_iter().enumerate() {
                let Some((trail, result)) = batch.get_mut(position) else { continue };
                match &error {
                    // News is told once.
                    None => trail.is_news = nth == 0,
                    Some(error) => *result = Err(Retry::Port(error.shared())),
                }
            }
        }
    }
}

/// One sighting for each word of a batch, with the positions of its messages.
fn words(batch: &[Worked], at: Timestamp) -> Vec<(Sighting, Vec<usize>)> {
    let mut words = BTreeMap::<Word, (EventId, Vec<usize>)>::new();
    for (position, (trail, result)) in batch.iter().enumerate() {
        if let (Ok(_), Some(source), Some(event), Some((kind, unknown))) =
            (result, &trail.source, &trail.event, &trail.unknown)
        {
            let word = (source.clone(), kind.clone(), unknown.clone());
            words.entry(word).or_insert_with(|| (event.clone(), Vec::new())).1.push(position);
        }
    }
    let sighting = |((source, kind, unknown), (example, positions)): (Word, (EventId, Vec<usize>))| {
        let events = u32::try_from(positions.len()).unwrap_or(u32::MAX);
        (Sighting { source, kind, unknown, example, events, at }, positions)
    };
    words.into_iter().map(sighting).collect()
}
