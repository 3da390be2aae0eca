//! Each factor by itself, and all together.

use super::*;
use crate::signature::Headers;

const BASIC: &str = "adyen:a long password";
const TOKEN: &str = "4f1c1b1e9a7d4c55";

struct Came<'a> {
    authorization: Option<&'a str>,
    path_token: Option<&'a str>,
    source_ip: Option<&'a str>,
}

const NOTHING: Came<'_> = Came { authorization: None, path_token: None, source_ip: None };

#[track_caller]
fn check(factors: &SecondFactors, came: &Came<'_>, expected: Result<(), &str>) {
    let basic = [BASIC.to_owned(), "adyen:the password before".to_owned()];
    let tokens = [TOKEN.to_owned(), "the token before".to_owned()];
    let keys = SigningKeys::certificate().with_factors(&basic, &tokens).expect("long secrets");
    let headers = Headers::new(came.authorization.map(|value| ("Authorization", value)));
    let source_ip = came.source_ip.map(|ip| ip.parse().expect("an address"));
    let delivery = Delivery { headers: &headers, body: b"", path_token: came.path_token, source_ip };
    let found = check_factors(factors, &keys, delivery).map_err(|error| error.to_string());
    assert_eq!(found, expected.map_err(str::to_owned));
}

#[test]
fn one_secret_configured_twice_still_fits() {
    let twice = [TOKEN.to_owned(), TOKEN.to_owned()];
    let keys = SigningKeys::certificate().with_factors(&[], &twice).expect("long secrets");
    let headers = Headers::new([]);
    let delivery = Delivery { headers: &headers, body: b"", path_token: Some(TOKEN), source_ip: None };
    let factors = SecondFactors { secret_path: true, ..SecondFactors::default() };
    assert_eq!(check_factors(&factors, &keys, delivery), Ok(()));
    assert!(SecondFactors::default().is_empty() && !factors.is_empty());
}

#[test]
fn nothing_is_asked_for_by_default() {
    check(&SecondFactors::default(), &NOTHING, Ok(()));
}

#[test]
fn basic_authentication() {
    let factors = SecondFactors { basic: true, ..SecondFactors::default() };
    let refused = Err("its basic authentication is missing or wrong");
    let header = |scheme: &str, text: &str| format!("{scheme} {}", BASE64.encode(text.as_bytes()));
    for (value, expected) in [
        (header("Basic", BASIC), Ok(())),
        (header("bAsIc", BASIC), Ok(())),
        (header("Basic", "adyen:the password before"), Ok(())),
        (header("Bearer", BASIC), refused),
        (header("Basic", "adyen:a long passwore"), refused),
        (header("Basic", "adyen:a long password "), refused),
        (header("Basic", ""), refused),
        (format!("Basic {BASIC}"), refused),
        (String::new(), refused),
    ] {
        check(&factors, &Came { authorization: Some(&value), ..NOTHING }, expected);
    }
    check(&factors, &NOTHING, refused);
}

#[test]
fn a_secret_path() {
    let factors = SecondFactors { secret_path: true, ..SecondFactors::default() };
    let refused = Err("the secret part of its path is missing or wrong");
    for (token, expected) in [
        (Some(TOKEN), Ok(())),
        (Some("the token before"), Ok(())),
        (Some("4f1c1b1e9a7d4c5"), refused),
        (Some("4f1c1b1e9a7d4c555"), refused),
        (Some(""), refused),
        (None, refused),
    ] {
        check(&factors, &Came { path_token: token, ..NOTHING }, expected);
    }
}

#[test]
fn source_addresses() {
    let networks = ["192.0.2.0/24", "2001:db8::1/128"].map(|network| network.parse().expect("a network"));
    let factors = SecondFactors { source_ips: networks.into(), ..SecondFactors::default() };
    let refused = Err("it came from an address that is not on the source's list");
    for (ip, expected) in [
        (Some("192.0.2.7"), Ok(())),
        (Some("2001:db8::1"), Ok(())),
        (Some("192.0.3.7"), refused),
        (Some("2001:db8::2"), refused),
        (None, refused),
    ] {
        check(&factors, &Came { source_ip: ip, ..NOTHING }, expected);
    }
}

#[test]
fn a_factor_without_a_secret_lets_nobody_in() {
    let factors = SecondFactors { basic: true, secret_path: true, ..SecondFactors::default() };
    let headers = Headers::new([("authorization", "Basic ")]);
    let delivery = Delivery { headers: &headers, body: b"", path_token: Some(""), source_ip: None };
    assert!(check_factors(&factors, &SigningKeys::certificate(), delivery).is_err());
    assert!(SigningKeys::certificate().with_factors(&[String::new()], &[]).is_err(), "nor does an empty one");
}
