//! `[auth]`: every scheme proves something, or it is refused.

use super::{Context, Part};
use crate::dialect::file::{self, Algorithm as Written};
use crate::dialect::{
    Algorithm, Auth, Certificate, DialectError, Key, KeyDecoding, KeyDerivation, Mac, Piece, Scope, Shape,
    Signature, SignatureFrom, Signed, SignedTime, TimeFrom, TokenFrom,
};
use crate::json::Path;

impl Context {
    pub(super) fn auth(&self, mut auth: file::Auth, events: &Path) -> Result<Auth, DialectError> {
        let algorithm = match auth.algorithm {
            Written::Token => {
                let token = self.needed("auth.token", auth.token.take())?;
                self.nothing_left(&auth, "token")?;
                return Ok(Auth::Token(self.token(token)?));
            }
            Written::Certificate => {
                let certificate = self.needed("auth.certificate", auth.certificate.take())?;
                self.nothing_left(&auth, "certificate")?;
                return Ok(Auth::Certificate(Box::new(self.certificate(certificate)?)));
            }
            Written::HmacSha1 => Algorithm::Mac(Mac::HmacSha1),
            Written::HmacSha256 => Algorithm::Mac(Mac::HmacSha256),
            Written::HmacSha512 => Algorithm::Mac(Mac::HmacSha512),
            Written::Ed25519 => Algorithm::Ed25519,
            Written::RsaSha256 => Algorithm::RsaSha256,
        };
        if auth.token.is_some() || auth.certificate.is_some() {
            let key = if auth.token.is_some() { "auth.token" } else { "auth.certificate" };
            return Err(
                self.wrong(key, "it belongs to another algorithm than the one given: remove one of them")
            );
        }
        let scope = match auth.scope {
            file::Scope::Delivery => Scope::Delivery,
            file::Scope::Event => Scope::Event(events.clone()),
        };
        let key = self.key(algorithm, self.needed("auth.key", auth.key)?)?;
        let signature = self.signature(self.needed("auth.signature", auth.signature)?, &scope)?;
        let timestamp = auth.timestamp.map(|time| self.signed_time(time, &signature.shape)).transpose()?;
        let template = self.needed("auth.signed", auth.signed)?;
        let pieces = self.pieces(&template, &scope)?;
        self.lists_headers(&pieces, &signature.shape)?;
        self.proves_enough(&template, &pieces, &scope, timestamp.is_some())?;
        Ok(Auth::Signed(Box::new(Signed { algorithm, key, scope, pieces, signature, timestamp })))
    }

    fn needed<T>(&self, key: &str, value: Option<T>) -> Result<T, DialectError> {
        value.ok_or_else(|| self.wrong(key, "it is absent, and this algorithm needs it: add it"))
    }

    /// A token or a certificate needs none of what a signature is described with.
    fn nothing_left(&self, auth: &file::Auth, algorithm: &str) -> Result<(), DialectError> {
        let left = [
            ("key", auth.key.is_some()),
            ("signed", auth.signed.is_some()),
            ("signature", auth.signature.is_some()),
            ("timestamp", auth.timestamp.is_some()),
            ("token", auth.token.is_some()),
            ("certificate", auth.certificate.is_some()),
            ("scope", auth.scope != file::Scope::Delivery),
        ];
        match left.into_iter().find(|(_, is_left)| *is_left) {
            Some((key, _)) => Err(self.wrong(
                &format!("auth.{key}"),
                format!("the algorithm {algorithm:?} does not have it: remove it"),
            )),
            None => Ok(()),
        }
    }

    fn token(&self, token: file::Token) -> Result<TokenFrom, DialectError> {
        Ok(match token {
            file::Token::Header(header) => TokenFrom::Header(self.header("auth.token.header", &header)?),
            file::Token::Path(_) => TokenFrom::Path,
        })
    }

    fn certificate(&self, c: file::Certificate) -> Result<Certificate, DialectError> {
        const KEY: &str = "auth.certificate.hosts";
        if c.hosts.is_empty() {
            return Err(self.wrong(
                KEY,
                "it is empty, so no certificate could ever be fetched: name the provider's host",
            ));
        }
        for host in &c.hosts {
            if host.is_empty()
                || !host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
            {
                return Err(self.wrong(
                    KEY,
                    format!("{host:?} is not a host name in lower case: write it like api.example.com"),
                ));
            }
        }
        let header = |name: &str, value: &str| self.header(&format!("auth.certificate.{name}"), value);
        Ok(Certificate {
            signature: header("signature_header", &c.signature_header)?,
            url: header("url_header", &c.url_header)?,
            hosts: c.hosts,
            name: c.name,
            algorithm: header("algorithm_header", &c.algorithm_header)?,
            algorithm_is: c.algorithm_is,
            id: header("id_header", &c.id_header)?,
            time: header("time_header", &c.time_header)?,
            webhook_id: self.text("auth.certificate.webhook_id", &c.webhook_id)?,
        })
    }

