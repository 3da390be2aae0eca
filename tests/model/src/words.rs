//! A step, said so that a person can follow it.

use crate::protocol::{Variant, World};
use crate::state::{Event, Ingest, IngestStep, LedgerRow, Processor, ProcessorStep, Row, State};
use crate::steps::{Action, Ending};
use stateright::Path;

/// What happens on a way, step by step. The names of the events may be exchanged along it; here they are not.
pub(crate) fn story(world: &World, way: Path<State, Action>) -> Vec<String> {
    let mut is_exchanged = false;
    let steps = way.into_vec().into_iter().filter_map(|(before, action)| Some((before, action?)));
    let told = steps.map(|(before, action)| {
        let told = step(world, &before, action, |event| if is_exchanged { event.other() } else { event });
        is_exchanged ^= world.after(&before, action).fold();
        told
    });
    told.collect()
}

fn step(world: &World, before: &State, action: Action, name: impl Fn(Event) -> Event) -> String {
    match action {
        Action::Deliver(event) => {
            format!("the provider delivers {:?}, time {}", name(event), before.of(event).deliveries + 1)
        }
        Action::Take(event) => {
            format!("a processor takes a message of {:?} and {}", name(event), loads(before, event))
        }
        Action::Redeliver(event) => format!("the queue has a message of {:?} once more", name(event)),
        Action::Ingest(worker, ending) => {
            let who = format!("ingest {} of {:?}", worker.attempt, name(worker.event));
            match ending {
                Ending::Crash => format!("{who}: crashes before its {}", ingest_call(worker.step)),
                Ending::Answered => format!("{who}: {}", ingests(before, worker)),
                Ending::AnswerLost => format!("{who}: {}; the answer is lost", ingests(before, worker)),
            }
        }
        Action::Process(worker, ending) => {
            let who = format!("processor of {:?}", name(worker.event));
            match ending {
                Ending::Crash => format!("{who}: crashes before its {}", processor_call(worker.step)),
                Ending::Answered => format!("{who}: {}", processes(world, before, worker)),
                Ending::AnswerLost => {
                    format!("{who}: {}; the answer is lost", processes(world, before, worker))
                }
            }
        }
    }
}

fn ingest_call(step: IngestStep) -> &'static str {
    match step {
        IngestStep::Put => "put",
        IngestStep::Send => "send",
        IngestStep::Answer => "answer",
    }
}

fn ingests(before: &State, worker: Ingest) -> &'static str {
    match (worker.step, before.of(worker.event).row) {
        (IngestStep::Put, Row::Absent) => "writes the inbox row",
        (IngestStep::Put, Row::Of(there)) if there == worker.attempt => {
            "finds the inbox row that it wrote itself"
        }
        (IngestStep::Put, _) => "finds the inbox row of another delivery",
        (IngestStep::Send, _) => "sends a message",
        (IngestStep::Answer, _) => "answers 2xx",
    }
}

fn processor_call(step: ProcessorStep) -> &'static str {
    match step {
        ProcessorStep::Load => "load",
        ProcessorStep::Append(_) => "append",
        ProcessorStep::Publish(_) | ProcessorStep::PublishAcknowledged(_) => "publish",
        ProcessorStep::Acknowledge(_) => "acknowledgement",
    }
}

fn processes(world: &World, before: &State, worker: Processor) -> String {
    match worker.step {
        ProcessorStep::Load => loads(before, worker.event),
        ProcessorStep::Append(LedgerRow { version, .. }) if !before.has_version(version) => {
            format!("writes version {version}")
        }
        ProcessorStep::Append(LedgerRow { version, .. }) => match world.variant {
            Variant::OverwritesVersions => format!("writes over version {version}"),
            _ => format!("finds version {version} taken"),
        },
        ProcessorStep::Publish(row) | ProcessorStep::PublishAcknowledged(row) => {
            format!("publishes version {}", row.version)
        }
        ProcessorStep::Acknowledge(_) => "acknowledges the message".to_owned(),
    }
}

fn loads(before: &State, event: Event) -> String {
    match (before.row_of(event), before.newest()) {
        (Some(row), _) => format!("loads the payment, where its event is version {}", row.version),
        (None, Some(newest)) => format!("loads the payment at version {}", newest.version),
        (None, None) => "finds no payment".to_owned(),
    }
}
