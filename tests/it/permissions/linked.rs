//! What a function's binary holds. The linker keeps what `main` can reach and drops the rest, so the names that are left in
//! an unoptimised binary are the calls that the function can make.

use object::{Object as _, ObjectSymbol as _};
use std::collections::BTreeSet;
use std::path::Path;

/// The adapters: the modules of `shared/aws` that speak to AWS.
const ADAPTERS: [&str; 5] = ["dynamodb", "eventbridge", "s3", "secrets", "sqs"];

/// The parts of them that hold no client: how a row is named and how it is written.
const ROWS: [&str; 2] = ["dynamodb::item", "dynamodb::keys"];

/// What can be reached in a binary.
#[derive(Debug)]
pub(crate) struct Linked {
    /// The methods of the adapters: `<RunTable as Runs>::take`, `RunTable::write_lease`.
    pub(crate) adapters: BTreeSet<String>,
    /// The operations of the AWS SDK, as `dynamodb:PutItem`.
    pub(crate) operations: BTreeSet<String>,
    /// All of them, demangled.
    names: BTreeSet<String>,
}

impl Linked {
    /// Reads the symbols of a binary.
    pub(crate) fn read(binary: &Path) -> Self {
        let bytes = std::fs::read(binary).expect("the binary");
        let file = object::File::parse(&*bytes).expect("an executable");
        let mangled = file.symbols().filter_map(|symbol| symbol.name().ok());
        // A mangled name still spells its parts, and there are a quarter of a million of them.
        let mangled = mangled.filter(|name| name.contains("countersign_aws") || name.contains("aws_sdk_"));
        let names: BTreeSet<String> =
            mangled.map(|name| format!("{:#}", rustc_demangle::demangle(name))).collect();
        let adapters = names.iter().filter_map(|name| adapter(name)).collect();
        let operations = names.iter().filter_map(|name| operation(name)).collect();
        Self { adapters, operations, names }
    }

    /// Whether a function of `countersign_aws` is reached, by the end of its path.
    pub(crate) fn holds(&self, path: &str) -> bool {
        self.names.contains(&format!("countersign_aws::{path}"))
    }
}

/// The adapter's method that a symbol is of the body of: what an `async fn` does is a closure of its own.
fn adapter(symbol: &str) -> Option<String> {
    let path = symbol.strip_prefix('<').unwrap_or(symbol).strip_prefix("countersign_aws::")?;
    if !ADAPTERS.contains(&path.split("::").next()?) || ROWS.iter().any(|rows| path.starts_with(rows)) {
        return None;
    }
    let (path, _) = symbol.split_once("::{")?;
    if let Some((types, method)) = path.strip_prefix('<').and_then(|path| path.rsplit_once(">::")) {
        return Some(match types.split_once(" as ") {
            Some((adapter, port)) if port.starts_with("countersign_app::") => {
                format!("<{} as {}>::{method}", last(adapter), last(port))
            }
            // Its own `Clone` and the like.
            Some(_) => return None,
            None => format!("{}::{method}", last(types)),
        });
    }
    let (of, function) = path.rsplit_once("::")?;
    // Functions of no type are steps of these: they are private, and hold no client of their own.
    last(of).starts_with(char::is_uppercase).then(|| format!("{}::{function}", last(of)))
}

/// `dynamodb:PutItem` of the function that every way of sending one goes through, pages included.
fn operation(symbol: &str) -> Option<String> {
    let path = symbol.strip_prefix('<').unwrap_or(symbol).strip_prefix("aws_sdk_")?;
    let (service, rest) = path.split_once("::operation::")?;
    let (_, rest) = rest.split_once("::")?;
    let (operation, _) = rest.split_once("::orchestrate_with_stop_point")?;
    Some(format!("{service}:{}", operation.trim_end_matches('>')))
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

#[test]
fn symbols_are_read_in_both_manglings() {
    for (symbol, expected) in [
        (
            "<countersign_aws::dynamodb::runs::RunTable as countersign_app::ports::runs::Runs>::take::{{closure}}",
            Some("<RunTable as Runs>::take"),
        ),
        (
            "<countersign_aws::sqs::EventQueue as countersign_app::ports::Queue>::send::{closure#0}::{closure#1}",
            Some("<EventQueue as Queue>::send"),
        ),
        (
            "countersign_aws::dynamodb::runs::RunTable::write_lease::{{closure}}",
            Some("RunTable::write_lease"),
        ),
        (
            "<countersign_aws::dynamodb::runs::RunTable>::write_lease::{closure#0}",
            Some("RunTable::write_lease"),
        ),
        ("countersign_aws::dynamodb::read_all::{{closure}}", None),
        ("<countersign_aws::sqs::EventQueue as core::clone::Clone>::clone::{{closure}}", None),
        ("countersign_aws::dynamodb::keys::Key::attributes::{{closure}}", None),
        ("countersign_aws::provider::HttpsApi::token::{{closure}}", None),
        ("core::ptr::drop_in_place<countersign_aws::dynamodb::read_all::{{closure}}>", None),
    ] {
        assert_eq!(adapter(symbol).as_deref(), expected, "{symbol}");
    }
    for symbol in [
        "aws_sdk_dynamodb::operation::put_item::PutItem::orchestrate_with_stop_point::{{closure}}",
        "<aws_sdk_dynamodb::operation::put_item::PutItem>::orchestrate_with_stop_point::{closure#0}",
    ] {
        assert_eq!(operation(symbol).as_deref(), Some("dynamodb:PutItem"), "{symbol}");
    }
}