    fn key(&self, algorithm: Algorithm, key: file::Key) -> Result<Key, DialectError> {
        const KEY: &str = "auth.key.decode";
        let why = match (algorithm, key.decode) {
            (Algorithm::Ed25519, KeyDecoding::Utf8 | KeyDecoding::Pem) => {
                "an Ed25519 public key is 32 bytes: use \"base64\" or \"hex\""
            }
            (Algorithm::RsaSha256, KeyDecoding::Utf8 | KeyDecoding::Hex | KeyDecoding::Base64) => {
                "an RSA public key is written in PEM: use \"pem\""
            }
            (Algorithm::Mac(_), KeyDecoding::Pem) => {
                "PEM holds public keys, and a MAC has a shared secret: use \"utf8\", \"hex\" or \"base64\""
            }
            _ => return self.derived(algorithm, key),
        };
        Err(self.wrong(KEY, why))
    }

    fn derived(&self, algorithm: Algorithm, key: file::Key) -> Result<Key, DialectError> {
        if key.derive != KeyDerivation::None && !matches!(algorithm, Algorithm::Mac(_)) {
            return Err(self.wrong("auth.key.derive", "only the key of a MAC can be derived: remove it"));
        }
        Ok(Key { strip: key.strip, decode: key.decode, derive: key.derive })
    }

    fn signature(&self, signature: file::Signature, scope: &Scope) -> Result<Signature, DialectError> {
        const KEY: &str = "auth.signature";
        let file::Signature { header, form, field, encoding, shape } = signature;
        let from = match (header, form, field) {
            (Some(header), None, None) => {
                SignatureFrom::Header(self.header("auth.signature.header", &header)?)
            }
            (None, Some(form), None) => SignatureFrom::Form(form),
            (None, None, Some(field)) => {
                SignatureFrom::Field(self.single_path("auth.signature.field", &field)?)
            }
            _ => {
                return Err(self.wrong(
                    KEY,
                    "it needs exactly one of `header`, `form` and `field`: say where the signature is",
                ));
            }
        };
        match (&from, scope) {
            (SignatureFrom::Field(_), Scope::Delivery) => {
                let why =
                    "a body cannot hold the signature of itself: add `scope = \"event\"`, or name a header";
                return Err(self.wrong("auth.signature.field", why));
            }
            (SignatureFrom::Header(_) | SignatureFrom::Form(_), Scope::Event(_)) => {
                let why =
                    "one place cannot hold the signatures of several events: name a `field` of the event";
                return Err(self.wrong(KEY, why));
            }
            _ => {}
        }
        Ok(Signature { from, shape: self.shape(shape)?, encoding })
    }

    fn shape(&self, shape: file::Shape) -> Result<Shape, DialectError> {
        const KEY: &str = "auth.signature.shape";
        Ok(match shape {
            file::Shape::Plain { prefix } => Shape::Plain { prefix },
            file::Shape::Pairs { separator, equals, signature, timestamp, headers } => {
                if signature.is_empty() || signature == timestamp {
                    let why = format!(
                        "signature = {signature:?} and timestamp = {timestamp:?}: give two different names"
                    );
                    return Err(self.wrong(KEY, why));
                }
                if separator == equals {
                    let why =
                        format!("separator and equals are both {separator:?}: give two different characters");
                    return Err(self.wrong(KEY, why));
                }
                if let Some(list) = &headers
                    && (*list == signature || *list == timestamp)
                {
                    let why = format!("headers = {list:?} names another part too: give it a name of its own");
                    return Err(self.wrong(KEY, why));
                }
                Shape::Pairs { separator, equals, signature, timestamp, headers }
            }
            file::Shape::Versioned { separator, version } => {
                if version.is_empty() || version.contains([',', separator]) {
                    let why = format!(
                        "version = {version:?} is not a word: write it as it stands before the comma, like v1"
                    );
                    return Err(self.wrong(KEY, why));
                }
                if separator == ',' {
                    let why = "separator = ',' also stands between version and signature: give another, such as ' '";
                    return Err(self.wrong(KEY, why));
                }
                Shape::Versioned { separator, version }
            }
            file::Shape::Keyed { separator, between, algorithm, key_id } => {
                if separator == between {
                    let why = format!(
                        "separator and between are both {separator:?}: give two different characters"
                    );
                    return Err(self.wrong(KEY, why));
                }
                let key_id =
                    key_id.map(|id| self.text("auth.signature.shape.keyed.key_id", &id)).transpose()?;
                Shape::Keyed { separator, between, algorithm, key_id: key_id.filter(|id| !id.is_empty()) }
            }
        })
    }

