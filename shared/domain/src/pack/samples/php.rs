//! PHP, with what every build of it has.

use super::{Filled, Sample, is_mac, joined, line, quoted_php, variable};
use crate::dialect::{Encoding, KeyDecoding, KeyDerivation, Mac};
use crate::pack::Partner;
use crate::pack::recipe::{Part, Recipe, Signing};

pub(super) const SAMPLE: Sample = Sample {
    title: "PHP",
    path: "samples/sample.php",
    needs: |recipe| {
        if is_mac(recipe) { "PHP 8 or newer" } else { "PHP 8 or newer with its extension sodium" }
    },
    run: "php sample.php",
    template: include_str!("sample.php"),
    fill,
};

fn fill(partner: &Partner<'_>) -> Filled {
    let Partner { source, url, recipe, .. } = partner;
    let factors = &source.second_factors;
    let url = if factors.secret_path {
        "required('WEBHOOK_URL')".to_owned()
    } else {
        format!("getenv('WEBHOOK_URL') ?: {}", quoted_php(url))
    };
    let given =
        recipe.given.iter().map(|given| format!("${} = required('{}');", variable(*given), given.variable()));
    let headers = recipe.headers.iter().map(|sent| format!("{},", joined(&line(sent), " . ", text)));
    vec![
        ("url", url),
        ("strip", strip(&recipe.key.strip)),
        (
            "timestamp",
            recipe
                .time
                .iter()
                .map(|_| "$timestamp = getenv('WEBHOOK_TIMESTAMP') ?: (string) time();")
                .collect(),
        ),
        ("given", given.collect::<Vec<_>>().join("\n")),
        ("key", key(recipe)),
        ("message", joined(&recipe.message, " . ", text)),
        ("signature", signature(recipe)),
        ("headers", headers.collect::<Vec<_>>().join("\n")),
        (
            "basic",
            if factors.basic {
                "$headers[] = 'authorization: Basic ' . base64_encode(required('WEBHOOK_BASIC'));".to_owned()
            } else {
                String::new()
            },
        ),
    ]
}

fn strip(prefix: &str) -> String {
    match prefix {
        "" => String::new(),
        prefix => format!(
            "if (str_starts_with($secret, {0})) {{\n    $secret = substr($secret, strlen({0}));\n}}",
            quoted_php(prefix)
        ),
    }
}

fn key(recipe: &Recipe) -> String {
    let key = match recipe.key.decode {
        KeyDecoding::Utf8 | KeyDecoding::Pem => "$secret",
        KeyDecoding::Hex => "hex2bin($secret)",
        KeyDecoding::Base64 => "base64_decode($secret, true)",
    };
    match recipe.key.derive {
        KeyDerivation::None => key.to_owned(),
        KeyDerivation::Sha1 => format!("sha1({key}, true)"),
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
            format!("hash_hmac('{hash}', $message, $key, true)")
        }
        Signing::Ed25519 => {
            "sodium_crypto_sign_detached($message, sodium_crypto_sign_secretkey(sodium_crypto_sign_seed_keypair($key)))"
                .to_owned()
        }
    };
    match recipe.encoding {
        Encoding::Hex => format!("bin2hex({bytes})"),
        Encoding::Base64 => format!("base64_encode({bytes})"),
    }
}

fn text(part: &Part) -> String {
    match part {
        Part::Text(text) => quoted_php(text),
        Part::Timestamp => "$timestamp".to_owned(),
        Part::Given(given) => format!("${}", variable(*given)),
        Part::Body => "$body".to_owned(),
        Part::Signature => "$signature".to_owned(),
    }
}
