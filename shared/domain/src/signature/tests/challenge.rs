//! A challenge is answered, and nothing else is signed.

use super::*;
use crate::dialect::Challenge;

const SECRET: &str = "a secret of more than sixteen bytes";

fn answer(auth: &Auth, text: &str) -> Option<String> {
    let challenge = Challenge {
        parameter: "challenge".to_owned(),
        hex_digits_min: 4,
        hex_digits_max: 6,
        before: "shop|".to_owned(),
    };
    let keys = SigningKeys::new(auth, SECRET, None).expect("a secret that is a key");
    answer_challenge(auth, &challenge, &keys, text)
}

fn expected<M: hmac::Mac + hmac::KeyInit>(text: &str) -> Vec<u8> {
    let mut mac = <M as hmac::KeyInit>::new_from_slice(SECRET.as_bytes()).expect("any key");
    hmac::Mac::update(&mut mac, text.as_bytes());
    hmac::Mac::finalize(mac).into_bytes().to_vec()
}

#[test]
fn the_answer_is_the_mac_of_the_text() {
    for (mac, of) in [
        ("hmac_sha1", expected::<Hmac<Sha1>> as fn(&str) -> Vec<u8>),
        ("hmac_sha256", expected::<Hmac<Sha256>>),
        ("hmac_sha512", expected::<Hmac<Sha512>>),
    ] {
        let hex = plain("x-signature", mac, "utf8", "hex", "");
        let base64 = plain("x-signature", mac, "utf8", "base64", "");
        for text in ["09af", "abcdef"] {
            let written = |signature: String| Some(format!("shop|{signature}"));
            assert_eq!(answer(&hex, text), written(HEXLOWER_PERMISSIVE.encode(&of(text))), "{mac} {text}");
            assert_eq!(answer(&base64, text), written(BASE64.encode(&of(text))), "{mac} {text}");
        }
    }
}

#[test]
fn a_text_that_is_no_challenge_is_not_signed() {
    let auth = plain("x-signature", "hmac_sha256", "utf8", "hex", "");
    for text in ["", "abc", "abcdef0", "abcg", "ABCD", "09a:", "09a/", "09a`", "{\"a\":"] {
        assert_eq!(answer(&auth, text), None, "{text}");
    }
}
