//! Node.js, with nothing but what it brings.

use super::{Filled, Sample, joined, quoted, variable};
use crate::dialect::{Encoding, KeyDecoding, KeyDerivation, Mac};
use crate::pack::Partner;
use crate::pack::recipe::{Part, Recipe, Signing};

/// What stands before the 32 bytes of an Ed25519 private key in PKCS #8.
pub(super) const PKCS8_BEFORE_KEY: &str = "302e020100300506032b657004220420";

pub(super) const SAMPLE: Sample = Sample {
    title: "Node.js",
    path: "samples/sample.mjs",
    needs: |_| "Node.js 18 or newer",
    run: "node sample.mjs",
    template: include_str!("sample.mjs"),
    fill,
};

fn fill(partner: &Partner<'_>) -> Filled {
    let Partner { source, url, recipe, .. } = partner;
    let factors = &source.second_factors;
    let url = if factors.secret_path {
        "required(\"WEBHOOK_URL\")".to_owned()
    } else {
        format!("process.env.WEBHOOK_URL ?? {}", quoted(url))
    };
    let given = recipe
        .given
        .iter()
        .map(|given| format!("const {} = required(\"{}\");", variable(*given), given.variable()));
    let headers = recipe
        .headers
        .iter()
        .map(|sent| format!("{}: {},", quoted(&sent.name), joined(&sent.value, " + ", text)));
    vec![
        ("url", url),
        ("strip", strip(&recipe.key.strip)),
        (
            "timestamp",
            recipe
                .time
                .iter()
                .map(|_| "const timestamp = process.env.WEBHOOK_TIMESTAMP ?? String(Math.floor(Date.now() / 1000));")
                .collect(),
        ),
        ("given", given.collect::<Vec<_>>().join("\n")),
        ("key", key(recipe)),
        ("message", joined(&recipe.message, ", ", bytes)),
        ("signature", signature(recipe)),
        ("headers", headers.collect::<Vec<_>>().join("\n")),
        (
            "basic",
            if factors.basic {
                "headers.authorization = \"Basic \" + Buffer.from(required(\"WEBHOOK_BASIC\")).toString(\"base64\");".to_owned()
            } else {
                String::new()
            },
        ),
    ]
}

fn strip(prefix: &str) -> String {
    match prefix {
        "" => String::new(),
        prefix => format!("if (secret.startsWith({0})) secret = secret.slice({0}.length);", quoted(prefix)),
    }
}

fn key(recipe: &Recipe) -> String {
    let encoding = match recipe.key.decode {
        KeyDecoding::Utf8 | KeyDecoding::Pem => "utf8",
        KeyDecoding::Hex => "hex",
        KeyDecoding::Base64 => "base64",
    };
    let key = format!("Buffer.from(secret, \"{encoding}\")");
    match recipe.key.derive {
        KeyDerivation::None => key,
        KeyDerivation::Sha1 => format!("crypto.createHash(\"sha1\").update({key}).digest()"),
    }
}

fn signature(recipe: &Recipe) -> String {
    let encoding = match recipe.encoding {
        Encoding::Hex => "hex",
        Encoding::Base64 => "base64",
    };
    match recipe.signing {
        Signing::Mac(mac) => {
            let hash = match mac {
                Mac::HmacSha1 => "sha1",
                Mac::HmacSha256 => "sha256",
                Mac::HmacSha512 => "sha512",
            };
            format!("crypto.createHmac(\"{hash}\", key).update(message).digest(\"{encoding}\")")
        }
        Signing::Ed25519 => format!(
            "crypto\n  .sign(null, message, {{\n    key: Buffer.concat([Buffer.from(\"{PKCS8_BEFORE_KEY}\", \"hex\"), key]),\n    \
             format: \"der\",\n    type: \"pkcs8\",\n  }})\n  .toString(\"{encoding}\")"
        ),
    }
}

fn bytes(part: &Part) -> String {
    match part {
        Part::Body => "body".to_owned(),
        part => format!("Buffer.from({})", text(part)),
    }
}

fn text(part: &Part) -> String {
    match part {
        Part::Text(text) => quoted(text),
        Part::Timestamp => "timestamp".to_owned(),
        Part::Given(given) => variable(*given).to_owned(),
        Part::Body => "body".to_owned(),
        Part::Signature => "signature".to_owned(),
    }
}
