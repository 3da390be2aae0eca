//! How a sender signs, as the dialect's own words come to: the same steps whatever language they are written in.

use super::Refusal;
use crate::dialect::{
    Algorithm, Auth, Encoding, Key, KeyDecoding, Mac, NameFrom, Piece, Scope, Shape, SignatureFrom, Signed,
    SignedTime, TimeFrom, TokenFrom,
};
use crate::source::Source;

/// What a signature is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signing {
    /// A shared secret.
    Mac(Mac),
    /// The sender's private key.
    Ed25519,
}

/// What a sample is told about the event, for it stands outside the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// The event's id.
    Id,
    /// The event's type.
    Kind,
}

/// A part of what is signed, or of a header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// This text: printable ASCII.
    Text(String),
    /// The time of signing: Unix seconds in decimal.
    Timestamp,
    /// What the sender knows of the event.
    Given(Given),
    /// The body. Only in what is signed.
    Body,
    /// The signature, encoded. Only in a header's value.
    Signature,
}

/// A header that is sent, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// In lower case.
    pub(super) name: String,
    pub(super) value: Vec<Part>,
}

/// How a delivery is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) signing: Signing,
    pub(super) key: Key,
    /// What is signed, in order.
    pub(super) message: Vec<Part>,
    pub(super) encoding: Encoding,
    /// The headers that name and prove the delivery, in the order they are shown.
    pub(super) headers: Vec<Sent>,
    /// What a sample must be told.
    pub(super) given: Vec<Given>,
    /// The clock that the endpoint asks for, if it asks for one.
    pub(super) time: Option<SignedTime>,
}

impl Given {
    /// The variable of the environment that a sample reads it from.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::Id => "WEBHOOK_ID",
            Self::Kind => "WEBHOOK_TYPE",
        }
    }
}

impl Recipe {
    pub(super) fn of(source: &Source) -> Result<Self, Refusal> {
        let signed = signed(&source.dialect.auth)?;
        let signing = match signed.algorithm {
            Algorithm::Mac(mac) => Signing::Mac(mac),
            Algorithm::Ed25519 => Signing::Ed25519,
            Algorithm::RsaSha256 => {
                return Err(Refusal::new(
                    "auth.algorithm",
                    "\"rsa_sha256\" is none that the samples can sign with",
                ));
            }
        };
        let SignatureFrom::Header(signature) = &signed.signature.from else {
            let why = format!(
                "{} holds the signature, and the samples can only send it in a header",
                signed.signature.from
            );
            return Err(Refusal::new("auth.signature", why));
        };
        let named = named(source);
        let mut message = Vec::new();
        for piece in &signed.pieces {
            message.push(part(piece, signed, &named)?);
        }
        let mut headers: Vec<_> = named
            .iter()
            .map(|(name, given)| Sent { name: name.clone(), value: vec![Part::Given(*given)] })
            .collect();
        if let Some(SignedTime { from: TimeFrom::Header(name), .. }) = &signed.timestamp {
            headers.push(Sent { name: name.clone(), value: vec![Part::Timestamp] });
        }
        headers.push(Sent { name: signature.clone(), value: value(&signed.signature.shape)? });
        one_value_each(&headers)?;
        printable("auth.key.strip", &signed.key.strip)?;
        Ok(Self {
            signing,
            key: signed.key.clone(),
            message,
            encoding: signed.signature.encoding,
            headers,
            given: named.into_iter().map(|(_, given)| given).collect(),
            time: signed.timestamp.clone(),
        })
    }

    /// How a secret is written, for people.
    pub(super) fn secret_form(&self) -> String {
        let form = match self.key.decode {
            KeyDecoding::Utf8 | KeyDecoding::Pem => "any text of at least 8 bytes",
            KeyDecoding::Hex => "hex digits",
            KeyDecoding::Base64 => "base64",
        };
        match self.key.strip.as_str() {
            "" => form.to_owned(),
            prefix => format!("`{prefix}` and then {form}"),
        }
    }
}

fn signed(auth: &Auth) -> Result<&Signed, Refusal> {
    let no = |why: &str| Err(Refusal::new("auth.algorithm", why));
    match auth {
        Auth::Signed(signed) if signed.scope == Scope::Delivery => Ok(signed),
        Auth::Signed(_) => {
            Err(Refusal::new("auth.scope", "each event is signed for itself, which the samples cannot do"))
        }
        Auth::Token(TokenFrom::Header(_) | TokenFrom::Path) => {
            no("a \"token\" is sent as it is: there is nothing to sign, and so nothing to show in samples")
        }
        Auth::Certificate(_) => no("a \"certificate\" is the provider's own: nobody else can sign with it"),
    }
}

