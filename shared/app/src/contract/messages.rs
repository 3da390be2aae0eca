//! The promises of what is only written to: queue, bus, reports.

use super::{event, other, trace};
use crate::ports::{Bus, InboxKey, Notice, Queue, Reports};
use countersign_domain::event::BusEvent;
use countersign_domain::ids::{Sha256Hex, SourceName};
use countersign_domain::limits::{BUS_ENTRIES_MAX, QUEUE_ENTRIES_MAX};

/// The queue: what was sent is received, in the words that the processor reads; more than a call may hold is refused
/// whole. `receive` takes the texts of some messages that are waiting; it is called until everything has come.
///
/// # Panics
/// When the port breaks a promise.
pub async fn queue(port: &impl Queue, source: &SourceName, mut receive: impl AsyncFnMut() -> Vec<String>) {
    let digest = Sha256Hex::of(&[b"digest"]);
    let conflict = InboxKey::Conflict { source: source.clone(), event: event("e"), meaning: digest.clone() };
    let unreadable = InboxKey::Unreadable { source: other(source), digest };
    // Printable ASCII, of which `<`, `&` and quotes want care on some wires.
    let mut keys: Vec<_> = ["e", "reconcile/payment.captured/2000/pi_1", "<&\"'\\>"]
        .map(|id| InboxKey::Event { source: source.clone(), event: event(id) })
        .into();
    keys.extend([conflict, unreadable]);
    let sent: Vec<_> = keys.into_iter().map(|key| Notice { v: 1, key, trace: trace("queue") }).collect();

    let too_many: Vec<_> = sent.iter().cycle().take(QUEUE_ENTRIES_MAX.saturating_add(1)).cloned().collect();
    assert!(port.send(&too_many).await.is_err(), "more than {QUEUE_ENTRIES_MAX} messages are refused");
    assert!(port.send(&[]).await.expect("queue.send").is_empty(), "nothing is sent and nothing refused");
    assert!(port.send(&sent).await.expect("queue.send").is_empty(), "every message is taken");
    let full: Vec<_> = sent.iter().cycle().take(QUEUE_ENTRIES_MAX).cloned().collect();
    assert!(port.send(&full).await.expect("queue.send").is_empty(), "{QUEUE_ENTRIES_MAX} messages are taken");

    let mut expected: Vec<_> = sent.iter().chain(&full).map(Notice::clone).collect();
    while !expected.is_empty() {
        let texts = receive().await;
        assert!(!texts.is_empty(), "{} messages never came: {expected:?}", expected.len());
        for text in texts {
            let notice: Notice = serde_json::from_str(&text).expect("a notice");
            // A standard queue may deliver a message twice; one that was never sent it may not.
            assert!(sent.contains(&notice), "a message came that was never sent: {text}");
            if let Some(at) = expected.iter().position(|waiting| *waiting == notice) {
                expected.swap_remove(at);
            }
        }
    }
}

/// The bus: it takes as many events as a call may hold, and refuses more whole.
///
/// # Panics
/// When the port breaks a promise.
pub async fn bus(port: &impl Bus) {
    let event = |n: usize| BusEvent {
        detail_type: "contract.checked",
        detail: format!(r#"{{"n":{n},"text":"<&é"}}"#),
    };
    let events: Vec<_> = (0..=BUS_ENTRIES_MAX).map(event).collect();
    assert!(port.publish(&events).await.is_err(), "more than {BUS_ENTRIES_MAX} events are refused");
    assert!(
        port.publish(&[]).await.expect("bus.publish").is_empty(),
        "nothing is published and nothing refused"
    );
    let (_, full) = events.split_first().expect("eleven events");
    assert!(port.publish(full).await.expect("bus.publish").is_empty(), "{BUS_ENTRIES_MAX} events are taken");
}

/// The reports: an object holds the bytes that were written last. `read` fetches one by its key.
///
/// # Panics
/// When the port breaks a promise.
pub async fn reports(
    port: &impl Reports,
    source: &SourceName,
    mut read: impl AsyncFnMut(&str) -> Option<Vec<u8>>,
) {
    let key = format!("contract/{source}/report.csv");
    assert!(read(&key).await.is_none(), "{key} is not there yet");
    for bytes in [b"a,b\n1,2\n".as_slice(), &[0xff, 0x00], b""] {
        port.write(&key, "text/csv", bytes.to_vec()).await.expect("reports.write");
        assert_eq!(read(&key).await.as_deref(), Some(bytes), "the object holds what was written last");
    }
}
