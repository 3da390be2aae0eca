//! Classic mistakes, planted where people make them, to see whether the simulator catches each.
//!
//! They are there only in a build with the feature `planted`, which nothing but the simulator asks for, and even there only
//! on a thread that plants one. Without the feature [`is_planted`] is `false` by itself and what hangs on it is not
//! compiled in. With it, a release build does not compile.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!(
    "the feature `planted` puts bugs into the product: build the simulator with `--profile sim` instead"
);

macro_rules! mistakes {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// One mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mistake {
            $($(#[doc = $doc])* $name,)*
        }

        impl Mistake {
            /// Every mistake there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What is done wrong.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim_ascii(),)*
                }
            }
        }
    };
}

mistakes! {
    // Ingest.
    /// a known event is not handed over again
    SwallowsDuplicates,
    /// 2xx although the message was not sent
    AnswersBeforeItSends,
    /// a put that failed is taken for a duplicate
    FailedPutIsDuplicate,
    /// another meaning under a known id is taken for a duplicate
    ForgetsMeaning,
    /// only the first secret is tried
    StopsAtFirstSecret,
    /// a signature's age does not matter
    AcceptsStale,

    // The processor.
    /// what is found committed is not published again
    NeverPublishesAgain,
    /// an event is applied without looking whether it was before
    TrustsTheQueue,
    /// a lost race for the next version counts as won
    StaleIsDone,
    /// entries that the bus did not take count as taken
    IgnoresRefusedEntries,
    /// one good message acknowledges the whole batch
    AcknowledgesTheBatch,
    /// one message that stays keeps the whole batch
    FailsTheBatch,
    /// the meaning that comes first to the processor counts, not the one that came in first
    AppliesAnyMeaning,
    /// what cannot be applied is acknowledged without a finding
    ParksSilently,
    /// a published event has another id each time
    FreshIds,
    /// the error with the whole body goes into the log line
    LogsTheBody,

    // Money and order.
    /// amounts go through floating-point numbers
    FloatMoney,
    /// the last event seen counts, not the furthest
    LastOneWins,
    /// a running total is added up
    AddsUpTotals,

    // Reconciliation.
    /// a run that could not read everything acts on what it read
    ActsOnHalfAList,
    /// a correction is kept and not handed over
    KeepsCorrections,
    /// the daily window ends an hour early
    ShortDay,
    /// a run that was taken over goes on writing
    NoFencing,

    // The edges, as the simulator plays them.
    /// the condition of the ledger's put is forgotten
    UnconditionalPut,
    /// messages are deleted before they are worked on
    DeletesFirst,
    /// a provider's list is paged through by position
    PagesByPosition,
    /// what came in is forgotten within the hour
    ForgetsTooSoon,
}

/// Whether this build holds them. What talks to AWS refuses such a build.
pub const ARE_BUILT_IN: bool = cfg!(feature = "planted");

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Mistake>> = const { std::cell::Cell::new(None) };
}

/// Plants a mistake on this thread, in the place of any other; or none.
#[cfg(feature = "planted")]
pub fn plant(mistake: Option<Mistake>) {
    PLANTED.set(mistake);
}

/// A number that was not given before, for what should be the same each time.
#[cfg(feature = "planted")]
#[must_use]
pub fn fresh() -> u64 {
    static GIVEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    GIVEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Minor units as somebody gets them who multiplies a floating-point number.
#[cfg(feature = "planted")]
#[expect(clippy::float_arithmetic, clippy::cast_possible_truncation, reason = "this is the mistake")]
pub(crate) fn through_a_float(major: &str, decimals: u32) -> Option<i64> {
    let number: f64 = major.parse().ok()?;
    Some((number * 10_f64.powi(i32::try_from(decimals).ok()?)) as i64)
}

/// Whether a mistake is made.
#[cfg(feature = "planted")]
#[must_use]
pub fn is_planted(mistake: Mistake) -> bool {
    PLANTED.get() == Some(mistake)
}

/// Whether a mistake is made: not in this build.
#[cfg(not(feature = "planted"))]
#[must_use]
#[inline(always)]
pub fn is_planted(_: Mistake) -> bool {
    false
}
