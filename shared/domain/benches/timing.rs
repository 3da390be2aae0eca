//! Whether the time that a refusal takes tells how much of a signature was right.
//!
//! `cargo bench -p countersign-domain --bench timing -- 1000000` measures so many refusals of each of two classes, in random
//! order: a signature that is wrong in its last byte only, and one that is wrong in its first byte only. Welch's t says
//! whether their times differ (the method of dudect: Reparaz, Balasch, Verbauwhede, 2017, which takes |t| > 10 for certain,
//! and nothing below 4.5 for a difference). The control is the same work with a comparison that stops at the first wrong
//! byte: if it is not caught, the measurement could not have caught anything.
//!
//! With `-- --instructions` (needs valgrind) it counts what the processor executes, with one wrong byte at the beginning, in
//! the middle and at the end. That does not depend on the machine's mood, so it fails where the product's counts differ, or
//! the control's do not.
//!
//! It is run by hand: no test may depend on a measured time.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::print_stdout,
    reason = "a benchmark is run by hand, measures time, and speaks to a person"
)]

#[path = "support/callgrind.rs"]
mod callgrind;

use countersign_domain::dialect::Dialect;
use countersign_domain::sign::sign;
use countersign_domain::signature::{Delivery, Headers, SigningKeys, verify};
use countersign_domain::time::{Timestamp, from_seconds};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const SECRET: &str = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ=";
const BODY: &[u8] = br#"{"id":"evt_1","type":"payment_intent.succeeded"}"#;
const SIGNED_AT: i64 = 1_764_000_000;
/// Bytes of a signature.
const LENGTH: usize = 32;
/// Refusals of each class, where no number is given.
const DEFAULT_COUNT: usize = 300_000;
/// Instructions by which the same work may differ: more of them tell a wrong byte from another.
const SPREAD_MAX: u64 = 8;

/// What is judged.
#[derive(Clone, Copy)]
enum Subject {
    /// What ingest does.
    Product,
    /// The same HMAC, compared byte by byte up to the first that is wrong.
    Control,
}

