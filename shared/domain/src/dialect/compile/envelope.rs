//! `[envelope]` and `[answers]`.

use super::{Context, Part};
use crate::dialect::file::{self, KindFrom, LivemodeFrom, OneOrMany};
use crate::dialect::{
    Answers, Challenge, Content, DialectError, Envelope, Livemode, LivemodeOf, NameFrom, TimeForm,
};
use crate::json::{Path, Place};

impl Context {
    pub(super) fn envelope(&self, envelope: file::Envelope) -> Result<Envelope, DialectError> {
        let events = self.path("envelope.events", &envelope.events)?;
        if envelope.content != Content::Json && events.is_many() {
            let why = "only a JSON body can hold several events: write \"$\"";
            return Err(self.wrong("envelope.events", why));
        }
        let kind = match envelope.kind {
            KindFrom::Path(path) => file::NameFrom::Path(OneOrMany::One(path)),
            KindFrom::From(from) => from,
        };
        if let file::NameFrom::Constant(name) = &envelope.id {
            let why = format!(
                "{name:?} would name every event alike, and all but the first would be duplicates: give a path"
            );
            return Err(self.wrong("envelope.id", why));
        }
        if envelope.meaning.is_empty() {
            return Err(self
                .wrong("envelope.meaning", "it is empty: name the places that tell one event from another"));
        }
        let meaning = envelope.meaning.iter().map(|path| self.path("envelope.meaning", path));
        Ok(Envelope {
            content: envelope.content,
            id: self.name_from("envelope.id", envelope.id, &events)?,
            kind: self.name_from("envelope.type", kind, &events)?,
            occurred_at: envelope.occurred_at.map(|at| self.at("envelope.occurred_at", &at)).transpose()?,
            livemode: envelope.livemode.map(|livemode| self.livemode(livemode)).transpose()?,
            meaning: meaning.collect::<Result<_, _>>()?,
            events,
        })
    }

    fn name_from(&self, key: &str, from: file::NameFrom, events: &Path) -> Result<NameFrom, DialectError> {
        Ok(match from {
            file::NameFrom::Path(places) => NameFrom::Body(self.places(key, places)?),
            file::NameFrom::Header(header) if events.is_many() => {
                let why = format!("the header {header} cannot name each of several events: give a path");
                return Err(self.wrong(key, why));
            }
            file::NameFrom::Header(header) => NameFrom::Header(self.header(key, &header)?),
            file::NameFrom::Constant(text) => NameFrom::Constant(text),
            file::NameFrom::Compose(parts) if parts.len() < 2 => {
                return Err(self.wrong(key, "`compose` has fewer than two parts: give `path` instead"));
            }
            file::NameFrom::Compose(parts) => {
                let parts = parts.into_iter().map(|part| self.places(key, part));
                NameFrom::Compose(parts.collect::<Result<Vec<Vec<Place>>, _>>()?)
            }
        })
    }

    pub(super) fn at(&self, key: &str, at: &file::At) -> Result<(Path, TimeForm), DialectError> {
        Ok((self.single_path(key, &at.path)?, at.form))
    }

    fn livemode(&self, livemode: file::Livemode) -> Result<Livemode, DialectError> {
        const KEY: &str = "envelope.livemode";
        let LivemodeFrom { path, live, test, of } = match livemode {
            file::Livemode::From(from) => from,
            file::Livemode::Path(path) => LivemodeFrom {
                path,
                live: "true".to_owned(),
                test: "false".to_owned(),
                of: LivemodeOf::Event,
            },
        };
        if live == test {
            let why =
                format!("live and test are both {live:?}, so neither can be told: give two different values");
            return Err(self.wrong(KEY, why));
        }
        Ok(Livemode { path: self.single_path(KEY, &path)?, live, test, of })
    }

    pub(super) fn answers(&self, answers: file::Answers) -> Result<Answers, DialectError> {
        let file::Answers { ok_body, unauthentic_status, challenge } = answers;
        if ![400, 401].contains(&unauthentic_status) {
            let why = format!("{unauthentic_status} is neither 401 nor 400: use one of them");
            return Err(self.wrong("answers.unauthentic_status", why));
        }
        let challenge = challenge.map(|challenge| self.challenge(challenge)).transpose()?;
        Ok(Answers { ok_body, unauthentic_status, challenge })
    }

    fn challenge(&self, challenge: file::Challenge) -> Result<Challenge, DialectError> {
        const KEY: &str = "answers.challenge.answer";
        let file::Challenge { parameter, hex_digits_min, hex_digits_max, answer } = challenge;
        let mut before = String::new();
        let mut is_signed = false;
        for part in self.parts(KEY, &answer, "{signature}")? {
            match part {
                _ if is_signed => return Err(self.wrong(KEY, "nothing may follow {signature}: put it last")),
                Part::Literal(text) => before.push_str(&text),
                Part::Field("setting", Some(name)) => before.push_str(&self.setting(KEY, name)?),
                Part::Field("signature", None) => is_signed = true,
                Part::Field(name, _) => {
                    return Err(self.wrong(
                        KEY,
                        format!("{{{name}}} is unknown: use {{setting:NAME}} and {{signature}}"),
                    ));
                }
            }
        }
        if !is_signed {
            return Err(self.wrong(KEY, "it lacks {signature}, and so would answer without proof: add it"));
        }
        if hex_digits_min < 16 || hex_digits_max > 128 || hex_digits_min > hex_digits_max {
            let why =
                format!("{hex_digits_min} to {hex_digits_max} hex digits: give a range within 16 to 128");
            return Err(self.wrong("answers.challenge.hex_digits_min", why));
        }
        Ok(Challenge { parameter, hex_digits_min, hex_digits_max, before })
    }
}
