//! `[settings]`: what a source says about its endpoint, and where it goes.

use super::Context;
use crate::dialect::file::Setting;
use crate::dialect::{DialectError, Settings};
use std::collections::BTreeMap;

/// A part of a template.
pub(super) enum Part<'a> {
    /// This text.
    Literal(String),
    /// `{name}` or `{name:rest}`.
    Field(&'a str, Option<&'a str>),
}

/// The value of every setting: a source's own, else its default; without a source, its example.
pub(super) fn resolve(
    dialect: &str,
    declared: &BTreeMap<String, Setting>,
    given: Option<&Settings>,
) -> Result<Settings, DialectError> {
    let wrong = |name: &str, why: String| DialectError::Value {
        dialect: dialect.to_owned(),
        key: format!("settings.{name}"),
        why,
    };
    let Some(given) = given else {
        return Ok(declared.iter().map(|(name, setting)| (name.clone(), setting.example.clone())).collect());
    };
    if let Some(name) = given.keys().find(|name| !declared.contains_key(*name)) {
        let known = declared.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {known}") };
        return Err(wrong(
            name,
            format!("the dialect has no such setting ({known}): remove it or correct its name"),
        ));
    }
    let mut settings = Settings::new();
    for (name, setting) in declared {
        let value = given.get(name).or(setting.default.as_ref());
        let value = value.ok_or_else(|| {
            wrong(
                name,
                format!(
                    "it is absent, and the dialect needs it: {} It looks like {:?}",
                    setting.about, setting.example
                ),
            )
        })?;
        settings.insert(name.clone(), value.clone());
    }
    Ok(settings)
}

impl Context {
    pub(super) fn setting(&self, key: &str, name: &str) -> Result<String, DialectError> {
        self.settings.get(name).cloned().ok_or_else(|| {
            self.wrong(
                key,
                format!("{{setting:{name}}} is not declared: add [settings.{name}] with about and example"),
            )
        })
    }

    /// A text with `{setting:NAME}` in it, filled in.
    pub(super) fn text(&self, key: &str, template: &str) -> Result<String, DialectError> {
        let mut text = String::new();
        for part in self.parts(key, template, "{setting:NAME}")? {
            match part {
                Part::Literal(literal) => text.push_str(&literal),
                Part::Field("setting", Some(name)) => text.push_str(&self.setting(key, name)?),
                Part::Field(name, _) => {
                    return Err(self
                        .wrong(key, format!("{{{name}}} is unknown: only {{setting:NAME}} can stand here")));
                }
            }
        }
        Ok(text)
    }

    /// Takes a template apart.
    pub(super) fn parts<'a>(
        &self,
        key: &str,
        template: &'a str,
        for_example: &str,
    ) -> Result<Vec<Part<'a>>, DialectError> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((literal, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').ok_or_else(|| {
                self.wrong(key, format!("{template:?} has a {{ that is not closed: write {for_example}"))
            })?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(match name.split_once(':') {
                Some((name, rest)) => Part::Field(name, Some(rest)),
                None => Part::Field(name, None),
            });
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(parts)
    }
}
