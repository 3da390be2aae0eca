use super::super::item::item_bytes;
use super::*;
use countersign_domain::ids::{EventId, Sha256Hex, SourceName, TraceId};
use countersign_domain::time::{Timestamp, from_seconds};
use proptest::prelude::*;

/// One write unit.
const UNIT_BYTES: usize = 1_024;

fn timestamp() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000, 0_i32..1_000_000_000)
        .prop_map(|(s, ns)| Timestamp::new(s, ns).expect("an instant"))
}

prop_compose! {
    fn row()(
        which in 0_u8..3,
        origin in prop_oneof![Just(Origin::Delivery), Just(Origin::Listed), Just(Origin::Correction)],
        kind in proptest::option::of("[a-z_.]{1,40}"),
        body in proptest::collection::vec(any::<u8>(), 0..300),
        headers in proptest::collection::btree_map("[a-z-]{1,12}", ".{0,40}", 0..3),
        (occurred_at, received_at) in (proptest::option::of(timestamp()), timestamp()),
        (attempt, trace) in (any::<[u8; 16]>(), proptest::option::of(any::<[u8; 16]>())),
        reason in proptest::option::of(".{0,40}"),
    ) -> InboxRow {
        let source = SourceName::new("stripe-main").expect("a source name");
        let event = EventId::new("evt_1").expect("an event id");
        let meaning = Sha256Hex::of(&[&body]);
        let attempt = TraceId::from_bytes(attempt);
        InboxRow {
            key: match which {
                0 => InboxKey::Event { source, event },
                1 => InboxKey::Conflict { source, event, meaning: meaning.clone() },
                _ => InboxKey::Unreadable { source, digest: meaning.clone() },
            },
            origin,
            kind: kind.map(|kind| EventKind::new(kind).expect("an event type")),
            meaning,
            body,
            headers,
            occurred_at,
            received_at,
            trace: trace.map_or_else(|| attempt.clone(), TraceId::from_bytes),
            attempt,
            reason,
        }
    }
}

proptest! {
    #[test]
    fn a_row_comes_back_as_it_was(row in row()) {
        let item = to_item(&row).expect("can be written");
        prop_assert_eq!(from_item(&row.key, &item).expect("can be read"), row);
    }
}

/// Ids like the real ones: every run of blanks in a sample becomes random letters, the same ones for the same id.
struct Ids {
    state: u64,
}

impl Ids {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    fn next(&mut self) -> u64 {
        // splitmix64: random enough that no compressor finds anything.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn letters(&mut self, count: usize, alphabet: &[u8]) -> String {
        (0..count).map(|_| char::from(alphabet[(self.next() % alphabet.len() as u64) as usize])).collect()
    }

    /// A sample with its blanked ids, its times and its idempotency key made up anew.
    fn fill(&mut self, sample: &str) -> String {
        let mut known = BTreeMap::new();
        let mut filled = String::new();
        let mut rest = sample;
        while let Some(at) = rest.find("00000000") {
            let start = rest[..at]
                .rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .map_or(0, |before| before + 1);
            let end = at + rest[at..].find(|c: char| c != '0').unwrap_or(rest.len() - at);
            let id = &rest[start..end];
            filled.push_str(&rest[..start]);
            let zeros = id.len() - id.trim_end_matches('0').len();
            let new =
                known.entry(id.to_owned()).or_insert_with(|| self.letters(zeros, Self::LETTERS)).clone();
            filled.push_str(id.trim_end_matches('0'));
            filled.push_str(&new);
            rest = &rest[end..];
        }
        filled.push_str(rest);
        self.times(&self.idempotency_key(filled.clone()).unwrap_or(filled))
    }

    fn idempotency_key(&self, text: String) -> Option<String> {
        let at = text.find("\"idempotency_key\": \"")? + "\"idempotency_key\": \"".len();
        let mut ids = Self { state: self.state ^ 1 };
        let fresh: Vec<_> = [8, 4, 4, 4, 12].map(|count| ids.letters(count, b"0123456789abcdef")).into();
        Some(format!("{}{}{}", &text[..at], fresh.join("-"), text.get(at + 36..)?))
    }

    fn times(&self, text: &str) -> String {
        text.replace("16483", "17640")
    }
}

