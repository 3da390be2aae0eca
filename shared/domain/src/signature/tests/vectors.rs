//! Signatures that the providers publish, and some that their SDKs made. Sources: `tests/fixtures/signatures/SOURCES.md`.

use super::*;
use crate::sign::sign;
use crate::testing::{built_in, fixture};
use serde::Deserialize;

struct Vector<'a> {
    auth: Auth,
    secret: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    /// When it was signed; 0 where the scheme has no time.
    time: i64,
}

/// It is believed, it is not believed of another body, and, where one secret serves both sides, our signer makes the same.
#[track_caller]
fn check(vector: &Vector<'_>) {
    let Vector { auth, secret, headers, body, time } = vector;
    assert_eq!(judge(auth, (secret, None), headers, body, *time), Ok(KeyAge::Current));
    let changed = [body, &b" "[..]].concat();
    assert_eq!(judge(auth, (secret, None), headers, &changed, *time), Err(SignatureError::Mismatch));
    if let Algorithm::Mac(_) = signed(auth).algorithm {
        let given: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        for (name, value) in sign(auth, secret, &given, body, from_seconds(*time)).expect("a key") {
            let is_given = |(header, text): &(&str, &str)| {
                header.eq_ignore_ascii_case(&name) && text.replace("h1=dummy;", "") == value
            };
            assert!(headers.iter().any(is_given), "{name}: {value}");
        }
    }
}

fn without_last_newline(mut body: Vec<u8>) -> Vec<u8> {
    assert_eq!(body.pop(), Some(b'\n'));
    body
}

const MESSAGE: (&str, &str) = ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek");
const MESSAGE_TIME: (&str, &str) = ("webhook-timestamp", "1614265330");
const MESSAGE_BODY: &[u8] = br#"{"test": 2432232314}"#;

#[test]
fn standard_webhooks_v1() {
    // The published secret has no prefix; Standard Webhooks gives it one.
    check(&Vector {
        auth: built_in("standard-webhooks").auth,
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        headers: &[
            MESSAGE,
            MESSAGE_TIME,
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ],
        body: MESSAGE_BODY,
        time: 1_614_265_330,
    });
}

#[test]
fn standard_webhooks_v1a() {
    let signature =
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    check(&Vector {
        auth: built_in("standard-webhooks-ed25519").auth,
        secret: "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
        headers: &[MESSAGE, MESSAGE_TIME, ("webhook-signature", signature)],
        body: MESSAGE_BODY,
        time: 1_614_265_330,
    });
}

/// Deliveries made by Stripe's own SDK, which our signer also makes, byte for byte.
#[test]
fn stripe() {
    #[derive(Deserialize)]
    struct Made {
        secret: String,
        time: i64,
        body: String,
        header: String,
    }
    let made: Vec<Made> = serde_json::from_slice(&fixture("signatures/stripe.json")).expect("vectors");
    assert_eq!(made.len(), 5);
    for Made { secret, time, body, header } in &made {
        let auth = built_in("stripe").auth;
        let headers = [("Stripe-Signature", header.as_str())];
        check(&Vector { auth, secret, headers: &headers, body: body.as_bytes(), time: *time });
    }
}

/// Of an item, only eight fields are signed: another amount is another item, another reason is not.
#[track_caller]
fn check_adyen_item(secret: &str, item: &str) {
    let auth = built_in("adyen").auth;
    let judge_item = |item: &str| {
        let body =
            format!(r#"{{"live":"false","notificationItems":[{{"NotificationRequestItem":{item}}}]}}"#);
        judge(&auth, (secret, None), &[], body.as_bytes(), 0)
    };
    assert_eq!(judge_item(item), Ok(KeyAge::Current));
    assert_eq!(judge_item(&item.replacen('{', "{\"operations\":[],", 1)), Ok(KeyAge::Current));
    for (from, to) in [("EUR", "USD"), ("\"true\"", "\"false\"")] {
        assert!(item.contains(from));
        assert_eq!(judge_item(&item.replacen(from, to, 1)), Err(SignatureError::Mismatch), "{to}");
    }
}

#[test]
fn adyen_items() {
    check_adyen_item(
        "9064450A8892A093D9E97EFCC9639DE31B74F3A7803135555A3C96F5A57915D6",
        r#"{"pspReference":"test_REPORT_AVAILABLE","merchantAccountCode":"Magento2Rik","merchantReference":"testMerchantRef1",
            "amount":{"value":0,"currency":"EUR"},"eventCode":"REPORT_AVAILABLE","success":"true",
            "additionalData":{"hmacSignature":"NuEkADFmlCC6VgX+wcoPAegIWxVPNBPCuKlM4Hzo5qc="}}"#,
    );
    // A colon and a backslash in a reference are signed as they are.
    let item = String::from_utf8(fixture("adyen/objects/hmac-validation-webhook.json")).expect("a text");
    check_adyen_item("74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174", &item);
}

#[test]
fn adyen_header() {
    check(&Vector {
        auth: built_in("adyen-platform").auth,
        secret: "9064450A8892A093D9E97EFCC9639DE31B74F3A7803135555A3C96F5A57915D6",
        headers: &[("HmacSignature", "YA9/UDjldIO4Gq68X4ATYYoEaPYH4f4k2uzBBzEF1PA=")],
        body: b"TestPayload",
        time: 0,
    });
}

