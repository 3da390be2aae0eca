//! A source is put in force with every secret that it needs, or not at all.

use super::*;
use crate::testing::{OTHER_SECRET, SECRET, SOURCE, at, source_config};
use countersign_domain::signature::SecondFactors;
use countersign_domain::source::SourceConfig;
use std::sync::Arc;

/// A secret that may stand in a URL.
const PATH_SECRET: &str = "a-secret-part-of-a-url";

fn source(dialect: &str) -> Source {
    let settings = match dialect {
        "mangopay" => Some(("client_id".to_owned(), "shop".to_owned())),
        "paypal" => Some(("webhook_id".to_owned(), "4JH86294D6297924G".to_owned())),
        _ => None,
    };
    let config = SourceConfig { settings: settings.into_iter().collect(), ..source_config(SOURCE, dialect) };
    Source::try_from(config).expect("a source")
}

fn factors(basic: bool, secret_path: bool) -> Source {
    let second_factors = SecondFactors { basic, secret_path, source_ips: Vec::new() };
    Source { second_factors, ..source("stripe") }
}

fn pair(current: &str, previous: Option<(&str, Option<i64>)>) -> SecretPair {
    SecretPair {
        current: current.to_owned(),
        previous: previous.map(|(previous, _)| previous.to_owned()),
        previous_until: previous.and_then(|(_, until)| until).map(at),
        ..SecretPair::default()
    }
}

fn stored(pair: SecretPair) -> StoredSecrets {
    StoredSecrets { signing: Some(pair), has_fetch_token: false }
}

fn signing(secret: &str) -> GivenSecrets {
    GivenSecrets { signing: Some(secret.to_owned()), ..GivenSecrets::default() }
}

fn previous(secret: &str, given: GivenSecrets) -> GivenSecrets {
    GivenSecrets { previous: Some(secret.to_owned()), ..given }
}

#[track_caller]
fn check(
    source: &Source,
    stored: &StoredSecrets,
    given: &GivenSecrets,
    expected: Result<Option<SecretPair>, &str>,
) {
    let found = secrets_for(source, stored, given).map_err(|error| error.to_string());
    // A pair does not print itself.
    assert_eq!(found.as_ref().err().map(String::as_str), expected.as_ref().err().copied());
    assert!(found.ok().flatten() == expected.ok().flatten(), "another pair");
}

#[test]
fn a_pair_does_not_print_itself() {
    let printed = format!("{:?}", pair(SECRET, Some((OTHER_SECRET, None))));
    assert_eq!(printed, "SecretPair([REDACTED])");
}

#[test]
fn a_secret_is_looked_at_before_a_rotation_to_it() {
    for (dialect, secret, is_good) in [
        ("stripe", SECRET, true),
        ("stripe", "short", false),
        ("mollie-classic", PATH_SECRET, true),
        ("mollie-classic", "a/part/of/a/url", false),
    ] {
        assert_eq!(check_secret(&source(dialect), secret).is_ok(), is_good, "{dialect}: {secret}");
    }
}

#[test]
fn a_signing_secret_is_given_once_and_kept() {
    let stripe = source("stripe");
    let (nothing, none) = (StoredSecrets::default(), GivenSecrets::default());
    check(
        &stripe,
        &nothing,
        &none,
        Err("source shop still lacks the signing secret: give it with --secret-file"),
    );
    check(&stripe, &nothing, &signing(SECRET), Ok(Some(pair(SECRET, None))));
    check(
        &stripe,
        &nothing,
        &signing("short"),
        Err("--secret-file: the secret has 5 bytes of key, fewer than 8"),
    );
    check(
        &stripe,
        &nothing,
        &previous("short", signing(SECRET)),
        Err("--previous-secret-file: the secret has 5 bytes of key, fewer than 8"),
    );
    check(&stripe, &stored(pair(SECRET, None)), &none, Ok(None));
    check(&stripe, &stored(pair(SECRET, None)), &signing(SECRET), Ok(None));
    let rotated = pair(SECRET, Some((OTHER_SECRET, Some(60))));
    check(&stripe, &stored(rotated.clone()), &none, Ok(None));
    check(&stripe, &stored(rotated), &previous(OTHER_SECRET, signing(SECRET)), Ok(None));
}