    fn signed_time(&self, time: file::SignedTime, shape: &Shape) -> Result<SignedTime, DialectError> {
        const KEY: &str = "auth.timestamp.header";
        let from = match (time.header, shape) {
            (Some(header), _) => TimeFrom::Header(self.header(KEY, &header)?),
            (None, Shape::Pairs { .. }) => TimeFrom::Signature,
            (None, Shape::Plain { .. } | Shape::Versioned { .. } | Shape::Keyed { .. }) => {
                return Err(self.wrong(
                    KEY,
                    "it is absent, and only the shape `pairs` has a time of its own: name a header",
                ));
            }
        };
        for (name, seconds) in
            [("past_seconds_max", time.past_seconds_max), ("future_seconds_max", time.future_seconds_max)]
        {
            if !(1..=3600).contains(&seconds) {
                return Err(self.wrong(
                    &format!("auth.timestamp.{name}"),
                    format!("{seconds} s is not within 1 to 3600 s"),
                ));
            }
        }
        Ok(SignedTime {
            from,
            past_seconds_max: time.past_seconds_max,
            future_seconds_max: time.future_seconds_max,
        })
    }

    /// Reads `{header:webhook-id}.{timestamp}.{body}`.
    fn pieces(&self, template: &str, scope: &Scope) -> Result<Vec<Piece>, DialectError> {
        const KEY: &str = "auth.signed";
        let mut pieces = Vec::new();
        for part in self.parts(KEY, template, "{body}")? {
            pieces.push(match part {
                Part::Literal(text) => Piece::Literal(text),
                Part::Field("body", None) => Piece::Body,
                Part::Field("timestamp", None) => Piece::Timestamp,
                Part::Field("listed_headers", None) => Piece::ListedHeaders,
                Part::Field("header", Some(header)) => Piece::Header(self.header(KEY, header)?),
                Part::Field("form", Some(field)) => Piece::Form(field.to_owned()),
                Part::Field("setting", Some(name)) => Piece::Literal(self.setting(KEY, name)?),
                Part::Field("field", Some(path)) if matches!(scope, Scope::Event(_)) => {
                    Piece::Field(self.single_path(KEY, path)?)
                }
                Part::Field(name, rest) => {
                    let name = rest.map_or_else(|| name.to_owned(), |rest| format!("{name}:{rest}"));
                    let why = format!(
                        "{{{name}}} is unknown: use {{body}}, {{timestamp}}, {{header:NAME}}, {{listed_headers}}, {{form:NAME}}, \
                         {{setting:NAME}} or, where each event is signed, {{field:PATH}}"
                    );
                    return Err(self.wrong(KEY, why));
                }
            });
        }
        Ok(pieces)
    }

    fn lists_headers(&self, pieces: &[Piece], shape: &Shape) -> Result<(), DialectError> {
        let has_list = matches!(shape, Shape::Pairs { headers: Some(_), .. });
        match (pieces.contains(&Piece::ListedHeaders), has_list) {
            (true, false) => Err(self.wrong(
                "auth.signed",
                "has {listed_headers}, but nothing says where the list is: add `headers` to the shape `pairs`",
            )),
            (false, true) => Err(self.wrong(
                "auth.signature.shape.pairs.headers",
                "headers are listed, and {listed_headers} is not signed: add it to `signed`, or remove the list",
            )),
            (true, true) | (false, false) => Ok(()),
        }
    }

    fn proves_enough(
        &self,
        template: &str,
        pieces: &[Piece],
        scope: &Scope,
        has_time: bool,
    ) -> Result<(), DialectError> {
        const KEY: &str = "auth.signed";
        let covers = pieces.iter().any(|piece| match scope {
            Scope::Delivery => matches!(piece, Piece::Body | Piece::Form(_)),
            Scope::Event(_) => matches!(piece, Piece::Field(_)),
        });
        if !covers {
            let (missing, what) = match scope {
                Scope::Delivery => ("{body}", "the body"),
                Scope::Event(_) => ("{field:PATH}", "the event"),
            };
            let why =
                format!("lacks {missing}: a signature that leaves {what} out proves nothing, so add it");
            return Err(self.wrong(KEY, format!("{template:?} {why}")));
        }
        if pieces.contains(&Piece::Timestamp) == has_time {
            return Ok(());
        }
        let why = if has_time {
            "lacks {timestamp}: a time that is not signed proves nothing, so add it or remove [auth.timestamp]"
        } else {
            "has {timestamp}, but nothing says where it is: add [auth.timestamp] or remove it"
        };
        Err(self.wrong(KEY, format!("{template:?} {why}")))
    }
}