#[test]
fn gocardless() {
    check(&Vector {
        auth: built_in("gocardless").auth,
        secret: "ED7D658C-D8EB-4941-948B-3973214F2D49",
        headers: &[("Webhook-Signature", "2693754819d3e32d7e8fcb13c729631f316c6de8dc1cf634d6527f1c07276e7e")],
        body: &without_last_newline(fixture("signatures/gocardless.json")),
        time: 0,
    });
}

#[test]
fn razorpay() {
    check(&Vector {
        auth: built_in("razorpay").auth,
        secret: "key_secret",
        headers: &[(
            "X-Razorpay-Signature",
            "d60e67fd884556c045e9be7dad57903e33efc7172c17c6e3ef77db42d2b366e9",
        )],
        body: &fixture("signatures/razorpay.json"),
        time: 0,
    });
}

#[test]
fn coinbase_commerce() {
    check(&Vector {
        auth: plain("X-CC-Webhook-Signature", "hmac_sha256", "utf8", "hex", ""),
        secret: "30291a20-0bd1-4267-9b0f-e6e7b123c0bf",
        headers: &[(
            "X-CC-Webhook-Signature",
            "8be7742c7d372f08a6a3224edadf18a22b65fa9e28f3f2de97376cdaa092590d",
        )],
        body: &fixture("signatures/coinbase-commerce.json"),
        time: 0,
    });
}

/// The notification URL is a part of what is signed, as the source writes it: never rebuilt from the request.
fn square(url: &str) -> Auth {
    let settings = [("url".to_owned(), url.to_owned())].into();
    let dialect = Dialect::built_in_for_source("square", &settings).expect("a URL");
    dialect.expect("a built-in dialect").auth.clone()
}

#[test]
fn square_signs_its_url_and_the_body() {
    let notification = br#"{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification","event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f","created_at":"2022-07-13T20:30:59.037339943Z","data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}"#;
    let signature = [("x-square-hmacsha256-signature", "GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4=")];
    let secret = "Ibxx_5AKakO-3qeNVR61Dw";
    let url = "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9";
    check(&Vector { auth: square(url), secret, headers: &signature, body: notification, time: 0 });
    // The SDK's own negative case: one character of the URL is missing.
    let another = square("https://webhook.site/79a4f3a-dcfa-49ee-bac5-9d0edad886b9");
    let found = judge(&another, (secret, None), &signature, notification, 0);
    assert_eq!(found, Err(SignatureError::Mismatch));
    check(&Vector {
        auth: square("https://webhook.site/webhooks"),
        secret: "signature-key",
        headers: &[("x-square-hmacsha256-signature", "Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U=")],
        body: br#"{"data":{"type":"webhooks","id":">id<"}}"#,
        time: 0,
    });
}

#[test]
fn paddle() {
    let paddle = || {
        auth(
            r#"
            [auth]
            algorithm = "hmac_sha256"
            key = { decode = "utf8" }
            signed = "{timestamp}:{body}"
            timestamp = { past_seconds_max = 5, future_seconds_max = 5 }
            [auth.signature]
            header = "Paddle-Signature"
            encoding = "hex"
            shape = { pairs = { separator = ";", equals = "=", signature = "h1", timestamp = "ts" } }
            "#,
        )
    };
    let check = |secret, header, body: &[u8], time| {
        check(&Vector { auth: paddle(), secret, headers: &[("Paddle-Signature", header)], body, time });
    };
    // Two signatures, of which the first is not even hex: the right one beside it counts.
    check(
        "pdl_ntf_01hbpjmytsa32fhr36nqgc3kgb_WvRO0eL4Bj9rgYYIBZY6wZhG4EHy9jzh",
        "ts=1696195954;h1=dummy;h1=d96299976a6eb066f484d7fde011ac56fc32b38fc9940bc419d6e537fdc6ef02",
        b"hello-world",
        1_696_195_954,
    );
    let secret = "pdl_ntfset_01hs0t3tw21j988db1pam5xg8m_GrOWLNef+vmtjJYq4mSnHNzvc8uWoJ1I";
    check(
        secret,
        "ts=1710498758;h1=558bf93944dbeb4790c7a8af6cb2ea435c8ca9c8396aafc1a4e37424ac132744",
        &without_last_newline(fixture("signatures/paddle-standard.json")),
        1_710_498_758,
    );
    check(
        secret,
        "ts=1710498288;h1=38219b3ba1578184e625c29d201a27cd25bd69e2ec9c3ab87dcb90d87ff73a41",
        &without_last_newline(fixture("signatures/paddle-escapes.json")),
        1_710_498_288,
    );
}

/// No provider publishes one over SHA-512; RFC 4231 does (test case 2 is too short a key to be accepted, 4 is not).
#[test]
fn hmac_sha512_of_rfc_4231() {
    check(&Vector {
        auth: plain("x-paystack-signature", "hmac_sha512", "hex", "hex", ""),
        secret: "0102030405060708090a0b0c0d0e0f10111213141516171819",
        headers: &[(
            "x-paystack-signature",
            "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
        )],
        body: &[0xcd; 50],
        time: 0,
    });
}
