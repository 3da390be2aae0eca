//! The schema. [`Key`] names every row of the three tables: where it stands, what it holds, how long it lives and who
//! writes it. `#` separates the parts of a key, and no name can hold one.

use super::item::{Item, ItemError};
use aws_sdk_dynamodb::types::AttributeValue;
use countersign_app::ports::{InboxKey, StepId};
use countersign_domain::expect::Purpose;
use countersign_domain::ids::{PaymentId, Sha256Hex, SourceName};
use countersign_domain::limits::DAY_SHARDS;
use countersign_domain::time::{Timestamp, Window};

/// Hash key of every table.
pub const PK: &str = "pk";
/// Range key of the ledger.
pub const VERSION: &str = "version";
/// Range key of control.
pub const SK: &str = "sk";
/// Unix seconds after which DynamoDB may delete the row, in inbox and control.
pub const EXPIRES_AT: &str = "expires_at";
/// Hash key of the ledger's sparse index [`PAYMENTS_BY_DAY`].
pub const DAY: &str = "day";
/// The ledger's index of first rows: `day`, then `pk`; keys only.
pub const PAYMENTS_BY_DAY: &str = "payments_by_day";

/// The partition of control that holds every source.
pub const SOURCES: &str = "source";

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// **inbox**, `pk` = `{source}#{event}`, `{source}#{event}#{meaning}` or `{source}##{digest}` ([`InboxKey`]).
    ///
    /// What came in, byte for byte, in one write unit: `o` origin, `k` kind, `m` meaning, `d` kept headers and body
    /// ([`crate::codec`]), `t` occurred at, `r` received at, `a` attempt, `c` trace if it is not the attempt, `w` why it
    /// could not be read. Times are Unix nanoseconds: DynamoDB stores no trailing zeros.
    ///
    /// Lives `INBOX_TTL_DAYS`. Written once, by ingest and (corrections) reconcile, if no living row has the key.
    Inbox(InboxKey),
    /// **ledger**, `pk` = `{source}#{payment}`, `version` = 1, 2, …
    ///
    /// One event and the payment that results, in one write unit: `e` event, `k` kind, `t` occurred at, `r` received at,
    /// `c` trace, `f` fact, `g` change if there is one, `s` state, `w` recorded at. The first row has `day` =
    /// `{source}#{YYYY-MM-DD}#{shard}` as well, which puts it into [`PAYMENTS_BY_DAY`].
    ///
    /// Lives for ever. Written once, by the processor, if its version is free. Nobody may update or delete.
    Ledger {
        /// Whose payment.
        source: SourceName,
        /// Which payment.
        payment: PaymentId,
        /// Which row of it.
        version: u64,
    },
    /// **control**, `pk` = `source`, `sk` = `{source}`.
    ///
    /// The newest version of the source, as in [`Key::SourceVersion`]: the one in force. Lives for ever. Written by the
    /// operator together with that version, if it holds the one before.
    Source(SourceName),
    /// **control**, `pk` = `source_version#{source}`, `sk` = the number in ten digits.
    ///
    /// `config`: the source as JSON; `number`; `made`: how it came to be, as JSON; `written_at` (Unix nanoseconds). Lives
    /// for ever. Written once, by the operator, if its number is free.
    SourceVersion {
        /// Whose configuration.
        source: SourceName,
        /// Which version of it: 1, 2, …
        number: u32,
    },
    /// **control**, `pk` = `drift#{source}`, `sk` = [`countersign_app::ports::Unknown::key`].
    ///
    /// A word that the source's dialect does not know: `kind`, `unknown` as JSON, `example` and `first_seen` of the first
    /// sight, `last_seen` of the last, `events` counted. Lives 90 days after the last sight. Written by the processor.
    Drift {
        /// Who says it.
        source: SourceName,
        /// Its name among theirs.
        word: String,
    },
    /// **control**, `pk` = `finding#{source}`, `sk` = the finding's id.
    ///
    /// `kind`, `subject`, `reason` and `found_at` of the first sight, `seen_at` of the last, `sightings` counted; `standing`
    /// and `steps` as JSON once something was done about it. Lives for ever. Written by the processor and reconcile and,
    /// if the steps are as they were read, by the operator.
    Finding {
        /// Where.
        source: SourceName,
        /// [`countersign_domain::finding::Finding::id`].
        id: String,
    },
    /// **control**, `pk` = `expectation#{YYYY-MM-DDTHH}` of the deadline, `sk` = `{source}#{payment}`.
    ///
    /// `expectation`: a payment that is waited for, as JSON. Written by reconcile if the key is free, and deleted by it when
    /// the waiting has ended.
    Expectation {
        /// Who will tell of it.
        source: SourceName,
        /// The deadline.
        due_at: Timestamp,
        /// Which payment.
        payment: PaymentId,
        /// What is wanted of it.
        purpose: Purpose,
    },
    /// **control**, `pk` = `run#{source}`, `sk` = `{from}..{to}`.
    ///
    /// `run`: the state of the window's newest attempt as JSON; `epoch` fences its checkpoints; `lease_until` (Unix
    /// nanoseconds) and `holder` (the taking that holds it) are its lease. Lives for ever. Written by reconcile, if the
    /// row is as it was read (taking) or the epoch is its own (checkpoint).
    Run {
        /// Whose books.
        source: SourceName,
        /// Which window.
        window: Window,
    },
    /// **control**, `pk` = `evidence#{source}#{from}..{to}#{attempt}`, `sk` =
    /// `{`[`Evidence::key`](countersign_app::ports::Evidence::key)`}#{epoch}.{number}` of its step.
    ///
    /// `epoch`, `number`: its step. `note`: the note as JSON, packed by [`crate::codec`]. Lives 90 days. Written by
    /// reconcile.
    Evidence {
        /// Whose books.
        source: SourceName,
        /// Which window.
        window: Window,
        /// Which attempt at it.
        attempt: u32,
        /// Which note.
        note: String,
        /// Noted in which step.
        step: StepId,
    },
}

