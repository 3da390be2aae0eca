//! What became of everything that was acknowledged. Pure, and shares no code with the product: it reads the rows as they
//! are stored.

use crate::plan::{Delivery, Meaning, Proof, SOURCES};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A delivery's name in the accounts: source, event, meaning.
pub type Name = (usize, String, Meaning);

/// Something genuine that was sent, however often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The payment it is about.
    pub payment: String,
    /// What it says was captured.
    pub captures: Option<i64>,
    /// How often it was answered with a 2xx.
    pub acknowledged: u64,
}

/// What was sent and how it was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// By name.
    pub claims: BTreeMap<Name, Claim>,
    /// Forged deliveries that were answered with a 2xx.
    pub believed: Vec<Name>,
}

impl Sent {
    /// One delivery and whether it was answered with a 2xx.
    pub fn record(&mut self, delivery: &Delivery, is_acknowledged: bool) {
        let name = (delivery.source, delivery.event.clone(), delivery.meaning);
        if delivery.proof != Proof::Genuine {
            self.believed.extend(is_acknowledged.then_some(name));
            return;
        }
        let Delivery { payment, captures, .. } = delivery.clone();
        let claim = self.claims.entry(name).or_insert(Claim { payment, captures, acknowledged: 0 });
        claim.acknowledged = claim.acknowledged.saturating_add(u64::from(is_acknowledged));
    }
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub source: String,
    /// Which payment.
    pub payment: String,
    /// Which row of it.
    pub version: u64,
    /// The event that made it.
    pub event: String,
    /// Whether it changed the payment.
    pub is_change: bool,
    /// What is captured of the payment from here on.
    pub captured: i64,
}

/// Everything that is on record when it is quiet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// The ledger.
    pub ledger: Vec<Entry>,
    /// The keys of the inbox.
    pub inbox: BTreeSet<String>,
    /// Source, kind and event of each finding about an event.
    pub findings: BTreeSet<(String, String, String)>,
    /// The inbox keys that the dead letters name.
    pub dead: BTreeSet<String>,
}

/// What became of something acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A row that changed its payment.
    Applied,
    /// A row that says that nothing was new.
    Superseded,
    /// A finding.
    Parked,
    /// In the dead letters, for a person to replay.
    Dead,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Acknowledged, and nothing anywhere says what became of it.
    Lost(Name),
    /// Acknowledged, and not kept in the inbox.
    NotKept(Name),
    /// More than one row for one event.
    Doubled(Name, usize),
    /// A row for something that no genuine sender sent.
    Invented(String),
    /// A forged delivery was acknowledged.
    Believed(Name),
    /// The rows of a payment are not numbered 1, 2, …
    Gap(String),
    /// A payment's newest row has another sum than its events say.
    Sum(String, i64, i64),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(name) => {
                write!(f, "lost: {} was acknowledged, and nothing is known of it", shown(name))
            }
            Self::NotKept(name) => {
                write!(f, "not kept: {} was acknowledged without an inbox row", shown(name))
            }
            Self::Doubled(name, rows) => write!(f, "doubled: {} has {rows} rows", shown(name)),
            Self::Invented(what) => write!(f, "invented: nobody genuine sent {what}"),
            Self::Believed(name) => write!(f, "believed: the forged {} was acknowledged", shown(name)),
            Self::Gap(payment) => write!(f, "gap: the rows of {payment} are not numbered 1, 2, …"),
            Self::Sum(payment, told, found) => {
                write!(f, "sum: of {payment} {told} was captured, and the ledger says {found}")
            }
        }
    }
}

fn shown((source, event, meaning): &Name) -> String {
    let other = if *meaning == Meaning::Other { " (its other meaning)" } else { "" };
    format!("{}#{event}{other}", SOURCES[*source].0)
}

/// The whole account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// How many of the acknowledged events met which fate.
    pub fates: BTreeMap<Fate, u64>,
    /// Events that are in the ledger although their sender heard no 2xx.
    pub unheard: u64,
    /// Events in the dead letters that are in the ledger as well: their publication is what failed.
    pub dead_after_all: u64,
    /// What the events in the ledger say was captured, and what the newest rows of the payments hold.
    pub sums: (i64, i64),
    /// Every broken promise.
    pub wrong: Vec<Wrong>,
}

impl Account {
    /// How many met a fate.
    #[must_use]
    pub fn of(&self, fate: Fate) -> u64 {
        self.fates.get(&fate).copied().unwrap_or_default()
    }
}

/// Accounts for everything.
#[must_use]
pub fn account(sent: &Sent, books: &Books) -> Account {
    let mut account =
        Account { wrong: sent.believed.iter().cloned().map(Wrong::Believed).collect(), ..Account::default() };
    let mut rows = BTreeMap::<(&str, &str), Vec<&Entry>>::new();
    for entry in &books.ledger {
        rows.entry((&entry.source, &entry.event)).or_default().push(entry);
    }
    for (name, claim) in &sent.claims {
        let of_event = rows.get(&(SOURCES[name.0].0, name.1.as_str())).map_or(&[][..], Vec::as_slice);
        follow(&mut account, sent, books, (name, claim), of_event);
    }
    invented(&mut account, sent, books);
    sums(&mut account, sent, books);
    account
}

