use super::*;
use std::sync::{Arc, Mutex};

/// What was written, in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("a lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn lines(work: impl FnOnce()) -> Vec<Value> {
    let memory = Memory::default();
    let out = memory.clone();
    let layer = JsonLines::new("ingest", "dev", move || out.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    let bytes = memory.0.lock().expect("a lock").clone();
    let text = String::from_utf8(bytes).expect("is UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect()
}

fn only(work: impl FnOnce()) -> Value {
    let mut lines = lines(work);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

#[test]
fn a_wide_line_holds_its_fields_and_its_metrics() {
    let line = only(|| {
        let lag_ms: Option<i64> = Some(1_234);
        tracing::info!(
            target: "countersign::work",
            work = "message", outcome = "applied", source = "stripe-main", version = 3_u64,
            lag_ms, applied = 1, parked = 0, kind = "",
        );
    });
    for (name, value) in [
        ("level", json!("INFO")),
        ("service", json!("ingest")),
        ("stage", json!("dev")),
        ("work", json!("message")),
        ("version", json!(3)),
        ("lag_ms", json!(1_234)),
        ("applied", json!(1)),
        ("parked", json!(0)),
    ] {
        assert_eq!(line[name], value, "{name} in {line}");
    }
    assert_eq!(line.get("kind"), None, "an empty text says nothing");
    let timestamp: Timestamp = line["timestamp"].as_str().and_then(|at| at.parse().ok()).expect("RFC 3339");
    assert_eq!(line["_aws"]["Timestamp"], timestamp.as_millisecond());
    let directives = json!([{
        "Namespace": "Countersign",
        "Dimensions": [["stage"]],
        "Metrics": [{ "Name": "applied", "Unit": "Count" }, { "Name": "lag_ms", "Unit": "Milliseconds" }],
    }]);
    assert_eq!(line["_aws"]["CloudWatchMetrics"], directives);
}

#[test]
fn a_reason_is_a_dimension_and_nothing_else_is() {
    let line = only(|| {
        tracing::warn!(target: "countersign::work", rejected = 1, reason = "signature", source = "stripe-main");
    });
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["stage"], ["stage", "reason"]]));
    assert_eq!(
        (&line["stage"], &line["reason"], &line["level"]),
        (&json!("dev"), &json!("signature"), &json!("WARN"))
    );
}

#[test]
fn without_a_metric_there_is_no_metric_block() {
    let line = only(|| tracing::info!(target: "countersign::work", work = "run", received = 0));
    assert_eq!(line.get("_aws"), None);
}

#[test]
fn a_field_that_is_not_allowed_is_dropped_and_named() {
    let line = only(|| {
        tracing::info!(target: "countersign::work", work = "run", body = "4242 4242 4242 4242", email = ?Some("a@b"));
    });
    assert_eq!(line["unknown_fields"], json!(["body", "email"]), "a debug build names them");
    assert!(!line.to_string().contains("4242") && !line.to_string().contains("a@b"), "{line}");
}

#[test]
fn only_our_own_events_are_written_from_info_up() {
    let lines = lines(|| {
        tracing::info!(target: "aws_smithy_runtime", detail = "theirs");
        tracing::info!(target: "countersigned::elsewhere", detail = "theirs");
        tracing::debug!(target: "countersign::work", detail = "too fine");
        tracing::error!(target: "countersign_app::process", detail = "ours");
        tracing::info!(target: "countersign", detail = "ours");
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line["detail"] == "ours"));
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let long = format!("x{}", "é".repeat(TEXT_BYTES_MAX));
    let line = only(|| tracing::info!(target: "countersign::work", detail = long));
    assert_eq!(line["detail"].as_str().expect("is text").len(), TEXT_BYTES_MAX - 1);
}

#[test]
fn every_metric_is_a_field() {
    assert!(METRICS.iter().all(|(name, _)| FIELDS.contains(name)));
}

/// The values of one key of the template, each trimmed, in order.
fn values<'t>(template: &'t str, key: &str) -> Vec<&'t str> {
    template.lines().filter_map(|line| line.trim().strip_prefix(key)).map(str::trim).collect()
}

#[test]
fn every_alarm_watches_something_that_is_written_and_says_what_to_do() {
    let (template, runbook) =
        (include_str!("../../../../template.yaml"), include_str!("../../../../infra/RUNBOOK.md"));
    let sections: Vec<_> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .flat_map(|line| line.split(", "))
        .collect();
    let alarms = values(template, "AlarmName: !Sub countersign-${Stage}-");
    assert!(alarms.contains(&"retired-secret") && alarms.contains(&"drift"), "{alarms:?}");
    for alarm in &alarms {
        assert!(sections.contains(alarm), "the alarm {alarm} has no section in the runbook");
    }
    let watched = values(template, "MetricName:");
    assert_eq!(alarms.len(), watched.len());
    for (namespace, metric) in values(template, "Namespace:").iter().zip(watched) {
        let is_written = METRICS.iter().any(|(name, _)| *name == metric);
        assert!(*namespace != NAMESPACE || is_written, "nothing writes the metric {metric}");
    }
}
