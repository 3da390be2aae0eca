//! Log lines and metrics: one JSON object per event on standard output, and the metrics inside it.
//!
//! Only events of our own targets (`countersign…`) are written, and of those only the fields of [`FIELDS`]: a new field is
//! written once it stands there, so nothing personal or secret gets into a log by accident. In a debug build a line names
//! the fields that were left out, under `unknown_fields`.
//!
//! A field of [`METRICS`] is a metric as well: the line then has an `_aws` member in CloudWatch's embedded metric format,
//! namespace [`NAMESPACE`], with the dimension `stage`, and also `stage` and `reason` where the line has a reason. No id is
//! ever a dimension.
//!
//! The one wide line of a unit of work is an ordinary event:
//! `tracing::info!(target: "countersign::work", work = "delivery", received = 1, …)`.
//!
//! `level` and `timestamp` are what Lambda's log-level filter reads of a runtime that it does not know.

use crate::clock::SystemClock;
use countersign_app::ports::Clock as _;
use countersign_domain::time::Timestamp;
use serde_json::{Map, Value, json};
use std::fmt::Debug;
use std::io::Write;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// The fields that are written.
pub const FIELDS: &[&str] = &[
    // What was done, for whom, and what it came to.
    "work",
    "outcome",
    "reason",
    "detail",
    "status",
    "finding",
    "window",
    "requests",
    "parts",
    // Which: names that were checked, never a body or a header.
    "source",
    "event",
    "kind",
    "payment",
    "version",
    "message",
    "trace",
    // How much, how long.
    "body_bytes",
    "duration_ms",
    // Metrics.
    "received",
    "duplicate",
    "conflicting",
    "unreadable",
    "previous_secret",
    "retired_secret",
    "rejected",
    "applied",
    "unchanged",
    "unmapped",
    "parked",
    "published",
    "drift",
    "fetched",
    "fetch_failed",
    "retried",
    "lag_ms",
    "healed",
    "discrepancies",
    "reconcile_completed",
    "reconcile_incomplete",
    "discrepancy_deviation",
    "proof_broken",
    "findings_critical",
    "met",
    "overdue",
    "unanswered",
    "unusable_source",
];

/// The fields that are metrics, with their CloudWatch unit.
///
/// | metric | counts |
/// |---|---|
/// | `received`, `duplicate`, `conflicting`, `unreadable` | events of a delivery |
/// | `previous_secret` | deliveries under the secret that is on its way out |
/// | `retired_secret` | deliveries refused because their secret's time is over |
/// | `rejected` | deliveries refused, by `reason` |
/// | `applied`, `unchanged`, `unmapped`, `parked` | messages, by what became of them |
/// | `published` | events on the bus |
/// | `drift` | types and states that a source's dialect does not know, each when it is first seen |
/// | `fetched`, `fetch_failed` | events about which a provider's API was asked, and answered or not |
/// | `retried` | messages that stay in the queue |
/// | `lag_ms` | from the provider's time to applied |
/// | `healed`, `discrepancies` | corrections and open differences of a run |
/// | `reconcile_completed`, `reconcile_incomplete` | runs |
/// | `discrepancy_deviation` | runs with far more differences than is usual for their source |
/// | `proof_broken` | runs whose differences do not explain what the two sides add up to |
/// | `findings_critical` | findings of a source that are critical by now, with each of its runs |
/// | `met`, `overdue`, `unanswered` | announced payments whose deadline came: known, not known, not to be checked now |
/// | `unusable_source` | looks at all sources that went on without one, because what is stored of it does not work |
pub const METRICS: &[(&str, &str)] = &[
    ("received", COUNT),
    ("duplicate", COUNT),
    ("conflicting", COUNT),
    ("unreadable", COUNT),
    ("previous_secret", COUNT),
    ("retired_secret", COUNT),
    ("rejected", COUNT),
    ("applied", COUNT),
    ("unchanged", COUNT),
    ("unmapped", COUNT),
    ("parked", COUNT),
    ("published", COUNT),
    ("drift", COUNT),
    ("fetched", COUNT),
    ("fetch_failed", COUNT),
    ("retried", COUNT),
    ("lag_ms", "Milliseconds"),
    ("healed", COUNT),
    ("discrepancies", COUNT),
    ("reconcile_completed", COUNT),
    ("reconcile_incomplete", COUNT),
    ("discrepancy_deviation", COUNT),
    ("proof_broken", COUNT),
    ("findings_critical", COUNT),
    ("met", COUNT),
    ("overdue", COUNT),
    ("unanswered", COUNT),
    ("unusable_source", COUNT),
];

