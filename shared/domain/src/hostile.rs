//! Whatever bytes come in: no panic, no lost item, the same answer twice. Nothing here is a claim about good input.

use crate::dialect::Dialect;
use crate::envelope::split_body;
use crate::ids::EventKind;
use crate::json::{Doc, Json, Path, meaning};
use crate::limits::EVENTS_PER_DELIVERY_MAX;
use crate::reconcile;
use crate::signature::Headers;
use crate::source::Mode;
use crate::testing::{built_in, fixture, source};
use crate::translate::{Body, translate};
use proptest::prelude::*;

/// Numbers, texts and words that parsers disagree on.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "0",
            "-0",
            "1E400",
            "-1e-400",
            "1.0e+30",
            "9007199254740993",
            "18446744073709551616",
            "00",
            "01",
            ".5",
            "5.",
            "+1",
            "NaN",
            "Infinity",
            "0x10",
            "1_000",
            "null",
            "true",
            "false",
            "nul",
            "True",
            "\"\"",
            "\"a",
            "'a'",
            r#""\ud800""#,
            r#""\udc00\ud800""#,
            r#""\u0000""#,
            r#""\x41""#,
            "\"\t\"",
            "\"\u{2028}\"",
            r#""2000""#,
            r#""eur""#,
            r#""EUR""#,
            r#""pi_1""#,
            "2000",
            "1764000000",
        ])
        .prop_map(str::to_owned),
        "\"\\PC{0,8}\"",
        "-?[0-9]{1,40}(\\.[0-9]{0,5})?([eE][+-]?[0-9]{1,4})?",
    ]
}

/// The keys that the dialects look at, so that what is made reaches the code behind them.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec![
            "id", "type", "data", "object", "events", "created", "livemode", "amount", "amount_received", "amount_captured", "currency",
            "payment", "payment_intent", "status", "state", "refund", "captured", "occurred_at", "timestamp", "latest_charge",
        ])
        .prop_map(str::to_owned),
        1 => "\\PC{0,4}",
        1 => Just("i\\u0064".to_owned()),
    ]
}

/// Something like JSON: nested, with doubled keys, sometimes broken.
fn jsonish() -> impl Strategy<Value = String> {
    scalar().prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            3 => prop::collection::vec((key(), inner.clone()), 0..6).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
            2 => prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(" ,"))),
            1 => inner.prop_map(|value| format!(" {value}\n")),
        ]
    })
}

/// A real body with some bytes overwritten, cut out or doubled.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let files = vec![
        "stripe/payment_intent.succeeded.json",
        "stripe/charge.refunded.json",
        "stripe/charge.dispute.created.json",
        "partner-hmac/day.json",
        "partner-hmac/mistakes.json",
        "standard-webhooks/refund.updated.json",
    ];
    let damage = (any::<prop::sample::Index>(), 0_usize..20, prop::collection::vec(any::<u8>(), 0..4));
    (prop::sample::select(files), prop::collection::vec(damage, 0..6)).prop_map(|(file, damages)| {
        let mut body = fixture(file);
        for (at, length, bytes) in damages {
            let from = at.index(body.len().max(1)).min(body.len());
            let to = from.saturating_add(length).min(body.len());
            body.splice(from..to, bytes);
        }
        body
    })
}

/// What must hold of any body under any dialect.
pub(crate) fn everything(dialect: &Dialect, body: &[u8]) {
    let headers = Headers::new([("webhook-id", "msg_1")]);
    let split = split_body(dialect, &headers, body);
    assert_eq!(split, split_body(dialect, &headers, body), "the same bytes split the same way");
    assert!(split.events.len() + split.unreadable.len() <= EVENTS_PER_DELIVERY_MAX);
    let items = Json::parse(body).and_then(|json| {
        let events = &dialect.envelope.events;
        let all = events.list().map_or(Ok(None), |list| json.root().at(&list));
        all.map(|all| all.and_then(Doc::items).map_or(1, |all| all.len()))
    });
    let items = items.unwrap_or(1);
    assert!(
        items > EVENTS_PER_DELIVERY_MAX || split.events.len() + split.unreadable.len() == items,
        "none is lost"
    );
    let source = source(dialect.clone(), Mode::Test);
    for event in &split.events {
        let once = translate(&source, &event.kind, Body::Delivered(event.body.as_bytes()));
        assert_eq!(once, translate(&source, &event.kind, Body::Delivered(event.body.as_bytes())));
    }
    for kind in dialect.facts.iter().flat_map(|rule| &rule.on) {
        let kind = EventKind::new(kind.as_str()).expect("a type");
        let shown = translate(&source, &kind, Body::Json(body)).map_err(|error| error.to_string());
        assert!(shown.is_ok() || shown.is_err_and(|why| why.len() < 1_000), "an error never repeats a body");
    }
    if let (Some(reconcile), Ok(json)) = (&dialect.reconcile, Json::parse(body)) {
        let doc = json.root();
        let snapshot = reconcile::snapshot(reconcile, doc);
        assert_eq!(snapshot, reconcile::snapshot(reconcile, doc));
    }
}

fn paths() -> Vec<Path> {
    ["$", "$.data", "$.events[*]", "$.data.object.id", "$[0]", "$.events[*].id[*]"]
        .map(|text| Path::parse(text).expect("a path"))
        .into()
}

proptest! {
    #[test]
    fn json_like_bodies(body in jsonish()) {
        for dialect in Dialect::built_in_names() {
            everything(&built_in(dialect), body.as_bytes());
        }
        if let Ok(json) = Json::parse(body.as_bytes()) {
            let doc = json.root();
            for path in paths() {
                let places = doc.all(&path);
                prop_assert_eq!(doc.at(&path).is_ok(), places.is_ok());
                prop_assert_eq!(meaning(doc, std::slice::from_ref(&path)), meaning(doc, &[path]));
            }
        }
    }

    #[test]
    fn damaged_bodies(body in damaged()) {
        for dialect in Dialect::built_in_names() {
            everything(&built_in(dialect), &body);
        }
    }

    #[test]
    fn any_bytes(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for dialect in Dialect::built_in_names() {
            everything(&built_in(dialect), &body);
        }
    }

    #[test]
    fn any_text_as_a_path(text in "\\$?(\\.|\\[|\\]|\\*|[0-9]|[a-z]|\\PC){0,12}") {
        if let Ok(path) = Path::parse(&text) {
            prop_assert_eq!(path.as_str(), &text);
            prop_assert_eq!(path.is_many(), path.list().is_some());
            let json = Json::parse(br#"{"a":[{"b":1},2],"b":{"a":[]}}"#).expect("JSON");
            let doc = json.root();
            prop_assert!(doc.all(&path).is_ok() || path.is_many());
        }
    }

    #[test]
    fn any_text_as_a_dialect(text in "\\PC{0,40}|(\\[[a-z]{1,8}\\]\n|[a-z]{1,8} = [\"\\[{]?[a-z0-9$.]{0,8}[\"\\]}]?\n){0,8}") {
        prop_assert!(Dialect::parse(&text).is_err());
    }
}
