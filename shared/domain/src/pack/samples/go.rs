//! Go, with nothing but its standard library.

use super::{Filled, Sample, joined, quoted, variable};
use crate::dialect::{Encoding, KeyDecoding, KeyDerivation, Mac};
use crate::pack::Partner;
use crate::pack::recipe::{Given, Part, Recipe, Signing};

pub(super) const SAMPLE: Sample = Sample {
    title: "Go",
    path: "samples/sample.go",
    needs: |_| "Go 1.18 or newer",
    run: "go run sample.go",
    template: include_str!("sample.go"),
    fill,
};

fn fill(partner: &Partner<'_>) -> Filled {
    let Partner { source, url, recipe, .. } = partner;
    let factors = &source.second_factors;
    let url = if factors.secret_path {
        "url := required(\"WEBHOOK_URL\")".to_owned()
    } else {
        format!("url := os.Getenv(\"WEBHOOK_URL\")\nif url == \"\" {{\n\turl = {}\n}}", quoted(url))
    };
    let secret = match recipe.key.strip.as_str() {
        "" => "required(\"WEBHOOK_SECRET\")".to_owned(),
        prefix => format!("strings.TrimPrefix(required(\"WEBHOOK_SECRET\"), {})", quoted(prefix)),
    };
    let given =
        recipe.given.iter().map(|given| format!("{} := required(\"{}\")", name(*given), given.variable()));
    let headers = recipe
        .headers
        .iter()
        .map(|sent| format!("{{{}, {}}},", quoted(&sent.name), joined(&sent.value, " + ", text)));
    let timestamp = "timestamp := os.Getenv(\"WEBHOOK_TIMESTAMP\")\nif timestamp == \"\" {\n\t\
                     timestamp = strconv.FormatInt(time.Now().Unix(), 10)\n}";
    let basic = "user, password, _ := strings.Cut(required(\"WEBHOOK_BASIC\"), \":\")\nrequest.SetBasicAuth(user, password)";
    vec![
        ("imports", imports(recipe, factors.basic)),
        ("url", url),
        ("secret", secret),
        ("timestamp", recipe.time.iter().map(|_| timestamp).collect()),
        ("given", given.collect::<Vec<_>>().join("\n")),
        ("key", key(recipe.key.decode).to_owned()),
        (
            "derive",
            match recipe.key.derive {
                KeyDerivation::None => String::new(),
                KeyDerivation::Sha1 => "derived := sha1.Sum(key)\nkey = derived[:]".to_owned(),
            },
        ),
        ("message", joined(&recipe.message, ", ", bytes)),
        ("signature", signature(recipe)),
        ("headers", headers.collect::<Vec<_>>().join("\n")),
        ("basic", if factors.basic { basic.to_owned() } else { String::new() }),
    ]
}

/// Exactly those that are used: Go refuses the others.
fn imports(recipe: &Recipe, is_basic: bool) -> String {
    let is = |mac| recipe.signing == Signing::Mac(mac);
    let is_ed25519 = recipe.signing == Signing::Ed25519;
    let is_base64 = recipe.key.decode == KeyDecoding::Base64;
    let packages = [
        ("bytes", true),
        ("crypto/ed25519", is_ed25519),
        ("crypto/hmac", !is_ed25519),
        ("crypto/sha1", is(Mac::HmacSha1) || recipe.key.derive == KeyDerivation::Sha1),
        ("crypto/sha256", is(Mac::HmacSha256)),
        ("crypto/sha512", is(Mac::HmacSha512)),
        ("encoding/base64", is_base64 || recipe.encoding == Encoding::Base64),
        ("encoding/hex", recipe.key.decode == KeyDecoding::Hex || recipe.encoding == Encoding::Hex),
        ("fmt", true),
        ("io", true),
        ("log", true),
        ("net/http", true),
        ("os", true),
        ("strconv", recipe.time.is_some()),
        ("strings", !recipe.key.strip.is_empty() || is_base64 || is_basic),
        ("time", true),
    ];
    let used = packages.into_iter().filter(|(_, is_used)| *is_used);
    used.map(|(package, _)| format!("\"{package}\"")).collect::<Vec<_>>().join("\n")
}

fn key(decode: KeyDecoding) -> &'static str {
    match decode {
        KeyDecoding::Utf8 | KeyDecoding::Pem => "key := []byte(secret)",
        KeyDecoding::Hex => "key, err := hex.DecodeString(secret)\nif err != nil {\n\tlog.Fatal(err)\n}",
        KeyDecoding::Base64 => {
            "key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(secret, \"=\"))\n\
             if err != nil {\n\tlog.Fatal(err)\n}"
        }
    }
}

fn signature(recipe: &Recipe) -> String {
    let (before, bytes) = match recipe.signing {
        Signing::Mac(mac) => {
            let new = match mac {
                Mac::HmacSha1 => "sha1.New",
                Mac::HmacSha256 => "sha256.New",
                Mac::HmacSha512 => "sha512.New",
            };
            (format!("mac := hmac.New({new}, key)\nmac.Write(message)\n"), "mac.Sum(nil)")
        }
        Signing::Ed25519 => (String::new(), "ed25519.Sign(ed25519.NewKeyFromSeed(key), message)"),
    };
    let text = match recipe.encoding {
        Encoding::Hex => format!("hex.EncodeToString({bytes})"),
        Encoding::Base64 => format!("base64.StdEncoding.EncodeToString({bytes})"),
    };
    format!("{before}signature := {text}")
}

/// `type` is a word of Go's own.
fn name(given: Given) -> String {
    let (first, rest) = variable(given).split_at(1);
    format!("event{}{rest}", first.to_ascii_uppercase())
}

fn bytes(part: &Part) -> String {
    match part {
        Part::Body => "body".to_owned(),
        part => format!("[]byte({})", text(part)),
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
