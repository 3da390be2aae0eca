//! Money goes out and comes back unchanged, in every currency there is.

use super::*;
use AmountForm::{DecimalNumber, DecimalString, MinorInt, MinorString};
use proptest::prelude::*;

/// Every currency with minor units, found by trying every code.
fn currencies() -> Vec<Currency> {
    let letters = || b'A'..=b'Z';
    let codes = letters().flat_map(move |a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    codes.filter_map(|code| Currency::from_code(std::str::from_utf8(&code).expect("ASCII")).ok()).collect()
}

fn currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(currencies())
}

#[test]
fn iso_4217_is_whole() {
    let currencies = currencies();
    assert!(currencies.len() > 150, "{}", currencies.len());
    let of = |exponent| {
        let codes = currencies
            .iter()
            .filter(|currency| currency.exponent() == exponent)
            .map(|currency| currency.code());
        codes.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of(0), "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF");
    assert_eq!(of(3), "BHD IQD JOD KWD LYD OMR TND");
    assert_eq!(of(4), "CLF UYW");
    assert_eq!(of(1), "");
}

proptest! {
    #[test]
    fn what_is_shown_can_be_read(minor in 0..=AMOUNT_MINOR_MAX, currency in currency()) {
        let text = major(minor, currency);
        for form in [DecimalString, DecimalNumber] {
            prop_assert_eq!(Money::parse(&text, form, currency, None), Ok(Money { minor, currency }));
        }
        for form in [MinorInt, MinorString] {
            prop_assert_eq!(Money::parse(&minor.to_string(), form, currency, None), Ok(Money { minor, currency }));
        }
        let negative = major(-minor, currency);
        prop_assert_eq!(negative, if minor == 0 { text } else { format!("-{text}") });
    }

    #[test]
    fn a_providers_own_decimals(units in 0_i64..=1_000_000_000, decimals in 0_u32..=6, currency in currency()) {
        let found = Money::parse(&units.to_string(), MinorInt, currency, Some(decimals)).map(|money| money.minor);
        let (iso, ten) = (currency.exponent(), 10_i64);
        if decimals <= iso {
            prop_assert_eq!(found, Ok(units * ten.pow(iso - decimals)));
        } else if units % ten.pow(decimals - iso) == 0 {
            prop_assert_eq!(found, Ok(units / ten.pow(decimals - iso)));
        } else {
            let is_fraction = matches!(found, Err(MoneyError::Fraction { .. }));
            prop_assert!(is_fraction);
        }
    }

    #[test]
    fn zeros_change_nothing(minor in 0_i64..=1_000_000, currency in currency(), before in 0_usize..50, after in 0_usize..50) {
        let text = major(minor, currency);
        let point = if text.contains('.') || after == 0 { "" } else { "." };
        let text = format!("{}{text}{point}{}", "0".repeat(before), "0".repeat(after));
        prop_assert_eq!(Money::parse(&text, DecimalString, currency, None), Ok(Money { minor, currency }));
    }

    #[test]
    fn what_is_accepted_is_plain(text in "\\PC{0,12}|[-+]?[0-9]{0,25}[.,]?[0-9]{0,8}([eE][0-9]{1,3})?", currency in currency()) {
        for form in [MinorInt, MinorString, DecimalString, DecimalNumber] {
            if let Ok(money) = Money::parse(&text, form, currency, None) {
                prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b == b'.'), "{}", text);
                prop_assert!((0..=AMOUNT_MINOR_MAX).contains(&money.minor));
            }
        }
    }

    #[test]
    fn a_code_means_the_same_in_any_case(currency in currency()) {
        prop_assert_eq!(Currency::from_code(&currency.code().to_ascii_lowercase()), Ok(currency));
        let json = serde_json::to_string(&currency).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Currency>(&json).expect("a currency"), currency);
    }
}

#[test]
fn the_limit_is_exact() {
    let eur = Currency::from_code("EUR").expect("EUR");
    let max = AMOUNT_MINOR_MAX.to_string();
    assert!(Money::parse(&max, MinorInt, eur, None).is_ok());
    let above = AMOUNT_MINOR_MAX.saturating_add(1);
    assert!(matches!(
        Money::parse(&above.to_string(), MinorInt, eur, None),
        Err(MoneyError::TooLarge { .. })
    ));
    assert!(Money::parse(&major(AMOUNT_MINOR_MAX, eur), DecimalString, eur, None).is_ok());
    assert!(matches!(
        Money::parse(&major(above, eur), DecimalString, eur, None),
        Err(MoneyError::TooLarge { .. })
    ));
    let mga = Currency::from_code("MGA").expect("MGA");
    assert!(matches!(Money::parse(&max, MinorInt, mga, Some(0)), Err(MoneyError::TooLarge { .. })));
    assert_eq!(major(i64::MIN, eur), "-92233720368547758.08");
}
