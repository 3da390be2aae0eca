//! Where each event of a delivery is signed, all of them must be ours.

use super::*;
use crate::testing::{built_in, now};

const KEY: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";

fn item(psp: &str, key: &str) -> String {
    let signed = format!("{psp}:::ref:1000:EUR:AUTHORISATION:true");
    let bytes = HEXLOWER_PERMISSIVE.decode(key.as_bytes()).expect("hex");
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&bytes).expect("any key");
    hmac::Mac::update(&mut mac, signed.as_bytes());
    let signature = BASE64.encode(&hmac::Mac::finalize(mac).into_bytes());
    unsigned(psp, &format!("\"hmacSignature\":\"{signature}\""))
}

fn unsigned(psp: &str, data: &str) -> String {
    format!(
        r#"{{"NotificationRequestItem":{{"pspReference":"{psp}","merchantReference":"ref","amount":{{"value":1000,"currency":"EUR"}},"eventCode":"AUTHORISATION","success":"true","additionalData":{{{data}}}}}}}"#
    )
}

#[track_caller]
fn check(body: &str, expected: Result<KeyAge, &str>) {
    let auth = built_in("adyen").auth;
    let old = KEY.to_lowercase().replace('4', "5");
    let found = judge(&auth, (KEY, Some(&old)), &[], body.as_bytes(), now().as_second());
    assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned), "{body}");
}

#[test]
fn every_event_must_be_ours() {
    let of = |items: &[String]| format!(r#"{{"live":"true","notificationItems":[{}]}}"#, items.join(","));
    let (ours, old) = (item("P1", KEY), item("P2", &KEY.to_lowercase().replace('4', "5")));
    let forged = item("P3", &KEY.replace('A', "B"));
    let mismatch = Err("no signature matches a secret in force");
    check(&of(std::slice::from_ref(&ours)), Ok(KeyAge::Current));
    check(&of(&[ours.clone(), ours.clone()]), Ok(KeyAge::Current));
    check(&of(&[ours.clone(), old.clone()]), Ok(KeyAge::Previous));
    check(&of(&[ours.clone(), forged.clone()]), mismatch);
    check(&of(&[forged, ours.clone()]), mismatch);
    check(&of(&[ours.replace("1000", "1001")]), mismatch);
    let missing = Err("the field $.additionalData.hmacSignature is missing");
    check(&of(&[ours.clone(), unsigned("P4", "")]), missing);
    check(&of(&[ours.replace("hmacSignature", "hmac")]), missing);
    for other in ["{}", "5", "null"] {
        let beside =
            "an item of $.notificationItems has nothing at $.notificationItems[*].NotificationRequestItem";
        let why = format!("the events that should each be signed cannot be read: {beside}");
        check(&of(&[ours.clone(), other.to_owned()]), Err(&why));
    }
    let twice = ours
        .replace("\"live\"", "")
        .replace("\"success\":\"true\"", "\"success\":\"true\",\"success\":\"false\"");
    check(&of(&[twice]), Err("the field $.success came more than once"));
}

#[test]
fn what_holds_no_events_proves_nothing() {
    let why = |why: &str| format!("the events that should each be signed cannot be read: {why}");
    let no_list = why("nothing stands at $.notificationItems");
    for body in ["{}", r#"{"live":"true"}"#, "[]", "7"] {
        check(body, Err(&no_list));
    }
    check(
        r#"{"notificationItems":{}}"#,
        Err(&why("$.notificationItems[*].NotificationRequestItem is an object, not a list")),
    );
    check("{", Err(&why("the body is not JSON: it ends too early at line 1, column 1")));
    check(r#"{"notificationItems":[]}"#, Ok(KeyAge::Current));
    let as_many_as_may = vec![item("P1", KEY); EVENTS_PER_DELIVERY_MAX].join(",");
    check(&format!(r#"{{"notificationItems":[{as_many_as_may}]}}"#), Ok(KeyAge::Current));
    let many = vec![item("P1", KEY); EVENTS_PER_DELIVERY_MAX + 1].join(",");
    check(&format!(r#"{{"notificationItems":[{many}]}}"#), Err(&why("there are more than 250")));
}
