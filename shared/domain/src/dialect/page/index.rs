//! The list of all pages, and what is not among them.

use super::{proof, read, table};
use crate::dialect::built_in_names;

const HEAD: &str = "\
# Providers

One page for each built-in dialect, made from its file in [infra/providers](../../infra/providers);
`COUNTERSIGN_UPDATE=1 cargo test -p countersign-domain` writes them anew, and a test fails while one is out of date. How a source
is added is in the [readme](../../README.md#add-a-provider-or-a-partner).

";

const LEFT_OUT: &str = "
## What is left out, and why

- **Klarna** (the new webhooks): the signing key is chosen by `signing_key_id`, and neither the header that holds the signature nor its
  encoding is established from Klarna's own reference. Third-party code says `Klarna-Signature` and base64.
- **Flutterwave v4**: its sources disagree on the scheme (equality with a token, or an HMAC-SHA-256 of the body in base64). v3 is
  built in, and asks back.
- **Worldpay's XML notifications** (WPG): another protocol, answered with `[OK]`; the built-in dialect is Access Worldpay's.

A guess at how a signature is made would either refuse every delivery or, worse, prove nothing. A partner's file can describe any of
them once its scheme is known: `source init` with `standard-webhooks` or `partner-hmac` as a base.
";

pub(super) fn page() -> String {
    let mut names: Vec<_> = built_in_names().map(|name| (read(name).title.clone(), name)).collect();
    names.sort();
    let rows = names.into_iter().map(|(title, name)| {
        let file = read(name);
        let asks = match file.fetch.iter().any(|fetch| fetch.required) {
            true => "yes",
            false if file.fetch.is_empty() => "",
            false => "if wished",
        };
        let books = if file.reconcile.is_some() { "yes" } else { "" };
        [
            format!("[{title}]({name}.md)"),
            format!("`{name}`"),
            proof::in_short(&file),
            asks.to_owned(),
            books.to_owned(),
        ]
    });
    let table = table(["provider", "dialect", "proven by", "asks the API back", "books are listed"], rows);
    format!("{HEAD}{table}{LEFT_OUT}")
}
