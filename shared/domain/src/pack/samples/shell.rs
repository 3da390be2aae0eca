//! curl and openssl, from a shell.

use super::node::PKCS8_BEFORE_KEY;
use super::{Filled, Sample, is_mac, joined, line, quoted_shell, variable};
use crate::dialect::{Encoding, KeyDecoding, KeyDerivation, Mac};
use crate::pack::Partner;
use crate::pack::recipe::{Part, Recipe, Signing};

pub(super) const SAMPLE: Sample = Sample {
    title: "curl and openssl",
    path: "samples/sample.sh",
    needs: |recipe| {
        if is_mac(recipe) { "bash, curl and openssl" } else { "bash, curl and OpenSSL 3 or newer" }
    },
    run: "bash sample.sh",
    template: include_str!("sample.sh"),
    fill,
};

fn fill(partner: &Partner<'_>) -> Filled {
    let Partner { source, url, recipe, .. } = partner;
    let factors = &source.second_factors;
    let url = if factors.secret_path {
        "${WEBHOOK_URL:?set it}".to_owned()
    } else {
        format!("${{WEBHOOK_URL:-{}}}", quoted_shell(url))
    };
    let strip = &recipe.key.strip;
    let given =
        recipe.given.iter().map(|given| format!("{}=${{{}:?set it}}", variable(*given), given.variable()));
    let headers = recipe.headers.iter().map(|sent| joined(&line(sent), "", text));
    vec![
        ("url", url),
        (
            "strip",
            if strip.is_empty() {
                String::new()
            } else {
                format!("secret=${{secret#{}}}", quoted_shell(strip))
            },
        ),
        ("timestamp", recipe.time.iter().map(|_| "timestamp=${WEBHOOK_TIMESTAMP:-$(date +%s)}").collect()),
        ("given", given.collect::<Vec<_>>().join("\n")),
        ("key", key(recipe)),
        ("message", joined(&recipe.message, "\n", print)),
        ("signature", signature(recipe)),
        ("headers", headers.collect::<Vec<_>>().join("\n")),
        (
            "basic",
            if factors.basic {
                "options+=(--user \"${WEBHOOK_BASIC:?set it}\")".to_owned()
            } else {
                String::new()
            },
        ),
    ]
}

/// The key in hex digits: it may hold bytes that no variable of a shell can.
fn key(recipe: &Recipe) -> String {
    let key = match recipe.key.decode {
        KeyDecoding::Utf8 | KeyDecoding::Pem => "printf %s \"$secret\"",
        KeyDecoding::Hex => "",
        KeyDecoding::Base64 => "printf %s \"$secret\" | openssl base64 -d -A",
    };
    let padded = match recipe.key.decode {
        KeyDecoding::Base64 => "while [ $((${#secret} % 4)) -ne 0 ]; do secret=$secret=; done\n",
        KeyDecoding::Utf8 | KeyDecoding::Hex | KeyDecoding::Pem => "",
    };
    let key = if key.is_empty() { "key=$secret".to_owned() } else { format!("key=$({key} | hex)") };
    let bytes = "printf \"$(printf %s \"$key\" | sed 's/../\\\\x&/g')\"";
    match recipe.key.derive {
        KeyDerivation::None => format!("{padded}{key}"),
        KeyDerivation::Sha1 => format!("{padded}{key}\nkey=$({bytes} | openssl dgst -sha1 -binary | hex)"),
    }
}

fn signature(recipe: &Recipe) -> String {
    let encode = match recipe.encoding {
        Encoding::Hex => "hex",
        Encoding::Base64 => "openssl base64 -A",
    };
    match recipe.signing {
        Signing::Mac(mac) => {
            let hash = match mac {
                Mac::HmacSha1 => "sha1",
                Mac::HmacSha256 => "sha256",
                Mac::HmacSha512 => "sha512",
            };
            format!(
                "signature=$(openssl dgst -{hash} -mac HMAC -macopt \"hexkey:$key\" -binary \"$work/message\" | {encode})"
            )
        }
        Signing::Ed25519 => format!(
            "printf \"$(printf %s \"{PKCS8_BEFORE_KEY}$key\" | sed 's/../\\\\x&/g')\" >\"$work/key\"\n\
             signature=$(openssl pkeyutl -sign -rawin -keyform DER -inkey \"$work/key\" -in \"$work/message\" | {encode})"
        ),
    }
}

fn print(part: &Part) -> String {
    match part {
        Part::Body => "cat \"$body\"".to_owned(),
        part => format!("printf %s {}", text(part)),
    }
}

fn text(part: &Part) -> String {
    match part {
        Part::Text(text) => quoted_shell(text),
        Part::Timestamp => "\"$timestamp\"".to_owned(),
        Part::Given(given) => format!("\"${}\"", variable(*given)),
        Part::Body => "\"$body\"".to_owned(),
        Part::Signature => "\"$signature\"".to_owned(),
    }
}