const COUNT: &str = "Count";

/// The CloudWatch namespace of all metrics.
pub const NAMESPACE: &str = "Countersign";

/// Longest text of one field, in bytes. A chain of reasons fits; a page of HTML does not.
const TEXT_BYTES_MAX: usize = 2_048;

/// Writes events as lines.
pub struct JsonLines<W> {
    service: &'static str,
    stage: String,
    /// Makes a writer for one line.
    out: W,
}

/// Sends this process's events, and its panics, to standard output. Called once, by `main`.
pub fn init(service: &'static str, stage: &str) {
    let lines = JsonLines::new(service, stage, std::io::stdout);
    // Fails only when there is a subscriber already, which then is the one to use.
    drop(tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines)));
    // The text of a panic may hold a value; its place may not.
    std::panic::set_hook(Box::new(|panic| {
        let detail = panic.location().map_or_else(|| "at an unknown place".to_owned(), ToString::to_string);
        tracing::error!(target: "countersign::panic", outcome = "panicked", detail);
    }));
}

impl<W> JsonLines<W> {
    /// Lines of one service in one stage, each to a writer of its own.
    pub fn new(service: &'static str, stage: &str, out: W) -> Self {
        Self { service, stage: stage.to_owned(), out }
    }
}

impl<S, W, O> Layer<S> for JsonLines<W>
where
    S: Subscriber,
    W: Fn() -> O + 'static,
    O: Write,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        is_ours(metadata.target()) && *metadata.level() <= Level::INFO
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !is_ours(event.metadata().target()) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = line(self.service, &self.stage, *event.metadata().level(), SystemClock.now(), fields);
        // One write for the whole line, so that lines of two threads do not mix. When it fails there is no place left to
        // say so.
        drop((self.out)().write_all(line.as_bytes()));
    }
}

fn is_ours(target: &str) -> bool {
    let rest = target.strip_prefix("countersign");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || rest.starts_with('_'))
}

/// The allowed fields of one event, and the names of the others.
#[derive(Default)]
struct Fields {
    allowed: Map<String, Value>,
    unknown: Vec<&'static str>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        if FIELDS.contains(&field.name()) {
            self.allowed.insert(field.name().to_owned(), value.into());
        } else {
            self.unknown.push(field.name());
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, shortened(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, shortened(&format!("{value:?}")));
    }
}

fn shortened(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default()
}

fn line(service: &str, stage: &str, level: Level, now: Timestamp, fields: Fields) -> String {
    let mut line = Map::new();
    line.insert("timestamp".to_owned(), now.to_string().into());
    line.insert("level".to_owned(), level.as_str().into());
    line.insert("service".to_owned(), service.into());
    line.insert("stage".to_owned(), stage.into());
    let metrics = metrics(&fields.allowed, now);
    // An empty text says nothing.
    line.extend(fields.allowed.into_iter().filter(|(_, value)| value.as_str() != Some("")));
    if cfg!(debug_assertions) && !fields.unknown.is_empty() {
        line.insert("unknown_fields".to_owned(), fields.unknown.into());
    }
    if let Some(metrics) = metrics {
        line.insert("_aws".to_owned(), metrics);
    }
    let mut text = Value::Object(line).to_string();
    text.push('\n');
    text
}

/// The embedded metric format's member, if there is anything to count. A count of zero is written as a field and not as a
/// metric: it would add nothing to a sum.
fn metrics(fields: &Map<String, Value>, now: Timestamp) -> Option<Value> {
    let is_counted = |(name, unit): &&(&str, &str)| {
        fields
            .get(*name)
            .is_some_and(|value| value.is_number() && (*unit != COUNT || value.as_u64() != Some(0)))
    };
    let metrics: Vec<_> =
        METRICS.iter().filter(is_counted).map(|(name, unit)| json!({ "Name": name, "Unit": unit })).collect();
    if metrics.is_empty() {
        return None;
    }
    let has_reason = fields.get("reason").and_then(Value::as_str).is_some_and(|reason| !reason.is_empty());
    let dimensions = if has_reason { json!([["stage"], ["stage", "reason"]]) } else { json!([["stage"]]) };
    Some(json!({
        "Timestamp": now.as_millisecond(),
        "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics }],
    }))
}

#[cfg(test)]
mod tests;