/// The headers that name the event.
fn named(source: &Source) -> Vec<(String, Given)> {
    let envelope = &source.dialect.envelope;
    let names = [(&envelope.id, Given::Id), (&envelope.kind, Given::Kind)];
    let named = names.into_iter().filter_map(|(from, given)| match from {
        NameFrom::Header(name) => Some((name.clone(), given)),
        NameFrom::Body(_) | NameFrom::Constant(_) | NameFrom::Compose(_) => None,
    });
    named.collect()
}

fn part(piece: &Piece, signed: &Signed, named: &[(String, Given)]) -> Result<Part, Refusal> {
    const KEY: &str = "auth.signed";
    Ok(match piece {
        Piece::Literal(text) => Part::Text(printable(KEY, text)?),
        Piece::Timestamp => Part::Timestamp,
        Piece::Body => Part::Body,
        Piece::Header(name) => {
            let given = named.iter().find(|(header, _)| header == name);
            let is_time = matches!(&signed.timestamp, Some(SignedTime { from: TimeFrom::Header(header), .. }) if header == name);
            match given {
                Some((_, given)) => Part::Given(*given),
                None if is_time => Part::Timestamp,
                None if name == "content-type" => Part::Text("application/json".to_owned()),
                None => {
                    let why = format!(
                        "{{header:{name}}} is signed, and nothing says what a sample should send in it"
                    );
                    return Err(Refusal::new(KEY, why));
                }
            }
        }
        Piece::ListedHeaders => {
            return Err(Refusal::new(
                KEY,
                "the signature lists the headers that it signs, and the samples cannot say which",
            ));
        }
        Piece::Form(field) => {
            return Err(Refusal::new(
                KEY,
                format!("{{form:{field}}} is a field of a form, and the samples send JSON"),
            ));
        }
        Piece::Field(path) => {
            let why = format!(
                "{{field:{}}} is a field of one event, and the samples sign the delivery",
                path.as_str()
            );
            return Err(Refusal::new(KEY, why));
        }
    })
}

/// The value of the signature's header, with one signature.
fn value(shape: &Shape) -> Result<Vec<Part>, Refusal> {
    let parts = match shape {
        Shape::Plain { prefix } => vec![Part::Text(prefix.clone()), Part::Signature],
        Shape::Pairs { separator, equals, signature, timestamp, headers: _ } => vec![
            Part::Text(format!("{timestamp}{equals}")),
            Part::Timestamp,
            Part::Text(format!("{separator}{signature}{equals}")),
            Part::Signature,
        ],
        Shape::Versioned { version, .. } => vec![Part::Text(format!("{version},")), Part::Signature],
        Shape::Keyed { between, algorithm, key_id, .. } => {
            let algorithm = algorithm.as_ref().map(|name| format!("{name}{between}")).unwrap_or_default();
            let key = key_id.as_deref().unwrap_or("key");
            vec![Part::Text(format!("{key}{between}{algorithm}")), Part::Signature]
        }
    };
    let is_something = |part: &Part| !matches!(part, Part::Text(text) if text.is_empty());
    let parts: Vec<_> = parts.into_iter().filter(is_something).collect();
    for part in &parts {
        if let Part::Text(text) = part {
            printable("auth.signature.shape", text)?;
        }
    }
    Ok(parts)
}

/// One header cannot have two meanings.
fn one_value_each(headers: &[Sent]) -> Result<(), Refusal> {
    let mut names: Vec<_> = headers.iter().map(|sent| sent.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => {
            let name = pair.first().unwrap_or(&"");
            Err(Refusal::new(
                "auth",
                format!("the header {name} is read as two different things: a sample sends one value"),
            ))
        }
        None => Ok(()),
    }
}

/// Texts are escaped in six languages, and only for this alphabet.
fn printable(key: &'static str, text: &str) -> Result<String, Refusal> {
    if text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        return Ok(text.to_owned());
    }
    Err(Refusal::new(
        key,
        format!("{text:?} holds a line's end or a character beyond ASCII, which the samples cannot write"),
    ))
}
