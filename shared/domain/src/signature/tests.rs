//! A signature is believed only when it is one of ours, over these bytes, and recent.

mod challenge;
mod each_event;
mod more_than_the_body;
mod only_what_was_signed;
mod refused;
mod signed_elsewhere;
mod vectors;

use super::*;
use crate::dialect::{Algorithm, Content, Dialect, Encoding};
use crate::time::from_seconds;
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

/// Compiles the `[auth]` section of a dialect.
fn auth(toml: &str) -> Auth {
    let rest = r#"
        [envelope]
        events = "$"
        id = { path = "$.id" }
        type = "$.type"
        meaning = ["$"]
        [[facts]]
        on = ["x"]
        fact = "pending"
        payment = "$.id"
    "#;
    let text = format!("name = \"test\"\ntitle = \"A test\"\n{toml}\n{rest}");
    Dialect::parse(&text).unwrap_or_else(|error| panic!("{error}\n{toml}")).auth
}

/// The `[auth]` section of a scheme without a time: one header, one key, one encoding.
fn plain(header: &str, mac: &str, key: &str, encoding: &str, prefix: &str) -> Auth {
    auth(&format!(
        r#"
        [auth]
        algorithm = "{mac}"
        key = {{ decode = "{key}" }}
        signed = "{{body}}"
        signature = {{ header = "{header}", encoding = "{encoding}", shape = {{ plain = {{ prefix = "{prefix}" }} }} }}
        "#
    ))
}

fn signed(auth: &Auth) -> &Signed {
    match auth {
        Auth::Signed(signed) => signed,
        other => panic!("{other:?} has no signature"),
    }
}

/// Whether a delivery is believed: by which key, or why not.
fn judge(
    auth: &Auth,
    secrets: (&str, Option<&str>),
    headers: &[(&str, &str)],
    body: &[u8],
    now: i64,
) -> Result<KeyAge, SignatureError> {
    let keys = SigningKeys::new(auth, secrets.0, secrets.1).expect("secrets that are keys");
    let headers = Headers::new(headers.iter().copied());
    let delivery = Delivery { headers: &headers, body, path_token: None, source_ip: None };
    let verified = verify(auth, &keys, delivery, from_seconds(now))?;
    assert_eq!(verified.body(), body, "what is verified is what came in");
    Ok(verified.key())
}