/// What became of one claim.
fn follow(
    account: &mut Account,
    sent: &Sent,
    books: &Books,
    (name, claim): (&Name, &Claim),
    rows: &[&Entry],
) {
    let key = format!("{}#{}", SOURCES[name.0].0, name.1);
    let is_conflict = name.2 == Meaning::Other && !is_alone(sent, name);
    let is_dead = books.dead.contains(&if is_conflict { format!("{key}#conflict") } else { key.clone() });
    if name.2 == Meaning::First && rows.len() > 1 {
        account.wrong.push(Wrong::Doubled(name.clone(), rows.len()));
    }
    if claim.acknowledged == 0 {
        account.unheard =
            account.unheard.saturating_add(u64::from(name.2 == Meaning::First && !rows.is_empty()));
        return;
    }
    let begin = format!("{key}#");
    let has_conflict =
        || books.inbox.range(begin.clone()..).next().is_some_and(|row| row.starts_with(&begin));
    if !books.inbox.contains(&key) || is_conflict && !has_conflict() {
        account.wrong.push(Wrong::NotKept(name.clone()));
    }
    let has_finding = |kinds: &[&str]| {
        let finding = |kind: &&str| (SOURCES[name.0].0.to_owned(), (*kind).to_owned(), name.1.clone());
        kinds.iter().any(|kind| books.findings.contains(&finding(kind)))
    };
    let in_ledger = rows.first().map(|row| if row.is_change { Fate::Applied } else { Fate::Superseded });
    let parked = |kinds: &[&str]| has_finding(kinds).then_some(Fate::Parked);
    // Of two meanings one is the event and one is a finding; which is which is a matter of who came first.
    let fate = match name.2 {
        Meaning::First => in_ledger.or_else(|| parked(&["untranslatable", "contradiction"])),
        Meaning::Other => parked(&["conflicting"]).or(in_ledger.filter(|_| !is_conflict)),
    };
    account.dead_after_all = account.dead_after_all.saturating_add(u64::from(fate.is_some() && is_dead));
    match fate.or(is_dead.then_some(Fate::Dead)) {
        Some(fate) => *account.fates.entry(fate).or_default() += 1,
        None => account.wrong.push(Wrong::Lost(name.clone())),
    }
}

/// Whether only this one of an event's two meanings was acknowledged: then it may be the one that counts.
fn is_alone(sent: &Sent, (source, event, meaning): &Name) -> bool {
    let other = if *meaning == Meaning::First { Meaning::Other } else { Meaning::First };
    sent.claims.get(&(*source, event.clone(), other)).is_none_or(|claim| claim.acknowledged == 0)
}

/// Rows for what nobody sent.
fn invented(account: &mut Account, sent: &Sent, books: &Books) {
    let known: BTreeSet<String> =
        sent.claims.keys().map(|(source, event, _)| format!("{}#{event}", SOURCES[*source].0)).collect();
    let ledger = books.ledger.iter().map(|entry| format!("{}#{}", entry.source, entry.event));
    let event_of = |key: &String| key.splitn(3, '#').take(2).collect::<Vec<_>>().join("#");
    for key in ledger.chain(books.inbox.iter().map(event_of)).collect::<BTreeSet<_>>() {
        if !known.contains(&key) {
            account.wrong.push(Wrong::Invented(key));
        }
    }
}

/// The numbers of each payment's rows, and what is captured of it beside what its events say.
fn sums(account: &mut Account, sent: &Sent, books: &Books) {
    let mut payments = BTreeMap::<(&str, &str), Vec<&Entry>>::new();
    for entry in &books.ledger {
        payments.entry((&entry.source, &entry.payment)).or_default().push(entry);
    }
    let in_ledger: BTreeSet<(&str, &str)> =
        books.ledger.iter().map(|entry| (entry.source.as_str(), entry.event.as_str())).collect();
    // Each payment is captured once, and may be told so twice.
    let mut told = BTreeMap::<(&str, &str), i64>::new();
    for ((source, event, _), claim) in &sent.claims {
        let source = SOURCES[*source].0;
        if let Some(captures) = claim.captures.filter(|_| in_ledger.contains(&(source, event.as_str()))) {
            told.insert((source, &claim.payment), captures);
        }
    }
    let both: BTreeSet<_> = payments.keys().chain(told.keys()).copied().collect();
    for (source, payment) in both {
        let rows = payments.get_mut(&(source, payment)).map_or(&mut [][..], Vec::as_mut_slice);
        rows.sort_by_key(|row| row.version);
        let shown = format!("{source}#{payment}");
        if rows.iter().zip(1..).any(|(row, number)| row.version != number) {
            account.wrong.push(Wrong::Gap(shown.clone()));
        }
        let told = told.get(&(source, payment)).copied().unwrap_or_default();
        let found = rows.last().map_or(0, |row| row.captured);
        if told != found {
            account.wrong.push(Wrong::Sum(shown, told, found));
        }
        account.sums.0 = account.sums.0.saturating_add(told);
        account.sums.1 = account.sums.1.saturating_add(found);
    }
}

#[cfg(test)]
mod tests;