impl Key {
    /// The hash key.
    #[must_use]
    pub fn partition(&self) -> String {
        match self {
            Self::Inbox(key) => key.to_string(),
            Self::Ledger { source, payment, .. } => payment_partition(source, payment),
            Self::Source(_) => SOURCES.to_owned(),
            Self::SourceVersion { source, .. } => version_partition(source),
            Self::Drift { source, .. } => drift_partition(source),
            Self::Finding { source, .. } => finding_partition(source),
            Self::Expectation { due_at, .. } => expectation_partition(*due_at),
            Self::Run { source, .. } => run_partition(source),
            Self::Evidence { source, window, attempt, .. } => evidence_partition(source, *window, *attempt),
        }
    }

    /// The attributes that make up the key.
    #[must_use]
    pub fn attributes(&self) -> Item {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let range = match self {
            Self::Inbox(_) => None,
            Self::Ledger { version, .. } => Some((VERSION, AttributeValue::N(version.to_string()))),
            Self::Source(name) => Some((SK, text(name.as_str()))),
            // As many digits as the largest has, so that they are in order.
            Self::SourceVersion { number, .. } => Some((SK, text(&format!("{number:010}")))),
            Self::Drift { word, .. } => Some((SK, text(word))),
            Self::Finding { id, .. } => Some((SK, text(id))),
            Self::Expectation { source, payment, purpose, .. } => {
                let of_payment = payment_partition(source, payment);
                // No payment's reference begins with a blank.
                let name = match purpose {
                    Purpose::Heard => of_payment,
                    Purpose::Agreed => format!(" {of_payment}"),
                };
                Some((SK, text(&name)))
            }
            Self::Run { window, .. } => Some((SK, text(&window.name()))),
            Self::Evidence { note, step: StepId { epoch, number }, .. } => {
                Some((SK, text(&format!("{note}#{epoch}.{number}"))))
            }
        };
        let hash = (PK, AttributeValue::S(self.partition()));
        [Some(hash), range].into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The partition of a payment's rows.
pub(super) fn payment_partition(source: &SourceName, payment: &PaymentId) -> String {
    format!("{source}#{payment}")
}

/// Whose and which payment a partition of the ledger is.
pub(super) fn parse_payment_partition(pk: &str) -> Result<(SourceName, PaymentId), ItemError> {
    let (source, payment) = pk.split_once('#').ok_or_else(|| ItemError::unreadable(PK, "it holds no `#`"))?;
    let source = SourceName::new(source).map_err(|error| ItemError::unreadable(PK, error))?;
    let payment = PaymentId::new(payment).map_err(|error| ItemError::unreadable(PK, error))?;
    Ok((source, payment))
}

/// The partition of a source's versions.
pub(super) fn version_partition(source: &SourceName) -> String {
    format!("source_version#{source}")
}

/// The partition of the payments that are waited for until that hour.
pub(super) fn expectation_partition(due_at: Timestamp) -> String {
    format!("expectation#{}", due_at.strftime("%Y-%m-%dT%H"))
}

/// The partition of a source's runs.
pub(super) fn run_partition(source: &SourceName) -> String {
    format!("run#{source}")
}

/// The partition of what a source says that nobody knows.
pub(super) fn drift_partition(source: &SourceName) -> String {
    format!("drift#{source}")
}

/// The partition of a source's findings.
pub(super) fn finding_partition(source: &SourceName) -> String {
    format!("finding#{source}")
}

/// The partition of one attempt's notes.
pub(super) fn evidence_partition(source: &SourceName, window: Window, attempt: u32) -> String {
    format!("evidence#{source}#{}#{attempt}", window.name())
}

/// Where the index has a payment that was first seen on a UTC date.
pub(super) fn day_of(source: &SourceName, date: &str, payment: &PaymentId) -> String {
    let hash = Sha256Hex::of(&[payment.as_str().as_bytes()]);
    let byte = hash.as_str().get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(0);
    format!("{source}#{date}#{}", byte % DAY_SHARDS)
}

/// Everywhere the index may have payments of a UTC date.
pub(super) fn days_of(source: &SourceName, date: &str) -> Vec<String> {
    (0..DAY_SHARDS).map(|shard| format!("{source}#{date}#{shard}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_domain::ids::EventId;
    use countersign_domain::time::{Timestamp, from_seconds};
    use proptest::prelude::*;

    fn source() -> impl Strategy<Value = SourceName> {
        "[a-z0-9-]{1,40}".prop_map(|text| SourceName::new(text).expect("a source name"))
    }

    /// Printable ASCII without `#`.
    const ID: &str = "[!-\"$-~]{1,60}";

    fn window() -> impl Strategy<Value = Window> {
        (0_i64..4_000_000_000, 1_i64..1_000_000)
            .prop_map(|(from, length)| Window { from: from_seconds(from), to: from_seconds(from + length) })
    }

    fn inbox_key() -> impl Strategy<Value = InboxKey> {
        (source(), ID, any::<[u8; 4]>(), 0_u8..3).prop_map(|(source, id, bytes, which)| {
            let event = EventId::new(id).expect("an event id");
            let digest = Sha256Hex::of(&[&bytes]);
            match which {
                0 => InboxKey::Event { source, event },
                1 => InboxKey::Conflict { source, event, meaning: digest },
                _ => InboxKey::Unreadable { source, digest },
            }
        })
    }

    fn control_key() -> impl Strategy<Value = Key> {
        (source(), window(), 1_u32..5, ID, 0_u8..7).prop_map(|(source, window, attempt, note, which)| {
            match which {
                0 => Key::Source(source),
                1 => Key::Finding { source, id: note },
                2 => Key::Run { source, window },
                3 => Key::SourceVersion { source, number: attempt },
                4 => Key::Drift { source, word: note },
                5 => Key::Expectation {
                    source,
                    due_at: Window::utc_day(window.from, 0).from,
                    payment: PaymentId::new(note).expect("a payment reference"),
                    purpose: if attempt % 2 == 0 { Purpose::Heard } else { Purpose::Agreed },
                },
                _ => Key::Evidence {
                    source,
                    window,
                    attempt,
                    note,
                    step: StepId { epoch: 3, number: attempt },
                },
            }
        })
    }

    fn ledger_key() -> impl Strategy<Value = Key> {
        (source(), ID, 1_u64..9).prop_map(|(source, id, version)| Key::Ledger {
            source,
            payment: PaymentId::new(id).expect("a payment reference"),
            version,
        })
    }

    proptest! {
        #[test]
        fn two_rows_never_share_a_key(
            (inbox, other_inbox) in (inbox_key(), inbox_key()),
            (ledger, other_ledger) in (ledger_key(), ledger_key()),
            (control, other_control) in (control_key(), control_key()),
        ) {
            let (inbox, other_inbox) = (Key::Inbox(inbox), Key::Inbox(other_inbox));
            for (one, other) in [(inbox, other_inbox), (ledger, other_ledger), (control, other_control)] {
                prop_assert_eq!(one == other, one.attributes() == other.attributes(), "{:?} {:?}", one, other);
            }
        }

        #[test]
        fn a_partition_of_the_ledger_is_read_back(key in ledger_key()) {
            let Key::Ledger { source, payment, .. } = &key else { unreachable!() };
            let read = parse_payment_partition(&key.partition()).expect("is a partition");
            prop_assert_eq!(read, (source.clone(), payment.clone()));
        }

        #[test]
        fn a_payment_stands_in_one_of_the_shards_of_its_day(source in source(), id in ID) {
            let payment = PaymentId::new(id).expect("a payment reference");
            let day = day_of(&source, "2026-11-23", &payment);
            prop_assert_eq!(&day, &day_of(&source, "2026-11-23", &payment), "the shard is stable");
            prop_assert!(days_of(&source, "2026-11-23").contains(&day));
        }
    }

    #[test]
    fn keys_read_as_documented() {
        let source = SourceName::new("stripe-main").expect("a source name");
        let from: Timestamp = "2026-11-22T00:00:00Z".parse().expect("an instant");
        let window = Window::utc_day(from, 0);
        let payment = PaymentId::new("pi_1").expect("a payment reference");
        let evidence = Key::Evidence {
            source: source.clone(),
            window,
            attempt: 2,
            note: "page#000001".to_owned(),
            step: StepId { epoch: 3, number: 4 },
        };
        for (key, pk) in [
            (
                Key::Ledger { source: source.clone(), payment: payment.clone(), version: 3 },
                "stripe-main#pi_1",
            ),
            (Key::Source(source.clone()), "source"),
            (Key::SourceVersion { source: source.clone(), number: 2 }, "source_version#stripe-main"),
            (Key::Drift { source: source.clone(), word: "type#x".to_owned() }, "drift#stripe-main"),
            (Key::Finding { source: source.clone(), id: "unreadable-1".to_owned() }, "finding#stripe-main"),
            (
                Key::Expectation {
                    source: source.clone(),
                    due_at: from,
                    payment: payment.clone(),
                    purpose: Purpose::Heard,
                },
                "expectation#2026-11-22T00",
            ),
            (Key::Run { source: source.clone(), window }, "run#stripe-main"),
            (evidence, "evidence#stripe-main#2026-11-22T00:00:00Z..2026-11-23T00:00:00Z#2"),
        ] {
            assert_eq!(key.partition(), pk);
        }
        assert_eq!(day_of(&source, "2026-11-22", &payment), "stripe-main#2026-11-22#2");
    }

    #[test]
    fn payments_spread_over_the_shards() {
        let source = SourceName::new("s").expect("a source name");
        let mut counts = std::collections::BTreeMap::<String, u32>::new();
        for n in 0..1_000 {
            let payment = PaymentId::new(format!("pi_{n}")).expect("a payment reference");
            *counts.entry(day_of(&source, "2026-11-22", &payment)).or_default() += 1;
        }
        assert_eq!(counts.len(), usize::from(DAY_SHARDS));
        assert!(counts.values().all(|count| *count > 200), "{counts:?}");
    }
}
