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
    ("gocardless", include_str!("../../../../infra/providers/gocardless.toml")),
    ("square", include_str!("../../../../infra/providers/square.toml")),
    ("razorpay", include_str!("../../../../infra/providers/razorpay.toml")),
    ("checkout", include_str!("../../../../infra/providers/checkout.toml")),
    ("adyen-platform", include_str!("../../../../infra/providers/adyen-platform.toml")),
    ("mangopay", include_str!("../../../../infra/providers/mangopay.toml")),
    ("svix", include_str!("../../../../infra/providers/svix.toml")),
    ("paddle", include_str!("../../../../infra/providers/paddle.toml")),
    ("paystack", include_str!("../../../../infra/providers/paystack.toml")),
    ("braintree", include_str!("../../../../infra/providers/braintree.toml")),
    ("worldpay", include_str!("../../../../infra/providers/worldpay.toml")),
    ("xendit", include_str!("../../../../infra/providers/xendit.toml")),
    ("shopify", include_str!("../../../../infra/providers/shopify.toml")),
    ("coinbase-commerce", include_str!("../../../../infra/providers/coinbase-commerce.toml")),
    ("coinbase-business", include_str!("../../../../infra/providers/coinbase-business.toml")),
    ("authorize-net", include_str!("../../../../infra/providers/authorize-net.toml")),
    ("flutterwave", include_str!("../../../../infra/providers/flutterwave.toml")),
    ("wise", include_str!("../../../../infra/providers/wise.toml")),
];

/// The names of the built-in dialects.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().copied().map(|(name, _)| name)
}

pub(super) fn built_in_text(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().copied().find(|(known, _)| *known == name).map(|(_, text)| text)
}
