//! Every bound of the system, in one place. A test pushes past each one.
//!
//! A bound exists so that hostile or broken input costs a known amount of work. Exceeding one is always a named
//! refusal, never a truncation.

/// Largest webhook body accepted, in bytes after base64 decoding. Lambda's own limit on a base64 body is near
/// 4.5 MB; real webhooks are under 64 KiB, and a batch of 250 events under 200 KiB.
pub const BODY_BYTES_MAX: usize = 262_144;

/// Largest value of one request header that is looked at, in bytes. API Gateway allows 10,240 for all of them.
pub const HEADER_BYTES_MAX: usize = 8_192;

/// Most signatures tried on one delivery. Providers send two or three during a rotation.
pub const SIGNATURES_MAX: usize = 16;

/// Secrets that may be in force at once for one source: the current one and the previous one.
pub const SECRETS_MAX: usize = 2;

/// Shortest signing secret, in bytes of key material. Providers that let people choose their secret (Razorpay) set no
/// minimum of their own; this refuses the empty and the trivial one.
pub const SECRET_BYTES_MIN: usize = 8;

/// Most events in one delivery. GoCardless sends up to 250.
pub const EVENTS_PER_DELIVERY_MAX: usize = 250;

/// Deepest nesting of a JSON body that is walked. Stripe's deepest real object has 9 levels.
pub const JSON_DEPTH_MAX: usize = 64;

/// Longest source name, in bytes. It is part of every key.
pub const SOURCE_NAME_BYTES_MAX: usize = 40;

/// Largest source file, in bytes. Those of partners with a dialect and examples of their own have under 32 KiB, and a stored
/// source has to fit into a row of 400 KB.
pub const SOURCE_FILE_BYTES_MAX: usize = 262_144;

/// Longest provider event id or payment reference, in bytes.
pub const ID_BYTES_MAX: usize = 200;

/// Longest event type, in bytes.
pub const KIND_BYTES_MAX: usize = 120;

/// Largest amount of one fact, in minor units: 10^15, a thousand times the world's largest card payment in any
/// currency, and small enough that ten thousand of them still add up inside an `i64`.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000_000;

/// Most refunds, disputes, payouts, capture reversals or declines remembered by one payment. Past it the event is
/// parked: the ledger row would outgrow its cost model.
pub const REGISTER_ITEMS_MAX: usize = 100;

/// Most ledger rows of one payment. All of them are read for each of its events, to know which were applied.
pub const PAYMENT_VERSIONS_MAX: u64 = 1_000;

/// How often one event's commit is tried again when another event of the same payment was first.
pub const COMMIT_ATTEMPTS_MAX: u32 = 8;

/// Entries in one `PutEvents` call and in one `SendMessageBatch` call: AWS's own limits.
pub const BUS_ENTRIES_MAX: usize = 10;

/// Messages in one SQS send.
pub const QUEUE_ENTRIES_MAX: usize = 10;

/// Records of one batch that are worked on at the same time.
pub const RECORDS_IN_FLIGHT_MAX: usize = 8;

/// Longest answer of a provider's API that is read, in bytes.
pub const API_BODY_BYTES_MAX: usize = 8_388_608;

/// Most pages one run reads from one list: at 100 rows a page, a million rows. Above that a report file is the way.
pub const PAGES_PER_LIST_MAX: u32 = 10_000;

/// Most findings one run writes. Past it the run stops as incomplete: so many differences are one fault, not many.
pub const FINDINGS_PER_RUN_MAX: u32 = 10_000;

/// Days a scheduled reconciliation looks back for windows that were never completed.
pub const RECONCILE_LOOKBACK_DAYS: i64 = 3;

/// Deadline of an announced payment where neither the announcement nor its source gives one, in seconds.
pub const EXPECT_WITHIN_SECONDS: u32 = 3_600;

/// Longest deadline of an announced payment, in seconds: a week.
pub const EXPECT_WITHIN_SECONDS_MAX: u32 = 604_800;

/// Hours after its deadline for which a payment that cannot be checked is waited for. Then it is overdue, whatever keeps it
/// from being checked.
pub const EXPECT_PATIENCE_HOURS: i64 = 72;

/// Hours for which deadlines that have passed are looked for: a day more than anything is waited for, so that a day on which
/// nobody looks forgets nothing.
pub const EXPECT_LOOKBACK_HOURS: i64 = 96;

/// Index partitions per source and day, so that a busy day does not heat one partition.
pub const DAY_SHARDS: u8 = 4;
