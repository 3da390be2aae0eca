//! Python 3, with nothing but its standard library; Ed25519 takes the package `cryptography`.

use super::{Filled, Sample, is_mac, joined, quoted, variable};
use crate::dialect::{Encoding, KeyDecoding, KeyDerivation, Mac};
use crate::pack::Partner;
use crate::pack::recipe::{Part, Recipe, Signing};

pub(super) const SAMPLE: Sample = Sample {
    title: "Python",
    path: "samples/sample.py",
    needs: |recipe| {
        if is_mac(recipe) {
            "Python 3.9 or newer"
        } else {
            "Python 3.9 or newer, and `pip install cryptography`"
        }
    },
    run: "python3 sample.py",
    template: include_str!("sample.py"),
    fill,
};

fn fill(partner: &Partner<'_>) -> Filled {
    let Partner { source, url, recipe, .. } = partner;
    let factors = &source.second_factors;
    let url = if factors.secret_path {
        "os.environ[\"WEBHOOK_URL\"]".to_owned()
    } else {
        format!("os.environ.get(\"WEBHOOK_URL\", {})", quoted(url))
    };
    let strip = &recipe.key.strip;
    let given =
        recipe.given.iter().map(|given| format!("{} = os.environ[\"{}\"]", name(*given), given.variable()));
    let headers = recipe
        .headers
        .iter()
        .map(|sent| format!("{}: {},", quoted(&sent.name), joined(&sent.value, " + ", text)));
    vec![
        ("imports", imports(recipe, factors.basic)),
        ("url", url),
        ("strip", if strip.is_empty() { String::new() } else { format!(".removeprefix({})", quoted(strip)) }),
        (
            "timestamp",
            recipe
                .time
                .iter()
                .map(|_| "timestamp = os.environ.get(\"WEBHOOK_TIMESTAMP\") or str(int(time.time()))")
                .collect(),
        ),
        ("given", given.collect::<Vec<_>>().join("\n")),
        ("key", key(recipe.key.decode).to_owned()),
        (
            "derive",
            match recipe.key.derive {
                KeyDerivation::None => String::new(),
                KeyDerivation::Sha1 => "key = hashlib.sha1(key).digest()".to_owned(),
            },
        ),
        ("message", joined(&recipe.message, " + ", bytes)),
        ("signature", signature(recipe)),
        ("headers", headers.collect::<Vec<_>>().join("\n")),
        (
            "basic",
            if factors.basic {
                "headers[\"authorization\"] = \"Basic \" + base64.b64encode(os.environ[\"WEBHOOK_BASIC\"].encode()).decode()"
                    .to_owned()
            } else {
                String::new()
            },
        ),
    ]
}

fn imports(recipe: &Recipe, is_basic: bool) -> String {
    let is_derived = recipe.key.derive == KeyDerivation::Sha1;
    let is_base64 =
        recipe.key.decode == KeyDecoding::Base64 || recipe.encoding == Encoding::Base64 || is_basic;
    let modules = [
        ("base64", is_base64),
        ("hashlib", is_mac(recipe) || is_derived),
        ("hmac", is_mac(recipe)),
        ("os", true),
        ("sys", true),
        ("time", recipe.time.is_some()),
        ("urllib.error", true),
        ("urllib.request", true),
    ];
    let mut lines: Vec<_> = modules
        .into_iter()
        .filter(|(_, is_used)| *is_used)
        .map(|(name, _)| format!("import {name}"))
        .collect();
    if !is_mac(recipe) {
        lines.push("\n# pip install cryptography".to_owned());
        lines.push(
            "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey".to_owned(),
        );
    }
    lines.join("\n")
}

/// `type` and `id` are Python's own.
fn name(given: crate::pack::recipe::Given) -> String {
    format!("event_{}", variable(given))
}

fn key(decode: KeyDecoding) -> &'static str {
    match decode {
        KeyDecoding::Utf8 | KeyDecoding::Pem => "SECRET.encode()",
        KeyDecoding::Hex => "bytes.fromhex(SECRET)",
        KeyDecoding::Base64 => "base64.b64decode(SECRET + \"=\" * (-len(SECRET) % 4))",
    }
}

fn signature(recipe: &Recipe) -> String {
    let bytes = match recipe.signing {
        Signing::Mac(mac) => {
            let hash = match mac {
                Mac::HmacSha1 => "sha1",
                Mac::HmacSha256 => "sha256",
                Mac::HmacSha512 => "sha512",
            };
            format!("hmac.new(key, message, hashlib.{hash}).digest()")
        }
        Signing::Ed25519 => "Ed25519PrivateKey.from_private_bytes(key).sign(message)".to_owned(),
    };
    match recipe.encoding {
        Encoding::Hex => format!("{bytes}.hex()"),
        Encoding::Base64 => format!("base64.b64encode({bytes}).decode()"),
    }
}

fn bytes(part: &Part) -> String {
    match part {
        Part::Text(text) => format!("b{}", quoted(text)),
        Part::Body => "body".to_owned(),
        Part::Timestamp | Part::Given(_) | Part::Signature => format!("{}.encode()", text(part)),
    }
}

fn text(part: &Part) -> String {
    match part {
        Part::Text(text) => quoted(text),
        Part::Timestamp => "timestamp".to_owned(),
        Part::Given(given) => name(*given),
        Part::Body => "body".to_owned(),
        Part::Signature => "signature".to_owned(),
    }
}
