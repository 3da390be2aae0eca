//! What it costs to receive one Stripe event of 3.5 KB: verify, split, translate, beside the bare HMAC of the same bytes.
//!
//! `cargo bench -p countersign-domain` prints the time and the allocations of each. Where valgrind is installed,
//! `cargo bench -p countersign-domain -- --instructions` prints what the processor executes for each, to the instruction.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark is run by hand, and speaks to a person"
)]

#[path = "support/callgrind.rs"]
mod callgrind;

use countersign_domain::dialect::Dialect;
use countersign_domain::envelope::split;
use countersign_domain::ids::{Sha256Hex, SourceName};
use countersign_domain::sign::sign;
use countersign_domain::signature::{Delivery, Headers, SecondFactors, SigningKeys, verify};
use countersign_domain::source::{Mode, Source};
use countersign_domain::time::{Timestamp, from_seconds};
use countersign_domain::translate::{Body, Translation, translate};
use divan::{AllocProfiler, Bencher, black_box};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const SECRET: &str = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ=";
/// `tests/fixtures/stripe/payment_intent.succeeded.json` (its source and licence are beside it) without white space: 3,728
/// bytes, and more of them structure than in what Stripe sends.
const BODY: &[u8] = include_bytes!("payment_intent.succeeded.json");

/// A source, its keys, and one delivery to it.
struct Desk {
    source: Source,
    keys: SigningKeys,
    headers: Headers,
    now: Timestamp,
}

impl Desk {
    fn new() -> Self {
        let dialect =
            Dialect::built_in("stripe").expect("a dialect that checks").expect("a built-in dialect");
        let now = from_seconds(1_764_000_000);
        let signed = sign(&dialect.auth, SECRET, &[], BODY, now).expect("a key");
        let keys = SigningKeys::new(&dialect.auth, SECRET, None).expect("a key");
        let source = Source {
            name: SourceName::new("shop").expect("a source name"),
            dialect,
            mode: Mode::Test,
            api_base_url: None,
            asks_back: false,
            second_factors: SecondFactors::default(),
            expect_within_seconds: None,
            policy: Default::default(),
            reports: Default::default(),
            configuration: Sha256Hex::of(&[]),
        };
        let headers = Headers::new(signed.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        Self { source, keys, headers, now }
    }

    fn delivery(&self) -> Delivery<'_> {
        Delivery { headers: &self.headers, body: black_box(BODY), path_token: None, source_ip: None }
    }

    fn verify(&self) -> bool {
        verify(&self.source.dialect.auth, &self.keys, self.delivery(), self.now).is_ok()
    }

    fn verify_and_split(&self) -> usize {
        let verified = verify(&self.source.dialect.auth, &self.keys, self.delivery(), self.now);
        split(&self.source, &verified.expect("an authentic delivery")).events.len()
    }

    fn receive(&self) -> usize {
        let verified = verify(&self.source.dialect.auth, &self.keys, self.delivery(), self.now);
        let split = split(&self.source, &verified.expect("an authentic delivery"));
        let event = split.events.first().expect("an event");
        match translate(&self.source, &event.kind, Body::Delivered(event.body.as_bytes())) {
            Ok(Translation::Facts(facts)) => facts.len(),
            other => panic!("{other:?}"),
        }
    }
}

fn bare() -> bool {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).expect("any key");
    mac.update(b"1764000000.");
    mac.update(black_box(BODY));
    !mac.finalize().into_bytes().is_empty()
}

#[divan::bench]
fn bare_hmac(bencher: Bencher<'_, '_>) {
    bencher.bench(bare);
}

#[divan::bench]
fn verify_only(bencher: Bencher<'_, '_>) {
    let desk = Desk::new();
    bencher.bench(|| desk.verify());
}

/// What ingest does with a delivery, before it is kept.
#[divan::bench]
fn verify_split(bencher: Bencher<'_, '_>) {
    let desk = Desk::new();
    bencher.bench(|| desk.verify_and_split());
}

/// What ingest and processor do with it together.
#[divan::bench]
fn verify_split_translate(bencher: Bencher<'_, '_>) {
    let desk = Desk::new();
    bencher.bench(|| desk.receive());
}

/// Does one of them some number of times, for valgrind to count.
fn repeat(what: &str, times: u32) {
    let desk = Desk::new();
    for _ in 0..times {
        match what {
            "bare HMAC" => drop(black_box(bare())),
            "verify" => drop(black_box(desk.verify())),
            "verify + split" => drop(black_box(desk.verify_and_split())),
            _ => drop(black_box(desk.receive())),
        }
    }
}

fn main() {
    if let Some((times, what)) = callgrind::order() {
        return repeat(&what, times);
    }
    if std::env::args().any(|argument| argument == "--instructions") {
        let bare = callgrind::instructions("bare HMAC");
        for what in ["bare HMAC", "verify", "verify + split", "verify + split + translate"] {
            let count = callgrind::instructions(what);
            println!("{what:>28}: {count:>9} instructions, {:>4} % of the bare HMAC", count * 100 / bare);
        }
        return;
    }
    divan::main();
}
