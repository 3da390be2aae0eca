//! The inbox's promises.

use super::{event, instant, kind, other, trace};
use crate::ports::{Inbox, InboxKey, InboxRow, Origin, Put};
use countersign_domain::ids::{Sha256Hex, SourceName};
use countersign_domain::limits::BODY_BYTES_MAX;
use std::collections::BTreeMap;

/// The inbox: a key is written once, what was first is reported and stays, and a row comes back byte for byte.
///
/// # Panics
/// When the port breaks a promise.
pub async fn inbox(port: &impl Inbox, source: &SourceName) {
    rows_come_back_as_they_were(port, source).await;
    the_first_row_stays(port, source).await;
    keys_are_apart(port, source).await;
}

fn event_key(source: &SourceName, id: &str) -> InboxKey {
    InboxKey::Event { source: source.clone(), event: event(id) }
}

fn row(key: InboxKey, body: &[u8]) -> InboxRow {
    InboxRow {
        key,
        origin: Origin::Delivery,
        kind: Some(kind("payment_intent.succeeded")),
        meaning: Sha256Hex::of(&[body]),
        body: body.to_vec(),
        headers: BTreeMap::new(),
        occurred_at: None,
        received_at: instant(0),
        attempt: trace("attempt"),
        trace: trace("attempt"),
        reason: None,
    }
}

async fn write(port: &impl Inbox, row: &InboxRow) {
    assert_eq!(port.put(row).await.expect("inbox.put"), Put::Written, "{} is new", row.key);
}

async fn rows_come_back_as_they_were(port: &impl Inbox, source: &SourceName) {
    let key = |id: &str| event_key(source, id);
    let digest = Sha256Hex::of(&[b"unreadable"]);
    // Bytes that compress to nothing, and the same number that hardly compress at all.
    let plain = vec![b' '; BODY_BYTES_MAX];
    let mixed: Vec<u8> =
        (0..64_u32).flat_map(|n| Sha256Hex::of(&[&n.to_be_bytes()]).as_str().as_bytes().to_vec()).collect();
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let headers =
        [("stripe-signature", "t=1764000000,v1=00ff"), ("webhook-id", "msg_1"), ("x-quotes", "\"\\ \t{}")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let unreadable = InboxRow {
        kind: None,
        reason: Some("the event has no id: nothing stands at $.id".to_owned()),
        ..row(InboxKey::Unreadable { source: source.clone(), digest }, &[0xff, 0x00, b'\n', 0xfe])
    };
    for row in [
        row(key("plain"), br#"{"id": "plain"}"#),
        row(key("empty"), b""),
        row(key("line-breaks"), b"\n\r\n{\"a\":\n1}\n"),
        row(key("every-byte"), &every_byte),
        row(key("large"), &plain),
        row(key("mixed"), &mixed),
        InboxRow { headers: BTreeMap::from(headers), ..row(key("headers"), b"{}") },
        InboxRow { occurred_at: Some(instant(-7)), ..row(key("occurred"), b"{}") },
        InboxRow { trace: trace("another"), ..row(key("trace"), b"{}") },
        InboxRow { origin: Origin::Listed, ..row(key("listed"), b"{}") },
        InboxRow { origin: Origin::Correction, ..row(key("reconcile/payment.captured/2000/pi_1"), b"{}") },
        unreadable,
    ] {
        assert_eq!(port.get(&row.key).await.expect("inbox.get"), None, "{} is not there yet", row.key);
        write(port, &row).await;
        let found = port.get(&row.key).await.expect("inbox.get").expect("the row that was just written");
        assert!(found == row, "{} comes back as it was written, byte for byte", row.key);
    }
}

async fn the_first_row_stays(port: &impl Inbox, source: &SourceName) {
    let first = row(event_key(source, "first"), b"first");
    write(port, &first).await;
    let second = row(event_key(source, "first"), b"second");
    for (again, why) in [
        (first.clone(), "our own put, whose answer was lost"),
        (InboxRow { attempt: trace("later"), received_at: instant(9), ..first.clone() }, "a duplicate"),
        (second.clone(), "another meaning in the same delivery"),
        (InboxRow { attempt: trace("later"), ..second }, "another meaning in another delivery"),
    ] {
        let Put::Exists { attempt, meaning } = port.put(&again).await.expect("inbox.put") else {
            assert_eq!(why, "", "{} was taken", again.key);
            return;
        };
        assert_eq!(
            (&attempt, &meaning),
            (&first.attempt, &first.meaning),
            "{why}: the first row is reported"
        );
        let kept = port.get(&first.key).await.expect("inbox.get");
        assert_eq!(kept.as_ref(), Some(&first), "{why}: the first row stays");
    }
}

async fn keys_are_apart(port: &impl Inbox, source: &SourceName) {
    let (one, two) = (Sha256Hex::of(&[b"one"]), Sha256Hex::of(&[b"two"]));
    let conflict = |meaning: &Sha256Hex| InboxKey::Conflict {
        source: source.clone(),
        event: event("apart"),
        meaning: meaning.clone(),
    };
    let unreadable =
        |digest: &Sha256Hex| InboxKey::Unreadable { source: source.clone(), digest: digest.clone() };
    let keys = [
        event_key(source, "apart"),
        event_key(source, "apart2"),
        event_key(source, "Apart"),
        event_key(source, one.short()),
        event_key(&other(source), "apart"),
        conflict(&one),
        conflict(&two),
        unreadable(&one),
        unreadable(&two),
    ];
    for key in &keys {
        write(port, &row(key.clone(), key.to_string().as_bytes())).await;
    }
    for key in keys {
        let found =
            port.get(&key).await.expect("inbox.get").expect("the row that was written under this key");
        assert_eq!(found.body, key.to_string().as_bytes(), "each key has a row of its own");
        assert_eq!(found.key, key);
    }
}