impl Subject {
    const ALL: [(Self, &'static str); 2] = [(Self::Product, "verify"), (Self::Control, "control")];
}

/// A source's keys, and the right signature of one body.
struct Desk {
    dialect: Arc<Dialect>,
    keys: SigningKeys,
    right: [u8; LENGTH],
    now: Timestamp,
}

impl Desk {
    fn new() -> Self {
        let dialect =
            Dialect::built_in("stripe").expect("a dialect that checks").expect("a built-in dialect");
        let now = from_seconds(SIGNED_AT);
        let keys = SigningKeys::new(&dialect.auth, SECRET, None).expect("a key");
        let signed = sign(&dialect.auth, SECRET, &[], BODY, now).expect("a key");
        let (_, signature) =
            signed.first().and_then(|(_, value)| value.split_once("v1=")).expect("a signature");
        let right = HEXLOWER.decode(signature.as_bytes()).expect("hex").try_into().expect("32 bytes");
        Self { dialect, keys, right, now }
    }

    /// The right signature with one wrong byte.
    fn wrong_at(&self, byte: usize) -> Sent {
        let mut signature = self.right;
        signature[byte] ^= 0xff;
        let header = format!("t={SIGNED_AT},v1={}", HEXLOWER.encode(&signature));
        Sent { headers: Headers::new([("stripe-signature", header.as_str())]), signature }
    }

    fn accepts(&self, subject: Subject, sent: &Sent) -> bool {
        match subject {
            Subject::Product => {
                let delivery = Delivery {
                    headers: &sent.headers,
                    body: black_box(BODY),
                    path_token: None,
                    source_ip: None,
                };
                verify(&self.dialect.auth, &self.keys, delivery, self.now).is_ok()
            }
            Subject::Control => {
                let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).expect("any key");
                mac.update(SIGNED_AT.to_string().as_bytes());
                mac.update(b".");
                mac.update(black_box(BODY));
                let expected = mac.finalize().into_bytes();
                // One byte after the other, and each where the compiler cannot join it with the next.
                expected.iter().zip(&sent.signature).all(|(one, other)| black_box(one == other))
            }
        }
    }
}

/// What a sender sends.
struct Sent {
    headers: Headers,
    signature: [u8; LENGTH],
}

/// xorshift64: the order of the classes need not be good, only unforeseeable to the processor.
struct Coin(u64);

impl Coin {
    fn toss(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 & (1 << 40) != 0
    }
}

/// Nanoseconds of each refusal: wrong at the end, wrong at the beginning.
fn measure(desk: &Desk, subject: Subject, count: usize) -> [Vec<u64>; 2] {
    let mut coin = Coin(0x9e37_79b9_7f4a_7c15);
    let mut times = [Vec::with_capacity(count), Vec::with_capacity(count)];
    while times.iter().any(|class| class.len() < count) {
        let class = usize::from(coin.toss());
        // Made anew each time, so that neither class has a place in memory of its own.
        let sent = desk.wrong_at([LENGTH - 1, 0][class]);
        let began = Instant::now();
        let is_accepted = desk.accepts(subject, black_box(&sent));
        let took = began.elapsed();
        assert!(!is_accepted, "a wrong signature is refused");
        times[class].push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
    times
}

/// Welch's t of the times below a limit.
fn welch([one, other]: &[Vec<u64>; 2], below: u64) -> f64 {
    let moments = |class: &[u64]| {
        let kept: Vec<f64> = class.iter().filter(|time| **time <= below).map(|time| *time as f64).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let ((mean, error), (other_mean, other_error)) = (moments(one), moments(other));
    (mean - other_mean) / (error + other_error).sqrt()
}

/// The median of each class, and t over all times and over those that nothing interrupted: the fastest 95, 90 and 75 %.
fn judge(what: &str, mut times: [Vec<u64>; 2]) {
    let mut pooled = times.concat();
    pooled.sort_unstable();
    let percentile = |percent: usize| pooled[(pooled.len() - 1) * percent / 100];
    let t = [100, 95, 90, 75].map(|percent| welch(&times, percentile(percent)));
    let [late, early] = times.each_mut().map(|class| {
        class.sort_unstable();
        (class.len(), class[class.len() / 2])
    });
    let largest = t.iter().map(|t| t.abs()).fold(0.0, f64::max);
    let listed = t.map(|t| format!("{t:+.2}")).join(", ");
    println!(
        "{what:>8}: largest |t| {largest:>7.2}   t of all, 95 %, 90 %, 75 %: {listed}   wrong at the end: {} with median {} \
         ns, wrong at the beginning: {} with median {} ns",
        late.0, late.1, early.0, early.1
    );
}

fn main() {
    let desk = Desk::new();
    if let Some((times, what)) = callgrind::order() {
        let (name, byte) = what.split_once('@').expect("a subject and a byte");
        let (subject, _) = Subject::ALL.into_iter().find(|(_, known)| *known == name).expect("a subject");
        let sent = desk.wrong_at(byte.parse().expect("a number"));
        for _ in 0..times {
            assert!(!desk.accepts(subject, black_box(&sent)), "a wrong signature is refused");
        }
        return;
    }
    let is_counting = std::env::args().any(|argument| argument == "--instructions");
    for (subject, name) in Subject::ALL {
        if is_counting {
            let counts = [0, 16, 31].map(|byte| callgrind::instructions(&format!("{name}@{byte}")));
            println!("{name:>8}: {counts:?} instructions with the wrong byte at 0, 16 and 31");
            let [least, most] =
                [counts.iter().min(), counts.iter().max()].map(|count| count.copied().unwrap_or(0));
            let is_caught = most - least > SPREAD_MAX;
            assert_eq!(is_caught, matches!(subject, Subject::Control), "{name} is not as it should be");
        } else {
            let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(DEFAULT_COUNT);
            drop(measure(&desk, subject, count / 10));
            judge(name, measure(&desk, subject, count));
        }
    }
}
