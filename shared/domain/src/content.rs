//! Bodies that are not JSON, read as if they were: a form is an object of texts, XML an object of elements.
//!
//! What is kept is always the bytes that were signed; this makes the view that paths lead into, anew each time.

use crate::dialect::Content;
use crate::limits::JSON_DEPTH_MAX;
use data_encoding::BASE64;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Why a body is not what its dialect says. It never repeats the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// A field that two readers could read differently.
    #[error("the form names the field {field:?} twice")]
    DoubledField {
        /// Its name, at most 40 characters of it.
        field: String,
    },
    /// The field that holds everything else is absent.
    #[error("the form has no field {field}")]
    MissingField {
        /// Its name.
        field: String,
    },
    /// Not base64.
    #[error("the form field {field} is not base64")]
    NotBase64 {
        /// Its name.
        field: String,
    },
    /// Not XML as it is expected.
    #[error("the XML in the form field {field} {why}")]
    Xml {
        /// Its name.
        field: String,
        /// What is wrong.
        why: &'static str,
    },
}

/// The JSON view of a body.
///
/// # Errors
/// [`ContentError`] when it is not what `content` says. JSON is not looked at here.
pub fn as_json<'a>(content: &Content, body: &'a [u8]) -> Result<Cow<'a, [u8]>, ContentError> {
    let value = match content {
        Content::Json => return Ok(Cow::Borrowed(body)),
        Content::Form | Content::Query => form(body)?,
        Content::FormXml { field } => xml(field, body)?,
    };
    Ok(Cow::Owned(value.to_string().into_bytes()))
}

/// One field of a form, decoded; nothing when it is absent.
///
/// # Errors
/// [`ContentError::DoubledField`].
pub fn form_field(body: &[u8], name: &str) -> Result<Option<String>, ContentError> {
    let mut found = None;
    for (field, value) in form_urlencoded::parse(body) {
        if field == name && found.replace(value.into_owned()).is_some() {
            return Err(ContentError::DoubledField { field: crate::money::excerpt(name) });
        }
    }
    Ok(found)
}

fn form(body: &[u8]) -> Result<Value, ContentError> {
    let mut fields = Map::new();
    for (field, value) in form_urlencoded::parse(body) {
        if fields.insert(field.clone().into_owned(), Value::String(value.into_owned())).is_some() {
            return Err(ContentError::DoubledField { field: crate::money::excerpt(&field) });
        }
    }
    Ok(Value::Object(fields))
}

fn xml(field: &str, body: &[u8]) -> Result<Value, ContentError> {
    let missing = || ContentError::MissingField { field: field.to_owned() };
    let text = form_field(body, field)?.ok_or_else(missing)?;
    // Braintree breaks its base64 into lines.
    let unbroken: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = BASE64.decode(unbroken.as_bytes());
    let bytes = bytes.map_err(|_| ContentError::NotBase64 { field: field.to_owned() })?;
    let text = std::str::from_utf8(&bytes);
    let wrong = |why| ContentError::Xml { field: field.to_owned(), why };
    read_xml(text.map_err(|_| wrong("is not UTF-8"))?).map_err(wrong)
}

/// An element that is being read.
#[derive(Default)]
struct Element {
    name: String,
    is_list: bool,
    is_nil: bool,
    text: String,
    /// By name, in order; a name may come again.
    children: Vec<(String, Value)>,
}

fn read_xml(text: &str) -> Result<Value, &'static str> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = vec![Element::default()];
    loop {
        if open.len() > JSON_DEPTH_MAX {
            return Err("is nested too deep");
        }
        match reader.read_event().map_err(|_| "is not well-formed")? {
            Event::Start(start) => open.push(begin(&start)?),
            Event::Empty(start) => {
                let element = begin(&start)?;
                close(&mut open, element)?;
            }
            Event::End(_) => {
                let element = open.pop().ok_or("is not well-formed")?;
                close(&mut open, element)?;
            }
            Event::Text(text) => {
                open.last_mut().ok_or("is not well-formed")?.text.push_str(&text);
            }
            Event::GeneralRef(name) => {
                let character = entity(&name).ok_or("names an entity that is none of the five of XML")?;
                open.last_mut().ok_or("is not well-formed")?.text.push(character);
            }
            Event::Decl(_) | Event::Comment(_) => {}
            Event::CData(_) | Event::DocType(_) | Event::PI(_) => {
                return Err("holds more than elements and text");
            }
            Event::Eof => break,
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(root), true) if !root.children.is_empty() => value(root),
        _ => Err("ends too early"),
    }
}

fn begin(start: &BytesStart<'_>) -> Result<Element, &'static str> {
    let name = start.name().as_ref().to_owned();
    let mut element = Element { name, ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| "is not well-formed")?;
        match (attribute.key.as_ref(), attribute.value.as_ref()) {
            ("type", "array" | "collection") => element.is_list = true,
            ("nil", "true") => element.is_nil = true,
            _ => {}
        }
    }
    Ok(element)
}

fn close(open: &mut [Element], element: Element) -> Result<(), &'static str> {
    let name = element.name.clone();
    let value = value(element)?;
    open.last_mut().ok_or("is not well-formed")?.children.push((name, value));
    Ok(())
}

fn value(element: Element) -> Result<Value, &'static str> {
    if element.is_list {
        return Ok(Value::Array(element.children.into_iter().map(|(_, value)| value).collect()));
    }
    if element.is_nil {
        return Ok(Value::Null);
    }
    if element.children.is_empty() {
        return Ok(Value::String(element.text));
    }
    let mut members = Map::new();
    for (name, value) in element.children {
        // Outside a list, two of a name could be read as either.
        if members.insert(name, value).is_some() {
            return Err("has an element twice where one is expected");
        }
    }
    Ok(Value::Object(members))
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests;
