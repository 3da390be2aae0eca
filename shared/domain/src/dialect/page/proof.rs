//! How a delivery is proven, in words.

use super::{code, codes, points};
use crate::dialect::file::{
    Algorithm, Auth, Certificate, Encoding, File, Key, KeyDecoding, KeyDerivation, Scope, Shape, Signature,
    Token,
};
use std::fmt::Write as _;

pub(super) fn proof(file: &File) -> String {
    let auth = &file.auth;
    let mut text = match (&auth.token, &auth.certificate) {
        (Some(token), _) => token_in_words(token),
        (None, Some(certificate)) => certified(certificate),
        (None, None) => signed(auth),
    };
    _ = write!(
        text,
        "\n\nA delivery that is not authentic is answered with {}",
        file.answers.unauthentic_status
    );
    if file.answers.ok_body.is_empty() {
        text.push('.');
    } else {
        _ = write!(text, ", an authentic one with the body {}.", code(&file.answers.ok_body));
    }
    if let Some(challenge) = &file.answers.challenge {
        _ = write!(
            text,
            " A GET with the parameter {} is answered with {}.",
            code(&challenge.parameter),
            code(&challenge.answer)
        );
    }
    text
}

/// The scheme in a few words, for the index.
pub(super) fn in_short(file: &File) -> String {
    let auth = &file.auth;
    match (&auth.token, &auth.certificate) {
        (Some(Token::Header(_)), _) => "token in a header".to_owned(),
        (Some(Token::Path(_)), _) => "secret path".to_owned(),
        (None, Some(_)) => "RSA under a certificate".to_owned(),
        (None, None) => {
            let each = if auth.scope == Scope::Event { ", each event" } else { "" };
            format!("{}{each}", algorithm(auth.algorithm))
        }
    }
}

fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::HmacSha1 => "HMAC-SHA-1",
        Algorithm::HmacSha256 => "HMAC-SHA-256",
        Algorithm::HmacSha512 => "HMAC-SHA-512",
        Algorithm::Ed25519 => "Ed25519",
        Algorithm::RsaSha256 => "RSA PKCS#1 v1.5 with SHA-256",
        Algorithm::Token => "a token",
        Algorithm::Certificate => "a certificate",
    }
}

fn token_in_words(token: &Token) -> String {
    let place = match token {
        Token::Header(header) => format!("in the header {}", code(header)),
        Token::Path(_) => "as the last part of the URL's path".to_owned(),
    };
    format!(
        "The sender shows the source's secret {place}. It is compared in constant time and kept nowhere. It does not bind the \
         body: use second factors (`source_ips`, `basic`, `secret_path`) where the provider allows it."
    )
}

fn certified(certificate: &Certificate) -> String {
    format!(
        "RSA with SHA-256 under the certificate behind the URL in {url}, which must lead to one of {hosts}, be for {name}, \
         reach a trusted root and be in force. The signature stands in {signature} and covers {id}, {time}, the webhook's id \
         and the CRC-32 of the body; {algorithm} must say {is}. A CRC-32 does not bind the body, so every event is asked back \
         before it moves money.",
        url = code(&certificate.url_header),
        hosts = codes(&certificate.hosts),
        name = code(&certificate.name),
        signature = code(&certificate.signature_header),
        id = code(&certificate.id_header),
        time = code(&certificate.time_header),
        algorithm = code(&certificate.algorithm_header),
        is = code(&certificate.algorithm_is),
    )
}

fn signed(auth: &Auth) -> String {
    let mut lines = Vec::new();
    let what = match auth.scope {
        Scope::Delivery => "The delivery is signed",
        Scope::Event => "Each event is signed for itself, and one that is not refuses the whole delivery",
    };
    lines.push(format!(
        "{what}: {} over {}.",
        algorithm(auth.algorithm),
        code(auth.signed.as_deref().unwrap_or_default())
    ));
    if let Some(signature) = &auth.signature {
        lines.push(where_it_is(signature));
    }
    if let Some(key) = &auth.key {
        lines.push(key_in_words(key));
    }
    lines.push(match &auth.timestamp {
        None => "The scheme has no time: an old delivery is as good as a new one, and duplicates are dropped by id.".to_owned(),
        Some(time) => {
            let place = time.header.as_ref().map_or_else(
                || "The time stands beside the signature".to_owned(),
                |header| format!("The time stands in the header {}", code(header)),
            );
            format!(
                "{place}, in Unix seconds; it may be {} s old and {} s ahead.",
                time.past_seconds_max, time.future_seconds_max
            )
        }
    });
    points(&lines).trim_end().to_owned()
}

fn where_it_is(Signature { header, form, field, encoding, shape }: &Signature) -> String {
    let place = match (header, form, field) {
        (Some(header), ..) => format!("the header {}", code(header)),
        (None, Some(form), _) => format!("the form field {}", code(form)),
        (None, None, field) => format!("the event's field {}", code(field.as_deref().unwrap_or_default())),
    };
    let encoding = match encoding {
        Encoding::Hex => "hex",
        Encoding::Base64 => "base64",
    };
    let sample = match shape {
        Shape::Plain { prefix } => format!("{prefix}<signature>"),
        Shape::Pairs { separator, equals, signature, timestamp, headers } => {
            let list =
                headers.as_ref().map(|list| format!("{list}{equals}<names>{separator}")).unwrap_or_default();
            format!("{timestamp}{equals}<time>{separator}{list}{signature}{equals}<signature>")
        }
        Shape::Versioned { separator, version } => format!("{version},<signature>{separator}…"),
        Shape::Keyed { separator, between, algorithm, key_id } => {
            let algorithm = algorithm.as_ref().map(|name| format!("{name}{between}")).unwrap_or_default();
            let key = key_id.as_deref().unwrap_or("<key>");
            format!("{key}{between}{algorithm}<signature>{separator}…")
        }
    };
    format!("The signature stands in {place} as {}, in {encoding}.", code(&sample))
}

fn key_in_words(Key { strip, decode, derive }: &Key) -> String {
    let how = match decode {
        KeyDecoding::Utf8 => "the text itself",
        KeyDecoding::Hex => "decoded from hex",
        KeyDecoding::Base64 => "decoded from base64",
        KeyDecoding::Pem => "a public key in PEM",
    };
    let strip =
        if strip.is_empty() { String::new() } else { format!(", without its prefix {}", code(strip)) };
    let derive = match derive {
        KeyDerivation::None => "",
        KeyDerivation::Sha1 => ", and then its SHA-1",
    };
    format!("The key is the source's secret: {how}{strip}{derive}.")
}
