//! The dialects that are built in: `infra/providers/*.toml`.

/// By name, in the order in which they are listed.
pub(super) const BUILT_IN: &[(&str, &str)] = &[
    ("stripe", include_str!("../../../../infra/providers/stripe.toml")),
    ("standard-webhooks", include_str!("../../../../infra/providers/standard-webhooks.toml")),
    ("standard-webhooks-ed25519", include_str!("../../../../infra/providers/standard-webhooks-ed25519.toml")),
    ("partner-hmac", include_str!("../../../../infra/providers/partner-hmac.toml")),
    ("adyen", include_str!("../../../../infra/providers/adyen.toml")),
    ("paypal", include_str!("../../../../infra/providers/paypal.toml")),
    ("mollie-classic", include_str!("../../../../infra/providers/mollie-classic.toml")),
    ("mollie", include_str!("../../../../infra/providers/mollie.toml")),
];

/// The names of the built-in dialects.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().copied().map(|(name, _)| name)
}

pub(super) fn built_in_text(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().copied().find(|(known, _)| *known == name).map(|(_, text)| text)
}
