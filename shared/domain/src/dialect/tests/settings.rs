//! What a source says of its endpoint, and where it goes.

use super::*;

const SQUARE: &str = r#"
    name = "square"
    title = "Signs its URL"
    [settings.url]
    about = "The notification URL as registered."
    example = "https://example.com/hook"
    [settings.currency]
    about = "The account's currency."
    example = "EUR"
    default = "USD"
    [settings.capture]
    about = "Whether an authorisation is a capture."
    example = "manual"
    default = "manual"
    [auth]
    algorithm = "hmac_sha256"
    key = { decode = "utf8" }
    signed = "{setting:url}{body}"
    signature = { header = "x", encoding = "base64", shape = { plain = {} } }
    [envelope]
    events = "$"
    id = { path = "$.id" }
    type = "$.type"
    meaning = ["$"]
    [amounts]
    currency = "{setting:currency}"
    [[facts]]
    on = ["authorised"]
    when = [{ setting = "capture", is = "automatic" }]
    fact = "captured"
    payment = "$.id"
    amount = "$.amount"
    [[facts]]
    on = ["authorised"]
    fact = "authorized"
    payment = "$.id"
    amount = "$.amount"
"#;

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn of(pairs: &[(&str, &str)]) -> Result<Dialect, String> {
    Dialect::for_source(SQUARE, &settings(pairs)).map_err(|error| error.to_string())
}

#[test]
fn a_setting_goes_where_it_is_named() {
    let dialect =
        of(&[("url", "https://pay.example/hooks/1?a={b}"), ("currency", "JPY")]).expect("a dialect");
    let url = Piece::Literal("https://pay.example/hooks/1?a={b}".to_owned());
    assert_eq!(signed(&dialect).pieces, [url, Piece::Body], "a value is no template");
    let FactForm::Authorized(amount) = &dialect.facts[0].fact else { panic!("{:?}", dialect.facts) };
    assert_eq!(amount.currency, CurrencyFrom::Always("JPY".to_owned().try_into().expect("a currency")));
    assert_eq!(dialect.facts.len(), 1, "the rule for automatic capture is out");
    let automatic = of(&[("url", "https://x"), ("capture", "automatic")]).expect("a dialect");
    assert!(matches!(automatic.facts[0].fact, FactForm::Captured(_)));
}

#[test]
fn a_setting_that_is_missing_or_unknown_is_refused() {
    for (pairs, expected) in [
        (
            &[][..],
            "settings.url: it is absent, and the dialect needs it: The notification URL as registered. It looks like \
             \"https://example.com/hook\"",
        ),
        (
            &[("url", "https://x"), ("curency", "EUR")],
            "settings.curency: the dialect has no such setting (it has capture, currency, url): remove it or correct its name",
        ),
        (
            &[("url", "https://x"), ("currency", "Euro")],
            "facts[0].amount: the currency \"Euro\" is not an ISO 4217 currency with minor units, and no other can be booked: \
             write a path such as $.currency, or a code such as EUR",
        ),
    ] {
        assert_eq!(of(pairs).map(drop), Err(format!("dialect square: {expected}")));
    }
    let stripe = Dialect::built_in_for_source("stripe", &settings(&[("url", "x")]));
    let why = "dialect stripe: settings.url: the dialect has no such setting (it has none): remove it or correct its name";
    assert_eq!(stripe.map(drop).map_err(|error| error.to_string()), Err(why.to_owned()));
}

#[test]
fn a_setting_must_be_declared() {
    let text = SQUARE.replace("{setting:url}", "{setting:uri}");
    let why = "auth.signed: {setting:uri} is not declared: add [settings.uri] with about and example";
    assert_eq!(parsed(&text).map(drop), Err(format!("dialect square: {why}")));
}
