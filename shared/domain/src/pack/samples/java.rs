//! Java, as one file that needs no build.

use super::{Filled, Sample, joined, quoted, variable};
use crate::dialect::{Encoding, KeyDecoding, KeyDerivation, Mac};
use crate::pack::Partner;
use crate::pack::recipe::{Part, Recipe, Signing};

pub(super) const SAMPLE: Sample = Sample {
    title: "Java",
    path: "samples/Sample.java",
    needs: |_| "Java 17 or newer",
    run: "java Sample.java",
    template: include_str!("Sample.java"),
    fill,
};

fn fill(partner: &Partner<'_>) -> Filled {
    let Partner { source, url, recipe, .. } = partner;
    let factors = &source.second_factors;
    let url = if factors.secret_path {
        "required(\"WEBHOOK_URL\")".to_owned()
    } else {
        format!("System.getenv().getOrDefault(\"WEBHOOK_URL\", {})", quoted(url))
    };
    let given = recipe
        .given
        .iter()
        .map(|given| format!("String {} = required(\"{}\");", variable(*given), given.variable()));
    let headers = recipe
        .headers
        .iter()
        .map(|sent| format!("headers.put({}, {});", quoted(&sent.name), joined(&sent.value, " + ", text)));
    let (signer, signature) = signature(recipe);
    let basic = "String basic = Base64.getEncoder().encodeToString(bytes(required(\"WEBHOOK_BASIC\")));\n\
                 headers.put(\"authorization\", \"Basic \" + basic);";
    vec![
        ("imports", imports(recipe, factors.basic)),
        ("url", url),
        ("strip", strip(&recipe.key.strip)),
        ("timestamp", recipe.time.iter().map(|_| TIMESTAMP).collect()),
        ("given", given.collect::<Vec<_>>().join("\n")),
        ("key", key(recipe.key.decode).to_owned()),
        (
            "derive",
            match recipe.key.derive {
                KeyDerivation::None => String::new(),
                KeyDerivation::Sha1 => "key = MessageDigest.getInstance(\"SHA-1\").digest(key);".to_owned(),
            },
        ),
        ("message", joined(&recipe.message, "\n", |part| format!("message.writeBytes({});", bytes(part)))),
        ("signer", signer),
        ("signature", signature),
        ("headers", headers.collect::<Vec<_>>().join("\n")),
        ("basic", if factors.basic { basic.to_owned() } else { String::new() }),
    ]
}

const TIMESTAMP: &str = "String timestamp = System.getenv().getOrDefault(\n    \"WEBHOOK_TIMESTAMP\", \
                         Long.toString(System.currentTimeMillis() / 1000));";

fn imports(recipe: &Recipe, is_basic: bool) -> String {
    let is_ed25519 = recipe.signing == Signing::Ed25519;
    let is_base64 =
        recipe.key.decode == KeyDecoding::Base64 || recipe.encoding == Encoding::Base64 || is_basic;
    let is_hex = recipe.key.decode == KeyDecoding::Hex || recipe.encoding == Encoding::Hex;
    let classes = [
        ("java.security.KeyFactory", is_ed25519),
        ("java.security.MessageDigest", recipe.key.derive == KeyDerivation::Sha1),
        ("java.security.Signature", is_ed25519),
        ("java.security.spec.EdECPrivateKeySpec", is_ed25519),
        ("java.security.spec.NamedParameterSpec", is_ed25519),
        ("java.util.Base64", is_base64),
        ("java.util.HexFormat", is_hex),
        ("javax.crypto.Mac", !is_ed25519),
        ("javax.crypto.spec.SecretKeySpec", !is_ed25519),
    ];
    let used = classes.into_iter().filter(|(_, is_used)| *is_used);
    used.map(|(class, _)| format!("import {class};")).collect::<Vec<_>>().join("\n")
}

fn strip(prefix: &str) -> String {
    match prefix {
        "" => String::new(),
        prefix => format!(
            "if (secret.startsWith({0})) {{\n    secret = secret.substring({0}.length());\n}}",
            quoted(prefix)
        ),
    }
}

fn key(decode: KeyDecoding) -> &'static str {
    match decode {
        KeyDecoding::Utf8 | KeyDecoding::Pem => "bytes(secret)",
        KeyDecoding::Hex => "HexFormat.of().parseHex(secret)",
        KeyDecoding::Base64 => "Base64.getDecoder().decode(secret)",
    }
}

/// What makes the signer, and the signature.
fn signature(recipe: &Recipe) -> (String, String) {
    let (signer, bytes) = match recipe.signing {
        Signing::Mac(mac) => {
            let name = match mac {
                Mac::HmacSha1 => "HmacSHA1",
                Mac::HmacSha256 => "HmacSHA256",
                Mac::HmacSha512 => "HmacSHA512",
            };
            let signer = format!(
                "Mac mac = Mac.getInstance(\"{name}\");\nmac.init(new SecretKeySpec(key, \"{name}\"));"
            );
            (signer, "mac.doFinal(message.toByteArray())")
        }
        Signing::Ed25519 => {
            let signer = "Signature signer = Signature.getInstance(\"Ed25519\");\n\
                          signer.initSign(KeyFactory.getInstance(\"Ed25519\")\n    \
                          .generatePrivate(new EdECPrivateKeySpec(NamedParameterSpec.ED25519, key)));\n\
                          signer.update(message.toByteArray());";
            (signer.to_owned(), "signer.sign()")
        }
    };
    let text = match recipe.encoding {
        Encoding::Hex => format!("HexFormat.of().formatHex({bytes})"),
        Encoding::Base64 => format!("Base64.getEncoder().encodeToString({bytes})"),
    };
    (signer, text)
}

fn bytes(part: &Part) -> String {
    match part {
        Part::Body => "body".to_owned(),
        part => format!("bytes({})", text(part)),
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