/// The Stripe events among the bodies of the dictionary.
fn stripe_samples() -> Vec<(String, &'static str)> {
    let text = std::str::from_utf8(include_bytes!("../../../dictionary/1.txt")).expect("is text");
    let bodies = serde_json::Deserializer::from_str(text).into_iter::<&serde_json::value::RawValue>();
    let mut samples = Vec::new();
    for body in bodies {
        let body = body.expect("is JSON").get();
        let value: serde_json::Value = serde_json::from_str(body).expect("is JSON");
        if value["object"] == "event" {
            samples.push((value["type"].as_str().expect("has a type").to_owned(), body));
        }
    }
    samples.sort();
    assert_eq!(samples.len(), 10);
    samples
}

/// A delivery as Stripe makes it: in test mode it signs twice.
fn delivery(kind: &str, sample: &str, seed: u64) -> InboxRow {
    let mut ids = Ids { state: seed };
    let body = ids.fill(sample);
    let id: serde_json::Value = serde_json::from_str(&body).expect("is JSON");
    let event = EventId::new(id["id"].as_str().expect("has an id")).expect("an event id");
    let hex = b"0123456789abcdef";
    let signature = format!(
        "t=1764{},v1={},v0={}",
        ids.letters(6, b"0123456789"),
        ids.letters(64, hex),
        ids.letters(64, hex)
    );
    let attempt = TraceId::of(&[&signature]);
    InboxRow {
        key: InboxKey::Event { source: SourceName::new("stripe-main").expect("a source name"), event },
        origin: Origin::Delivery,
        kind: Some(EventKind::new(kind).expect("an event type")),
        meaning: Sha256Hex::of(&[body.as_bytes()]),
        headers: [("stripe-signature".to_owned(), signature)].into(),
        body: body.into_bytes(),
        occurred_at: Some(from_seconds(1_764_000_033)),
        received_at: Timestamp::from_millisecond(1_764_000_033_456).expect("an instant"),
        trace: attempt.clone(),
        attempt,
        reason: None,
    }
}

#[test]
fn a_real_stripe_event_costs_one_write_unit() {
    let mut table = String::from("| event | body | delivery packed | item |\n|---|---|---|---|\n");
    for (kind, sample) in stripe_samples() {
        let mut largest = (0, 0, 0);
        for seed in 0..20 {
            let row = delivery(&kind, sample, seed * 7_919 + 1);
            assert_ne!(row.body, sample.as_bytes(), "ids were filled in");
            let mut item = to_item(&row).expect("can be written");
            item.insert(EXPIRES_AT.to_owned(), seconds_after(row.received_at, 45));
            let packed = item[DELIVERY].as_b().expect("is binary").as_ref().len();
            largest = largest.max((item_bytes(&item), packed, row.body.len()));
            assert_eq!(from_item(&row.key, &item).expect("can be read"), row);
        }
        let (item, packed, body) = largest;
        table.push_str(&format!("| {kind} | {body} | {packed} | {item} |\n"));
        assert!(item <= UNIT_BYTES, "{kind}: {item} bytes are more than one write unit\n{table}");
    }
    println!("{table}");
}

#[test]
fn a_correction_costs_one_write_unit() {
    let mut row = delivery("payment_intent.succeeded", stripe_samples()[0].1, 1);
    row.headers.clear();
    row.origin = Origin::Correction;
    row.body = br#"{"payment":"pi_3MtwBwLkdIwHu7ix28a3tqPa","fact":{"kind":"captured"}}"#.to_vec();
    assert!(item_bytes(&to_item(&row).expect("can be written")) < 400);
}

#[test]
fn a_row_that_is_broken_says_where() {
    let row = delivery("payout.paid", stripe_samples()[9].1, 1);
    let item = to_item(&row).expect("can be written");
    for (attribute, value, message) in [
        (ORIGIN, Some(of_text("X")), "the row's attribute o cannot be used"),
        (DELIVERY, Some(of_bytes(*b"\x09")), "the row's attribute d cannot be used"),
        (DELIVERY, Some(of_bytes(*b"\0no line")), "the row's attribute d cannot be used"),
        (MEANING, None, "the row has no attribute m"),
        (ATTEMPT, Some(of_bytes(*b"short")), "the row's attribute a cannot be used"),
    ] {
        let mut item = item.clone();
        match value {
            Some(value) => drop(item.insert(attribute.to_owned(), value)),
            None => drop(item.remove(attribute)),
        }
        assert_eq!(from_item(&row.key, &item).expect_err("is broken").to_string(), message);
    }
}