#[test]
fn a_secret_that_senders_use_is_not_pushed_out() {
    let (stripe, has_one) = (source("stripe"), stored(pair(SECRET, None)));
    let why = "source shop would lose a signing secret that senders may use: change it with `countersign source rotate \
               shop`, which accepts both for a while, or give the only one that it has with --previous-secret-file";
    check(&stripe, &has_one, &signing(OTHER_SECRET), Err(why));
    check(&stripe, &has_one, &previous("one-that-nobody-uses", signing(OTHER_SECRET)), Err(why));
    let both = pair(OTHER_SECRET, Some((SECRET, None)));
    check(&stripe, &has_one, &previous(SECRET, signing(OTHER_SECRET)), Ok(Some(both.clone())));
    let third = "a-third-secret";
    check(&stripe, &stored(both.clone()), &previous(OTHER_SECRET, signing(third)), Err(why));
    check(&stripe, &stored(both.clone()), &previous(SECRET, signing(third)), Err(why));
    check(&stripe, &stored(both), &previous(third, GivenSecrets::default()), Err(why));
}

#[test]
fn what_is_no_key_of_a_new_dialect_is_replaced() {
    let public = "whpk_MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=";
    let (ed25519, webhooks) = (source("standard-webhooks-ed25519"), source("standard-webhooks"));
    let has_one = stored(pair("no key of standard webhooks", Some(("nor is this", Some(60)))));
    check(
        &webhooks,
        &has_one,
        &GivenSecrets::default(),
        Err(
            "the signing secret that source shop has does not fit its dialect: the secret does not begin with \"whsec_\", \
             as this dialect's secrets do; give one that does with --secret-file",
        ),
    );
    check(&webhooks, &has_one, &signing(SECRET), Ok(Some(pair(SECRET, None))));
    let half = stored(pair(SECRET, Some(("no key of it", Some(60)))));
    check(&webhooks, &half, &GivenSecrets::default(), Ok(Some(pair(SECRET, None))));
    check(
        &ed25519,
        &has_one,
        &signing(public),
        Err("--secret-file: the secret is not an Ed25519 public key of 32 bytes"),
    );
}

#[test]
fn second_factors_are_there_when_they_are_asked_for_and_only_then() {
    let has_one = stored(pair(SECRET, None));
    let (none, both) = (GivenSecrets::default(), factors(true, true));
    let given = |basic: &[&str], path_tokens: &[&str]| {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        GivenSecrets { basic: texts(basic), path_tokens: texts(path_tokens), ..GivenSecrets::default() }
    };
    let with = |basic: &[&str], path_tokens: &[&str]| {
        let GivenSecrets { basic, path_tokens, .. } = given(basic, path_tokens);
        SecretPair { basic, path_tokens, ..pair(SECRET, None) }
    };
    for (given, says) in [
        (
            none.clone(),
            "source shop still lacks the user and password that its file asks senders for: give it with --basic-file",
        ),
        (
            given(&["user:password"], &[]),
            "source shop still lacks the secret part of its URL that its file asks senders for: give it with --path-token-file",
        ),
        (
            given(&["userpassword"], &[PATH_SECRET]),
            "--basic-file: each line is a user, a colon and a password",
        ),
        (given(&["a:b"], &[PATH_SECRET]), "--basic-file: the secret has 3 bytes of key, fewer than 8"),
        (
            given(&["user:one", "user:two", "user:three"], &[PATH_SECRET]),
            "--basic-file: it has more than two lines: two are accepted at a time",
        ),
        (
            given(&["user:password"], &["a secret/part"]),
            "--path-token-file: a part of a URL is made of letters, digits, -, _ and ~ only, so that nobody escapes it",
        ),
        (
            given(&["user:password"], &["short"]),
            "--path-token-file: the secret has 5 bytes of key, fewer than 8",
        ),
    ] {
        check(&both, &has_one, &given, Err(says));
    }
    let whole = with(&["user:password"], &[PATH_SECRET]);
    check(&both, &has_one, &given(&["user:password"], &[PATH_SECRET]), Ok(Some(whole.clone())));
    check(&both, &stored(whole.clone()), &none, Ok(None));
    let changing = with(&["user:another", "user:password"], &[PATH_SECRET]);
    check(&both, &stored(whole.clone()), &given(&["user:another", "user:password"], &[]), Ok(Some(changing)));
    // What the file no longer asks for stays: a version that asks for it may come back.
    check(&factors(false, false), &stored(whole), &none, Ok(None));
    for (given, says) in [
        (
            given(&["user:password"], &[]),
            "--basic-file: source shop does not ask for it: write basic = true under [source.second_factors]",
        ),
        (
            given(&[], &[PATH_SECRET]),
            "--path-token-file: source shop does not ask for it: write secret_path = true under [source.second_factors]",
        ),
    ] {
        check(&factors(false, false), &has_one, &given, Err(says));
    }
}

#[test]
fn a_certificate_needs_no_secret_and_a_secret_path_one_that_fits_a_url() {
    let (mut paypal, nothing) = (source("paypal"), StoredSecrets::default());
    // What it asks back is the next test's.
    Arc::make_mut(&mut paypal.dialect).fetches.clear();
    check(
        &paypal,
        &nothing,
        &signing(SECRET),
        Err("--secret-file: this dialect has no secret: its deliveries are proven by a certificate"),
    );
    let basic = Source { second_factors: factors(true, false).second_factors, ..paypal.clone() };
    let given = GivenSecrets { basic: vec!["user:password".to_owned()], ..GivenSecrets::default() };
    let expected = SecretPair { basic: vec!["user:password".to_owned()], ..SecretPair::default() };
    check(&paypal, &nothing, &GivenSecrets::default(), Ok(None));
    check(&basic, &nothing, &given, Ok(Some(expected)));
    let mollie = source("mollie-classic");
    let asked = StoredSecrets { has_fetch_token: true, ..StoredSecrets::default() };
    check(&mollie, &asked, &signing(PATH_SECRET), Ok(Some(pair(PATH_SECRET, None))));
    check(
        &mollie,
        &asked,
        &signing("a/secret/part"),
        Err(
            "--secret-file: a part of a URL is made of letters, digits, -, _ and ~ only, so that nobody escapes it",
        ),
    );
}

#[test]
fn tokens_are_there_when_they_are_needed_and_only_then() {
    let fetch = |token: &str, given| GivenSecrets { fetch_token: Some(token.to_owned()), ..given };
    let api = |token: &str| GivenSecrets { api_token: Some(token.to_owned()), ..GivenSecrets::default() };
    let has_one = stored(pair(PATH_SECRET, None));
    let has_both = StoredSecrets { has_fetch_token: true, ..has_one.clone() };
    for (dialect, stored, given, says) in [
        (
            "mollie-classic",
            &has_one,
            GivenSecrets::default(),
            Err(
                "source shop still lacks the token with which the provider's API is asked about its events: give it with --fetch-token-file",
            ),
        ),
        ("mollie-classic", &has_both, GivenSecrets::default(), Ok(None)),
        ("mollie-classic", &has_one, fetch("test_token", GivenSecrets::default()), Ok(None)),
        (
            "mollie-classic",
            &has_one,
            fetch("test token", GivenSecrets::default()),
            Err("--fetch-token-file: a token is one line of visible ASCII characters, without a space"),
        ),
        (
            "mangopay",
            &has_one,
            fetch("client", GivenSecrets::default()),
            Err("--fetch-token-file: this dialect's API wants the client's id, a colon and its secret"),
        ),
        ("mangopay", &has_one, fetch("client:secret", GivenSecrets::default()), Ok(None)),
        (
            "partner-hmac",
            &has_one,
            fetch("token", GivenSecrets::default()),
            Err(
                "--fetch-token-file: source shop asks no event back: its dialect does not need it, nor does its file say \
                 asks_back = true",
            ),
        ),
        ("stripe", &has_one, api("rk_test_1"), Ok(None)),
        (
            "partner-hmac",
            &has_one,
            api("token"),
            Err("--api-token-file: source shop is never reconciled: its dialect lists no books"),
        ),
    ] {
        check(&source(dialect), stored, &given, says);
    }
}

#[test]
fn nothing_that_is_given_prints_itself() {
    assert_eq!(format!("{:?}", signing(SECRET)), "GivenSecrets([REDACTED])");
}
